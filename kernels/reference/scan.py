"""Pieces shared by the neuron kernels: the floor, and what happens at threshold."""

from __future__ import annotations

import numpy as np

from ..cpu.scan import FLOOR


def settle(x):
    """`x` (n,) with zeros where it has decayed to nothing."""
    return np.where(np.abs(x) > FLOOR, x, x.dtype.type(0))


def note(reached, fired):
    """Write where `reached` (n,) bool holds to `fired`, ascending; return the count."""
    indices = np.flatnonzero(reached)
    fired[: indices.size] = indices
    return indices.size


def scan(v, hold, fired, threshold, reset, hold_steps):
    """Reset every neuron at threshold, note it in `fired`, start its refractory time; return the count."""
    reached = v >= threshold
    np.copyto(v, reset, where=reached, casting="same_kind")
    np.copyto(hold, hold_steps, where=reached, casting="same_kind")
    return note(reached, fired)


def hold_back(v, hold, moved, reset):
    """Give `v` its new value, or `reset` while the refractory time lasts; count that time down."""
    v[:] = np.where(hold > 0, reset, moved)
    hold[:] = np.maximum(hold - 1, 0)
