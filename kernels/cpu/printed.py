"""Printed kernels, compiled."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..printed.printed import Printed, executed
from .caching import kernel
from .deliver import prefetch
from .stdp import portion_of


@cache
def made(printed: Printed) -> Callable[..., Any]:
    """A printed kernel, compiled on first use."""
    scope = {"math": math, "np": np, "prefetch": prefetch, "portion_of": portion_of}
    scope["__name__"] = __name__
    return kernel(executed(printed.numbers, printed.name, __file__, scope))
