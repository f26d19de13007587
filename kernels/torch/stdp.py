"""Pair spike-timing-dependent plasticity; `traces` tells how rules see spikes and traces."""

from __future__ import annotations

import math

import torch


def stdp_arrival_step(
    step,
    arriving,
    segments,
    targets,
    trace_post,
    rate_post,
    span_post,
    direct,
    weights,
    low,
    high,
):
    """A spike arrives: depress its synapses by the targets' traces (batch, n_post), scaled.

    segments, targets (n_synapses,): the (source, lag) and the target of each synapse. Where
    `direct` is 1, weights (batch, n_synapses) are changed and kept within low and high; else the
    changes are returned.
    """
    moved = trace_post[:, targets] * -math.exp(-rate_post * (step % span_post))
    return _learn(arriving[:, segments], moved, direct, weights, low, high)


def stdp_spike_step(
    step,
    fired_post,
    segments,
    targets,
    trace_pre,
    rate_pre,
    span_pre,
    direct,
    weights,
    low,
    high,
):
    """A target fires: potentiate its synapses by the traces (batch, n_segments) of arrivals."""
    moved = trace_pre[:, segments] * math.exp(-rate_pre * (step % span_pre))
    return _learn(fired_post[:, targets], moved, direct, weights, low, high)


def _learn(spikes, moved, direct, weights, low, high):
    """Carry out the changes at once where there is a spike, or propose them.

    Gradients pass to spikes that might have been, as they do elsewhere.
    """
    change = moved * spikes
    if not direct:
        return {"change": change}
    moved = weights + change
    return {"weights": torch.where(spikes != 0, moved.clamp(low, high), moved)}
