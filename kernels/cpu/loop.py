"""The loop over steps.

It calls every operator's entry by address, in order, and jumps over silent steps.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .barrier import LATE, leave, look, meet
from .binding import ENTRY, view
from .caching import cached, kernel

PATIENCE = 8  # times that threads may wait for a core in one chunk before the chunk ends early


@intrinsic
def call(typingctx, address, table, step):
    """Call the entry at `address` with the table row at address `table`."""

    def generate(context, builder, signature, arguments):
        pointer_type = context.get_value_type(types.CPointer(types.int64))
        function_type = context.get_value_type(ENTRY.return_type)
        function = builder.inttoptr(
            arguments[0],
            ir.FunctionType(function_type, [pointer_type, ir.IntType(64)]).as_pointer(),
        )
        return builder.call(function, [builder.inttoptr(arguments[1], pointer_type), arguments[2]])

    return types.int64(types.int64, types.int64, types.int64), generate


@kernel
def _run(entries, rows, masks, begin, end, step):
    """Make those of the calls `begin` to `end` - 1 that are due.

    Returns the sum of what they return.
    """
    active = 0
    for k in range(begin, end):
        if step & masks[k] == 0:
            active += call(entries[k], rows[k], step)
    return active


@kernel
def copy_words(source, target, n):
    """Copy `n` words of 4 bytes from one address to another.

    Loops, as they compile much faster than slices do.
    """
    here, there = (
        view(source, (n,), np.uint32),
        view(target, (n,), np.uint32),
    )
    for i in range(n):
        there[i] = here[i]


@kernel
def equal_words(one, other, n):
    """Whether `n` words of 4 bytes at two addresses are the same."""
    here, there = view(one, (n,), np.uint32), view(other, (n,), np.uint32)
    different = np.uint32(0)
    for i in range(n):
        different |= here[i] ^ there[i]
    return different == 0


@kernel
def _following(step, stop, active, watch, state, before, n_words, upcoming, all_due):
    """The step to run after `step`, usually the next one.

    watch (3,) int64: the number of silent steps so far, without any spike or event; whether this
    step is watched; and after how many silent steps one is watched. Only a step in which all calls
    are due is watched. If it changes no bit of the state, no later step can, so the loop jumps to
    the earliest `upcoming`.
    """
    watch[0] = 0 if active else watch[0] + 1
    step += 1
    if watch[1] and not active and equal_words(before, state, n_words):
        soonest = stop
        for k in range(upcoming.size):
            soonest = min(soonest, upcoming[k])
        step = max(step, soonest)
    watch[1] = watch[0] > watch[2] and step & all_due == 0
    if watch[1]:
        copy_words(state, before, n_words)
    return step


@cached
def advance(
    entries, rows, masks, step, stop, upcoming, pause, state, before, n_words, watch, all_due
):
    """Run steps `step` to `stop` - 1; return the first step not run.

    entries, rows (n_calls,): addresses of the compiled kernels and of their table rows. masks
    (n_calls,): a call is due when ``step & mask`` is 0; all_due: all masks combined. upcoming
    (n_operators,): next step in which an operator must run even if nothing arrives. pause (1,): set
    by a full probe buffer. state, before: addresses of n_words words of 4 bytes, all neuron state
    and room for a copy. watch (3,): see `_following`.
    """
    while step < stop:
        active = _run(entries, rows, masks, 0, entries.size, step)
        step = _following(step, stop, active, watch, state, before, n_words, upcoming, all_due)
        if pause[0]:
            break
    return step


@cached
def advance_thread(
    thread,
    stages,
    meeting,
    shared,
    entries,
    rows,
    masks,
    stop,
    upcoming,
    pause,
    state,
    before,
    n_words,
    watch,
    all_due,
):
    """`advance` for one of several threads, each with its own `thread`; all run it at once.

    stages (n_stages, n_threads + 1): in stage s this thread makes the calls ``stages[s, thread]``
    to ``stages[s, thread + 1] - 1``; calls that must not run side by side all belong to thread 0.
    Threads meet after each stage; they stop early if they had to wait for cores. shared: address of
    int64 words: the step to run next, the first step not run, and from word 8 on, one cache line
    per thread, what each thread's calls returned. The last stage belongs to thread 0.
    """
    threads = stages.shape[1] - 1
    step = look(shared)
    while step < stop:
        active = 0
        for s in range(stages.shape[0]):
            active += _run(entries, rows, masks, stages[s, thread], stages[s, thread + 1], step)
            if s == stages.shape[0] - 1:
                break
            leave(shared + 64 * (thread + 1), active)
            meet(meeting, threads)
        if thread == 0:
            for other in range(1, threads):
                active += look(shared + 64 * (other + 1))
            step = _following(step, stop, active, watch, state, before, n_words, upcoming, all_due)
            crowded = look(meeting + 8 * LATE) > PATIENCE
            leave(shared, stop if pause[0] or crowded else step)
            leave(shared + 8, step)
        meet(meeting, threads)
        step = look(shared)
    return look(shared + 8)
