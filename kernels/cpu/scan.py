"""Pieces shared by the neuron kernels: parameters per neuron or for all, the floor, the threshold scan."""

import numpy as np
from numba import njit, types
from numba.extending import overload

BLOCK = 128  # neurons per comparison in `scan`
FLOOR = 1e-20  # below this a decaying value is nothing; denormal numbers cost 16 times more


def at(parameter, i):
    """Entry i of a parameter given per neuron, or the one number that holds for all."""
    return parameter[i] if hasattr(parameter, "__len__") else parameter


@overload(at)
def _at(parameter, i):
    if isinstance(parameter, types.Array):
        return lambda parameter, i: parameter[i]
    return lambda parameter, i: parameter


def settle(x):
    """`x`, or zero where it has decayed to nothing."""
    return x if abs(x) > FLOOR else 0.0


@overload(settle)
def _settle(x):
    floor, zero = (np.float32(FLOOR), np.float32(0)) if x == types.float32 else (FLOOR, 0.0)
    return lambda x: x if abs(x) > floor else zero


@njit(error_model="numpy")
def scan(v, hold, fired, threshold, reset, hold_steps):
    """Reset every neuron at threshold, note it in `fired`, start its refractory time; return the count.

    A block in which nobody fired is passed over by one vectorised comparison.
    """
    count = 0
    for start in range(0, v.shape[0], BLOCK):
        stop = min(start + BLOCK, v.shape[0])
        reached = False
        for i in range(start, stop):
            reached |= v[i] >= at(threshold, i)
        if not reached:
            continue
        for i in range(start, stop):
            if v[i] >= at(threshold, i):
                v[i] = at(reset, i)
                hold[i] = at(hold_steps, i)
                fired[count] = i
                count += 1
    return count
