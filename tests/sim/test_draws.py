"""Where the draws of each source and delay begin, told by small numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from potentia.kernels.reference.rows import row_begin
from potentia.sim.plan import procedural as draws


@pytest.mark.parametrize(
    ("degree", "spread", "dtype"),
    [(0, 0, "int8"), (300, 4, "int8"), (5_000, 400, "int16"), (10_000_000, 100_000, "int32")],
)
def test_begins_are_the_sums_of_counts(degree, spread, dtype, monkeypatch):
    """For two projections with delays of their own, whatever the size of the numbers, in blocks of
    sources.
    """
    monkeypatch.setattr(draws, "AT_ONCE", 7)
    rng, lags = np.random.default_rng(3), np.array([1, 2, 5, 9, 12])
    made = draws.Draws(20, lags, 2)
    expected = np.zeros((20, lags.size + 1, 2), np.int64)
    for k, own in enumerate((lags[:3], lags[1:])):
        counts = np.maximum(rng.normal(degree / own.size, spread, (20, own.size)), 0).astype(
            np.uint32
        )
        made.add(
            SimpleNamespace(lag_counts=lambda counts=counts: counts, lags=own, n=int(counts.sum()))
        )
        expected[:, 1 + np.searchsorted(lags, own), k] = counts
    begins = row_begin(made.sizes[:, None], made.shares, made.offsets)
    np.testing.assert_array_equal(begins, expected.cumsum(axis=1))
    assert made.offsets.dtype == dtype
    assert made.most == expected.max()
