"""Leaky integrate-and-fire with an adaptive threshold, delta synapses."""

from numba import njit

from .scan import at, settle


@njit(error_model="numpy")
def adaptive_lif_step(v, a, hold, jump, drive, fired, decay, decay_a, increment, threshold, reset, hold_steps):
    """Advance one AdaptiveLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; a (n,) what adaptation adds to the threshold [V]; hold (n,) int32, refractory
    steps left; jump (n,) weight arriving at the end of the step [V], zeroed; drive (n,) R*I [V];
    fired (n,) uint32 receives the firing indices.
    """
    reached = False
    for i in range(v.shape[0]):
        moved = settle(drive[i] + (v[i] - drive[i]) * at(decay, i)) + jump[i]
        a[i] = settle(a[i] * at(decay_a, i))
        v[i] = at(reset, i) if hold[i] > 0 else moved
        hold[i] -= hold[i] > 0
        jump[i] = 0
        reached |= v[i] >= at(threshold, i) + a[i]
    return _scan(v, a, hold, fired, increment, threshold, reset, hold_steps) if reached else 0


@njit(error_model="numpy")
def _scan(v, a, hold, fired, increment, threshold, reset, hold_steps):
    """Reset every neuron at its threshold and raise that threshold; return the count."""
    count = 0
    for i in range(v.shape[0]):
        if v[i] >= at(threshold, i) + a[i]:
            v[i] = at(reset, i)
            a[i] += at(increment, i)
            hold[i] = at(hold_steps, i)
            fired[count] = i
            count += 1
    return count
