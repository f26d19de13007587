"""Rank correlations and their bootstrap intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from potentia.experiments.graphs.correlations import (
    correlations,
    interval,
    partial_spearman,
    spearman,
)
from potentia.experiments.graphs.outcomes import Outcome

ROUNDING = 1e-12  # of sums of ranks


@settings(max_examples=50, deadline=None)
@given(st.integers(3, 30), st.integers(2, 10), st.integers(0, 2**32))
def test_the_rank_correlation_is_that_of_scipy(n, values, seed):
    """With many equal values among them."""
    x, y = np.random.default_rng(seed).integers(0, values, (2, n)).astype(float)
    if np.ptp(x) and np.ptp(y):
        known = stats.spearmanr(x, y).statistic
        assert spearman(x, y) == pytest.approx(known, abs=ROUNDING)
    else:
        assert np.isnan(spearman(x, y))


def test_the_partial_correlation_is_that_of_the_residuals():
    """Pearson's correlation of what straight lines over the ranks of the third column leave."""
    rng = np.random.default_rng(3)
    given = rng.normal(size=40)
    x, y = given + rng.normal(size=40), given - rng.normal(size=40)
    ranks = [stats.rankdata(column) for column in (x, y, given)]
    rest = [own - np.polyval(np.polyfit(ranks[2], own, 1), ranks[2]) for own in ranks[:2]]
    known = np.corrcoef(*rest)[0, 1]
    assert partial_spearman(x, y, given) == pytest.approx(known, abs=1e-9)  # of the fits
    assert spearman(x, y) > 0.2
    assert np.isnan(partial_spearman(x, y, np.ones(40)))


def test_intervals_hold_the_true_value_about_as_often_as_they_say():
    """Of 300 samples of 30 pairs with a correlation of .5: 95 % intervals miss 2 to 10 %.

    Percentile intervals of 30 points are known to be a little short.
    """
    rng = np.random.default_rng(1)
    true = 6 / np.pi * np.arcsin(0.25)  # Spearman's of two normal variables with Pearson's .5
    missed = 0
    for seed in range(300):
        x, y = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 30).T
        value, low, high = interval(spearman, (x, y), seed)
        assert low <= value <= high
        missed += not low <= true <= high
    assert 0.02 <= missed / 300 <= 0.10


def outcome(density, clustering, accuracy, task="reber", unit="spiking"):
    measures = {
        "density": density,
        "path_length": 1 / density,
        "clustering": clustering,
        "degree_spread": 0.0,
    }
    return Outcome(
        task=task,
        unit=unit,
        graph="erdos_renyi",
        seed=1,
        density=density,
        accuracy=accuracy,
        measures=measures,
        hash="",
    )


def test_what_goes_along_with_density_alone_is_told_apart():
    """Accuracy rises with density; clustering does too, but says nothing more."""
    rng = np.random.default_rng(5)
    density = np.repeat([0.1, 0.2, 0.3, 0.4], 25)
    outcomes = [
        outcome(d, d + rng.normal(0, 0.05), d + rng.normal(0, 0.05)) for d in density.tolist()
    ]
    outcomes += [outcome(0.1, 0.1, 0.5, task="digits")] * 2
    found = {(one.task, one.measure): one for one in correlations(outcomes, 1)}
    assert found["reber", "density"].low > 0.8
    assert found["reber", "path_length"].high < -0.8
    assert found["reber", "clustering"].low > 0.7
    apart = found["reber", "clustering"]
    assert apart.given_density_low < 0 < apart.given_density_high
    assert np.isnan(found["reber", "degree_spread"].value)
    assert np.isnan(found["digits", "density"].value)
    assert [one.points for one in found.values()] == [100] * 4 + [2] * 4
