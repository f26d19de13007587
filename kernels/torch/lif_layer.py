"""LIF units without recurrence through a whole span of time, forward and backward, compiled."""

from __future__ import annotations

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from ..cpu.caching import cached, kernel
from ..reference.settle import FLOOR
from .buffers import fresh
from .curves import CURVES, numbers, slope_at
from .spans import per_unit, turns

SELDOM = 64  # steps between two calls of `settle_step`


@kernel
def row_of(t, n_rows, turn):
    """Which of the rows, see `turns`, holds in step t."""
    if n_rows == 1:
        return 0
    return t if turn < 0 else int(t >= turn)


@kernel
def add(values, total):
    """Add values (n,) to total (n,)."""
    for i in range(values.size):
        total[i] += values[i]


@kernel
def silent(values):
    """Whether all values (n,) are 0."""
    i = 0
    while i < values.size and values[i] == 0:
        i += 1
    return i == values.size


def _advance(
    v,
    left,
    jump,
    jump_turn,
    drive,
    turn,
    decay,
    coarse,
    threshold,
    reset,
    hold,
    settle,
    fired,
    raw,
    seen,
):
    """Advance (batch, n) units by (time, batch, n) steps of `lif_step`, in place.

    jump, drive: rows, see `turns`; decay, threshold, reset (n,); hold (n,) int32; settle: the first
    step after which what decayed is set to 0, none below 0. fired (time, batch, n); raw: the
    potential before a reset, NaN where a unit rests; seen: after it. The last two may be empty.
    """
    tiny, eps = np.finfo(v.dtype).tiny, np.finfo(v.dtype).eps
    zero, one, nan = v.dtype.type(0), v.dtype.type(1), v.dtype.type(np.nan)
    for b in range(v.shape[0]):
        own, rest = v[b], left[b]
        for t in range(fired.shape[0]):
            came = jump[row_of(t, jump.shape[0], jump_turn), min(b, jump.shape[1] - 1)]
            to = drive[row_of(t, drive.shape[0], turn), min(b, drive.shape[1] - 1)]
            out = fired[t, b]
            kept = raw[min(t, raw.shape[0] - 1), min(b, raw.shape[1] - 1)]
            for i in range(own.size):
                # numbers are fetched before they are chosen from: a choice is no branch then
                before, goal, low, resting, long = own[i], to[i], reset[i], rest[i], hold[i]
                moved = goal + (before - goal) * decay[i]
                if coarse and before < goal and moved >= goal:
                    moved = goal - (abs(goal) * eps + tiny)
                moved += came[i]
                held = resting > 0
                moved = low if held else moved
                reached = moved >= threshold[i]
                out[i] = one if reached else zero
                kept[i] = nan if held else moved
                own[i] = low if reached else moved
                rest[i] = long if reached else resting - held
            if settle >= 0 and t >= settle and (t - settle) % SELDOM == 0:
                for i in range(own.size):
                    own[i] = zero if abs(own[i]) <= FLOOR else own[i]
            if seen.size:
                seen[t, b] = own


@kernel
def _arrived(now, t, b, of_jump, turn):
    """Give the gradient (n,) of what reached the units of a sample in step t to of_jump."""
    if of_jump.size == 0:
        return
    if turn >= 0 or of_jump.shape[0] == 1:
        add(now, of_jump[row_of(t, of_jump.shape[0], turn), b])
        return
    came = of_jump[t, b]
    for i in range(now.size):
        came[i] = now[i]


@kernel
def _add_up(here, afters, steep, threshold, of_threshold, of_reset):
    """Add one step of one sample to the gradients (n,) of thresholds and resets."""
    zero = here.dtype.type(0)
    for i in range(here.size):
        held = here[i] != here[i]
        of_threshold[i] -= zero if held else steep[i]
        of_reset[i] += afters[i] if held or here[i] >= threshold[i] else zero


def _return(
    raw,
    v,
    drive,
    turn,
    decay,
    threshold,
    reset,
    curve,
    slope,
    through,
    of_fired,
    of_seen,
    of_v,
    of_jump,
    jump_turn,
    of_drive,
    of_decay,
    of_threshold,
    of_reset,
):
    """The way back through `_advance`, in place.

    raw (time, batch, n): potentials before a reset; v (batch, n): those before the first step;
    slope: its `numbers`; of_fired (time, batch, n) and of_seen, which may be empty: gradients of
    what was sent and seen; of_v (batch, n): gradients of the last potentials, and in the end of the
    first. of_jump is written where each step has a row of its own. Else to it, to of_drive (rows,
    batch, n), which may both be empty, and to of_decay, of_threshold and of_reset (n,), which may
    all be empty, is added.
    """
    zero, one = decay.dtype.type(0), decay.dtype.type(1)
    now, afters, flat = np.empty_like(decay), np.empty_like(decay), np.empty_like(decay)
    per = np.empty_like(decay)  # 1 / the distance from reset to threshold
    for i in range(per.size):
        apart = threshold[i] - reset[i]
        per[i] = one / (apart if apart > 0 else one)
    for b in range(v.shape[0]):
        own = of_v[b]
        for t in range(raw.shape[0] - 1, -1, -1):
            row = row_of(t, drive.shape[0], turn)
            to = drive[row, min(b, drive.shape[1] - 1)]
            here, back = raw[t, b], of_fired[t, b]
            if of_seen.size == 0 and silent(own) and silent(back):
                _arrived(own, t, b, of_jump, jump_turn)
                continue
            last = raw[t - 1, b] if t > 0 else v[b]
            for i in range(own.size):
                after = own[i] + of_seen[t, b, i] if of_seen.size else own[i]
                held = here[i] != here[i]
                reached = here[i] >= threshold[i]
                sent = back[i] + after * (reset[i] - here[i]) if through else back[i]
                far = (here[i] - threshold[i]) * per[i]
                steep = sent * slope_at(curve, far, slope) * per[i]
                gradient = steep if reached else after + steep
                gradient = zero if held else gradient
                afters[i], flat[i], now[i] = after, steep, gradient
                own[i] = gradient * decay[i]
            if of_threshold.size:
                _add_up(here, afters, flat, threshold, of_threshold, of_reset)
                for i in range(own.size):
                    before = last[i]
                    if t > 0:
                        before = before if before < threshold[i] else reset[i]
                    of_decay[i] += now[i] * (before - to[i])
            _arrived(now, t, b, of_jump, jump_turn)
            if of_drive.size:
                for i in range(own.size):
                    now[i] *= one - decay[i]
                add(now, of_drive[row, b])


