"""Printed kernels as they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..printed.printed import Printed, executed


@cache
def made(printed: Printed) -> Callable[..., Any]:
    """A printed kernel as a Python function."""
    scope = {"math": math, "np": np, "prefetch": _ignored, "portion_of": portion_of}
    scope["__name__"] = __name__
    made: Callable[..., Any] = executed(printed.numbers, printed.name, __file__, scope)
    made.printed = printed  # type: ignore[attr-defined]
    return made


def portion_of(begin, end, portion, portions):
    """Where one of `portions` equal portions of the range from begin to end - 1 begins and ends."""
    first, n = int(begin), int(end) - int(begin)
    return first + n * portion // portions, first + n * (portion + 1) // portions


def _ignored(array, index):
    """What asks for memory in advance has no meaning here."""
