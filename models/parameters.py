"""Parameters of neuron models: one number for all units, or an array with one entry per unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..sim import validation as check

PerUnit = float | NDArray[np.float64]


def keep(model: object, field: str, **limits: Any) -> None:
    """Check a field of a frozen model and keep it as a float or as a read-only array (n,) float64."""
    object.__setattr__(model, field, check.per_unit(model, field, getattr(model, field), **limits))


def keep_threshold(model: Any, name: str = "threshold") -> None:
    """Check a threshold (called `name`), the reset, which lies below it, and the refractory time."""
    keep(model, name, unit="V")
    keep(model, "reset", below=getattr(model, name), unit="V")
    keep(model, "refractory", least=0.0, unit="s")
