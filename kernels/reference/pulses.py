"""Programming pulses on device pairs.

Within its range x = (g - g_min) / (g_max - g_min) a device answers n equal pulses that raise it by

    x := x + (1 - s x) (1 - exp(-nu n / levels)) / s,   s = 1 - exp(-nu),

and pulses that lower it by the same equation for 1 - x. `levels` pulses lead from one bound to the
other, in equal steps for nu = 0 and ever smaller ones for nu > 0 (Chen, Peng and Yu 2018,
doi:10.1109/TCAD.2018.2789723, whose A / P_max is 1 / nu). Cycle-to-cycle variation adds a normal
error to x that grows with the square root of n, as there.
"""

from __future__ import annotations

import numpy as np

from .random import normal, of_sample, uniform


def pulsed(g, up, count, jitter, g_min, g_max, levels, nonlinearity):
    """The conductance [S] after `count` equal pulses from `g`, bounded.

    g and count may be arrays.
    """
    x = (g - g_min) / (g_max - g_min)
    x = x if up else 1 - x
    if nonlinearity == 0:
        x = x + count / levels
    else:
        s = -np.expm1(-nonlinearity)
        x = x + (1 - s * x) * -np.expm1(-nonlinearity * count / levels) / s
    x = (x if up else 1 - x) + jitter
    return np.where(x >= 1, g_max, np.where(x <= 0, g_min, g_min + x * (g_max - g_min)))


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
    """Carry out the proposed changes, in order, by pulses; return their number."""
    count, stream = int(proposed[0]), of_sample(key, sample[0])
    nominal = scale * (g_max - g_min) / levels
    for k in range(count):
        s, up = synapse[k], change[k] > 0
        draw = int(s) + int(turns[s]) * len(plus)
        turns[s] += 1
        weight = scale * (plus[s] - minus[s])
        room = max(high - weight, 0) if up else max(weight - low, 0)
        number = int(min(abs(change[k]), room) / nominal + uniform(stream, step, 4 * draw))
        if number == 0:
            continue
        jitter = cycle_noise * np.sqrt(number) * normal(stream, step, 2 * draw + 1)
        for cells, stuck, raises in ((plus, stuck_plus, up), (minus, stuck_minus, not up)):
            free = cells[s] >= g_min and not (stuck.size and stuck[s])
            if free and (cells[s] < g_max if raises else cells[s] > g_min):
                bend = nonlinearity_up if raises else nonlinearity_down
                cells[s] = pulsed(
                    float(cells[s]), raises, number, jitter, g_min, g_max, levels, bend
                )
                pulses[0] += number
                break
    turns[synapse[:count]] = 0
    proposed[0] = 0
    return count
