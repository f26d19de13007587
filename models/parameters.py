"""Parameters of neuron models.

Each is one number for all units, an array with one entry per unit, or a distribution.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..sim import validation as check
from ..sim.description.distributions import Distribution, per_unit

PerUnit = float | NDArray[np.float64] | Distribution


def keep(model: object, field: str, **limits: Any) -> None:
    """Check a field of a frozen model and keep it as a float or as a read-only array (n,) float64.

    A distribution is kept as it is; the model is made anew, and so checked, with what is drawn from
    it.
    """
    check.keep(model, field, per_unit, **limits)


def keep_threshold(model: Any, name: str = "threshold") -> None:
    """Check a threshold (called `name`), the reset, which lies below it, and the refractory time."""
    keep(model, name, unit="V")
    keep(model, "reset", below=getattr(model, name), unit="V")
    keep(model, "refractory", least=0.0, unit="s")
