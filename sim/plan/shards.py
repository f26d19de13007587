"""Cutting populations into shards, and dealing the shards to threads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from ..operators.operator import Shard

EVEN: Final = 1.05  # most work of a thread over the mean, for which whole populations stay with one thread each
# most units of a shard, so that its state stays in the first-level cache between kernels
UNITS: Final = 2048


def cut(n: int) -> list[tuple[int, int]]:
    """Ranges of units, at most UNITS long; they depend on `n` alone.

    Each begins at a multiple of UNITS / 2, and so at a page of memory, see `signals.PAGE`.
    """
    shards = -(-n // UNITS)
    edges = [-(-n * p // (shards * UNITS // 2)) * (UNITS // 2) for p in range(shards)] + [n]
    return list(pairwise(edges))


def deal(
    sizes: Sequence[Sequence[tuple[int, int]]], threads: int, whole: Collection[int] = ()
) -> list[tuple[Shard, ...]]:
    """Give shards to threads in equal shares; each thread gets neighbouring shards of a population.

    sizes: the ranges of each population, as `cut` made them; whole: populations whose shards all go
    to one thread.
    """
    loads = [0.0] * threads
    dealt: list[tuple[Shard, ...]] = [()] * len(sizes)
    for k in sorted(whole, key=lambda k: -sizes[k][-1][1]):
        thread = loads.index(min(loads))
        loads[thread] += sizes[k][-1][1]
        dealt[k] = tuple((low, high, thread) for low, high in sizes[k])
    for k, ranges in enumerate(sizes):
        if k not in whole:
            dealt[k] = _shared(ranges, loads)
    return dealt


def _shared(ranges: Sequence[tuple[int, int]], loads: list[float]) -> tuple[Shard, ...]:
    """Give the shards of one population to threads that have these loads; update the loads."""
    goal = (sum(loads) + ranges[-1][1]) / len(loads)
    thread, shards = 0, []
    for low, high in ranges:
        # take the next thread if this shard would lift the load further above the goal than it is
        # below it now
        while thread < len(loads) - 1 and loads[thread] + (high - low) / 2 > goal:
            thread += 1
        loads[thread] += high - low
        shards.append((low, high, thread))
    return tuple(shards)


def even(work: Sequence[float], dealt: Sequence[tuple[Shard, ...]], threads: int) -> bool:
    """Whether threads have nearly equal shares of the work of whole populations."""
    shares = np.zeros(threads)
    for amount, shards in zip(work, dealt, strict=True):
        shares[shards[0][2]] += amount
    return bool(shares.max() <= EVEN * shares.mean())


def owned(shards: Sequence[Shard], threads: int) -> list[tuple[int, int]]:
    """The range of units of one population that each thread owns; empty ranges are (0, 0)."""
    ranges = []
    for thread in range(threads):
        own = [(low, high) for low, high, owner in shards if owner == thread]
        ranges.append((own[0][0], own[-1][1]) if own else (0, 0))
    return ranges
