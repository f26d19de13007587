"""How a signed weight becomes the conductances of cells.

Every mapping cuts a weight into slices; a slice is the difference of two conductances, and

    weight = largest * sum over slices of coefficient * (plus - minus) / (g_max - g_min).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...sim import validation as check
from ...sim.conversion import is_tensor

Matrix = NDArray[np.float64]
Slices = list[tuple[Any, Any]]


class WeightMapping(ABC):
    """A rule for cutting weights.

    `split` takes arrays and tensors alike, and gradients pass through it.
    """

    shared: ClassVar[bool] = False  # whether all columns have one and the same `minus`

    @property
    @abstractmethod
    def coefficients(self) -> tuple[float, ...]:
        """What each slice counts, the least significant first."""

    @abstractmethod
    def split(self, shares: Any, g_min: float, g_max: float) -> Slices:
        """The conductances (plus, minus) [S] of every slice for weights (rows, columns).

        Weights are relative to the largest.
        """

    def to_conductances(
        self, weights: ArrayLike, *, g_min: float, g_max: float
    ) -> tuple[Matrix, Matrix, float]:
        """Cut weights into conductances of devices.

        Parameters
        ----------
        weights : array_like, shape (rows, columns)
        g_min, g_max : float
            Range of one device [S], ``0 <= g_min < g_max``.

        Returns
        -------
        plus, minus : ndarray, shape (slices, rows, columns)
            Target conductances [S]; `minus` is (slices, rows, 1) where all columns share it.
        scale : float
            Weight per siemens of a slice of coefficient 1 [1/S]; 0.0 if all weights are zero.

        Raises
        ------
        ParameterError
            If the range is empty or negative, or the weights are not a matrix of finite numbers.
        """
        g_min = check.within(self, "g_min", g_min, least=0.0, unit="S")
        g_max = check.within(self, "g_max", g_max, above=g_min, unit="S")
        array = check.finite_array(self, "weights", weights, ndim=2)
        largest = float(np.abs(array).max(initial=0.0))
        slices = self.split(array / largest if largest > 0 else array, g_min, g_max)
        plus, minus = (np.stack([pair[side] for pair in slices]) for side in (0, 1))
        return plus, minus, largest / (g_max - g_min)

    def to_weights(self, plus: ArrayLike, minus: ArrayLike, scale: float) -> Matrix:
        """The weights (rows, columns) of what `to_conductances` returned, or of what became of it."""
        scale = check.within(self, "scale", scale, least=0.0)
        upper, lower = (
            check.finite_array(self, "plus", plus, ndim=3),
            check.finite_array(self, "minus", minus, ndim=3),
        )
        expected = (*upper.shape[:2], 1 if self.shared else upper.shape[2])
        if upper.shape[0] != len(self.coefficients):
            raise check.fail(
                self, "plus", f"must have {len(self.coefficients)} slices", f"shape {upper.shape}"
            )
        if lower.shape != expected:
            raise check.fail(
                self, "minus", f"must have the shape {expected}", f"shape {lower.shape}"
            )
        weights: Matrix = scale * np.tensordot(self.coefficients, upper - lower, axes=1)
        return weights


@final
@dataclass(frozen=True, kw_only=True)
class DifferentialPairs(WeightMapping):
    """A positive weight raises `plus`, a negative one `minus`; the partner rests at g_min.

    Burr et al. (2015), doi:10.1109/TED.2015.2439635.
    """

    @property
    def coefficients(self) -> tuple[float, ...]:
        return (1.0,)

    def split(self, shares: Any, g_min: float, g_max: float) -> Slices:
        return [
            (
                g_min + shares.clip(0, None) * (g_max - g_min),
                g_min + (-shares).clip(0, None) * (g_max - g_min),
            )
        ]


@final
@dataclass(frozen=True, kw_only=True)
class OffsetColumn(WeightMapping):
    """Every weight is one cell around the middle of the range.

    One reference column at the middle is taken away. Half the cells of `DifferentialPairs`, half
    the signal, and the errors of the reference are common to all columns (Xiao et al. 2020, "Analog
    architectures for neural network acceleration", doi:10.1063/1.5143815).
    """

    shared: ClassVar[bool] = True

    @property
    def coefficients(self) -> tuple[float, ...]:
        return (2.0,)

    def split(self, shares: Any, g_min: float, g_max: float) -> Slices:
        middle, half = 0.5 * (g_min + g_max), 0.5 * (g_max - g_min)
        return [(middle + half * shares, middle + 0 * shares[:, :1])]


@final
@dataclass(frozen=True, kw_only=True)
class BitSlicing(WeightMapping):
    """The magnitude as a whole number of digits, a differential pair per digit.

    There are `slices` digits of `bits` bits. Each digit has columns of its own, whose converted
    sums are shifted and added (Shafiee et al. 2016, ISAAC, doi:10.1145/3007787.3001139). Weights
    are rounded to 2**(bits * slices) - 1 steps of the largest.
    """

    bits: int = 2
    slices: int = 4

    def __post_init__(self) -> None:
        check.keep(self, "bits", check.whole, least=1, most=8)
        check.keep(self, "slices", check.whole, least=1, most=16)
        check.whole(self, "bits * slices", self.bits * self.slices, least=1, most=24)

    @property
    def coefficients(self) -> tuple[float, ...]:
        base, steps = 2**self.bits, 2 ** (self.bits * self.slices) - 1
        return tuple((base - 1) * base**k / steps for k in range(self.slices))

    def split(self, shares: Any, g_min: float, g_max: float) -> Slices:
        base, steps = 2**self.bits, 2 ** (self.bits * self.slices) - 1
        rest, slices = (abs(shares) * steps).round(), []
        for _ in range(self.slices):
            digit = rest % base
            rest = (rest - digit) / base
            shown = straight(digit / (base - 1), abs(shares))
            up, down = shown * (shares > 0), shown * (shares < 0)
            slices.append((g_min + up * (g_max - g_min), g_min + down * (g_max - g_min)))
        return slices


def straight(values: Any, surrogate: Any) -> Any:
    """`values`; if they are a tensor, with the gradient of `surrogate`."""
    if not is_tensor(values):
        return values
    from .straight_through import straight_through

    return straight_through(surrogate, values)
