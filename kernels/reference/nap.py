"""Naps: shards of populations that are not advanced while nothing happens to them.

The reference never naps.
"""

from __future__ import annotations


def drowse_step(asleep, drowsy, woken_state, woken_flow):
    """Note whether any shard sleeps, and clear the marks.

    drowsy (1,): whether any shard is asleep (n_shards,) uint8; all shards have read the marks.
    """
    drowsy[0] = asleep.any()
    woken_state[:] = 0
    woken_flow[:] = 0
