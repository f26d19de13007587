"""Leaky integrate-and-fire, delta synapses."""

from .caching import kernel
from .scan import at, clamp, scan, short_of


@kernel
def lif_step(v, resting, left, jump, drive, fired, decay, coarse, threshold, reset, hold_steps):
    """Advance one LIF population by one step, in place; return the spike count.

    v (n,) potential [V]; resting (n,) uint32 and left (n,) int32 list the refractory neurons, see
    `clamp`;
    jump (n,) weights that arrive at the end of the step [V], set to 0 after; drive R*I [V]; fired
    (n,) uint32, whose first `count` entries receive the firing indices; coarse: see `short_of`. In
    all neuron kernels drive and constants are one number or (n,).
    """
    for i in range(v.shape[0]):
        driven = at(drive, i) + (v[i] - at(drive, i)) * at(decay, i)
        v[i] = short_of(at(drive, i), v, i, driven, coarse) + jump[i]
        jump[i] = 0
    held = clamp(v, resting, left, reset)
    return scan(v, resting, left, held, fired, threshold, reset, hold_steps)
