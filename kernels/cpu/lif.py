"""Leaky integrate-and-fire, delta synapses."""

from numba import njit

from .scan import at, scan, settle


@njit(error_model="numpy")
def lif_step(v, hold, jump, drive, fired, decay, threshold, reset, hold_steps):
    """Advance one LIF population by one step, in place; return the spike count.

    v (n,) potential [V]; hold (n,) int32, refractory steps left; jump (n,) weight arriving at the end of
    the step [V], zeroed; drive (n,) R*I [V]; fired (n,) uint32, whose first `count` entries receive the
    firing indices.
    """
    reached = False
    for i in range(v.shape[0]):
        moved = settle(drive[i] + (v[i] - drive[i]) * at(decay, i)) + jump[i]
        v[i] = at(reset, i) if hold[i] > 0 else moved
        hold[i] -= hold[i] > 0
        jump[i] = 0
        reached |= v[i] >= at(threshold, i)
    return scan(v, hold, fired, threshold, reset, hold_steps) if reached else 0
