"""Leaky integrate-and-fire, exponential synaptic conductances."""

from numba import njit

from .exponential import exponential
from .scan import at, scan, settle


@njit(error_model="numpy")
def coba_lif_step(
    v, hold, g_e, g_i, excitatory, inhibitory, drive, fired, rate, rest, reversal_e, reversal_i,
    decay_e, decay_i, mean_e, mean_i, threshold, reset, hold_steps,
):  # fmt: skip
    """Advance one CobaLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; hold (n,) int32, refractory steps left; g_e, g_i (n,) conductances [leak
    conductance]; excitatory, inhibitory (n,) weights arriving at the end of the step [leak conductance],
    zeroed; drive (n,) R*I [V]; fired (n,) uint32 receives the firing indices. rate: dt/tau; mean_*: the
    mean of a conductance over a step, relative to its beginning.
    """
    leak = v.dtype.type(1)
    reached = False
    for i in range(v.shape[0]):
        open_e = g_e[i] * at(mean_e, i)
        open_i = g_i[i] * at(mean_i, i)
        total = leak + open_e + open_i
        pull = at(rest, i) + open_e * at(reversal_e, i) + open_i * at(reversal_i, i) + drive[i]
        target = pull / total
        moved = settle(target + (v[i] - target) * exponential(-at(rate, i) * total))
        g_e[i] = settle(g_e[i] * at(decay_e, i)) + excitatory[i]
        g_i[i] = settle(g_i[i] * at(decay_i, i)) + inhibitory[i]
        excitatory[i] = 0
        inhibitory[i] = 0
        v[i] = at(reset, i) if hold[i] > 0 else moved
        hold[i] -= hold[i] > 0
        reached |= v[i] >= at(threshold, i)
    return scan(v, hold, fired, threshold, reset, hold_steps) if reached else 0
