"""Perfect integrate-and-fire, delta synapses."""

from .caching import kernel
from .scan import at, clamp, scan


@kernel
def integrator_step(v, resting, left, jump, drive, fired, dt, threshold, reset, hold_steps):
    """Advance one population of perfect integrators by one step, in place; return the spike count.

    v (n,) potential [V]; resting (n,) uint32 and left (n,) int32 list the refractory, see `clamp`; jump (n,)
    weight arriving at the end of the step [V], zeroed; drive I/C [V/s]; fired (n,) uint32 receives the firing
    indices.
    """
    for i in range(v.shape[0]):
        v[i] = v[i] + at(drive, i) * dt + jump[i]
        jump[i] = 0
    held = clamp(v, resting, left, reset)
    return scan(v, resting, left, held, fired, threshold, reset, hold_steps)
