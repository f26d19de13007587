"""Writing devices: Numba against NumPy."""

import numpy as np
import pytest

from potentia.kernels.cpu import device as cpu
from potentia.kernels.reference import device as reference

KEY = np.uint64(12345)


@pytest.mark.parametrize("chance", [0.0, 0.493, 1.0])
def test_forming_is_the_same_on_all_backends(chance):
    """The same cells break down, and conduct the same to rounding of exp and log."""
    first, second = np.full(1000, 1e-7), np.full(1000, 1e-7)
    assert cpu.form(KEY, chance, 12e-6, 0.15, first) == reference.form(KEY, chance, 12e-6, 0.15, second)
    np.testing.assert_allclose(first, second, rtol=1e-13)
    assert np.count_nonzero(first != 1e-7) == pytest.approx(1000 * chance, abs=5 * np.sqrt(250))


def test_writing_is_the_same_on_all_backends():
    targets = np.linspace(1e-6, 20e-6, 1000)
    first, second = targets.copy(), targets.copy()
    cpu.write(KEY, 1e-6, 2e-6, 19e-6, first)
    reference.write(KEY, 1e-6, 2e-6, 19e-6, second)
    np.testing.assert_allclose(first, second, rtol=1e-12)
    assert (first.min(), first.max()) == (2e-6, 19e-6)
