"""Products of whole numbers: what the digits hold, and that they multiply without rounding."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from potentia.hardware.analog_layer import digits  # noqa: E402

RNG = np.random.default_rng(6)


def read(conductances, codes, *, variance=None, ends=(0, 0), steps=1.0):
    """A reading of codes (batch, rows), worth 1 each, added to zeros."""
    variance = np.zeros_like(conductances) if variance is None else variance
    array = digits.DigitArray.of(conductances, variance, rows=slice(None), steps=steps, weight=1.0)
    out = np.zeros((codes.shape[0], conductances.shape[1]), np.float32)
    squares = torch.from_numpy(codes.astype(np.float32) ** 2).to(torch.bfloat16)
    array.read(torch.from_numpy(codes), squares, 3, ends, np.ones(codes.shape[0], np.float32), out)
    return out


@pytest.mark.parametrize("rows", [1, 7, 512])
def test_products_are_those_of_the_conductances(rows):
    """To half a lowest digit per row, at most, and the rounding of the sum to float32."""
    conductances = RNG.normal(size=(rows, 9)) * 10.0 ** RNG.integers(-6, -3, 9)
    conductances[:, 4] = 0.0
    codes = RNG.integers(-127, 128, (20, rows)).astype(np.int8)
    largest = np.abs(conductances).max(axis=0)
    bound = 0.5 * largest / digits.HIGHEST * np.abs(codes.astype(float)).sum(axis=1, keepdims=True)
    exact = codes.astype(float) @ conductances
    np.testing.assert_array_less(
        np.abs(read(conductances, codes) - exact),
        bound + 2.0**-22 * np.abs(codes).astype(float) @ np.abs(conductances) + 1e-30,
    )


def test_whole_multiples_are_exact():
    """Multiples of the unit, of both signs and all sizes, with codes whose sums fit float32."""
    whole = np.array(
        [[1, -1, 63, 64], [65, 8191, -8192, 12345], [-2064384, 2064384, 2064384, -2064384]], float
    )
    codes = np.eye(3, dtype=np.int8)
    np.testing.assert_array_equal(read(whole, codes), whole)


def test_the_widest_sums_fit():
    """The largest codes and conductances of either sign in many rows: no digit overflows."""
    for sign in (1, -1):
        conductances = np.full((20_000, 2), sign * 1e-5)
        codes = np.full((1, 20_000), 127, np.int8)
        np.testing.assert_allclose(read(conductances, codes), sign * 127 * 0.2, rtol=1e-6)


def test_values_are_encoded_by_their_largest():
    values = torch.tensor([[1.0, -2.0, 0.0], [0.0, 0.0, 0.0]])
    codes, squares, lsb, largest = digits.encode(values, 0.0, 127)
    assert codes.tolist() == [[64, -127, 0], [0, 0, 0]]
    assert squares[0].tolist() == [64.0**2, 16128.0, 0.0]  # 127**2 = 16129 to eight bits
    np.testing.assert_allclose(lsb, [2 / 127, 0.0])
    assert largest == 2.0
