"""All CUDA sources of this folder as one text, for one precision."""

from __future__ import annotations

import hashlib
import math

from ..cpu.exponential import LOG2E_DIGITS
from ..reference.rows import EVEN, FIRST, SECOND, STEP
from ..reference.ziggurat import EDGE, HEIGHT, TAIL
from .signatures import FOLDER, Signature, printed, signatures, sources

THREADS = 256  # of a block whose threads have nothing to do with each other
MOST_THREADS = 1024  # of a block whose threads meet
REAL = {"float32": "float", "float64": "double"}


def unit(kernel: str) -> str:
    """The translation unit of a kernel: its own name where it was printed, else that of all files."""
    return kernel if kernel in printed else ""


def text(precision: str, unit: str = "") -> str:
    """One translation unit; the folder itself must be on the include path."""
    lines = [f"#define REAL {REAL[precision]}", '#include "launch.cuh"', *_tables()]
    lines += [printed[unit]] if unit else [f'#include "{file.name}"' for file in sources()]
    lines += [_entry(kernel) for kernel in _kernels(unit)]
    return "\n".join(lines) + "\n"


def _kernels(unit: str) -> list[Signature]:
    return [
        own for name, own in signatures().items() if name == unit or not (unit or name in printed)
    ]


def host_text(precision: str, unit: str = "") -> str:
    """The same for the host, where the entry of every kernel runs all threads."""
    entries = [
        f'extern "C" void run_{one.name}(const unsigned* grid, const unsigned* block, void** arguments) '
        f"{{ launch(enter_{one.name}, {str(one.meets).lower()}, grid, block, arguments); }}"
        for one in _kernels(unit)
    ]
    return "\n".join(["#define HOST_SHIM", text(precision, unit), *entries]) + "\n"


def digest(precision: str, unit: str = "") -> str:
    """Changes with any source file."""
    files = sorted([*FOLDER.glob("*.cu"), *FOLDER.glob("*.cuh"), *FOLDER.glob("*.h")])
    whole = host_text(precision, unit).encode() + b"".join(file.read_bytes() for file in files)
    return hashlib.blake2b(whole, digest_size=12).hexdigest()


def _entry(kernel: Signature) -> str:
    """What a card is told to run: the kernel, for a list of jobs that lies in its memory."""
    fields = "".join(f" {parameter.declared} {parameter.name};" for parameter in kernel.parameters)
    values = "".join(f", work.{parameter.name}" for parameter in kernel.parameters)
    rest = "if (!clock.runs()) return; " if kernel.rests else ""
    return (
        f"struct {kernel.name}_work {{{fields} }};\n"
        f"ENTRY({kernel.name}, {MOST_THREADS if kernel.meets else THREADS})"
        f"(Clock clock, const {kernel.name}_work* works) {{ "
        f"const {kernel.name}_work work = works[blockIdx.z]; {rest}{kernel.name}(clock{values}); }}"
    )


def _tables() -> list[str]:
    """The numbers of the other rooms, digit for digit."""
    tables = [
        f"TABLE double {name}[{values.size}] = {{{', '.join(repr(float(value)) for value in values)}}};"
        for name, values in (("EDGE", EDGE), ("HEIGHT", HEIGHT))
    ]
    terms = ", ".join(repr(math.log(2) ** k / math.factorial(k)) for k in range(14))
    numbers = {
        "TAIL": repr(TAIL),
        "LOG2E_HIGH": repr(LOG2E_DIGITS[0]),
        "LOG2E_LOW": repr(LOG2E_DIGITS[1]),
    }
    numbers |= {
        "EXP2_TERMS": f"{{{terms}}}",
        "MOST_THREADS": str(MOST_THREADS),
        "ROW_STEP": f"{STEP}u",
        "ROW_FIRST": f"{FIRST}u",
        "ROW_SECOND": f"{SECOND}u",
        "ROW_EVEN": str(EVEN),
    }
    return [*tables, *(f"#define {name} {value}" for name, value in numbers.items())]
