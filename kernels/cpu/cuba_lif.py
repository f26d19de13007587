"""Leaky integrate-and-fire, exponential synaptic currents."""

from numba import njit

from .scan import at, scan, settle


@njit(error_model="numpy")
def cuba_lif_step(
    v, hold, g_e, g_i, excitatory, inhibitory, drive, fired,
    decay, decay_e, decay_i, response_e, response_i, threshold, reset, hold_steps,
):  # fmt: skip
    """Advance one CubaLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; hold (n,) int32, refractory steps left; g_e, g_i (n,) synaptic currents [V];
    excitatory, inhibitory (n,) weights arriving at the end of the step [V], zeroed; drive (n,) R*I [V];
    fired (n,) uint32 receives the firing indices. response_*: what a current of 1 adds to v in a step.
    """
    reached = False
    for i in range(v.shape[0]):
        driven = drive[i] + (v[i] - drive[i]) * at(decay, i)
        moved = settle(driven + g_e[i] * at(response_e, i) + g_i[i] * at(response_i, i))
        g_e[i] = settle(g_e[i] * at(decay_e, i)) + excitatory[i]
        g_i[i] = settle(g_i[i] * at(decay_i, i)) + inhibitory[i]
        excitatory[i] = 0
        inhibitory[i] = 0
        v[i] = at(reset, i) if hold[i] > 0 else moved
        hold[i] -= hold[i] > 0
        reached |= v[i] >= at(threshold, i)
    return scan(v, hold, fired, threshold, reset, hold_steps) if reached else 0
