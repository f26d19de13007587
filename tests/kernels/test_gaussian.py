"""Normal numbers in pairs: Numba against NumPy, and against their law."""

import numpy as np
import pytest
from scipy import stats

from potentia.kernels.cpu import gaussian as cpu
from potentia.kernels.reference import gaussian as reference

KEY = np.uint64(20231)
ROWS, COLUMNS = 1000, 201


def drawn(room=cpu, shape=(ROWS, COLUMNS), first=0, dtype=np.float32, key=KEY):
    values = np.empty(shape, dtype)
    room.normal_rows(key, first, values)
    return values


@pytest.mark.parametrize("columns", [1, 2, 7, 512])
def test_the_same_numbers_on_all_backends(columns):
    """To a few units in the last place of float32, more where the radius is small: -2 ln u of a u
    near 1.
    """
    np.testing.assert_allclose(
        drawn(shape=(300, columns)),
        drawn(reference, (300, columns), dtype=np.float64),
        rtol=2e-6,
        atol=2e-5,
    )


def test_a_row_depends_on_its_counter_only():
    whole = drawn(shape=(10, 33))
    np.testing.assert_array_equal(drawn(shape=(4, 33), first=6), whole[6:])


def test_the_law_is_normal():
    """Mean, deviation, third and fourth moment within five standard errors; Kolmogorov-Smirnov; the
    tails.
    """
    z = drawn().astype(np.float64).ravel()
    n = z.size
    assert z.mean() == pytest.approx(0.0, abs=5 / np.sqrt(n))
    assert z.var() == pytest.approx(1.0, abs=5 * np.sqrt(2 / n))
    assert (z**3).mean() == pytest.approx(0.0, abs=5 * np.sqrt(15 / n))
    assert (z**4).mean() == pytest.approx(3.0, abs=5 * np.sqrt(96 / n))
    assert stats.kstest(z, "norm").pvalue > 1e-6
    beyond = stats.norm.sf(4.0) * 2
    assert np.mean(np.abs(z) > 4.0) == pytest.approx(beyond, abs=5 * np.sqrt(beyond / n))


def test_no_two_columns_or_rows_are_related():
    """Correlations of the columns that share a word, of neighbours, and of two keys: within five
    standard errors.
    """
    z = drawn(shape=(20_000, 8))
    error = 5 / np.sqrt(20_000)
    correlations = np.corrcoef(np.hstack([z, drawn(shape=(20_000, 8), key=KEY + 1), z**2]).T)
    np.fill_diagonal(correlations, 0.0)
    assert np.abs(correlations).max() < 1.2 * error  # 276 pairs
    assert abs(np.corrcoef(z[1:, 0], z[:-1, 0])[0, 1]) < error
