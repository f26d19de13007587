"""Leaky integrate-and-fire with an adaptive threshold, delta synapses."""

from .caching import kernel
from .scan import at, clamp, hold, short_of


@kernel
def adaptive_lif_step(
    v,
    a,
    resting,
    left,
    jump,
    drive,
    fired,
    decay,
    decay_a,
    coarse,
    increment,
    threshold,
    reset,
    hold_steps,
):
    """Advance one AdaptiveLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; a (n,) rise of the threshold by adaptation [V]; resting (n,) uint32 and
    left (n,) int32 list the refractory neurons, see `clamp`; jump (n,) weights that arrive at the
    end of the step [V], set to 0 after; drive R*I [V]; fired (n,) uint32 receives the firing
    indices; coarse: see `short_of`.
    """
    for i in range(v.shape[0]):
        driven = at(drive, i) + (v[i] - at(drive, i)) * at(decay, i)
        v[i] = short_of(at(drive, i), v, i, driven, coarse) + jump[i]
        a[i] *= at(decay_a, i)
        jump[i] = 0
    held = clamp(v, resting, left, reset)
    count = 0
    for i in range(v.shape[0]):
        if v[i] >= at(threshold, i) + a[i]:
            v[i] = at(reset, i)
            a[i] += at(increment, i)
            held = hold(i, resting, left, held, at(hold_steps, i))
            fired[count] = i
            count += 1
    return count
