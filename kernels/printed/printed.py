"""A kernel as text, which each room makes a function of."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple


class Printed(NamedTuple):
    """A kernel that was printed from formulas.

    label: what it is called for people; name: with a digest of all texts behind it, so that equal
    names are equal kernels. numbers: in Python on arrays and numbers; tensors: its twin on tensors;
    cuda: in CUDA; the last two are empty for kernels of the event engine.

    The functions that rooms make of it have it as their attribute `printed`.
    """

    label: str
    name: str
    numbers: str
    tensors: str = ""
    cuda: str = ""


def printed(label: str, *texts: str) -> Printed:
    """A kernel, for which a name is found here: it replaces the first NAME in each text."""
    digest = hashlib.blake2b("\0".join(texts).encode(), digest_size=6).hexdigest()
    name = f"{label}_{digest}_step"
    return Printed(label, name, *(text.replace("NAME", name, 1) for text in texts))


def executed(text: str, name: str, file: str, scope: dict[str, Any]) -> Any:
    """The function of this name that `text` defines, as if it stood in `file`."""
    exec(compile(text, file, "exec"), scope)
    return scope[name]
