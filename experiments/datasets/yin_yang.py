"""The yin-yang data set of Kriener, Goeltz and Petrovici (2022), doi:10.1145/3517343.3517380: points
in a disc, whose class is the part of the symbol that they lie in.

It is a formula, so nothing is loaded: as many points as are asked for are drawn from a seed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

RADIUS: Final = 0.5  # of the disc, whose centre is (RADIUS, RADIUS)
DOT: Final = 0.1  # radius of the two dots
CLASSES: Final = ("yin", "yang", "dot")
OUTSIDE: Final = -1

Points = NDArray[np.float64]
Labels = NDArray[np.int64]


def label_of(points: Points) -> Labels:
    """The class of points (n, 2): 0 yin, 1 yang, 2 a dot, -1 outside of the disc; (n,) int64."""
    x, y = points.T
    right = np.hypot(x - 1.5 * RADIUS, y - RADIUS)
    left = np.hypot(x - 0.5 * RADIUS, y - RADIUS)
    # yin is the upper half without the right teardrop and with the left one
    yin = (left <= 0.5 * RADIUS) | ((y > RADIUS) & (right > 0.5 * RADIUS))
    label = np.where((right < DOT) | (left < DOT), 2, np.where(yin, 0, 1))
    inside = np.hypot(x - RADIUS, y - RADIUS) <= RADIUS
    return np.where(inside, label, OUTSIDE).astype(np.int64)


def yin_yang(n: int, seed: int) -> tuple[Points, Labels]:
    """Points (n, 2) in the disc and their classes (n,), in random order.

    The classes are as even as can be; within its part of the symbol a point lies anywhere alike.
    """
    rng = np.random.default_rng(seed)
    wanted = np.arange(n) % len(CLASSES)
    points = np.empty((n, 2))
    left = np.arange(n)  # those still to be drawn
    while left.size:
        tried = 2 * RADIUS * rng.random((left.size, 2))
        points[left] = tried
        left = left[label_of(tried) != wanted[left]]
    order = rng.permutation(n)
    return points[order], wanted[order].astype(np.int64)
