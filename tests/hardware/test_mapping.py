"""Weights over cells and over tiles: round trips, what the cells hold, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from potentia.hardware import BitSlicing, DifferentialPairs, OffsetColumn, Tile, to_conductances

LOW, HIGH = 1e-6, 20e-6
MAPPINGS = [
    DifferentialPairs(),
    OffsetColumn(),
    BitSlicing(bits=2, slices=4),
    BitSlicing(bits=1, slices=6),
]
WEIGHTS = arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    elements=st.floats(-1e3, 1e3, allow_subnormal=False),
)


def resolution(mapping):
    """Largest error of a weight relative to the largest: half a step of bit slices,
    else rounding.
    """
    return (
        0.5 / (2 ** (mapping.bits * mapping.slices) - 1)
        if isinstance(mapping, BitSlicing)
        else 1e-13
    )


@pytest.mark.parametrize("mapping", MAPPINGS)
@settings(max_examples=50, deadline=None)
@given(weights=WEIGHTS)
def test_conductances_stand_for_the_weights(mapping, weights):
    """There and back to the resolution; all cells within the range of the device."""
    plus, minus, scale = mapping.to_conductances(weights, g_min=LOW, g_max=HIGH)
    error = resolution(mapping) * np.abs(weights).max() * (1 + 1e-9)
    np.testing.assert_allclose(mapping.to_weights(plus, minus, scale), weights, rtol=0, atol=error)
    for cells in (plus, minus):
        assert cells.min() >= LOW * (1 - 1e-12)
        assert cells.max() <= HIGH * (1 + 1e-12)


def test_shapes_and_rest():
    weights = np.array([[1.0, -0.5, 0.0], [0.25, 0.0, -1.0]])
    plus, minus, _ = DifferentialPairs().to_conductances(weights, g_min=LOW, g_max=HIGH)
    assert plus.shape == minus.shape == (1, 2, 3)
    np.testing.assert_array_equal(np.minimum(plus, minus), LOW)  # one of a pair always rests
    plus, minus, _ = OffsetColumn().to_conductances(weights, g_min=LOW, g_max=HIGH)
    assert plus.shape == (1, 2, 3)
    np.testing.assert_allclose(minus, np.full((1, 2, 1), 0.5 * (LOW + HIGH)))
    plus, minus, _ = BitSlicing(bits=2, slices=3).to_conductances(weights, g_min=LOW, g_max=HIGH)
    assert plus.shape == minus.shape == (3, 2, 3)


def test_pairs_are_those_of_the_crossbar():
    weights = np.random.default_rng(1).normal(size=(5, 4))
    plus, minus, scale = DifferentialPairs().to_conductances(weights, g_min=LOW, g_max=HIGH)
    for ours, theirs in zip(
        (plus[0], minus[0], scale), to_conductances(weights, g_min=LOW, g_max=HIGH), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14)


def test_slices_are_the_digits_of_the_magnitude():
    """37 of 63 is 211 in base 4, of which each digit has four levels."""
    plus, minus, _ = BitSlicing(bits=2, slices=3).to_conductances(
        [[63.0, -37.0]], g_min=0.0, g_max=3e-6
    )
    np.testing.assert_allclose(plus[:, 0, 0], 3e-6)
    np.testing.assert_allclose(minus[:, 0, 1], [1e-6, 1e-6, 2e-6])
    np.testing.assert_array_equal(plus[:, 0, 1], 0.0)


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_tensors_are_split_like_arrays_with_the_slope_of_the_weight(mapping):
    """The sum over slices has the slope 1, straight through the rounding of digits."""
    torch = pytest.importorskip("torch")
    shares = np.random.default_rng(2).uniform(-1, 1, (5, 4))
    tensor = torch.tensor(shares, requires_grad=True)
    total = 0.0
    for c, ours, arrays_ in zip(
        mapping.coefficients,
        mapping.split(tensor, LOW, HIGH),
        mapping.split(shares, LOW, HIGH),
        strict=True,
    ):
        for one, other in zip(ours, arrays_, strict=True):
            np.testing.assert_allclose(one.detach().numpy(), other, rtol=1e-12)
        total = total + c * (ours[0] - ours[1]) / (HIGH - LOW)
    total.sum().backward()
    np.testing.assert_allclose(tensor.grad.numpy(), 1.0, rtol=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 20), st.integers(1, 20))
def test_tiles_hold_every_cell(tile_rows, tile_columns, rows, columns):
    """Cut and joined is the same; what is left over is filled; nothing is truncated."""
    tile = Tile(rows=tile_rows, columns=tile_columns)
    matrix = np.arange(1.0, rows * columns + 1).reshape(rows, columns)
    tiles = tile.cut(matrix, fill=-7.0)
    assert tiles.shape == (*tile.grid(rows, columns), tile_rows, tile_columns)
    np.testing.assert_array_equal(tile.join(tiles, rows, columns), matrix)
    assert np.count_nonzero(tiles == -7.0) == tiles.size - matrix.size
    assert sorted(tiles[tiles != -7.0]) == list(matrix.ravel())
    assert [i for block in tile.blocks(rows) for i in range(rows)[block]] == list(range(rows))
    assert [j for strip in tile.strips(rows) for j in range(rows)[strip]] == list(range(rows))
