"""Perfect integrate-and-fire, delta synapses."""

from __future__ import annotations

from .scan import clamp, clear, scan


def integrator_step(v, carry, resting, left, jump, drive, fired, dt, threshold, reset, hold_steps):
    """Advance one population of perfect integrators by one step, in place; return the spike count.

    v (n,) potential [V]; carry (n,) the rounding errors of v so far [V], which the next step adds,
    so that a million small steps add up exactly (Knuth 1997, The Art of Computer Programming 2,
    section 4.2.2); resting (n,) uint32 and left (n,) int32 list the refractory neurons, see
    `clamp`; jump (n,) weights that arrive at the end of the step [V], set to 0 after; drive I/C
    [V/s]; fired (n,) uint32 receives the firing indices.
    """
    # two plain numbers would be multiplied in double precision
    more = drive * v.dtype.type(dt) + jump + carry
    total = v + more
    added = total - v
    carry[:] = (v - (total - added)) + (more - added)
    v[:] = total
    jump[:] = 0
    clear(carry, resting, left)
    held = clamp(v, resting, left, reset)
    count = scan(v, resting, left, held, fired, threshold, reset, hold_steps)
    carry[fired[:count]] = 0
    return count
