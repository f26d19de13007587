"""What probes see of a course, as tensors that torch can differentiate."""

from __future__ import annotations

import torch

from ..description.parts import Population
from ..plan.probes import Recorder, recorded
from .course import Course
from .plan import TensorPlan


def outputs(plan: TensorPlan, course: Course, start: int) -> dict[str, torch.Tensor]:
    """By the name of each probe of a population what it sees (time, batch, n).

    start: the step at which the course begins.
    """
    return {
        one.probe.name: _seen(one, course, start, plan.dt)
        for one in plan.recorders
        if isinstance(one.probe.target, Population)
    }


def _seen(recorder: Recorder, course: Course, start: int, dt: float) -> torch.Tensor:
    probe, every = recorder.probe, recorder.every
    assert isinstance(probe.target, Population)
    name, chosen = probe.target.name, recorded(probe, probe.target.n)
    whole = chosen.size == probe.target.n
    if probe.what not in ("spikes", "counts", "rate"):
        rows = course.seen[name, probe.what][-(start + 1) % every :: every]
    else:
        rows = course.sent[name]
    if not whole:
        rows = rows[:, :, torch.from_numpy(chosen).to(rows.device)]
    if probe.what in ("counts", "rate"):
        rows = _windows(rows, start, every)
    if probe.what == "rate":
        rows = rows.mean(2, keepdim=True) / (every * dt)
    return rows


def _windows(sent: torch.Tensor, start: int, every: int) -> torch.Tensor:
    """Spikes counted between sampling times; those after the last one are left out."""
    count = (start + sent.shape[0]) // every - start // every
    steps = torch.arange(start, start + sent.shape[0], device=sent.device)
    window = steps // every - start // every
    counts = sent.new_zeros((count + 1, *sent.shape[1:]))
    return counts.index_add(0, window, sent)[:count]
