"""Leaky integrate-and-fire, exponential synaptic conductances."""

from .caching import kernel
from .exponential import exponential, fma
from .scan import at, clamp, scan, short_of


@kernel
def coba_lif_step(
    v,
    resting,
    left,
    g_e,
    g_i,
    drive,
    fired,
    rate,
    coarse,
    rest,
    reversal_e,
    reversal_i,
    decay_e,
    decay_i,
    mean_e,
    mean_i,
    threshold,
    reset,
    hold_steps,
):
    """Advance one CobaLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; resting (n,) uint32 and left (n,) int32 list the refractory neurons, see
    `clamp`; g_e, g_i (n,) conductances [leak conductance]; arriving weights are added to them after
    the step; drive R*I [V];
    fired (n,) uint32 receives the firing indices. rate: dt/tau; mean_*: the mean of a conductance
    over a step, relative to its value at the beginning; coarse: see `short_of`.
    """
    leak = v.dtype.type(1)
    for i in range(v.shape[0]):
        open_e = g_e[i] * at(mean_e, i)
        open_i = g_i[i] * at(mean_i, i)
        total = leak + open_e + open_i
        pull = fma(
            open_i, at(reversal_i, i), fma(open_e, at(reversal_e, i), at(rest, i) + at(drive, i))
        )
        target = pull / total
        moved = fma(v[i] - target, exponential(-at(rate, i) * total), target)
        v[i] = short_of(target, v, i, moved, coarse)
        g_e[i] *= at(decay_e, i)
        g_i[i] *= at(decay_i, i)
    held = clamp(v, resting, left, reset)
    return scan(v, resting, left, held, fired, threshold, reset, hold_steps)
