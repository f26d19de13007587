"""Adaptive exponential integrate-and-fire, exponential synaptic currents."""

from numba import njit

from .exponential import exponential
from .scan import at, scan, settle


@njit(error_model="numpy")
def adex_step(
    v, w, hold, g_e, g_i, excitatory, inhibitory, drive, fired, rate, rate_w, rest, slope, onset, a,
    increment, decay_e, decay_i, peak, reset, hold_steps,
):  # fmt: skip
    """Advance one AdEx population by one step (Heun), in place; return the spike count.

    v (n,) potential [V]; w (n,) adaptation [V]; hold (n,) int32, refractory steps left; g_e, g_i (n,)
    synaptic currents [V]; excitatory, inhibitory (n,) weights arriving at the end of the step [V], zeroed;
    drive (n,) R*I [V]; fired (n,) uint32 receives the firing indices. rate: dt/tau; rate_w: dt/tau_w.
    """
    half = v.dtype.type(0.5)
    reached = False
    for i in range(v.shape[0]):
        held = hold[i] > 0
        pull = at(rest, i) + drive[i]
        upstroke = at(slope, i) * exponential((v[i] - at(onset, i)) / at(slope, i))
        dv_1 = at(rate, i) * (pull + g_e[i] + g_i[i] - v[i] + upstroke - w[i])
        dw_1 = at(rate_w, i) * (at(a, i) * (v[i] - at(rest, i)) - w[i])
        g_e[i] = settle(g_e[i] * at(decay_e, i))
        g_i[i] = settle(g_i[i] * at(decay_i, i))
        v_1 = v[i] if held else min(v[i] + dv_1, at(peak, i))
        w_1 = w[i] + dw_1
        upstroke = at(slope, i) * exponential((v_1 - at(onset, i)) / at(slope, i))
        dv_2 = at(rate, i) * (pull + g_e[i] + g_i[i] - v_1 + upstroke - w_1)
        dw_2 = at(rate_w, i) * (at(a, i) * (v_1 - at(rest, i)) - w_1)
        moved = settle(v[i] + half * (dv_1 + dv_2))
        v[i] = at(reset, i) if held else moved
        w[i] = settle(w[i] + half * (dw_1 + dw_2))
        hold[i] -= held
        g_e[i] += excitatory[i]
        g_i[i] += inhibitory[i]
        excitatory[i] = 0
        inhibitory[i] = 0
        reached |= v[i] >= at(peak, i)
    if not reached:
        return 0
    count = scan(v, hold, fired, peak, reset, hold_steps)
    for k in range(count):
        w[fired[k]] += at(increment, fired[k])
    return count
