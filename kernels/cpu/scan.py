"""Pieces shared by the neuron kernels: parameters per neuron or for all, the refractory list, the threshold scan."""

import numpy as np
from numba import njit, types
from numba.extending import overload

BLOCK = 128  # neurons per comparison in `scan`


def at(parameter, i):
    """Entry i of a parameter given per neuron, or the one number that holds for all."""
    return parameter[i] if hasattr(parameter, "__len__") else parameter


@overload(at)
def _at(parameter, i):
    if isinstance(parameter, types.Array):
        return lambda parameter, i: parameter[i]
    return lambda parameter, i: parameter


@njit(error_model="numpy")
def clamp(v, resting, left, reset):
    """Hold refractory neurons at `reset`, drop those whose time ends with this step; return how many stay.

    resting (n,) uint32 lists the refractory neurons and left (n,) int32 their steps; the list ends where left is 0.
    A list costs only what is refractory: one more array of n would cost every neuron as much as a synaptic current.
    """
    held = 0
    for k in range(resting.size):
        if left[k] == 0:
            break
        i = resting[k]
        v[i] = at(reset, i)
        if left[k] > 1:
            resting[held] = i
            left[held] = left[k] - 1
            held += 1
    if held < left.size:
        left[held] = 0
    return held


@njit(error_model="numpy")
def hold(i, resting, left, held, steps):
    """Append neuron i to the list of `held` refractory neurons for `steps` steps; return its new length."""
    if steps == 0:
        return held
    resting[held] = i
    left[held] = steps
    if held + 1 < left.size:
        left[held + 1] = 0
    return held + 1


@njit(error_model="numpy")
def scan(v, resting, left, held, fired, threshold, reset, hold_steps):
    """Reset every neuron at threshold, note it in `fired`, let it rest; return the count.

    A block in which nobody fired is passed over by one vectorised comparison; held: from `clamp`.
    """
    count = 0
    for start in range(0, v.shape[0], BLOCK):
        block = v[start : start + BLOCK]
        reached = np.int32(0)
        for i in range(block.size):
            reached += np.int32(block[i] >= at(threshold, start + i))
        if reached == 0:
            continue
        for i in range(start, start + block.size):
            if v[i] >= at(threshold, i):
                v[i] = at(reset, i)
                held = hold(i, resting, left, held, at(hold_steps, i))
                fired[count] = i
                count += 1
    return count
