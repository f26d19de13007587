"""Leaky integrate-and-fire with an adaptive threshold, delta synapses."""

from __future__ import annotations

import numpy as np

from .scan import clamp, scan, short_of


def adaptive_lif_step(
    v, a, resting, left, jump, drive, fired, decay, decay_a, increment, threshold, reset, hold_steps
):
    """Advance one AdaptiveLIF population by one step, in place; return the spike count.

    v (n,) potential [V]; a (n,) rise of the threshold by adaptation [V]; resting (n,) uint32 and
    left (n,) int32 list the refractory neurons, see `clamp`; jump (n,) weights that arrive at the
    end of the step [V], set to 0 after; drive R*I [V]; fired (n,) uint32 receives the firing
    indices.
    """
    v[:] = short_of(drive, v, drive + (v - drive) * decay) + jump
    a *= decay_a
    jump[:] = 0
    held = clamp(v, resting, left, reset)
    raised = threshold + a
    np.add(a, increment, out=a, where=v >= raised)
    return scan(v, resting, left, held, fired, raised, reset, hold_steps)
