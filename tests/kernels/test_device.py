"""Writing, sticking and reading devices: Numba against NumPy, to the last bit."""

import math

import numpy as np
import pytest
from numba import njit

from potentia.kernels.cpu import device as cpu
from potentia.kernels.cpu import exponential as cpu_exponential
from potentia.kernels.cpu import random as cpu_random
from potentia.kernels.reference import device as reference
from potentia.kernels.reference import exponential as reference_exponential
from potentia.kernels.reference import random as reference_random

KEY = np.uint64(12345)
# blocks and a rest; about 130 draws from outside the inner parts, and a few of the tail
N = 10 * cpu.BLOCK + 37
ERRORS = np.linspace(0.0, 1e-6, N)
CALLS = {
    "form none": ("form", (0.0, 12e-6, 0.15)),
    "form half": ("form", (0.493, 12e-6, 0.15)),
    "form all": ("form", (1.0, 12e-6, 0.15)),
    "vary": ("vary", (0.2, 1e-6)),
    "program flat": ("program", (0, 1e-6, 0.0, 0.0, 0.0, 0.0, 25e-6, 2e-6, 19e-6)),
    "program polynomial": (
        "program",
        (3, 3e-7, 1.6e-5, -4e-5, 4e-5, -1.7e-5, 25e-6, 0.0, math.inf),
    ),
    "program negative": ("program", (0, 1e-6, -2e-6, 0.0, 0.0, 0.0, 25e-6, 0.0, math.inf)),
    "stick": ("stick", (0.1, 0.2, 0.0, 25e-6)),
    "stick all": ("stick", (1.0, 0.0, 0.0, 25e-6)),
    "read": ("read", (ERRORS,)),
    "flip": ("flip", (0.3, 1e5 * ERRORS)),
    "fluctuate": ("fluctuate", (np.array([0.5, 1.0, 0.25]), np.array([0.0, 3.7, 6e13]))),
    "fluctuate late": (
        "fluctuate",
        (np.array([1.0, 2.0, 0.5]), np.array([2.0**53, 0.999, 1e3 + 0.01])),
    ),
    "fluctuate not": ("fluctuate", (np.zeros(0), np.zeros(0))),
}


@pytest.mark.parametrize("call", CALLS)
def test_backends_agree_to_the_bit(call):
    """Only integer arithmetic, sums, products and comparisons decide what becomes of a cell."""
    name, arguments = CALLS[call]
    first, second = np.linspace(0.0, 25e-6, N), np.linspace(0.0, 25e-6, N)
    assert getattr(cpu, name)(KEY, *arguments, first) == getattr(reference, name)(
        KEY, *arguments, second
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("call", CALLS)
def test_a_cell_depends_on_its_own_counter_alone(call):
    """The first cells of a large array are those of a small one."""
    name, arguments = CALLS[call]
    whole, part = np.linspace(0.0, 25e-6, N), np.linspace(0.0, 25e-6, N)[:100].copy()
    getattr(cpu, name)(KEY, *arguments, whole)
    getattr(cpu, name)(KEY, *arguments, part)
    np.testing.assert_array_equal(whole[:100], part)


def test_bounds_are_kept_and_a_negative_deviation_is_none():
    flat = np.linspace(0.0, 25e-6, N)
    cpu.program(KEY, *CALLS["program flat"][1], flat)
    assert (flat.min(), flat.max()) == (2e-6, 19e-6)
    given = np.linspace(0.0, 25e-6, N)
    written = given.copy()
    cpu.program(KEY, *CALLS["program negative"][1], written)
    np.testing.assert_array_equal(written[given > 13e-6], given[given > 13e-6])
    assert (written[given < 12e-6] != given[given < 12e-6]).mean() > 0.9


def test_cells_drawn_in_vectors_are_those_drawn_one_by_one():
    values = np.empty(N)
    cpu_random.fill_normal(KEY, 5, 17, values)
    np.testing.assert_array_equal(values, reference_random.normal(KEY, 5, 17 + np.arange(N)))
    assert np.abs(values).max() > 3.6542  # so the tail was among them


@njit
def each_fma(a, b, c):
    return np.array([cpu_exponential.fma(a[i], b[i], c[i]) for i in range(a.size)])


@njit
def each_exponential(x):
    return np.array([cpu_exponential.exponential(x[i]) for i in range(x.size)])


def test_fused_sums_round_once():
    """As the processor's own, also where nearly everything cancels and where the parts differ by
    2**60.
    """
    rng = np.random.default_rng(1)
    a, b, scale = rng.normal(size=(3, 200_000))
    near = -a * b * (1 + rng.integers(-3, 4, a.size) * 2.0**-53)
    for c in (near, scale * 2.0 ** rng.integers(-60, 60, a.size)):
        np.testing.assert_array_equal(reference_exponential.fma(a, b, c), each_fma(a, b, c))


def test_exponentials_agree_to_the_bit():
    """And with the library's to the 1.1 units in the last place that its docstring promises,
    2.2e-16 each.
    """
    rng = np.random.default_rng(2)
    x = np.concatenate(
        [rng.normal(0.0, spread, 50_000) for spread in (0.01, 0.15, 1.0, 10.0, 100.0)]
    )
    x = np.append(x, [-1e4, 1e4, 0.0])
    values = reference_exponential.exponential(x)
    np.testing.assert_array_equal(values, each_exponential(x))
    inside = np.abs(x) < 700
    np.testing.assert_allclose(values[inside], np.exp(x[inside]), rtol=3.4e-16)
