"""A barrier, at which threads meet between the stages of a step.

It is a counter and a generation in shared memory. A thread that waits spins for some microseconds,
since the others are seldom further behind. Then it yields its core, since another thread may need a
core to arrive at all.
"""

import platform
import sys

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .caching import kernel

# places in `meeting` (WORDS,) int64, a cache line apart
ARRIVED, GENERATION, LATE, WORDS = (
    0,
    8,
    16,
    24,
)
SPINS = 4000  # reads before the core is yielded
LONG = 1_000_000  # cycles: a core that comes back later than this came back late
_X86 = platform.machine() in {"x86_64", "AMD64"}
_give_way = types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32()
)


@intrinsic
def _add(typingctx, address, value):
    """Add atomically to the int64 at `address`; return its value before."""

    def generate(context, builder, signature, arguments):
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", place, arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def look(typingctx, address):
    """Read atomically (acquire) the int64 at `address`, as other threads wrote it."""

    def generate(context, builder, signature, arguments):
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(types.int64), generate


@intrinsic
def leave(typingctx, address, value):
    """Write atomically (release) an int64 to `address`.

    Who reads it sees all that was written before.
    """

    def generate(context, builder, signature, arguments):
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        builder.store_atomic(arguments[1], place, "release", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def _breathe(typingctx):
    """Tell the processor that this is a spin loop."""

    def generate(context, builder, signature, arguments):
        if _X86:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(
                cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), []
            )
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def clock(typingctx):
    """The processor's cycle counter."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.IntType(64), [])
        return builder.call(
            cgutils.get_or_insert_function(builder.module, kind, "llvm.readcyclecounter"), []
        )

    return types.int64(), generate


@kernel
def meet(meeting, threads):
    """Wait until all `threads` threads are here.

    meeting: address of (WORDS,) int64; word LATE counts how often a yielded core came back late.
    """
    generation = look(meeting + 8 * GENERATION)
    if _add(meeting + 8 * ARRIVED, 1) == threads - 1:
        leave(meeting + 8 * ARRIVED, 0)
        leave(meeting + 8 * GENERATION, generation + 1)
        return
    looks = 0
    while look(meeting + 8 * GENERATION) == generation:
        looks += 1
        if looks > SPINS:
            begin = clock()
            _give_way()
            if clock() - begin > LONG:
                _add(meeting + 8 * LATE, 1)
        else:
            _breathe()
