"""A kernel as text, which each room makes a function of."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple


class Printed(NamedTuple):
    """A kernel that was printed from formulas.

    name: with a digest of both texts in it, so that equal names are equal kernels; numbers: the
    text of its body in Python on arrays and numbers; tensors: that of its twin on tensors, empty
    where there is none.
    """

    name: str
    numbers: str
    tensors: str = ""

    @property
    def __name__(self) -> str:  # what messages call a kernel
        return self.name


def printed(label: str, numbers: str, tensors: str = "") -> Printed:
    """A kernel of which both texts begin with ``def NAME(``, for which a name is found here."""
    digest = hashlib.blake2b(f"{numbers}\0{tensors}".encode(), digest_size=6).hexdigest()
    name = f"{label}_{digest}_step"
    return Printed(name, numbers.replace("NAME", name, 1), tensors.replace("NAME", name, 1))


def executed(text: str, name: str, file: str, scope: dict[str, Any]) -> Any:
    """The function of this name that `text` defines, as if it stood in `file`."""
    exec(compile(text, file, "exec"), scope)
    return scope[name]
