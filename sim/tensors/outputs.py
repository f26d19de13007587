"""What probes see of a course, as tensors that torch can differentiate."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..description.parts import Population
from ..operators.signals import Memory
from ..plan.probes import COUNTED, SENT, Recorder, recorded
from .course import Course
from .plan import TensorPlan

Tallies = dict[str, torch.Tensor]  # by probe (batch, n): spikes since its last sampling time


def tallies(plan: TensorPlan, memory: Memory) -> Tallies:
    """What probes had counted in a memory, as of one sample; those that do not count are missing.

    A rate counts the spikes of all of its units together.
    """
    found = {}
    for recorder in plan.recorders:
        probe = recorder.probe
        if not isinstance(probe.target, Population) or probe.what not in COUNTED:
            continue
        if f"{probe.name}.total" in memory.views:
            tally = torch.from_numpy(memory[f"{probe.name}.total"].astype(plan.precision))
        else:
            own = memory[f"{probe.name}.tally"][recorded(probe, probe.target.n)]
            tally = torch.from_numpy(own.astype(plan.precision))
            tally = tally.sum(0, keepdim=True) if probe.what == "rate" else tally
        found[probe.name] = tally[None]
    return found


def outputs(
    plan: TensorPlan, course: Course, start: int, before: Mapping[str, torch.Tensor]
) -> tuple[dict[str, torch.Tensor], Tallies]:
    """By the name of each probe of a population what it sees (time, batch, n); and its tally.

    start: the step at which the course begins; before: the tallies at that time.
    """
    seen, after = {}, {}
    for one in plan.recorders:
        name, what = one.probe.name, one.probe.what
        if not isinstance(one.probe.target, Population):
            continue
        rows = _rows(one, course, start)
        if what in COUNTED:
            rows = rows.sum(2, keepdim=True) if what == "rate" else rows
            rows, after[name] = _windows(rows, start, one.every, before[name])
        if what == "rate":
            rows = rows / (recorded(one.probe, one.probe.target.n).size * one.every * plan.dt)
        seen[name] = rows
    return seen, after


def _rows(recorder: Recorder, course: Course, start: int) -> torch.Tensor:
    """What units of a probe sent in each step, or their variable at its sampling times."""
    probe, every = recorder.probe, recorder.every
    assert isinstance(probe.target, Population)
    name, chosen = probe.target.name, recorded(probe, probe.target.n)
    sent = probe.what in SENT
    rows = course.sent[name] if sent else course.seen[name, probe.what]
    rows = rows if sent else rows[-(start + 1) % every :: every]
    if chosen.size != probe.target.n:
        rows = rows[:, :, torch.from_numpy(chosen).to(rows.device)]
    return rows


def _windows(
    sent: torch.Tensor, start: int, every: int, before: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Spikes counted between sampling times, and those after the last one."""
    count = (start + sent.shape[0]) // every - start // every
    steps = torch.arange(start, start + sent.shape[0], device=sent.device)
    window = steps // every - start // every
    counts = sent.new_zeros((count + 1, *sent.shape[1:]))
    counts = counts.index_add(0, window, sent)
    first = counts[:1] + before.to(sent.device)
    counts = torch.cat([first, counts[1:]])
    return counts[:count], counts[count]
