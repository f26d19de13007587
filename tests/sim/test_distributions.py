"""Distributions: their laws, their limits, how they are drawn, and what they say to bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from potentia.errors import ParameterError
from potentia.sim.description.distributions import Choice, LogNormal, Normal, Uniform, values

ALARM = 1e-6  # false-alarm rate of each Kolmogorov-Smirnov test; the key is fixed
KEY = 0xFEDCBA9876543210
N = 100_000
NAN, INF = float("nan"), float("inf")

LAWS = [
    (Normal(1.5, 0.75), stats.norm(1.5, 0.75)),
    (Normal(1.5, 0.75, low=0.1), stats.truncnorm(-1.4 / 0.75, INF, 1.5, 0.75)),
    (Normal(0.0, 1.0, 1.0, 2.5), stats.truncnorm(1.0, 2.5)),
    (LogNormal(median=2.0, sigma=0.8), stats.lognorm(0.8, scale=2.0)),
    (LogNormal(mean=2.0, sigma=0.8), stats.lognorm(0.8, scale=2.0 * math.exp(-0.32))),
    (Uniform(-1.0, 3.0), stats.uniform(-1.0, 4.0)),
]


@pytest.mark.parametrize(("distribution", "law"), LAWS, ids=[repr(d) for d, _ in LAWS])
def test_samples_follow_the_law(distribution, law):
    sample = distribution.sample(KEY, N)
    assert sample.dtype == np.float64
    assert stats.kstest(sample, law.cdf).pvalue > ALARM


@pytest.mark.parametrize("distribution", [d for d, _ in LAWS], ids=repr)
def test_a_value_depends_on_key_and_index_alone(distribution):
    """Drawing more keeps the first ones; another key gives others."""
    few, many = distribution.sample(7, 10), distribution.sample(7, 1000)
    np.testing.assert_array_equal(few, many[:10])
    assert not np.isin(distribution.sample(8, 1000), many).any()


@settings(max_examples=30, deadline=None)
@given(st.floats(-10, 10), st.floats(0.01, 10), st.floats(0, 3), st.integers(0, 2**64 - 1))
def test_limits_hold_and_nothing_heaps_up_there(mean, sd, reach, key):
    """Values outside are drawn again, not moved to the limit."""
    low, high = mean - reach * sd, mean + (reach + 0.1) * sd
    sample = Normal(mean, sd, low=low, high=high).sample(key, 200)
    assert sample.min() >= low
    assert sample.max() <= high
    assert np.unique(sample).size > 190


def test_a_mirrored_lognormal_is_negative():
    plus, minus = LogNormal(median=0.3, sigma=1.0), LogNormal(median=-0.3, sigma=1.0)
    np.testing.assert_array_equal(plus.sample(KEY, 100), -minus.sample(KEY, 100))


def test_laws_without_spread_are_constants():
    for distribution in (Normal(2.0, 0.0), Normal(2.0, 0.0, 2.0, 2.0), Uniform(2.0, 2.0)):
        np.testing.assert_array_equal(distribution.sample(KEY, 5), 2.0)
    np.testing.assert_array_equal(LogNormal(median=2.0, sigma=0.0).sample(KEY, 5), 2.0)
    assert Normal(0.0, 1.0).sample(KEY, 0).shape == (0,)


def test_values_come_from_a_number_an_array_or_a_law():
    np.testing.assert_array_equal(values(2, 3, KEY, "exc", "weight"), [2.0, 2.0, 2.0])
    np.testing.assert_array_equal(values(np.float32(0.5), 1, KEY, "exc", "weight"), [0.5])
    np.testing.assert_array_equal(values(np.array(7), 2, KEY, "exc", "weight"), [7.0, 7.0])
    np.testing.assert_array_equal(values([1, 2, 3], 3, KEY, "exc", "weight"), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(values([], 0, KEY, "exc", "weight"), [])
    np.testing.assert_array_equal(
        values(Uniform(0, 1), 4, 9, "exc", "weight"), Uniform(0, 1).sample(9, 4)
    )


def test_values_are_a_copy():
    given_weights = np.array([1.0, 2.0])
    values(given_weights, 2, KEY, "exc", "weight")[:] = 0
    assert given_weights.tolist() == [1.0, 2.0]


def refused(pattern):
    """One sentence that matches and says what was got."""
    return pytest.raises(ParameterError, match=rf"^(?=.*{pattern}).*\(got .*\)$")


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda: Normal(NAN, 1.0), r"Normal\.mean: must be a finite number"),
        (lambda: Normal("10 mV", 1.0), r"Normal\.mean: must be a finite number.*10 mV"),
        (lambda: Normal(0.0, -1.0), r"Normal\.sd: must be >= 0"),
        (lambda: Normal(0.0, INF), r"Normal\.sd: must be a finite number"),
        (lambda: Normal(0.0, None), r"Normal\.sd"),
        (lambda: Normal(0.0, 1.0, 2.0, 1.0), r"Normal\.high: must be >= low = 2"),
        (lambda: Normal(0.0, 1.0, low=NAN), r"Normal\.low: must be a finite number"),
        (lambda: Normal(0.0, 1.0, low=10.0), r"Normal\.low to high: must hold at least 1 %"),
        (lambda: Normal(0.0, 0.0, low=1.0), r"Normal\.low to high: must hold at least 1 %"),
        (lambda: LogNormal(sigma=1.0), r"LogNormal\.median: give either median or mean"),
        (lambda: LogNormal(median=1.0, mean=1.0, sigma=1.0), r"LogNormal\.median: give either"),
        (lambda: LogNormal(median=0.0, sigma=1.0), r"LogNormal\.median: must not be 0"),
        (lambda: LogNormal(mean=INF, sigma=1.0), r"LogNormal\.mean: must be a finite number"),
        (lambda: LogNormal(median=1.0, sigma=-0.1), r"LogNormal\.sigma: must be >= 0"),
        (lambda: LogNormal(median=1.0, sigma=NAN), r"LogNormal\.sigma: must be a finite number"),
        (lambda: Uniform(2.0, 1.0), r"Uniform\.high: must be >= 2"),
        (lambda: Uniform(NAN, 1.0), r"Uniform\.low: must be a finite number"),
        (lambda: Uniform(0.0, "1 ms"), r"Uniform\.high: must be a finite number"),
        (lambda: Uniform(-1e308, 1e308), r"Uniform\.high - low: must be a finite number"),
    ],
)
def test_bad_laws_are_refused_in_one_sentence(make, pattern):
    with refused(pattern):
        make()


@pytest.mark.parametrize(
    ("source", "pattern"),
    [
        (NAN, r"must be a finite number"),
        ("10 mV", r"must be a finite number"),
        (None, r"must be a finite number"),
        (True, r"must be a finite number"),
        (1j, r"must be a finite number"),
        ([1.0, INF, 2.0], r"must be finite everywhere.*inf at index 1"),
        ([1.0, 2.0], r"must be one number or 3, one for each.*shape \(2,\)"),
        (np.ones((3, 1)), r"must be one number or 3"),
        (["1", "2", "3"], r"must be an array of numbers"),
        (np.array([1, 2, 3], object), r"must be an array of numbers.*dtype object"),
        (np.ones(3, complex), r"must be an array of real numbers"),
        (np.ones(3, bool), r"must be an array of numbers"),
        ([[1.0], [2.0, 3.0]], r"must be an array of numbers"),
        (Normal(1.7e308, 1.7e308), r"must be finite everywhere"),
    ],
)
def test_bad_values_are_refused_with_owner_and_field(source, pattern):
    with refused(r"exc\.weight: " + pattern):
        values(source, 3, KEY, "exc", "weight")


def test_choice_takes_each_option_equally_often():
    """Counts of 3 options in 30,000 draws, within five standard deviations; nothing
    else is drawn.
    """
    drawn = Choice((-1.0, 0.5, 2.0)).sample(7, 30_000)
    options, counts = np.unique(drawn, return_counts=True)
    assert options.tolist() == [-1.0, 0.5, 2.0]
    assert np.abs(counts - 10_000).max() < 5 * np.sqrt(30_000 * 2 / 9)


@pytest.mark.parametrize("options", [(), (np.nan,), "10 mV"])
def test_choice_refuses(options):
    with pytest.raises(ParameterError, match=r"Choice\.options"):
        Choice(options)
