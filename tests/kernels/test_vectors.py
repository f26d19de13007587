"""The hot loops work on several numbers at a time: the compiled code is searched for packed
instructions.

A loop that no longer vectorises gives the same results four to sixteen times slower, so no other
test would notice.
"""

from __future__ import annotations

import platform
import re

import numpy as np
import pytest
from numba import njit, types

from potentia.kernels.cpu import adaptive_lif, coba_lif, cuba_lif, deliver, integrator, lif, settle
from potentia.kernels.cpu.caching import kernel as compile_kernel

pytestmark = pytest.mark.skipif(
    platform.machine() not in {"x86_64", "AMD64"}, reason="the patterns name x86 instructions"
)

FLOATS, UNITS, STEPS = (
    types.Array(kind, 1, "C") for kind in (types.float32, types.uint32, types.int32)
)
WORDS = types.Array(types.uint32, 1, "C")


def assembly(kernel, given, compiler=compile_kernel):
    """The machine code of a kernel for arguments of these types; what is not named is a float32."""
    code = kernel.py_func.__code__
    names = code.co_varnames[: code.co_argcount]
    own = compiler(kernel.py_func)  # others may have compiled `kernel` for types of their own
    own.compile(tuple(given.get(name, types.float32) for name in names))
    return own.inspect_asm()[own.signatures[0]]


STATE = {"v": FLOATS, "a": FLOATS, "g_e": FLOATS, "g_i": FLOATS, "jump": FLOATS}
STATE |= {
    "carry": FLOATS,
    "resting": UNITS,
    "left": STEPS,
    "fired": UNITS,
    "hold_steps": types.int64,
}
PRODUCT, QUOTIENT, COMPARISON = r"\bv?mulps\b", r"\bv?divps\b", r"\bv?cmp\w*ps\b"


@pytest.mark.parametrize(
    ("kernel", "patterns"),
    [
        (lif.lif_step, [PRODUCT, COMPARISON]),
        (integrator.integrator_step, [r"\bv?addps\b", COMPARISON]),
        (cuba_lif.cuba_lif_step, [PRODUCT, COMPARISON]),
        (adaptive_lif.adaptive_lif_step, [PRODUCT]),
        (coba_lif.coba_lif_step, [PRODUCT, QUOTIENT, COMPARISON]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_neurons(kernel, patterns):
    """Update and comparison with the threshold; COBA's division stands for its exponential too."""
    code = assembly(kernel, STATE)
    for pattern in patterns:
        assert re.search(pattern, code), pattern


def test_settling():
    assert re.search(r"\bv?(cmp\w*|and)ps\b", assembly(settle.settle_step, {"values": FLOATS}))


def test_drawing_synapses():
    """The words of procedural synapses: 32-bit products, which Numba's own arithmetic would widen
    to 64 bits.
    """
    longs = types.Array(types.int64, 1, "C")
    given = dict.fromkeys(("sizes", "skips", "places", "codes", "masks", "drawn"), WORDS) | {
        "step": types.int64,
        "history": types.Array(types.uint32, 2, "C"),
        "history_count": longs,
        "lags": longs,
        "row_sizes": types.Array(types.uint32, 2, "C"),
        "shares": types.Array(types.uint32, 2, "C"),
        "row_draws": types.Array(types.int8, 3, "C"),
        "row_seeds": types.Array(types.uint64, 1, "C"),
        "shift": types.int64,
        "table": FLOATS,
        "pending": types.Array(types.uint32, 2, "C"),
        "drowsy": longs,
        "woken": types.Array(types.uint8, 1, "C"),
        "receiving": FLOATS,
    }
    code = assembly(deliver.deliver_drawn_step, given)
    assert len(re.findall(r"\bv?pmulld\b.*[xyz]mm", code)) >= 3
    assert not re.search(r"\bvpmullq\b.*[yz]mm", code)


@pytest.mark.parametrize(
    ("compiler", "counted"), [(compile_kernel, False), (njit(error_model="numpy"), True)]
)
def test_deliveries_count_no_references(compiler, counted):
    """Numba counts the references to an array within loops too, which here costs as much as the
    additions.
    """
    longs = types.Array(types.int64, 1, "C")
    given = {
        "step": types.int64,
        "history": types.Array(types.uint32, 2, "C"),
        "history_count": longs,
        "lags": longs,
        "first": WORDS,
        "words": WORDS,
        "shift": types.int64,
        "table": FLOATS,
        "pending": types.Array(types.uint32, 2, "C"),
        "drowsy": longs,
        "woken": types.Array(types.uint8, 1, "C"),
        "receiving": FLOATS,
    }
    assert ("NRT_incref" in assembly(deliver.deliver_coded_step, given, compiler)) == counted


def test_the_search_can_fail():
    """A loop that carries a dependency has no packed products."""

    @njit(error_model="numpy")
    def chain(v):
        x = np.float32(0)
        for i in range(v.size):
            x = x * v[i] + np.float32(1)
        return x

    assert not re.search(PRODUCT, assembly(chain, {"v": FLOATS}))
