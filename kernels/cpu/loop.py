"""The loop over steps: calls every operator's entry by address, in order; jumps over silence."""

import numpy as np
from llvmlite import ir
from numba import carray, njit, types
from numba.extending import intrinsic

from .barrier import LATE, clock, leave, look, meet
from .binding import ENTRY, pointer
from .caching import cached

PATIENCE = 8  # times that lanes wait for a core before they give up for this chunk


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


@njit(error_model="numpy")
def _run(entries, rows, masks, naps, begin, end, step, watched):
    """Make the calls `begin` to `end` - 1 that are due; return how much they did.

    naps (n_calls,): address of what lets a call pause, 0 for none; see `_awake`. watched: whether the state before
    and after a call is compared in this step.
    """
    active = 0
    for k in range(begin, end):
        if step & masks[k] == 0:
            if naps[k] == 0:
                active += _call(entries[k], rows[k], step)
            elif _awake(naps[k]):
                active += _watched(naps[k], entries[k], rows[k], step) if watched else _call(entries[k], rows[k], step)
    return active


@njit(error_model="numpy")
def _awake(nap):
    """Whether a piece is awake, or woken now by a mark.

    nap: address of words: that of the flag, 0 or the number of arrays of marks, 0 or the number of arrays to watch,
    the address of room for a copy, and for each array its address and its length (bytes of marks, words of 4 bytes).
    """
    words = carray(pointer(nap, np.int64), (4,), np.int64)
    asleep = carray(pointer(words[0], np.uint8), (1,), np.uint8)
    if not asleep[0]:
        return True
    arrays = carray(pointer(nap + 32, np.int64), (words[1], 2), np.int64)
    for k in range(words[1]):
        marks = carray(pointer(arrays[k, 0], np.uint8), (arrays[k, 1],), np.uint8)
        for m in range(marks.size):
            if marks[m]:
                asleep[0] = 0
                return True
    return False


@njit(error_model="numpy")
def _watched(nap, entry, row, step):
    """Make a call; put its piece to sleep if nothing fired and no bit of the arrays to watch changed.

    The first array is looked at in one watch and all of them in the next: an active piece pays for one copy only.
    """
    words = carray(pointer(nap, np.int64), (4,), np.int64)
    asleep = carray(pointer(words[0], np.uint8), (1,), np.uint8)
    arrays = carray(pointer(nap + 32 + 16 * words[1], np.int64), (words[2], 2), np.int64)
    room = carray(pointer(words[3], np.uint32), (1 + arrays[:, 1].sum(),), np.uint32)
    looks = arrays.shape[0] if room[0] else min(1, arrays.shape[0])
    at = 1
    for k in range(looks):
        array = carray(pointer(arrays[k, 0], np.uint32), (arrays[k, 1],), np.uint32)
        room[at : at + array.size] = array
        at += array.size
    active = _call(entry, row, step)
    same, at = active == 0 and looks > 0, 1
    for k in range(looks):
        array = carray(pointer(arrays[k, 0], np.uint32), (arrays[k, 1],), np.uint32)
        same = same and np.array_equal(array, room[at : at + array.size])
        at += array.size
    asleep[0] = same and looks == arrays.shape[0]
    room[0] = same
    return active


@njit(error_model="numpy")
def _following(step, stop, active, watch, state, before, upcoming, all_due):
    """The step to go on with after `step`, usually the next one.

    watch (2,) int64: steps without any spike or event, and whether this one was watched. When `all_due` + 1 or more
    such steps passed, one in which all calls are due is watched: if it changes no bit of the state, the following
    ones change none either, and the loop jumps to the earliest `upcoming`.
    """
    watch[0] = 0 if active else watch[0] + 1
    step += 1
    if watch[1] and not active and np.array_equal(before, state):
        step = min(max(step, upcoming.min()), stop)
    watch[1] = watch[0] > watch[2] and step & all_due == 0
    if watch[1]:
        before[:] = state
    return step


@cached
def advance(entries, rows, masks, naps, step, stop, upcoming, pause, state, before, watch, all_due):
    """Run steps `step` to `stop` - 1; return the first step not run.

    entries, rows (n_calls,) addresses of the compiled kernels and of their table rows; masks (n_calls,) bits of the
    step that are zero when the call is due, all_due all of them together; naps (n_calls,), see `_run`; upcoming
    (n_operators,) next step at which an operator must run unasked; pause (1,) set by a full probe buffer; state
    (n_words,) all neuron state, before (n_words,) room for a copy; watch (3,): see `_following`, and the patience.
    """
    while step < stop:
        active = _run(entries, rows, masks, naps, 0, entries.size, step, step & all_due == 0)
        step = _following(step, stop, active, watch, state, before, upcoming, all_due)
        if pause[0]:
            break
    return step


@cached
def advance_timed(entries, rows, masks, naps, step, stop, upcoming, pause, state, before, watch, all_due, cycles):
    """`advance`, adding to cycles (n_calls,) int64 how long each call took."""
    while step < stop:
        active = 0
        for k in range(entries.size):
            begin = clock()
            active += _run(entries, rows, masks, naps, k, k + 1, step, step & all_due == 0)
            cycles[k] += clock() - begin
        step = _following(step, stop, active, watch, state, before, upcoming, all_due)
        if pause[0]:
            break
    return step


@cached
def advance_lane(
    lane, stages, meeting, shared, entries, rows, masks, naps, stop, upcoming, pause, state, before, watch, all_due
):
    """`advance` for one of several threads, each with its own `lane`; all run it at once.

    stages (n_stages, n_lanes + 1): the calls ``stages[s, lane]`` to ``stages[s, lane + 1] - 1`` of stage s are this
    lane's; where nothing may run at once, all are lane 0's. Lanes meet after each stage, and stop early where they
    wait for cores. shared: address of the step
    to run next and, from word 8 on, a cache line apart, what each lane did in this step; the last stage is lane 0's.
    """
    lanes = stages.shape[1] - 1
    step = look(shared)
    while step < stop:
        active = 0
        for s in range(stages.shape[0]):
            active += _run(entries, rows, masks, naps, stages[s, lane], stages[s, lane + 1], step, step & all_due == 0)
            if s == stages.shape[0] - 1:
                break
            leave(shared + 64 * (lane + 1), active)
            meet(meeting, lanes)
        if lane == 0:
            for other in range(1, lanes):
                active += look(shared + 64 * (other + 1))
            step = _following(step, stop, active, watch, state, before, upcoming, all_due)
            crowded = look(meeting + 8 * LATE) > PATIENCE
            leave(shared, stop if pause[0] or crowded else step)
            leave(shared + 8, step)
        meet(meeting, lanes)
        step = look(shared)
    return look(shared + 8)
