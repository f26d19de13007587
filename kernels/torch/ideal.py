"""Carrying out a rule's proposals on plain numbers."""

from __future__ import annotations

import torch


def program_step(changes, low, high, weights):
    """Add the proposed changes, each (batch, n_synapses), in order, and keep the weights (batch,
    n_synapses) that change within [low, high].
    """
    for change in changes:
        moved = weights + change
        weights = torch.where(change != 0, moved.clamp(low, high), moved)
    return {"weights": weights}
