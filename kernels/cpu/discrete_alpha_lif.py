"""Neurons in discrete time whose potential is the difference of two decaying currents."""

from ..reference.discrete import AFTER, NONE, SUBTRACT
from .caching import kernel
from .discrete import above, fire
from .scan import at


@kernel
def discrete_alpha_lif_step(
    v,
    g_e,
    g_i,
    jump,
    drive,
    fired,
    decay_excitatory,
    decay_inhibitory,
    gain,
    threshold,
    resets,
    inclusive,
):
    """Advance one DiscreteAlphaLIF population by one step, in place; return the spike count.

    v (n,) potential; g_e, g_i (n,) the currents of which v is made; jump (n,) weights that arrive
    in this step, set to 0 after; drive joins them; fired (n,) uint32 receives the firing indices.
    resets: see `NONE`; a reset to a value sets all to 0.
    """
    reached, nothing = False, v.dtype.type(0)
    for i in range(v.shape[0]):
        level, arrived, before = at(threshold, i), jump[i] + at(drive, i), g_i[i]
        due = resets != NONE and above(v[i], level, inclusive)
        g_e[i] = g_e[i] * at(decay_excitatory, i) + arrived
        g_i[i] = before * at(decay_inhibitory, i) - arrived
        v[i] = (g_e[i] + g_i[i]) * at(gain, i)
        jump[i] = 0
        if due:
            subtracts = resets == SUBTRACT
            v[i] = v[i] + before if subtracts else nothing
            g_e[i] = g_e[i] - level if subtracts else nothing
            g_i[i] = nothing
        reached |= above(v[i], level, inclusive)
    return fire(v, fired, threshold, 0, resets, AFTER, inclusive) if reached else 0
