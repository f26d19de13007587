"""Leaky integrate-and-fire in discrete time, delta synapses."""

from ..reference.discrete import CARRIED
from .caching import kernel
from .discrete import above, begun, carry, ended, fire
from .scan import at


@kernel
def discrete_lif_step(
    v,
    jump,
    drive,
    fired,
    decay,
    gain,
    offset,
    threshold,
    reset_value,
    resets,
    reset_at,
    inclusive,
):
    """Advance one DiscreteLIF population by one step, in place; return the spike count.

    v (n,) potential; jump (n,) weights that arrive in this step, set to 0 after; drive joins them;
    fired (n,) uint32 receives the firing indices. resets, reset_at: see `NONE` and `SPIKE`.
    """
    reached, carried, count = False, reset_at == CARRIED, 0
    for i in range(v.shape[0]):
        level, value = at(threshold, i), at(reset_value, i)
        start = begun(v[i], level, value, resets, reset_at, inclusive)
        arrived = (jump[i] + at(drive, i)) * at(gain, i)
        moved = start * at(decay, i) + arrived + at(offset, i)
        jump[i] = 0
        if carried:
            v[i], fires = carry(moved, above(v[i], level, inclusive), level, inclusive)
            if fires:
                fired[count] = i
                count += 1
        else:
            v[i] = ended(moved, v[i], level, value, resets, reset_at, inclusive)
            reached |= above(v[i], level, inclusive)
    if reached:
        count = fire(v, fired, threshold, reset_value, resets, reset_at, inclusive)
    return count
