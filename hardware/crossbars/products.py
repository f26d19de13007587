"""A crossbar that is driven with numbers: in every step of a network, or once by whoever asks."""

from __future__ import annotations

from collections.abc import Callable
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
from ..periphery.converters import DAC, Converter, edged_codes
from ..periphery.tile import Tile

Array = NDArray[np.float64]


def listed_range(
    first: NDArray[Any], columns: NDArray[np.uint32], pairs: Array, n_columns: int
) -> float:
    """`driven_range` of cells listed row by row: first (n_rows + 1,), columns, pairs (n,) [S]."""
    table = csr_array((pairs, columns, first), shape=(first.size - 1, n_columns))
    return driven_range(table, Amplitude().rms)


def beside(dac: DAC | None, tile: Tile | None, columns: int) -> NDArray[np.uint32]:
    """Which of the arrays beside each other each column (columns,) is in.

    This matters where drivers have errors of their own. Else (0,).
    """
    if dac is None or tile is None or columns <= tile.columns or dac.errors(1, 0) is None:
        return np.zeros(0, np.uint32)
    return (np.arange(columns) // tile.columns).astype(np.uint32)


def multiply(
    projection: ProjectionScope, scope: dict[str, Any], dac: DAC | None, tile: Tile | None
) -> None:
    """Add the operators that drive all rows with numbers in every step.

    scope: what `Crossbar.prepare` returned.
    """
    synapses = projection.synapses
    strips = beside(dac, tile, synapses.n_post)
    n_drivers = synapses.n_pre * synapses.lags.size * (int(strips.max(initial=0)) + 1)
    key = stream_key(synapses.key, "drivers")
    errors = None if dac is None else dac.errors(n_drivers, key)
    lowest, highest = (0, 0) if dac is None else dac.codes
    below = scope["column_plus"].shape[0] // synapses.n_post
    own = {
        **projection.listed(),
        **scope,
        "full_scale": 0.0 if dac is None or isinstance(dac.range, str) else float(dac.range),
        "lowest_level": lowest,
        "highest_level": highest,
        "errors": projection.fixed("drivers", np.zeros((0, 0)) if errors is None else errors),
        "strips": projection.fixed("strips", np.tile(strips, below)),
        "full": projection.signal("full", "scratch", "float64", (1,)),
        "shares": projection.signal("shares", "scratch", "float64", (n_drivers,)),
        "product": projection.signal("product", "scratch", "float64", (synapses.n_post,)),
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
class Converters:
    """What makes numbers of columns: their steps and codes, and where each goes on to the next.

    edges (n_converters, codes - 1) [codes], sharing (n_columns,) the converter of each column; both
    empty where all are ideal.
    """

    one: Converter
    edges: Array
    sharing: NDArray[np.uint32]

    def converted(self, sums: Array, read: Callable[[], NDArray[np.bool_]]) -> Array:
        """What they make of sums (batch, n_columns) [S].

        read() tells which columns are read: only these are converted.
        """
        if self.one.lsb == 0.0:
            return sums
        codes = sums / self.one.lsb
        if not self.edges.size:
            return (
                np.asarray(np.clip(np.rint(codes), self.one.lowest, self.one.highest))
                * self.one.lsb
            )
        found = edged_codes(codes, self.edges, self.sharing, self.one.lowest)
        return np.where(read(), found, 0.0) * self.one.lsb


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
        array = ProgrammedArray(
            design=design,
            devices=[(up, down)],
            effective=[(up, down)],
            variances=[(errors, csr_array(shape))],
            scale=scale,
            full_scale=0.0,
            keys=[],
        )
        n_lags, n_post = synapses.lags.size, synapses.n_post
        return cls(array=array, dac=dac, n_lags=n_lags, n_post=n_post, key=synapses.key)

    @property
    def range(self) -> float:
        """The automatic range of the columns' converters [S]."""
        plus, minus = self.array.effective[0]
        return driven_range(plus - minus, Amplitude().rms)

    def product(self, x: Array, key: int, converters: Converters) -> Array:
        """x @ weights, (batch, n_pre) -> (batch, n_post).

        It goes through drivers of rows and converters of columns.
        """
        cells = self.array.effective[0][0]
        strips = beside(self.dac, self.array.design.tile, self.n_post)
        arrays = int(strips.max(initial=0)) + 1
        full, shares = self._driven(np.repeat(x, self.n_lags, axis=1), cells, "drivers", arrays)
        strip = np.resize(strips, cells.shape[1] if arrays > 1 else 0)

        def each(of: Callable[[Array], Array]) -> Array:
            """`of` the shares that drive each column's own array."""
            found = of(shares[0])
            for k in range(1, arrays):
                found[:, strip == k] = of(shares[k])[:, strip == k]
            return found

        def read() -> NDArray[np.bool_]:
            ones = np.ones(cells.nnz)
            pattern = csr_array((ones, cells.indices, cells.indptr), shape=cells.shape)
            return np.asarray(each(lambda own: (own != 0).astype(np.float64) @ pattern) > 0)

        y = converters.converted(each(lambda own: self._sums(self.array, own, key)), read)
        below: Array = y.reshape(x.shape[0], y.shape[1] // self.n_post, self.n_post).sum(axis=1)
        return np.asarray(full * self.array.scale * below)

    def transposed(self, x: Array, key: int) -> Array:
        """x @ weights.T, (batch, n_post) -> (batch, n_pre).

        It goes through drivers of columns and converters of rows.
        """
        array = self.array.transposed()
        cells, adc = array.effective[0][0].tocsr(), array.design.adc
        tiled = np.tile(x, cells.shape[0] // self.n_post)
        full, (shares,) = self._driven(tiled, cells, "column drivers", 1)
        given = None if adc is None or isinstance(adc.range, str) else float(adc.range)
        plus, minus = array.effective[0]
        most = driven_range(plus - minus, Amplitude().rms)
        array = replace(
            array, full_scale=most if given is None else given / array.design.read_voltage
        )
        sums = self._sums(array, shares, key)
        y = array.converted(sums, full * array.scale, stream_key(self.key, "row converters"))
        return np.asarray(y.reshape(x.shape[0], y.shape[1] // self.n_lags, self.n_lags).sum(axis=2))

    def _driven(self, x: Array, cells: Any, drivers: str, arrays: int) -> tuple[Array, Array]:
        """The range of numbers, and the shares of the full voltage by which they drive.

        The range is (batch, 1) for numbers x (batch, lines); the shares are (arrays, batch, lines),
        in each of several arrays. Lines without cells are not driven.
        """
        used = np.where(np.diff(cells.indptr) > 0, x, 0.0)
        coding = Amplitude(self.dac)
        full = coding.full_scale(used)
        several = np.tile(used, arrays)
        ((_, levels),) = coding.planes(several, key=stream_key(self.key, drivers))
        shares = (levels / full).reshape(len(x), arrays, x.shape[1])
        return full, np.ascontiguousarray(shares.swapaxes(0, 1))

    def _sums(self, array: ProgrammedArray, shares: Array, key: int) -> Array:
        """What columns add up (batch, columns) [S], with an error of reading."""
        noise = array.noise(shares**2, (stream_key(self.key, "product", key), 0))
        return np.asarray(array.currents(shares) + noise)
