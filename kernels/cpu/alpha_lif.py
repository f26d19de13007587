"""Leaky integrate-and-fire, alpha-function synaptic currents."""

from .caching import kernel
from .scan import at, clamp, scan, short_of


@kernel
def alpha_lif_step(
    v,
    resting,
    left,
    g_e,
    h_e,
    g_i,
    h_i,
    excitatory,
    inhibitory,
    drive,
    fired,
    decay,
    decay_e,
    decay_i,
    coarse,
    lag_e,
    lag_i,
    response_e,
    response_i,
    rising_e,
    rising_i,
    peak,
    threshold,
    reset,
    hold_steps,
):
    """Advance one AlphaLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; resting (n,) uint32 and left (n,) int32 list the refractory neurons, see
    `clamp`; g_e, g_i (n,) synaptic currents [V] and h_e, h_i (n,) the currents that feed them [V];
    excitatory, inhibitory (n,) weights that arrive at the end of the step [V], set to 0 after;
    drive R*I [V]; fired (n,) uint32 receives the firing indices. response_*, rising_*: what a g or
    h of 1 adds to v in a step; lag_*: what an h of 1 adds to g, before decay; coarse: see
    `short_of`.
    """
    for i in range(v.shape[0]):
        driven = at(drive, i) + (v[i] - at(drive, i)) * at(decay, i)
        driven = short_of(at(drive, i), v, i, driven, coarse)
        by_e = g_e[i] * at(response_e, i) + h_e[i] * at(rising_e, i)
        by_i = g_i[i] * at(response_i, i) + h_i[i] * at(rising_i, i)
        v[i] = driven + by_e + by_i
        g_e[i] = (g_e[i] + h_e[i] * at(lag_e, i)) * at(decay_e, i)
        g_i[i] = (g_i[i] + h_i[i] * at(lag_i, i)) * at(decay_i, i)
        h_e[i] = h_e[i] * at(decay_e, i) + excitatory[i] * peak
        h_i[i] = h_i[i] * at(decay_i, i) + inhibitory[i] * peak
        excitatory[i] = 0
        inhibitory[i] = 0
    held = clamp(v, resting, left, reset)
    return scan(v, resting, left, held, fired, threshold, reset, hold_steps)
