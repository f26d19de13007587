"""Cutting populations into pieces, and dealing the pieces to lanes, one for each thread."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from ..operators.operator import Piece

EVEN: Final = 1.05  # the work of the busiest lane over the mean, where populations need not be cut
UNITS: Final = 2048  # of a piece, at most: its state stays in the nearest cache from kernel to kernel


def cut(n: int) -> list[tuple[int, int]]:
    """Ranges of units, at most UNITS long; they depend on `n` alone.

    Each begins at a multiple of UNITS / 2, and so at a page of memory, see `signals.PAGE`.
    """
    pieces = -(-n // UNITS)
    edges = [-(-n * p // (pieces * UNITS // 2)) * (UNITS // 2) for p in range(pieces)] + [n]
    return list(pairwise(edges))


def deal(
    sizes: Sequence[Sequence[tuple[int, int]]], lanes: int, whole: Collection[int] = ()
) -> list[tuple[Piece, ...]]:
    """Give the pieces of each population to lanes: of one population in order, of all in equal shares.

    sizes: the ranges of each population, as `cut` made them; whole: populations whose pieces all go to one lane.
    """
    loads = [0.0] * lanes
    dealt: list[tuple[Piece, ...]] = [()] * len(sizes)
    for k in sorted(whole, key=lambda k: -sizes[k][-1][1]):
        lane = loads.index(min(loads))
        loads[lane] += sizes[k][-1][1]
        dealt[k] = tuple((low, high, lane) for low, high in sizes[k])
    for k, ranges in enumerate(sizes):
        if k not in whole:
            dealt[k] = _shared(ranges, loads)
    return dealt


def _shared(ranges: Sequence[tuple[int, int]], loads: list[float]) -> tuple[Piece, ...]:
    """Give the pieces of one population to lanes with these loads, and add to them."""
    goal = (sum(loads) + ranges[-1][1]) / len(loads)
    lane, pieces = 0, []
    for low, high in ranges:
        # go on to the next lane once this one is fuller with the piece than it would be short without it
        while lane < len(loads) - 1 and loads[lane] + (high - low) / 2 > goal:
            lane += 1
        loads[lane] += high - low
        pieces.append((low, high, lane))
    return tuple(pieces)


def even(work: Sequence[float], dealt: Sequence[tuple[Piece, ...]], lanes: int) -> bool:
    """Whether lanes have nearly equal shares of the work of whole populations."""
    shares = np.zeros(lanes)
    for amount, pieces in zip(work, dealt, strict=True):
        shares[pieces[0][2]] += amount
    return bool(shares.max() <= EVEN * shares.mean())


def owned(pieces: Sequence[Piece], lanes: int) -> list[tuple[int, int]]:
    """The range of units of one population that each lane owns; empty ranges are (0, 0)."""
    ranges = []
    for lane in range(lanes):
        own = [(low, high) for low, high, owner in pieces if owner == lane]
        ranges.append((own[0][0], own[-1][1]) if own else (0, 0))
    return ranges
