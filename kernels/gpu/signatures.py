"""What the CUDA kernels ask for, read from their own sources."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
_KERNEL = re.compile(r"^(BLOCK_)?KERNEL\((\w+)\)\(([^)]*)\)", re.MULTILINE)
_PARAMETER = re.compile(r"(\w+)(?:<(const )?(\w+)>)? (\w+)$")


class Parameter(NamedTuple):
    """One parameter of a CUDA kernel: a form such as "Array" or "" for a number, and a dtype, "real" or one of NumPy.

    constant: the kernel only reads it.
    """

    name: str
    form: str
    dtype: str
    constant: bool


class Signature(NamedTuple):
    """A CUDA kernel; meets: whether the threads of a block wait for each other."""

    name: str
    parameters: tuple[Parameter, ...]
    meets: bool


@cache
def signatures() -> dict[str, Signature]:
    """All kernels of this folder by name."""
    found = {}
    for file in sources():
        for block, name, text in _KERNEL.findall(file.read_text(encoding="utf-8")):
            parameters = tuple(_parameter(part) for part in text.split(","))
            found[name] = Signature(name, parameters, bool(block))
    return found


def sources() -> list[Path]:
    """The files that hold kernels."""
    return sorted(FOLDER.glob("*.cu"))


def _parameter(text: str) -> Parameter:
    match = _PARAMETER.match(" ".join(text.split()))
    assert match is not None, text
    form, constant, dtype, name = match.groups()
    if form in ("Clock", "Counts", "Indices"):
        return Parameter(name, form, "int64", True)
    if dtype is None:
        return Parameter(name, "", _NUMBERS.get(form, form), True)
    return Parameter(name, form, _NUMBERS.get(dtype, dtype), bool(constant) or form == "Each")


_NUMBERS = {"double": "float64", "float": "float32"}
