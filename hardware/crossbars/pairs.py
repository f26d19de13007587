"""Signed weights as pairs of conductances, whose difference is the weight."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError
from ...sim import validation as check
from ..devices.device import Device
from ..periphery.mapping import DifferentialPairs

Matrix = NDArray[np.float64]

SAME: Final = 1e-9  # relative difference below which two magnitudes are one


def to_conductances(
    weights: ArrayLike, *, g_min: float, g_max: float
) -> tuple[Matrix, Matrix, float]:
    """Split signed weights over differential pairs of conductances.

    A positive weight raises `plus`, a negative one raises `minus`, and the partner
    rests at `g_min`, so that ``weights == scale * (plus - minus)``.

    Parameters
    ----------
    weights : array_like, shape (n_pre, n_post) or any other
        Synaptic weights.
    g_min, g_max : float
        Range of one device [S], ``0 <= g_min < g_max``.

    Returns
    -------
    plus, minus : ndarray, shape of `weights`
        Target conductances [S], before any programming error.
    scale : float
        Weight per siemens [1/S]; 0.0 if all weights are zero.

    Raises
    ------
    ParameterError
        If the range is empty or negative, or a weight is not finite.

    References
    ----------
    Burr et al. (2015), doi:10.1109/TED.2015.2439635.
    """
    owner = "to_conductances"
    g_min = check.within(owner, "g_min", g_min, least=0.0, unit="S")
    g_max = check.within(owner, "g_max", g_max, above=g_min, unit="S")
    array = check.finite_array(owner, "weights", weights)
    largest = float(np.abs(array).max(initial=0.0))
    ((plus, minus),) = DifferentialPairs().split(
        array / largest if largest > 0 else array, g_min, g_max
    )
    return plus, minus, largest / (g_max - g_min)


def check_one_magnitude(device: Device, name: str, weights: Matrix) -> None:
    """Refuse weights of several magnitudes for a device that is not graded.

    name: of the projection that they belong to.
    """
    magnitudes = np.abs(weights[weights != 0])
    if magnitudes.size and np.ptp(magnitudes) > SAME * magnitudes.max():
        raise ParameterError(
            f"Crossbar.device: {type(device).__name__} cannot hold graded weights; give {name!r} one "
            f"magnitude or a PulsedReRAM (got magnitudes from {magnitudes.min():g} to {magnitudes.max():g})"
        )
