"""The loop over steps: calls every operator's entry by address, in order; jumps over silence."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .binding import ENTRY
from .caching import cached


@intrinsic
def _call(typingctx, address, table, step):
    """Call the entry at `address` with the table row at address `table`."""

    def generate(context, builder, signature, arguments):
        pointer_type = context.get_value_type(types.CPointer(types.int64))
        function_type = context.get_value_type(ENTRY.return_type)
        function = builder.inttoptr(
            arguments[0], ir.FunctionType(function_type, [pointer_type, ir.IntType(64)]).as_pointer()
        )
        return builder.call(function, [builder.inttoptr(arguments[1], pointer_type), arguments[2]])

    return types.int64(types.int64, types.int64, types.int64), generate


@cached
def advance(entries, rows, masks, step, stop, upcoming, pause, state, before, patience):
    """Run steps `step` to `stop` - 1; return the first step not run.

    entries, rows (n_calls,) addresses of the compiled kernels and of their table rows; masks (n_calls,) bits of the
    step that are zero when the call is due;
    upcoming (n_operators,) next step at which an operator must run unasked; pause (1,) set by
    a full probe buffer; state (n_words,) all neuron state, before (n_words,) room for a copy.

    When `patience` steps passed without any spike or event, one step in which all calls are due is watched: if it
    changes no bit of the state, the following ones change none either, and the loop jumps to the earliest `upcoming`.
    """
    quiet, watched, all_due = 0, False, 0
    for k in range(masks.size):
        all_due |= masks[k]
    while step < stop:
        active = 0
        for k in range(entries.size):
            if step & masks[k] == 0:
                active += _call(entries[k], rows[k], step)
        step += 1
        if pause[0]:
            break
        quiet = 0 if active else quiet + 1
        if watched and not active and np.array_equal(before, state):
            step = min(max(step, upcoming.min()), stop)
        watched = quiet > patience and step & all_due == 0
        if watched:
            before[:] = state
    return step
