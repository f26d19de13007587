"""What stands before and after the products of an array: Numba against NumPy."""

import numpy as np
import pytest

from potentia.kernels.cpu import analogue as cpu
from potentia.kernels.reference import analogue as reference

KEY = np.uint64(77)
RNG = np.random.default_rng(5)


def encoded(room, values, full_scale, levels):
    codes, squares = np.empty(values.shape, np.int8), np.empty(values.shape, np.uint16)
    lsb = np.empty(values.shape[0], np.float32)
    return room.encode_rows(values, full_scale, levels, codes, squares, lsb), codes, squares, lsb


@pytest.mark.parametrize(("full_scale", "levels"), [(0.0, 127), (2.0, 127), (0.0, 1), (1e-3, 7)])
def test_codes_are_the_same_on_all_backends(full_scale, levels):
    values = RNG.normal(size=(20, 33)).astype(np.float32)
    values[3:6] *= np.array([[0.0], [1e-37], [1e-30]], np.float32)
    rooms = (encoded(room, values, full_scale, levels) for room in (cpu, reference))
    for one, other in zip(*rooms, strict=True):
        np.testing.assert_array_equal(one, other)


def test_codes_stand_for_the_values():
    """Within half a step, the largest of every row at the highest code; squares to the 8 bits of
    bfloat16.
    """
    values = RNG.normal(size=(20, 33)).astype(np.float32)
    largest, codes, squares, lsb = encoded(cpu, values, 0.0, 127)
    assert largest == np.abs(values).max()
    assert np.abs(codes * lsb[:, None] - values).max() <= 0.5001 * lsb.max()
    np.testing.assert_array_equal(np.abs(codes).max(axis=1), 127)
    shown = (squares.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_allclose(shown, codes.astype(np.float64) ** 2, rtol=2.0**-8)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("full_scale", [0.0, 1.0])
def test_what_is_not_finite_is_noticed(bad, full_scale):
    values = np.ones((3, 9), np.float32)
    values[1, 4] = bad
    assert not np.isfinite(encoded(cpu, values, full_scale, 127)[0])


@pytest.mark.parametrize("columns", [1, 8, 31])
@pytest.mark.parametrize("ends", [(-128, 127), (0, 0)])
def test_columns_are_the_same_on_all_backends(columns, ends):
    """To the rounding of float32 and of the noise; a value at the edge of a code may fall to either
    side.
    """
    digits = RNG.integers(-1000, 1000, (40, 3 * columns)).astype(np.int32)
    unit = RNG.uniform(1e-6, 4e-6, columns).astype(np.float32)
    variance = (RNG.uniform(0, 9, (40, columns)).astype(np.float32).view(np.uint32) >> 16).astype(
        np.uint16
    )
    drive, weight = (RNG.normal(size=n).astype(np.float32) for n in (40, columns))
    first, second = np.ones((40, columns), np.float32), np.ones((40, columns), np.float32)
    cpu.convert_columns(KEY, 3, digits, unit, variance, *ends, drive, weight, first)
    reference.convert_columns(KEY, 3, digits, unit, variance, *ends, drive, weight, second)
    close = np.isclose(first, second, rtol=1e-4, atol=1e-4)
    assert close.all() if ends == (0, 0) else close.mean() > 0.998
    assert np.abs(first - 1).max() > 0.1


def test_edges_are_counted_alike():
    edges = np.sort(RNG.normal(size=(3, 15)) + np.arange(-7, 8), axis=1)
    values = RNG.uniform(-12, 12, (50, 6))
    first, second = np.empty((50, 6)), np.empty((50, 6))
    sharing = np.array([0, 0, 2, 1, 1, 2], np.uint32)
    cpu.count_edges(values, edges, sharing, -8.0, first)
    reference.count_edges(values, edges, sharing, -8.0, second)
    np.testing.assert_array_equal(first, second)
    assert (first.min(), first.max()) == (-8, 7)
