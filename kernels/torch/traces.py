"""Exponential traces of spikes that are scaled, not decayed; the other rooms tell how.

Kernels of rules are pure functions on tensors with a place for the batch: what they get stays as it
is, and they return what changes by the names of their parameters. In the place of lists of spikes
they find `arriving` (batch, n_segments), what each (source, lag) brings in this step, 1 for a
spike, and `fired` (batch, n_units), 1 where a unit fires.
"""

from __future__ import annotations

import math

import torch

from ..reference.traces import FLOOR

MOST = 64  # spans after which nothing is left


def trace_rescale_step(step, trace, since, span, shrink):
    """Bring the traces (batch, n) to the span of this step; since (batch, 1) the span they are in,
    the same in all samples.
    """
    now = step // span
    passed = min(now - int(since.flatten()[0]), MOST)
    if passed <= 0:
        return {}
    for _ in range(passed):
        less = (trace.double() * shrink).to(trace.dtype)
        trace = torch.where(trace.abs() > FLOOR, less, torch.zeros_like(trace))
    return {"trace": trace, "since": torch.full_like(since, now)}


def trace_arrival_step(step, arriving, trace, rate, span, jump, keep):
    """A spike arrives: raise the trace (batch, n_segments) of its (source, lag) by `jump`.

    keep: 1, or 0 where the spike sets it.
    """
    return {"trace": _raised(trace, arriving, jump * math.exp(rate * (step % span)), keep)}


def trace_spike_step(step, fired, trace, rate, span, jump, keep):
    """A unit fires: raise its trace (batch, n_units) by `jump`, or set it."""
    return {"trace": _raised(trace, fired, jump * math.exp(rate * (step % span)), keep)}


def _raised(trace, spikes, jump, keep):
    """The traces, higher by `jump` where there is a spike; added in double precision."""
    spikes, kept = spikes.double(), trace.double()
    if not keep:
        kept = torch.where(spikes != 0, torch.zeros_like(kept), kept)
    return (kept + spikes * jump).to(trace.dtype)
