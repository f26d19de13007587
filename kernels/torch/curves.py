"""Surrogate slopes, compiled: `surrogate` has them for tensors, with their sources."""

from __future__ import annotations

import math

from ..cpu.caching import kernel

CURVES = ("arctan", "fast_sigmoid", "triangular", "straight_through")


def numbers(slope, kind):
    """What `slope_at` takes of a slope, in one precision: whole numbers would make it double."""
    return kind(slope), kind(slope / 2), kind(math.pi / 2 * slope), kind(1)


@kernel
def slope_at(curve, x, numbers):
    """The derivative of the curve with this place in `CURVES` at x; see `numbers`."""
    slope, half, inner, one = numbers
    if curve == 0:
        far = inner * x
        return half / (one + far * far)
    if curve == 1:
        near = one + slope * abs(x)
        return one / (near * near)
    if curve == 2:
        return max(one - slope * abs(x), one - one)
    return slope
