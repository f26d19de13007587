"""What the CUDA kernels ask for, read from their own sources."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

FOLDER = Path(__file__).parent
MEETING = ("BLOCK", "FLAG")  # shapes of one block
_KERNEL = re.compile(r"^(?:([A-Z]+)_)?KERNEL\((\w+)\)\(Clock clock, ([^)]*)\)", re.MULTILINE)
_PARAMETER = re.compile(r"(\w+)(?:<(const )?(\w+)>)? (\w+)$")


class Parameter(NamedTuple):
    """One parameter of a CUDA kernel.

    It has a form such as "Array" or "" for a number, and a dtype, "real" or one of NumPy. constant:
    the kernel only reads it; declared: its type in CUDA.
    """

    name: str
    form: str
    dtype: str
    constant: bool
    declared: str


class Signature(NamedTuple):
    """A CUDA kernel; parameters but for the clock.

    shape: the word before KERNEL, which declares how many threads it is launched with, see
    `launch.cuh`.
    """

    name: str
    parameters: tuple[Parameter, ...]
    shape: str

    @property
    def meets(self) -> bool:
        """Whether the threads of a block wait for each other."""
        return self.shape in MEETING

    @property
    def rests(self) -> bool:
        """Whether it does nothing while the clock rests."""
        return self.shape != "CLOCK"


@cache
def signatures() -> dict[str, Signature]:
    """All kernels by name: those of this folder, and those that were printed since."""
    found: dict[str, Signature] = {}
    for file in sources():
        found |= _read(file.read_text(encoding="utf-8"))
    return found


printed: Final[dict[str, str]] = {}  # sources of kernels that are in no file, by name


def declare(name: str, source: str) -> None:
    """Make known a kernel that was printed."""
    printed[name] = source
    signatures().update(_read(source))


def _read(source: str) -> dict[str, Signature]:
    """The kernels of a source by name."""
    return {
        name: Signature(name, tuple(_parameter(part) for part in text.split(",")), shape)
        for shape, name, text in _KERNEL.findall(source)
    }


def sources() -> list[Path]:
    """The files that hold kernels."""
    return sorted(FOLDER.glob("*.cu"))


def _parameter(text: str) -> Parameter:
    text = " ".join(text.split())
    match = _PARAMETER.match(text)
    assert match is not None, text
    form, constant, dtype, name = match.groups()
    declared = text.removesuffix(f" {name}")
    if form in ("Offsets", "Indices"):
        return Parameter(name, form, "int64", True, declared)
    if dtype is None:
        return Parameter(name, "", _NUMBERS.get(form, form), True, declared)
    return Parameter(
        name, form, _NUMBERS.get(dtype, dtype), bool(constant) or form == "Each", declared
    )


_NUMBERS = {"double": "float64", "float": "float32"}
