"""All CUDA sources of this folder as one text, for one precision."""

from __future__ import annotations

import hashlib
import math

from ..cpu.exponential import LOG2E_DIGITS
from ..reference.rows import FIRST, SECOND, STEP
from ..reference.ziggurat import EDGE, HEIGHT, TAIL
from .signatures import FOLDER, signatures, sources

REAL = {"float32": "float", "float64": "double"}


def text(precision: str) -> str:
    """One translation unit; the folder itself must be on the include path."""
    lines = [f"#define REAL {REAL[precision]}", '#include "launch.cuh"', *_tables()]
    lines += [f'#include "{file.name}"' for file in sources()]
    return "\n".join(lines) + "\n"


def host_text(precision: str) -> str:
    """The same for the host, with an entry for every kernel."""
    entries = [
        f'extern "C" void run_{name}(const unsigned* grid, const unsigned* block, void** arguments) '
        f"{{ launch({name}, {str(kernel.meets).lower()}, grid, block, arguments); }}"
        for name, kernel in signatures().items()
    ]
    return "\n".join(["#define HOST_SHIM", text(precision), *entries]) + "\n"


def digest(precision: str) -> str:
    """Changes with any source file."""
    files = sorted([*FOLDER.glob("*.cu"), *FOLDER.glob("*.cuh"), *FOLDER.glob("*.h")])
    whole = host_text(precision).encode() + b"".join(file.read_bytes() for file in files)
    return hashlib.blake2b(whole, digest_size=12).hexdigest()


def _tables() -> list[str]:
    """The numbers of the other rooms, digit for digit."""
    tables = [
        f"TABLE double {name}[{values.size}] = {{{', '.join(repr(float(value)) for value in values)}}};"
        for name, values in (("EDGE", EDGE), ("HEIGHT", HEIGHT))
    ]
    terms = ", ".join(repr(math.log(2) ** k / math.factorial(k)) for k in range(14))
    numbers = {"TAIL": repr(TAIL), "LOG2E_HIGH": repr(LOG2E_DIGITS[0]), "LOG2E_LOW": repr(LOG2E_DIGITS[1])}
    numbers |= {
        "EXP2_TERMS": f"{{{terms}}}",
        "ROW_STEP": f"{STEP}u",
        "ROW_FIRST": f"{FIRST}u",
        "ROW_SECOND": f"{SECOND}u",
    }
    return [*tables, *(f"#define {name} {value}" for name, value in numbers.items())]
