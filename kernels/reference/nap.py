"""Shards of populations that pause while nothing happens to them; here nobody ever pauses."""

from __future__ import annotations


def drowse_step(asleep, drowsy, woken_state, woken_flow):
    """Note in drowsy (1,) whether any shard is asleep (n_shards,) uint8; wipe the marks, which all have read by now."""
    drowsy[0] = asleep.any()
    woken_state[:] = 0
    woken_flow[:] = 0
