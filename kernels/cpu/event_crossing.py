"""The first threshold crossing of a leaky potential under two exponentially decaying currents.

A `neuron` is the tuple (v, first, second, drive, tau, tau_first, tau_second): potential [V], the
two currents [V], constant drive [V] and time constants [s] of tau dv/dt = -v + drive + first(t) +
second(t), where each current decays with its own time constant.

Why no crossing is missed: (v'' + v'/tau) is the slope of the summed current over tau, and a sum of
two decaying exponentials turns at most once. On each side of that moment exp(t/tau) v' is monotone,
so v' changes sign at most once, so v has at most one extremum and at most two crossings there,
which the values at the ends tell apart.
"""

import math

from numba import njit

FAR = 0.02  # membrane time constants: what lies further ahead is left until it has come nearer


@njit(error_model="numpy")
def response(elapsed, decay, tau, tau_current):
    """The potential that a current of 1 V at time 0 has built up after `elapsed` [s].

    decay = exp(-elapsed / tau). It is (exp(-t/tau_current) - exp(-t/tau)) / (1 - tau/tau_current),
    without the cancellation for near equal ones.
    """
    gap = _rate_gap(tau, tau_current)
    x = abs(gap) * elapsed
    slow = decay if gap <= 0.0 else math.exp(-elapsed / tau_current)
    spread = -math.expm1(-x) / x if x > 0.0 else 1.0
    return slow * spread * elapsed / tau


@njit(error_model="numpy")
def _rate_gap(one, two):
    """1 / one - 1 / two, exact where both are close.

    It is made of the difference of the time constants.
    """
    return (two - one) / (one * two)


@njit(error_model="numpy")
def course(neuron, t):
    """The potential of a neuron at time t, and how it moves.

    v(t) [V]; the total current less the potential, which is tau v'(t) [V]; the slope of the current
    [V/s].
    """
    v, first, second, drive, tau, tau_first, tau_second = neuron
    decay = math.exp(-t / tau)
    potential = drive + (v - drive) * decay
    current = slope = 0.0
    if first != 0.0:
        potential += first * response(t, decay, tau, tau_first)
        part = first * math.exp(-t / tau_first)
        current += part
        slope -= part / tau_first
    if second != 0.0:
        potential += second * response(t, decay, tau, tau_second)
        part = second * math.exp(-t / tau_second)
        current += part
        slope -= part / tau_second
    return potential, drive + current - potential, slope


@njit(error_model="numpy")
def first_crossing(neuron, threshold):
    """The time [s] at which the potential first reaches `threshold`.

    0 if it is there, inf if it never comes.
    """
    v, first, second, drive, _, tau_first, tau_second = neuron
    if v >= threshold:
        return 0.0
    if drive + max(first, 0.0) + max(second, 0.0) <= threshold:
        return math.inf  # v moves towards something that never exceeds this
    turn = _turn(first, second, tau_first, tau_second)
    crossing = _crossing_between(neuron, threshold, 0.0, turn)
    return (
        _crossing_between(neuron, threshold, turn, math.inf) if crossing == math.inf else crossing
    )


@njit(error_model="numpy")
def near_crossing(neuron, threshold):
    """The first crossing [s], or -t where it lies far ahead, not before t.

    Such a bound is cheaper. The bound is the crossing if no exciting current decayed.
    """
    v, first, second, drive, tau, _, _ = neuron
    most = drive + max(first, 0.0) + max(second, 0.0)
    if v >= threshold or most <= threshold:
        return 0.0 if v >= threshold else math.inf
    bound = tau * math.log1p((threshold - v) / (most - threshold))
    return -bound if bound > FAR * tau else first_crossing(neuron, threshold)


@njit(error_model="numpy")
def _turn(first, second, tau_first, tau_second):
    """When the summed current turns, inf if it does not after time 0."""
    if first * second >= 0.0 or tau_first == tau_second:
        return math.inf
    over = ((first + second) * tau_second + second * (tau_first - tau_second)) / -(
        second * tau_first
    )
    logarithm = (
        math.log1p(over)
        if abs(over) < 0.5
        else math.log(-(first * tau_second) / (second * tau_first))
    )
    turn = logarithm / _rate_gap(tau_first, tau_second)
    return turn if turn > 0.0 else math.inf


@njit(error_model="numpy")
def _crossing_between(neuron, threshold, begin, limit):
    """The first crossing in (begin, limit].

    There v' changes sign at most once, and v(begin) < threshold. It goes on in doubling strides:
    far from `begin` a slope is too small to be told from rounding.
    """
    _, first, second, drive, tau, tau_first, tau_second = neuron
    rising, span = course(neuron, begin)[1] > 0.0, tau
    while begin < limit:
        end = min(begin + span, limit)
        potential, push, _ = course(neuron, end)
        if potential >= threshold:
            return _zero(neuron, threshold, begin, end, False)
        if rising and push <= 0.0:
            peak = _zero(neuron, threshold, begin, end, True)
            if course(neuron, peak)[0] >= threshold:
                return _zero(neuron, threshold, begin, peak, False)
            rising = False
        rest = max(first, 0.0) * math.exp(-end / tau_first) + max(second, 0.0) * math.exp(
            -end / tau_second
        )
        if drive + rest <= threshold or (not rising and limit == math.inf and drive <= threshold):
            # falling, and at most rising again to a drive that is not above threshold
            return math.inf
        begin = end
        span *= 2.0
    return math.inf


@njit(error_model="numpy")
def _zero(neuron, threshold, begin, end, peak):
    """Where v passes the threshold upwards or, for `peak`, where v' passes zero downwards.

    The bracket holds one such place. Newton's steps where they stay inside and shrink, else
    bisection.
    """
    tau = neuron[4]
    t = 0.5 * (begin + end)
    step = before = end - begin
    for _ in range(200):
        potential, push, slope = course(neuron, t)
        value, rate = (-push, push / tau - slope) if peak else (potential - threshold, push / tau)
        if value < 0.0:
            begin = t
        else:
            end = t
        before, step = step, -value / rate
        if not (begin <= t + step <= end and abs(step) <= 0.5 * abs(before)):
            step = 0.5 * (begin + end) - t
        if abs(step) <= 1e-17 + 1e-16 * t:
            return t + step
        t += step
    return t
