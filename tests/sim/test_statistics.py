"""Statistics of activity whose true values are known: independent trains, and trains that share a
part.
"""

import numpy as np
import pytest

from potentia.errors import ParameterError
from potentia.sim.results import statistics
from potentia.sim.results.records import Spikes

UNITS, SPAN = 60, 40.0  # [s]
OWN, SHARED = 15.0, 5.0  # rates [Hz]
BINS = SPAN / statistics.CORRELATION_WIDTH


def record(times, ids, n=UNITS, stop=SPAN):
    order = np.argsort(times, kind="stable")
    return Spikes(np.asarray(times, float)[order], np.asarray(ids)[order], n, 0.0, stop)


def poisson(rng, rate, n=UNITS):
    """Times and ids of independent Poisson trains."""
    counts = rng.poisson(rate * SPAN, n)
    return rng.uniform(0, SPAN, counts.sum()), np.repeat(np.arange(n), counts)


@pytest.fixture(scope="module")
def independent():
    return record(*poisson(np.random.default_rng(1), OWN + SHARED))


@pytest.fixture(scope="module")
def sharing():
    """Each unit fires on its own, and all of them at the times of one more train."""
    rng = np.random.default_rng(2)
    times, ids = poisson(rng, OWN)
    common, _ = poisson(rng, SHARED, 1)
    times = np.concatenate([times, np.repeat(common, UNITS)])
    return record(times, np.concatenate([ids, np.tile(np.arange(UNITS), common.size)]))


def test_intervals_of_poisson_trains_have_a_variation_of_one(independent):
    """Of k = 800 intervals the standard error is about 1 / sqrt(k); of the mean over 60 units, five
    of them.
    """
    assert np.mean(independent.isi_cv()) == pytest.approx(1.0, abs=5 / np.sqrt(UNITS * 20 * SPAN))


def test_variation_is_that_of_every_train(independent):
    few = record([1.0, 2.0, 4.0, 5.0, 6.0, 7.0], [0, 0, 0, 1, 1, 3], n=5)
    assert few.isi_cv() == pytest.approx([1 / 3, np.nan, np.nan, np.nan, np.nan], nan_ok=True)
    intervals = [np.diff(train) for train in independent.trains()]
    assert independent.isi_cv() == pytest.approx([each.std() / each.mean() for each in intervals])


def test_independent_trains_are_uncorrelated(independent):
    """A correlation from b bins has a standard error of 1 / sqrt(b); pairs are uncorrelated with
    each other.
    """
    found = statistics.correlations(independent)
    assert found.size == UNITS * (UNITS - 1) / 2
    assert found.mean() == pytest.approx(0.0, abs=5 / np.sqrt(BINS * found.size))
    assert found.std() == pytest.approx(1 / np.sqrt(BINS), rel=0.1)


def test_shared_spikes_correlate_by_their_share_of_the_variance(sharing):
    """Counts S + P with Poisson S and P: covariance over variance is SHARED / (SHARED + OWN).

    The shared train has 200 spikes, so its variance, and hence the correlation, is known to 7 % *
    (1 - r): five standard errors are 0.07.
    """
    share = SHARED / (SHARED + OWN)
    assert statistics.correlations(sharing).mean() == pytest.approx(share, abs=0.07)


def test_synchrony_of_independent_and_of_sharing_trains(independent, sharing):
    """n S + sum of P has the variance n^2 s + n p and the mean n s + n p; tolerances as above and
    by 1 / sqrt(bins).
    """
    assert statistics.synchrony(independent) == pytest.approx(
        1.0, abs=5 * np.sqrt(2 / (SPAN / 3e-3))
    )
    expected = (UNITS * SHARED + OWN) / (SHARED + OWN)
    assert statistics.synchrony(sharing) == pytest.approx(expected, rel=0.28)


def test_correlations_are_those_of_the_matrix(sharing):
    counts = sharing.binned(0.01)
    matrix = np.corrcoef(counts.T)
    found = statistics.correlations(sharing, width=0.01)
    assert found == pytest.approx(matrix[np.triu_indices(UNITS, 1)])
    part = statistics.correlations(sharing, width=0.01, most=3)
    assert part == pytest.approx(matrix[[0, 0, 29], [29, 59, 59]])


def test_silent_and_constant_units_are_left_out():
    """Unit 1 never fires, unit 2 fires in every bin alike."""
    times, ids = [0.5, 0.5, 1.5, 2.5, 2.5], [0, 2, 2, 2, 3]
    spikes = record(times, ids, n=4, stop=3.0)
    assert statistics.correlations(spikes, width=1.0) == pytest.approx([-0.5])
    silent = record([], np.zeros(0, np.int64))
    assert statistics.correlations(silent).size == 0
    assert np.isnan(statistics.synchrony(silent))


def test_a_bin_cut_short_is_left_out():
    spikes = record([0.5, 1.5, 2.9, 3.2], [0, 1, 0, 1], n=2, stop=3.5)
    assert statistics.population_counts(spikes, 1.0).tolist() == [1, 1, 1]
    assert statistics.population_counts(spikes, 4.0).size == 0
    assert np.isnan(statistics.synchrony(spikes, width=4.0))
    assert statistics.correlations(spikes, width=4.0).size == 0


def test_the_spikes_of_some_units(sharing):
    part = sharing.of([7, 3])
    assert part.n == 2
    assert part.counts().tolist() == sharing.counts()[[7, 3]].tolist()
    assert np.array_equal(part.trains()[0], sharing.trains()[7])
    assert (len(sharing.of([])), sharing.of([]).rate) == (0, 0.0)


@pytest.mark.parametrize(
    ("ask", "rule"),
    [
        (lambda spikes: spikes.of([0, UNITS]), f"< {UNITS}"),
        (lambda spikes: spikes.of([1, 1]), "no unit twice"),
        (lambda spikes: spikes.of([0.5]), "whole numbers"),
        (lambda spikes: statistics.synchrony(spikes, width=0.0), "> 0"),
        (lambda spikes: statistics.correlations(spikes, most=1), ">= 2"),
    ],
)
def test_bad_input_ends_in_one_sentence(sharing, ask, rule):
    with pytest.raises(ParameterError, match=rule) as caught:
        ask(sharing)
    assert "\n" not in str(caught.value)
