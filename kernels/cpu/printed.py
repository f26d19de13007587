"""Printed kernels, compiled."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import njit

from ..printed.printed import Printed, executed
from .caching import kernel
from .deliver import prefetch


@njit(error_model="numpy", inline="always")
def portion_of(begin, end, portion, portions):
    """Where one of `portions` equal portions of the range from begin to end - 1 begins and ends."""
    n = np.int64(end) - np.int64(begin)
    first = np.uint32(n * portion // portions)
    return begin + first, begin + np.uint32(n * (portion + 1) // portions)


@cache
def made(printed: Printed) -> Callable[..., Any]:
    """A printed kernel, compiled on first use."""
    scope = {"math": math, "np": np, "prefetch": prefetch, "portion_of": portion_of}
    scope["__name__"] = __name__
    made = kernel(executed(printed.numbers, printed.name, __file__, scope))
    made.printed = printed  # type: ignore[attr-defined]
    return made
