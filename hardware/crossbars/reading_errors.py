"""How far readings of the cells of a crossbar vary beyond their relative error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..array.design import ArrayDesign, Pair
from ..devices.device import Device
from .pairs import SAME

Matrix = NDArray[np.float64]


def excess(design: ArrayDesign, pair: Pair, age: float, keys: tuple[int, int]) -> Matrix:
    """The variance of reading both devices beyond that of the relative error.

    Shape (2, n) [S^2]; (2, 0) if there is none. pair: conductances (n,) [S] of both sides, `age`
    seconds after writing; keys: of their cells.
    """
    relative = design.device.read_noise**2 * np.stack(pair) ** 2
    errors = [design.error(g, age, key) for g, key in zip(pair, keys, strict=True)]
    found: Matrix = np.stack(errors) ** 2 - relative
    return found.clip(0.0) if (found > SAME * relative).any() else np.zeros((2, 0))


def idle_excess(device: Device, age: float) -> float:
    """The same [S^2] of a cell at rest that belongs to no synapse."""
    rest = device.rest
    relative = device.read_noise**2 * rest**2
    found = float(device.mean_error(np.array([rest]), age)[0]) ** 2 - relative
    return found if found > SAME * relative else 0.0
