"""Programming pulses on device pairs."""

import math

import numpy as np
from numba import njit

from .random import normal, of_sample, uniform


@njit(inline="always")
def pulsed(g, up, count, jitter, g_min, g_max, levels, nonlinearity):
    """The conductance [S] after `count` equal pulses from `g`.

    The equation stands in `kernels/reference/pulses.py`.
    """
    span = g_max - g_min
    x = (g - g_min) / span
    if nonlinearity == 0:
        moved = count / levels
    else:
        bend = math.expm1(-nonlinearity)  # -s
        moved = (
            (1.0 + (x if up else 1.0 - x) * bend)
            * math.expm1(-nonlinearity * count / levels)
            / bend
        )
    x += (moved if up else -moved) + jitter
    if x >= 1.0:
        return g_max
    return g_min if x <= 0.0 else g_min + x * span


@njit(error_model="numpy")
def answers(g, stuck, s, up, g_min, g_max):
    """Whether device s at g [S] moves when it is pulsed up or down.

    It does if it is formed, not stuck and not at its bound.
    """
    if g < g_min or (stuck.size > 0 and stuck[s] != 0):
        return False
    return g < g_max if up else g > g_min


@njit(error_model="numpy")
def pulse_step(
    step,
    key,
    sample,
    synapse,
    change,
    proposed,
    low,
    high,
    plus,
    minus,
    stuck_plus,
    stuck_minus,
    scale,
    g_min,
    g_max,
    levels,
    nonlinearity_up,
    nonlinearity_down,
    cycle_noise,
    pulses,
    turns,
):
    """Carry out the proposed changes, in order, by pulses; return their number.

    synapse, change (capacity,), of which the first proposed[0] count, set to 0 after; low, high:
    bounds on a weight; plus, minus (n_synapses,) [S]; scale: weight per siemens. A change takes
    |change| / (weight of one nominal pulse) pulses, rounded up or down at random so that the mean
    is right. They go to `plus`; where it cannot move that way, opposite pulses go to `minus`. A
    device below g_min has no filament and does not respond; nor does one that is stuck: stuck_plus,
    stuck_minus (n_synapses,) uint8, or (0,) if none is.
    pulses (1,): total. turns (n_synapses,) uint8, zeros between steps: how many proposals of each
    synapse were carried out in this step, so that each draws numbers of its own, whatever is
    proposed for others. sample (1,) int64: each sample of a batch draws numbers of its own.
    """
    count, stream = proposed[0], of_sample(key, sample[0])
    for k in range(count):
        s = synapse[k]
        draw = np.int64(s) + np.int64(turns[s]) * plus.size
        turns[s] += 1
        weight = scale * (plus[s] - minus[s])
        up = change[k] > 0
        wanted = (
            min(change[k], max(high - weight, 0.0))
            if up
            else max(change[k], min(low - weight, 0.0))
        )
        number = math.floor(
            abs(wanted) * levels / (scale * (g_max - g_min)) + uniform(stream, step, 4 * draw)
        )
        if number == 0:
            continue
        jitter = 0.0
        if cycle_noise > 0:
            jitter = cycle_noise * math.sqrt(number) * normal(stream, step, 2 * draw + 1)
        bend = nonlinearity_up if up else nonlinearity_down
        if answers(plus[s], stuck_plus, s, up, g_min, g_max):
            plus[s] = pulsed(np.float64(plus[s]), up, number, jitter, g_min, g_max, levels, bend)
            pulses[0] += number
        elif answers(minus[s], stuck_minus, s, not up, g_min, g_max):
            bend = nonlinearity_down if up else nonlinearity_up
            minus[s] = pulsed(
                np.float64(minus[s]), not up, number, jitter, g_min, g_max, levels, bend
            )
            pulses[0] += number
    for k in range(count):
        turns[synapse[k]] = 0
    proposed[0] = 0
    return count
