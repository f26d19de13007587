"""Leaky integrate-and-fire in discrete time, decaying synaptic currents."""

from ..reference.discrete import CARRIED
from .caching import kernel
from .discrete import above, begun, carry, ended, fire
from .scan import at


@kernel
def discrete_cuba_lif_step(
    v,
    g,
    jump,
    drive,
    fired,
    decay,
    decay_current,
    gain,
    response,
    offset,
    threshold,
    reset_value,
    old,
    resets,
    reset_at,
    inclusive,
):
    """Advance one DiscreteCubaLIF population by one step, in place; return the spike count.

    v (n,) potential; g (n,) synaptic current; jump (n,) weights that arrive in this step, set to 0
    after; drive joins them; fired (n,) uint32 receives the firing indices. old: whether v is moved
    by g as it was before the step. resets, reset_at: see `NONE` and `SPIKE`.
    """
    reached, carried, count = False, reset_at == CARRIED, 0
    for i in range(v.shape[0]):
        level, value = at(threshold, i), at(reset_value, i)
        before, start = g[i], begun(v[i], level, value, resets, reset_at, inclusive)
        g[i] = before * at(decay_current, i) + (jump[i] + at(drive, i)) * at(gain, i)
        pushed = (before if old else g[i]) * at(response, i)
        moved = start * at(decay, i) + pushed + at(offset, i)
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
