"""The few operations on conductances and currents that NumPy and torch do differently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu.gaussian import normal_rows
from ..periphery.converters import ADC

Array = NDArray[np.float64]
Law = Callable[[Array], Array]


class WireSolver(Protocol):
    """What knows the wires of an array.

    conductances (rows, columns) [S], voltages (batch, rows) [V].
    """

    def effective(self, conductances: Array) -> Array:
        """H (rows, columns) [S] so that currents = voltages @ H."""

    def currents(self, conductances: Array, voltages: Array) -> Array:
        """What flows out of the columns (batch, columns) [A]."""

    def gradient(
        self, conductances: Array, voltages: Array, cotangents: Array
    ) -> tuple[Array, Array]:
        """Derivatives of a loss by voltages, and by conductances.

        d loss / d currents = cotangents (batch, columns).
        """


class Numbers(Protocol):
    """What an array asks of the framework that holds its numbers.

    They are arrays or tensors, called `Any` here.
    """

    def law(self, cells: Any, law: Law, low: float, high: float) -> Any:
        """`law` of every cell [S], each from `low` to `high`.

        The law takes and returns (n,) float64.
        """

    def plain(self, cells: Any) -> NDArray[Any]:
        """The numbers themselves, in their own precision."""

    def like(self, cells: Any, values: NDArray[Any]) -> Any:
        """`values` as the framework's own numbers, in the precision of `cells`."""

    def error(self, variance: Any, key: int) -> Any:
        """Normal numbers of these variances, drawn from `key`."""

    def converted(self, adc: ADC, currents: Any, factor: Any, key: int, width: int | None) -> Any:
        """What converters make of currents, times `factor`."""


@final
class Arrays:
    """Arrays of NumPy, in float64; pairs of a product may be sparse arrays of SciPy."""

    def law(self, cells: Any, law: Law, low: float, high: float) -> Any:
        flat = np.asarray(cells, np.float64)
        return law(flat.reshape(-1)).reshape(flat.shape)

    def plain(self, cells: Any) -> NDArray[Any]:
        return np.asarray(cells)

    def like(self, cells: Any, values: NDArray[Any]) -> Any:
        return values.astype(cells.dtype, copy=False)

    def error(self, variance: Any, key: int) -> Any:
        z = np.empty(variance.shape, np.float32)
        normal_rows(np.uint64(key), 0, z)
        return np.sqrt(np.maximum(variance, 0.0)) * z

    def converted(self, adc: ADC, currents: Any, factor: Any, key: int, width: int | None) -> Any:
        return adc.convert(currents, key=key, width=width) * factor
