"""Adaptive exponential integrate-and-fire, exponential synaptic currents."""

from .caching import kernel
from .exponential import exponential
from .scan import at


@kernel
def adex_step(
    v,
    w,
    hold,
    g_e,
    g_i,
    drive,
    fired,
    rate,
    rate_w,
    rest,
    slope,
    onset,
    a,
    increment,
    decay_e,
    decay_i,
    peak,
    reset,
    hold_steps,
):
    """Advance one AdEx population by one step (Heun), in place; return the spike count.

    v (n,) potential [V]; w (n,) adaptation [V]; hold (n,) int32, refractory steps left; g_e, g_i
    (n,) synaptic currents [V]; arriving weights are added to them after the step; drive R*I [V];
    fired (n,) uint32 receives the firing indices. rate: dt/tau; rate_w: dt/tau_w.
    """
    half = v.dtype.type(0.5)
    reached = False
    for i in range(v.shape[0]):
        held = hold[i] > 0
        pull = at(rest, i) + at(drive, i)
        upstroke = at(slope, i) * exponential((v[i] - at(onset, i)) / at(slope, i))
        dv_1 = at(rate, i) * (pull + g_e[i] + g_i[i] - v[i] + upstroke - w[i])
        dw_1 = at(rate_w, i) * (at(a, i) * (v[i] - at(rest, i)) - w[i])
        g_e[i] *= at(decay_e, i)
        g_i[i] *= at(decay_i, i)
        v_1 = v[i] if held else min(v[i] + dv_1, at(peak, i))
        w_1 = w[i] + dw_1
        upstroke = at(slope, i) * exponential((v_1 - at(onset, i)) / at(slope, i))
        dv_2 = at(rate, i) * (pull + g_e[i] + g_i[i] - v_1 + upstroke - w_1)
        dw_2 = at(rate_w, i) * (at(a, i) * (v_1 - at(rest, i)) - w_1)
        moved = v[i] + half * (dv_1 + dv_2)
        v[i] = at(reset, i) if held else moved
        w[i] += half * (dw_1 + dw_2)
        hold[i] -= held
        reached |= v[i] >= at(peak, i)
    return _scan(v, w, hold, fired, increment, peak, reset, hold_steps) if reached else 0


@kernel
def _scan(v, w, hold, fired, increment, peak, reset, hold_steps):
    """Reset every neuron at the peak of its spike, start its refractory time; return the count."""
    count = 0
    for i in range(v.shape[0]):
        if v[i] >= at(peak, i):
            v[i] = at(reset, i)
            w[i] += at(increment, i)
            hold[i] = at(hold_steps, i)
            fired[count] = i
            count += 1
    return count