def lif_layer(
    v,
    left,
    jump,
    drive,
    decay,
    coarse,
    threshold,
    reset,
    hold_steps,
    spike,
    settle,
    steps,
    wanted,
):
    """`lif_step` for (time, batch, n) at once; None where only single steps can tell.

    v, left (batch, n); jump, drive: (time or 1, batch or 1, n), (batch, n), (n,) or a number;
    settle: see `_advance`. Returns fired (time, batch, n), what is seen of the variables `wanted`,
    and the state at the end.
    """
    if spike.smooth or spike.kind not in CURVES or not set(wanted) <= {"v"}:
        return None
    like, n = v, v.shape[1]
    decay, threshold, reset = (per_unit(one, like) for one in (decay, threshold, reset))
    hold = np.full(n, hold_steps, np.int32)
    (jump, jump_turn), (drive, turn) = turns(jump, like), turns(drive, like)
    left = left.clone()
    how = (left, hold, int(coarse), spike, settle, steps, "v" in wanted, jump_turn, turn)
    fired, seen, v = LifLayer.apply(v, jump, drive, decay, threshold, reset, how)
    return fired, ({"v": seen} if wanted else {}), {"v": v, "left": left}


lif_layer.takes_turned = True


class LifLayer(torch.autograd.Function):
    """`_advance`, which torch can differentiate with respect to all but `how`."""

    @staticmethod
    def forward(ctx, v, jump, drive, decay, threshold, reset, how):
        left, hold, coarse, spike, settle, steps, sees, jump_turn, turn = how
        shape = (steps, *v.shape)
        given = [one.detach().contiguous() for one in (v, jump, drive, decay, threshold, reset)]
        last = given[0].clone()
        fired = fresh(shape, v)
        raw = fresh(shape if any(ctx.needs_input_grad) else (1, 1, v.shape[1]), v)
        seen = fresh(shape if sees else (0, 0, 0), v)
        _, jump, drive, decay, threshold, reset = (one.numpy() for one in given)
        state = last.numpy(), left.numpy(), jump, jump_turn, drive, turn
        made = (one.numpy() for one in (fired, raw, seen))
        cached(_advance)(*state, decay, coarse, threshold, reset, hold, settle, *made)
        ctx.spike, ctx.sees, ctx.turns = spike, sees, (jump_turn, turn)
        ctx.save_for_backward(raw, *given)
        return fired, seen, last

    @staticmethod
    @once_differentiable
    def backward(ctx, of_fired, of_seen, of_v):
        raw, v, jump, drive, decay, threshold, reset = ctx.saved_tensors
        (jump_turn, turn), spike, needs = ctx.turns, ctx.spike, ctx.needs_input_grad
        of_v = of_v.clone()
        of_seen = of_seen.contiguous() if ctx.sees else raw.new_empty((0, 0, 0))
        shapes = [
            (one.shape[0], *v.shape) if need else (0, 0, 0)
            for one, need in ((jump, needs[1]), (drive, needs[2]))
        ]
        of_jump, of_drive = fresh(shapes[0], raw), raw.new_zeros(shapes[1])
        if jump_turn >= 0 or jump.shape[0] == 1:
            of_jump.zero_()
        summed = any(needs[3:6])  # else nothing is learned of the units themselves
        sums = [raw.new_zeros(decay.shape if summed else 0) for _ in range(3)]
        slope = numbers(spike.slope, raw.numpy().dtype.type)
        curve = CURVES.index(spike.kind), slope, spike.through_reset
        before = (one.numpy() for one in (raw, v, drive))
        per_units = (one.numpy() for one in (decay, threshold, reset))
        gradients = (one.numpy() for one in (of_fired.contiguous(), of_seen, of_v, of_jump))
        added = (one.numpy() for one in (of_drive, *sums))
        cached(_return)(*before, turn, *per_units, *curve, *gradients, jump_turn, *added)
        of_jump = of_jump.sum_to_size(jump.shape) if needs[1] else None
        of_drive = of_drive.sum_to_size(drive.shape) if needs[2] else None
        return of_v, of_jump, of_drive, *(sums if summed else (None, None, None)), None
