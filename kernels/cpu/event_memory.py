"""Memory of the event engine as compiled code sees it.

It is records of addresses, which cost nothing to hand on. Arrays handed from function to function
are counted by reference, here several times per synapse; addresses are not. Whoever makes a table
keeps the arrays alive and in place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic


@intrinsic
def record(typingctx, address, index, dtype):
    """Record `index` of the array of records at `address`, in place."""
    target = dtype.dtype

    def generate(context, builder, signature, arguments):
        offset = builder.mul(arguments[1], ir.Constant(ir.IntType(64), target.size))
        return builder.inttoptr(builder.add(arguments[0], offset), context.get_value_type(target))

    return target(types.int64, types.int64, dtype), generate


@intrinsic
def pointer(typingctx, address, dtype):
    """The integer `address` as a pointer to `dtype`."""
    target = types.CPointer(dtype.dtype)

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(target))

    return target(types.int64, dtype), generate


@njit(inline="always")
def reals(address):
    """The float64 numbers at `address`."""
    return pointer(address, np.float64)


@njit(inline="always")
def wholes(address):
    """The int64 numbers at `address`."""
    return pointer(address, np.int64)


@njit(inline="always")
def ids(address):
    """The uint32 numbers at `address`."""
    return pointer(address, np.uint32)


def table(members: Any) -> np.ndarray:
    """A record (1,) with the members of a NamedTuple.

    They are the addresses of arrays, and whole numbers.
    """
    made = np.zeros(1, [(name, np.int64) for name in members._fields])
    for name, value in members._asdict().items():
        made[name] = value.ctypes.data if isinstance(value, np.ndarray) else value
    return made
