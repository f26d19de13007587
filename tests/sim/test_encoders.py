"""Encoders: order of latencies, statistics of Poisson trains, fidelity of delta modulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potentia.errors import ParameterError
from potentia.sim.encoding.encoders import encode_latency, encode_level_crossing, encode_rate


def test_larger_values_fire_earlier():
    train = encode_latency([0.2, 0.9, 0.5])
    assert train.ids.tolist() == [1, 2, 0]


def test_latency_is_that_of_a_leaky_integrator():
    """At the spike time the charging curve value*(1 - exp(-t/tau)) stands at the threshold."""
    values = np.array([0.15, 0.4, 3.0])
    train = encode_latency(values, tau=0.03, threshold=0.1)
    assert values[train.ids] * -np.expm1(-train.times / 0.03) == pytest.approx(0.1, rel=1e-12)


def test_weak_and_late_values_stay_silent():
    """0.1 never reaches the threshold; 0.1000001 would take 14 time constants."""
    assert encode_latency([0.1, -3.0, 0.1000001], tau=0.02, latest=0.2).times.size == 0


def test_rate_has_poisson_mean_variance_and_intervals():
    """2,000 units at 50/s for 1 s: mean and variance of counts are 50, intervals
    have CV 1 (5 sd).
    """
    train = encode_rate(np.full(2000, 50.0), duration=1.0, seed=3)
    counts = np.bincount(train.ids, minlength=2000)
    assert counts.mean() == pytest.approx(50.0, abs=5 * np.sqrt(50 / 2000))
    assert counts.var() == pytest.approx(50.0, abs=5 * 50 * np.sqrt(2 / 2000))
    intervals = np.diff(encode_rate([2000.0], duration=10.0, seed=3).times)
    assert intervals.std() / intervals.mean() == pytest.approx(1.0, abs=0.05)


def test_rate_follows_its_bins():
    """No spike where the rate is 0; the rest has the count asked for (5 sd)."""
    train = encode_rate([[0.0], [3000.0], [0.0]], duration=3.0, seed=1)
    assert train.times.min() >= 1.0
    assert train.times.max() <= 2.0
    assert train.times.size == pytest.approx(3000, abs=5 * np.sqrt(3000))


def test_rate_of_a_unit_does_not_depend_on_the_others():
    alone, beside = encode_rate([40.0], duration=2.0), encode_rate([40.0, 90.0], duration=2.0)
    assert np.array_equal(alone.times, beside.times[beside.ids == 0])
    assert not np.array_equal(alone.times, encode_rate([40.0], duration=2.0, seed=1).times)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=60), st.floats(0.1, 3.0))
def test_level_crossing_follows_the_signal(values, step):
    """First sample + step*(rises - falls) stays within one step of the signal at every sample."""
    signal = np.array(values)
    train = encode_level_crossing(signal, rate=1.0, step=step)
    moves = np.where(train.ids == 0, 1, -1)
    for k, value in enumerate(signal):
        sent = signal[0] + step * moves[train.times <= k + 1e-9].sum()
        assert abs(value - sent) <= step * (1 + 1e-9)


def test_level_crossing_times_lie_on_the_line():
    """A ramp of 1 per sample at 100 Hz crosses 0.5, 1.0, 1.5 ... every 5 ms; its
    mirror falls so.
    """
    ramp = np.arange(5.0)
    train = encode_level_crossing(np.stack([ramp, -ramp], axis=1), rate=100.0, step=0.5)
    assert train.times[train.ids == 0] == pytest.approx(np.arange(1, 9) * 5e-3)
    assert train.times[train.ids == 3] == pytest.approx(np.arange(1, 9) * 5e-3)
    assert set(train.ids) == {0, 3}


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: encode_latency([0.5, np.nan]), "values"),
        (lambda: encode_latency([[0.5]]), "values"),
        (lambda: encode_latency([0.5], tau=0.0), "tau"),
        (lambda: encode_latency([0.5], threshold=-1.0), "threshold"),
        (lambda: encode_latency([0.5], latest="1 s"), "latest"),
        (lambda: encode_rate([np.nan], duration=1.0), "rates"),
        (lambda: encode_rate([-1.0], duration=1.0), "rates"),
        (lambda: encode_rate([], duration=1.0), "rates"),
        (lambda: encode_rate(3.0, duration=1.0), "rates"),
        (lambda: encode_rate([1e12], duration=1.0), "rates"),
        (lambda: encode_rate([1.0], duration=0.0), "duration"),
        (lambda: encode_rate([1.0], duration=1.0, seed=-1), "seed"),
        (lambda: encode_level_crossing([0.0, np.inf], rate=1.0, step=1.0), "signal"),
        (lambda: encode_level_crossing([], rate=1.0, step=1.0), "signal"),
        (lambda: encode_level_crossing([0.0], rate=0.0, step=1.0), "rate"),
        (lambda: encode_level_crossing([0.0], rate=1.0, step=0.0), "step"),
        (lambda: encode_level_crossing([0.0, 1e12], rate=1.0, step=1.0), "step"),
    ],
)
def test_bad_input_is_refused(call, word):
    with pytest.raises(ParameterError, match=word):
        call()
