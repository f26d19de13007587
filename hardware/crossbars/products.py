"""A crossbar that is driven with numbers: in every step of a network, or once by whoever asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ...sim.operators.projection import ProjectionScope
from ...sim.operators.signals import Memory
from ...sim.seed import stream_key
from ..array.array import ProgrammedArray
from ..array.design import ArrayDesign, driven_range
from ..periphery.coding import Amplitude
from ..periphery.converters import DAC

Array = NDArray[np.float64]


def listed_range(
    first: NDArray[Any], columns: NDArray[np.uint32], pairs: Array, n_columns: int
) -> float:
    """`driven_range` of cells listed row by row: first (n_rows + 1,), columns, pairs (n,) [S]."""
    table = csr_array((pairs, columns, first), shape=(first.size - 1, n_columns))
    return driven_range(table, Amplitude().rms)


def multiply(
    projection: ProjectionScope, scope: dict[str, Any], dac: DAC | None, n_rows: int
) -> None:
    """Add the operators that drive all rows with numbers in every step; scope: what
    `Crossbar.prepare` returned.
    """
    errors = (
        None if dac is None else dac.errors(n_rows, stream_key(projection.synapses.key, "drivers"))
    )
    lowest, highest = (0, 0) if dac is None else dac.codes
    own = {
        **projection.listed(),
        **scope,
        "full_scale": 0.0 if dac is None or isinstance(dac.range, str) else float(dac.range),
        "lowest_level": lowest,
        "highest_level": highest,
        "errors": projection.fixed("drivers", np.zeros((0, 0)) if errors is None else errors),
        "full": projection.signal("full", "scratch", "float64", (1,)),
        "shares": projection.signal("shares", "scratch", "float64", (n_rows,)),
        "product": projection.signal(
            "product", "scratch", "float64", (projection.synapses.n_post,)
        ),
    }
    driven = {"driven": own["conducted"]}
    projection.operator(projection.phase, "drive_step", own)
    projection.operator(projection.phase, "crossbar_product_step", {**own, **driven})
    aside = {
        "receiving": own["product"],
        "conducted": projection.signal("summed", "scratch", "float64", (1,)),
    }
    projection.operator(projection.phase, "convert_step", {**own, **aside})
    projection.operator(projection.phase, "rescale_step", own)


@final
@dataclass(frozen=True, kw_only=True)
class Reading:
    """A crossbar as it stands: its array, a row for each (source, delay), and what drives it.

    columns: those of the arrays below each other, side by side, each `n_post`.
    """

    array: ProgrammedArray
    dac: DAC | None
    n_lags: int
    n_post: int
    key: int

    @classmethod
    def of(
        cls,
        design: ArrayDesign,
        projection: ProjectionScope,
        memory: Memory,
        *,
        scale: float,
        noise: float,
        dac: DAC | None,
        signed: bool,
    ) -> Reading:
        """From what the signals of a projection hold."""
        name, synapses = projection.name, projection.synapses
        moved = f"{name}.cells_first" in memory.views
        first = memory[f"{name}.cells_first"] if moved else synapses.first
        columns = memory[f"{name}.cells_columns"] if moved else synapses.targets
        shape = (synapses.n_pre * synapses.lags.size, memory[f"{name}.column_plus"].size)
        plus, minus = (memory[f"{name}.{side}"].astype(np.float64) for side in ("plus", "minus"))
        excess = memory[f"{name}.excess"]
        variance = noise**2 * (plus**2 + minus**2) + (excess if excess.size else 0.0)
        up, down, errors = (
            csr_array((values, columns, first), shape=shape) for values in (plus, minus, variance)
        )
        none = csr_array(shape)
        if design.adc is not None:
            design = replace(design, adc=replace(design.adc, signed=signed))
        array = ProgrammedArray(
            design=design,
            devices=[(up, down)],
            effective=[(up, down)],
            variances=[(errors, none)],
            scale=scale,
            full_scale=0.0,
            keys=[],
        )
        return cls(
            array=array,
            dac=dac,
            n_lags=synapses.lags.size,
            n_post=synapses.n_post,
            key=synapses.key,
        )

    def product(self, x: Array, key: int) -> Array:
        """x @ weights, (batch, n_pre) -> (batch, n_post), through drivers of rows and converters of
        columns.
        """
        y = self._read(
            self.array, np.repeat(x, self.n_lags, axis=1), key, self.n_post, "converters"
        )
        below: Array = y.reshape(x.shape[0], y.shape[1] // self.n_post, self.n_post)
        return np.asarray(below.sum(axis=1))

    def transposed(self, x: Array, key: int) -> Array:
        """x @ weights.T, (batch, n_post) -> (batch, n_pre), through drivers of columns and
        converters of rows.
        """
        below = self.array.effective[0][0].shape[1] // self.n_post
        y = self._read(self.array.transposed(), np.tile(x, below), key, None, "row converters")
        return np.asarray(y.reshape(x.shape[0], y.shape[1] // self.n_lags, self.n_lags).sum(axis=2))

    def _read(
        self, array: ProgrammedArray, x: Array, key: int, block: int | None, converters: str
    ) -> Array:
        """What arrays make of numbers (batch, rows), columns converted block by block."""
        volt = array.design.read_voltage
        coding, plus, minus = Amplitude(self.dac), *array.effective[0]
        full = coding.full_scale(x)
        ((_, levels),) = coding.planes(x, key=stream_key(self.key, "drivers"))
        volts = levels / full * volt
        adc = array.design.adc
        given = 0.0 if adc is None or isinstance(adc.range, str) else float(adc.range)
        array = replace(array, full_scale=given or volt * driven_range(plus - minus, coding.rms))
        noise = array.noise(volts**2, (stream_key(self.key, "product", key), 0))
        currents, parts = array.currents(volts) + noise, []
        size, drawn, factor = (
            block or max(currents.shape[1], 1),
            stream_key(self.key, converters),
            full * array.scale,
        )
        for k in range(0, currents.shape[1], size):
            own = stream_key(drawn, k) if k else drawn
            parts.append(array.converted(currents[:, k : k + size], factor / volt, own))
        return np.concatenate(parts, axis=1)
