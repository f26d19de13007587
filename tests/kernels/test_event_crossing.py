"""The first threshold crossing: closed forms, forty digits, and a search that looks everywhere."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from potentia.kernels.cpu.event_crossing import course, first_crossing, near_crossing
from potentia.kernels.reference import event_crossing as reference

TAU = 20e-3


def exact(neuron, t):
    """v(t) to forty digits."""
    v, first, second, drive, tau, *taus = (mpmath.mpf(number) for number in neuron)
    # the sums below lose as many digits as the constants agree in
    value = drive + (v - drive) * mpmath.exp(-t / tau)
    for current, own in zip((first, second), taus, strict=True):
        if own == tau:
            value += current * t / tau * mpmath.exp(-t / tau)
        else:
            value += current * (mpmath.exp(-t / own) - mpmath.exp(-t / tau)) / (1 - tau / own)
    return value


def exact_crossing(neuron, threshold, near):
    with mpmath.workdps(40):
        bracket = (mpmath.mpf(near) * (1 - 1e-4), mpmath.mpf(near) * (1 + 1e-4))
        return float(
            mpmath.findroot(lambda t: exact(neuron, t) - threshold, bracket, solver="anderson")
        )


def peak(neuron):
    """Time and height of the highest of dense samples, refined to forty digits."""
    times = np.linspace(0, 0.2, 20_001)[1:]
    k = np.argmax(reference.potential(neuron, times))
    low, high = (mpmath.mpf(times[k - 1]), mpmath.mpf(times[k + 1]))
    with mpmath.workdps(40):
        for _ in range(200):  # thirds: a peak is where both sides are lower
            one, two = low + (high - low) / 3, high - (high - low) / 3
            low, high = (one, high) if exact(neuron, one) < exact(neuron, two) else (low, two)
        return float(low), float(exact(neuron, low))


CASES = {  # neuron, threshold
    "one current": ((0.0, 40e-3, 0.0, 0.0, TAU, 5e-3, 10e-3), 6e-3),
    "current slower than the membrane": ((0.0, 20e-3, 0.0, 3e-3, 5e-3, 30e-3, 10e-3), 10e-3),
    "current as fast as the membrane": ((-3e-3, 50e-3, 0.0, 0.0, TAU, TAU, TAU), 10e-3),
    "nearly as fast": ((-3e-3, 50e-3, 0.0, 0.0, TAU, TAU * (1 + 1e-9), TAU), 10e-3),
    "excitation and inhibition": ((1e-3, 80e-3, -20e-3, 4e-3, TAU, 3e-3, 10e-3), 6e-3),
    "slow excitation outlives inhibition": ((9e-3, 40e-3, -90e-3, 0.0, TAU, 15e-3, 3e-3), 10e-3),
    "drive alone": ((2e-3, 0.0, 0.0, 18e-3, TAU, 5e-3, 10e-3), 10e-3),
    "drive against inhibition": ((14e-3, 0.0, -60e-3, 16e-3, TAU, 5e-3, 10e-3), 15e-3),
    "down, up, and down": ((9e-3, 60e-3, -80e-3, -1e-3, TAU, 12e-3, 4e-3), 9.5e-3),
}


@pytest.mark.parametrize("name", CASES)
def test_crossing_equals_forty_digits(name):
    """The potential is known to about 1e-17 V and rises by more than 0.02 V/s here: 1e-15 s; asked
    for 1e-14.
    """
    neuron, threshold = CASES[name]
    got = first_crossing(neuron, threshold)
    assert math.isfinite(got)
    assert got == pytest.approx(exact_crossing(neuron, threshold, got), abs=1e-14)
    if name != "nearly as fast":  # where the textbook sum cancels
        assert got == pytest.approx(reference.first_crossing(neuron, threshold, 4 * got), abs=1e-13)


def halved(function, low, high):
    """Where a function goes from below zero to above, to as many digits as are in use."""
    low, high = mpmath.mpf(low), mpmath.mpf(high)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return high


CLOSE = [sign * 10.0**-k for k in range(4, 17) for sign in (-1, 1)] + [0.0]


@pytest.mark.parametrize("close", CLOSE)
def test_grazing_with_time_constants_that_are_close(close):
    """Just under the peak, where v rises least. Known to 1e-16 of its height h, v gives the time to
    h 1e-16 / v'.

    There v' = (h / tau) sqrt(2 gap), so the time is known to a few 1e-16 tau / sqrt(2 gap), of
    which ten are allowed.
    """
    neuron = (0.0, 40e-3, 0.0, 1e-3, TAU, TAU * (1 + close), TAU)
    with mpmath.workdps(60):
        at = halved(
            lambda t: exact(neuron, t) - 1e-3 - 40e-3 * mpmath.exp(-t / mpmath.mpf(neuron[5])),
            0,
            5 * TAU,
        )
        height = exact(neuron, at)
        for gap in (1e-4, 1e-8, 1e-10):
            threshold = float(height * (1 - gap))
            crossing = halved(lambda t, level=threshold: exact(neuron, t) - level, 0, at)
            got = first_crossing(neuron, threshold)
            assert abs(got - crossing) < 10e-16 * TAU / math.sqrt(2 * gap)
    assert first_crossing(neuron, float(height) * (1 + 1e-14)) == math.inf


@pytest.mark.parametrize("close", CLOSE)
def test_currents_of_time_constants_that_are_close(close):
    """Two that nearly cancel: v to a few roundings of what is summed, and the crossing that follows
    from it.
    """
    neuron = (9.99e-3, -50e-3, 50e-3, 9.99e-3, TAU, TAU * (1 + close), TAU)
    for t in (1e-6, 1e-3, 0.02, 0.3):
        with mpmath.workdps(40):
            expected = float(exact(neuron, mpmath.mpf(t)))
        assert course(neuron, t)[0] == pytest.approx(expected, abs=1e-16)
    got, (_, height) = first_crossing(neuron, 10e-3), peak(neuron)
    assert math.isfinite(got) == (height > 10e-3)
    if height > 10e-3:
        assert float(exact(neuron, mpmath.mpf(got))) == pytest.approx(10e-3, abs=1e-16)


@pytest.mark.parametrize("neuron", [CASES["one current"][0], CASES["excitation and inhibition"][0]])
@pytest.mark.parametrize("gap", [1e-6, 1e-10, 1e-13])
def test_near_tangents(neuron, gap):
    """A threshold a hair under the peak is reached just before it, one a hair over it never."""
    at, height = peak(neuron)
    below, above = height * (1 - gap), height * (1 + gap)
    got = first_crossing(neuron, below)
    assert 0 < got < at
    # a parabola: distance grows as the root of the gap
    assert at - got < 30e-3 * math.sqrt(gap) + 1e-7
    assert float(exact(neuron, mpmath.mpf(got))) == pytest.approx(below, rel=1e-15)
    assert first_crossing(neuron, above) == math.inf


def test_never_and_now():
    """At threshold it is now; towards a drive at or below threshold it is never."""
    assert first_crossing((10e-3, 0.0, 0.0, 0.0, TAU, TAU, TAU), 10e-3) == 0.0
    assert first_crossing((0.0, 0.0, 0.0, 10e-3, TAU, TAU, TAU), 10e-3) == math.inf
    assert first_crossing((9e-3, 0.0, -1e-3, 10e-3, TAU, TAU, TAU), 10e-3) == math.inf
    assert first_crossing((9e-3, 1e-9, 0.0, 0.0, TAU, 1e-3, TAU), 10e-3) == math.inf
    assert first_crossing((-1.0, 0.0, 0.0, 10e-3 * (1 + 1e-12), TAU, TAU, TAU), 10e-3) < 60 * TAU


number = st.floats(-60e-3, 60e-3) | st.sampled_from([0.0, 10e-3, -10e-3])
constant = st.floats(1e-3, 50e-3) | st.just(TAU)


@settings(max_examples=120, deadline=None)
@given(st.floats(-30e-3, 9.99e-3), number, number, number, constant, constant, constant)
@example(9.9e-3, 50e-3, -60e-3, 10e-3, 20e-3, 5e-3, 5e-3)
@example(0.0, 60e-3, 60e-3, 10e-3, 20e-3, 1e-3, 50e-3)
def test_no_crossing_is_missed(v, first, second, drive, tau, tau_first, tau_second):
    """Nowhere before the crossing, or anywhere without one, does a dense sample lie above
    threshold.
    """
    neuron, threshold = (v, first, second, drive, tau, tau_first, tau_second), 10e-3
    got = first_crossing(neuron, threshold)
    near = near_crossing(neuron, threshold)
    assert near == got if near >= 0 else -near <= got * (1 + 1e-12)
    # rounding of the potential
    scale = 1e-15 * (abs(v) + abs(first) + abs(second) + abs(drive) + threshold)
    end = min(got, 40 * max(tau, tau_first, tau_second))
    samples = np.concatenate([np.linspace(0, end, 3000), end * np.linspace(0, 1, 3000) ** 4])[:-1]
    values = np.array([course(neuron, t)[0] for t in samples[samples < end]])
    assert (values < threshold + 4 * scale).all()
    if got < math.inf:
        potential, push, _ = course(neuron, got)
        assert potential == pytest.approx(threshold, abs=4 * scale)
        assert push >= -4 * scale  # upwards


@settings(max_examples=60, deadline=None)
@given(number, number, number, number, constant, constant, constant, st.floats(0, 0.5))
def test_course_equals_the_textbook_sum(v, first, second, drive, tau, tau_first, tau_second, t):
    """To forty digits, also where time constants are close and the textbook sum cancels."""
    neuron = (v, first, second, drive, tau, tau_first, tau_second)
    with mpmath.workdps(40):
        expected = float(exact(neuron, mpmath.mpf(t)))
    scale = abs(v) + abs(first) + abs(second) + abs(drive)
    assert course(neuron, t)[0] == pytest.approx(expected, abs=2e-15 * scale + 1e-300)
