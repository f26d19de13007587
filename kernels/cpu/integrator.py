"""Perfect integrate-and-fire, delta synapses."""

from numba import njit

from .scan import at, scan


@njit(error_model="numpy")
def integrator_step(v, hold, jump, drive, fired, dt, threshold, reset, hold_steps):
    """Advance one population of perfect integrators by one step, in place; return the spike count.

    v (n,) potential [V]; hold (n,) int32, refractory steps left; jump (n,) weight arriving at the end of
    the step [V], zeroed; drive (n,) I/C [V/s]; fired (n,) uint32 receives the firing indices.
    """
    reached = False
    for i in range(v.shape[0]):
        moved = v[i] + drive[i] * dt + jump[i]
        v[i] = at(reset, i) if hold[i] > 0 else moved
        hold[i] -= hold[i] > 0
        jump[i] = 0
        reached |= v[i] >= at(threshold, i)
    return scan(v, hold, fired, threshold, reset, hold_steps) if reached else 0
