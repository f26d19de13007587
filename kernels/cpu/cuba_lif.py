"""Leaky integrate-and-fire, exponential synaptic currents."""

from .caching import kernel
from .scan import at, clamp, scan, short_of


@kernel
def cuba_lif_step(
    v,
    resting,
    left,
    g_e,
    g_i,
    drive,
    fired,
    decay,
    decay_e,
    decay_i,
    coarse,
    response_e,
    response_i,
    threshold,
    reset,
    hold_steps,
):
    """Advance one CubaLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; resting (n,) uint32 and left (n,) int32 list the refractory neurons, see
    `clamp`; g_e, g_i (n,) synaptic currents [V]; arriving weights are added to them after the step;
    drive R*I [V]; fired (n,) uint32 receives the firing indices. response_*: what a current of 1
    adds to v in a step; coarse: see `short_of`.
    """
    for i in range(v.shape[0]):
        driven = at(drive, i) + (v[i] - at(drive, i)) * at(decay, i)
        driven = short_of(at(drive, i), v, i, driven, coarse)
        v[i] = driven + g_e[i] * at(response_e, i) + g_i[i] * at(response_i, i)
        g_e[i] *= at(decay_e, i)
        g_i[i] *= at(decay_i, i)
    held = clamp(v, resting, left, reset)
    return scan(v, resting, left, held, fired, threshold, reset, hold_steps)
