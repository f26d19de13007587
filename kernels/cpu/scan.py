"""What the neuron kernels share.

Parameters per neuron or for all, the list of refractory neurons, the threshold.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from .caching import kernel

LANES = 16  # neurons compared at once


def at(parameter, i):
    """Entry i of a parameter given per neuron, or the one number that holds for all."""
    return parameter[i] if hasattr(parameter, "__len__") else parameter


@overload(at)
def _at(parameter, i):
    if isinstance(parameter, types.Array):
        return lambda parameter, i: parameter[i]
    return lambda parameter, i: parameter


@kernel
def short_of(goal, v, i, moved, coarse):
    """The value of v[i] after one step of decay towards `goal`, but short of the goal.

    It is `moved`, or just below the goal if rounding reached that. A unit whose drive equals its
    threshold approaches it and must never fire. Rounding can reach the goal only where half of the
    distance or less is left after a step; `coarse` says that this may be so. It is the same for all
    neurons, so the compiler makes two versions of the loop around this.
    """
    if coarse and v[i] < goal and moved >= goal:
        return goal - (abs(goal) * np.finfo(v.dtype).eps + np.finfo(v.dtype).tiny)
    return moved


@kernel
def clear(values, resting, left):
    """Set the entries of refractory neurons in `values` to 0.

    resting, left: as in `clamp`, before it runs.
    """
    k = 0
    while k < left.size and left[k] != 0:
        values[resting[k]] = 0
        k += 1


@kernel
def clamp(v, resting, left, reset):
    """Hold refractory neurons at `reset`, drop those whose time ends with this step.

    Returns how many stay. resting (n,) uint32 lists the refractory neurons and left (n,) int32 the
    steps that each has left; the list ends where left is 0. A list takes time for refractory
    neurons only; a counter per neuron would take as much time for every neuron as a synaptic
    current does.
    """
    listed, free, ahead = 0, 0, 0
    while listed < left.size and left[listed] != 0:
        i = resting[listed]
        v[i] = at(reset, i)
        listed += 1
    for k in range(listed):
        left[k] -= np.int32(1)
        free += np.int32(left[k] == 0)
    if free == 0:
        return listed
    held = listed - free
    while ahead < free and left[ahead] == 0:
        ahead += 1
    # usual: those that end stand in front; neurons with a longer refractory time may stand before
    # them
    if ahead == free:
        for k in range(held):
            resting[k] = resting[k + free]
            left[k] = left[k + free]
    else:
        held = _compact(resting, left, listed)
    left[held] = 0
    return held


@kernel
def _compact(resting, left, listed):
    """Drop the entries without steps left from the first `listed`; return how many stay."""
    held = 0
    for k in range(listed):
        resting[held] = resting[k]
        left[held] = left[k]
        held += left[k] != 0
    return held


@kernel
def hold(i, resting, left, held, steps):
    """Append neuron i to the list of `held` refractory neurons for `steps` steps.

    Returns the new length of the list. A full list takes no more. It can only be full if this
    neuron is in it already: one whose threshold lies below its reset fires while it is refractory.
    """
    if steps == 0 or held == left.size:
        return held
    resting[held] = i
    left[held] = steps
    if held + 1 < left.size:
        left[held + 1] = 0
    return held + 1


@intrinsic
def _reached(typingctx, v, start, threshold):
    """A word whose bit k says whether neuron ``start + k`` is at threshold, k < LANES."""

    def generate(context, builder, signature, arguments):
        element = context.get_value_type(signature.args[0].dtype)
        vector = ir.VectorType(element, LANES)

        def loaded(kind, array):
            place = builder.gep(
                context.make_array(kind)(context, builder, array).data, [arguments[1]]
            )
            word = builder.load(builder.bitcast(place, vector.as_pointer()))
            word.align = context.get_abi_sizeof(element)
            return word

        if isinstance(signature.args[2], types.Array):
            limit = loaded(signature.args[2], arguments[2])
        else:
            number = context.cast(builder, arguments[2], signature.args[2], signature.args[0].dtype)
            first = builder.insert_element(
                ir.Constant(vector, ir.Undefined), number, ir.Constant(ir.IntType(32), 0)
            )
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
            limit = builder.shuffle_vector(first, first, zeros)
        bits = builder.fcmp_ordered(">=", loaded(signature.args[0], arguments[0]), limit)
        return builder.zext(builder.bitcast(bits, ir.IntType(LANES)), ir.IntType(64))

    return types.int64(v, types.intp, threshold), generate


@intrinsic
def _lowest(typingctx, word):
    """The index of the lowest bit that is set."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


@kernel
def scan(v, resting, left, held, fired, threshold, reset, hold_steps):
    """Reset every neuron at threshold, list it in `fired`, start its refractory time.

    Returns the count. 16 neurons are compared at once. held: what `clamp` returned.
    """
    count = 0
    whole = v.shape[0] - v.shape[0] % LANES
    for start in range(0, whole, LANES):
        reached = _reached(v, start, threshold)
        while reached:
            i = start + _lowest(reached)
            reached &= reached - 1
            v[i] = at(reset, i)
            held = hold(i, resting, left, held, at(hold_steps, i))
            fired[count] = i
            count += 1
    for i in range(whole, v.shape[0]):
        if v[i] >= at(threshold, i):
            v[i] = at(reset, i)
            held = hold(i, resting, left, held, at(hold_steps, i))
            fired[count] = i
            count += 1
    return count
