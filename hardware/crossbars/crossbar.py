"""Weights as conductances of device pairs in a crossbar."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

from ...sim import validation as check
from ...sim.description.store import Capabilities, Store
from ...sim.description.tensor_store import TensorStore
from ...sim.notice import notify
from ...sim.operators.operator import Phase
from ...sim.operators.projection import ProjectionScope, Proposals
from ...sim.operators.signals import Memory
from ...sim.seed import stream_key
from ..array.design import ArrayDesign, Pair, spiking_range
from ..array.rows import Cells, listed, tiled, wired
from ..devices.device import Device, tell_ageless
from ..periphery.converters import ADC, DAC, Converter, quantiser
from ..periphery.tile import Tile
from ..wires.wires import Wires
from .counted import counted
from .pairs import check_one_magnitude
from .products import Converters, Reading, listed_range, multiply
from .reading_errors import excess as excess_of
from .reading_errors import idle_excess
from .written import Written, column_converters, reweighted

Matrix = NDArray[np.float64]

FRESH: Final = 1.0  # [s]


@final
@dataclass(frozen=True)
class Crossbar(Store):
    """A store that holds each synapse in a pair of devices.

    The weight is scale * (plus - minus); columns add up their currents.

    Every (source, delay) has its word line. A spike drives its row with `read_voltage` for
    `read_time` (a one-bit driver); each column sums the currents of all rows active in a step,
    device by device with independent read noise, and is converted once by `adc`, whose range is a
    current [A], "auto" see `spiking_range`, and whose codes are signed where a weight can be
    negative. Only columns that conduct are converted. Cells are read `age` seconds after they were
    written; those of a projection that learns do not age.

    A source that sends numbers drives its rows in every step with shares of the full voltage, each
    the number over the range of `dac` or, if that is "auto", over the largest number of the step;
    the automatic range of `adc` is then that of `driven_range`.

    Without `wires` they are ideal; with them every spike adds a row of exact effective
    conductances, those of arrays of `plus` and of `minus`, each as large as `tile` even where fewer
    cells are used (`Tile` says which), whose other rows are held at 0 V. What lies below the first
    `tile.rows` word lines is converted on its own and added digitally. Errors of reading are
    carried to the column in first order.

    A graded device writes any weight (`to_conductances`). One that is not, such as BreakdownReRAM,
    holds weights of one magnitude w: scale is w / device.full, and with pairs="one" the sign
    chooses which device of the pair is formed; with pairs="both" both are, independently, which
    makes random signed weights. Learning goes by pulses: to `plus`, and where that cannot move
    further, the opposite way to `minus`. The conductances are the only copy of the weights.
    """

    device: Device
    _: KW_ONLY
    adc: ADC | None = field(default_factory=ADC)  # None: no steps, no limits
    activity: float = 0.1  # share of rows active in one step that the automatic range expects
    read_voltage: float = 0.2  # [V]
    read_time: float = 100e-9  # [s]
    pairs: str = "one"
    age: float = FRESH  # time from writing to reading [s]
    wires: Wires | None = None  # None: without resistance
    tile: Tile | None = None  # None: arrays as large as need be
    dac: DAC | None = None  # of each row of each array, where numbers drive it; None: any voltage

    can: ClassVar[Capabilities] = Capabilities(shares=True)

    def __post_init__(self) -> None:
        check.keep(self, "device", check.instance, Device, "BreakdownReRAM()")
        check.keep(self, "activity", check.within, above=0.0, most=1.0)
        check.keep(self, "read_voltage", check.within, above=0.0, unit="V")
        check.keep(self, "read_time", check.within, above=0.0, unit="s")
        check.keep(self, "pairs", check.one_of, ["one", "both"])
        check.keep(self, "age", check.within, least=0.0, unit="s")
        for name, kind in (("adc", ADC), ("wires", Wires), ("tile", Tile), ("dac", DAC)):
            check.keep(self, name, check.instance, kind, optional=True)
        if self.pairs == "both" and self.device.graded:
            raise check.fail(
                self,
                "pairs",
                "must be 'one' for a device that is written to any weight",
                self.pairs,
            )
        if self.age > FRESH:
            tell_ageless(self, self.device, self.age)

    @property
    def design(self) -> ArrayDesign:
        """The arrays that the devices stand in."""
        return ArrayDesign(
            device=self.device,
            adc=self.adc,
            read_voltage=self.read_voltage,
            wires=self.wires,
            tile=self.tile,
        )

    def prepare(self, projection: ProjectionScope) -> dict[str, Any]:
        """Write the devices; declare them, the columns and what is counted for the energy."""
        written = self._arrays(projection)
        cells, converter = written.cells, written.converter
        n, columns = cells.plus.size, cells.n_columns
        scope = {
            "plus": projection.signal("plus", "store", "float", (n,), cells.plus, "S"),
            "minus": projection.signal("minus", "store", "float", (n,), cells.minus, "S"),
            "column_plus": projection.signal(
                "column_plus", "scratch", "float", (columns,), unit="S"
            ),
            "column_minus": projection.signal(
                "column_minus", "scratch", "float", (columns,), unit="S"
            ),
            "variance": projection.signal("variance", "scratch", "float", (columns,), unit="S^2"),
            "listed": projection.signal("listed", "scratch", "uint8", (columns,)),
            "scale": written.scale,
            "noise": self._noise(projection),
            "excess": projection.fixed("excess", cells.excess),
        }
        scope |= counted(projection, columns)
        if cells.places is not None:
            projection.fixed("places", cells.places)
        if self.wires is not None or self.tile is not None:
            scope["first"] = projection.fixed("cells_first", cells.first)
            scope["targets"] = projection.fixed("cells_columns", cells.columns)
        if self.wires is not None:
            scope["begin"] = scope["first"]
            scope["end"] = projection.fixed("cells_last", cells.first[1:])
        scope["edges"] = projection.fixed("edges", written.edges)
        scope["sharing"] = projection.fixed("sharing", written.sharing)
        codes = [converter.lsb, converter.lowest, converter.highest]
        projection.fixed("converter", np.array(codes), dtype="float")
        return scope | converter.constants()

    def read(self, projection: ProjectionScope, scope: dict[str, Any]) -> None:
        projection.operator(
            projection.phase, "crossbar_read_step", {**projection.listed(), **scope}
        )
        projection.operator(projection.phase, "convert_step", scope)

    def multiply(self, projection: ProjectionScope, scope: dict[str, Any]) -> None:
        """Rows are driven with shares of the full voltage, from `dac`.

        Every one is driven in every step.
        """
        multiply(projection, scope, self.dac, self.tile)

    def product(
        self,
        projection: ProjectionScope,
        memory: Memory,
        x: Matrix,
        *,
        transpose: bool = False,
        key: int = 0,
    ) -> Matrix:
        """The product through `dac`, read noise drawn from `key`, wires and converters.

        In a projection that is driven with numbers the converters are those of a run, else others
        with the automatic range for numbers.
        """
        design = self.design
        if self.adc is not None:
            design = replace(design, adc=replace(self.adc, signed=self._signed(projection, True)))
        reading = Reading.of(
            design,
            projection,
            memory,
            scale=self._scale(projection),
            noise=self._noise(projection),
            dac=self.dac,
        )
        if transpose:
            return reading.transposed(x, key)
        name = projection.name
        if projection.graded:
            lsb, lowest, highest = memory[f"{name}.converter"].tolist()
            one = Converter(lsb=lsb, lowest=int(lowest), highest=int(highest))
            edges, sharing = memory[f"{name}.edges"], memory[f"{name}.sharing"]
        else:
            one = self._quantiser(projection, reading.range, driven=True)
            columns = memory[f"{name}.column_plus"].size
            edges, sharing = self._converters(one, projection, columns)
        return reading.product(x, key, Converters(one=one, edges=edges, sharing=sharing))

    def program(
        self, projection: ProjectionScope, scope: dict[str, Any], proposals: Proposals
    ) -> None:
        if scope["scale"] == 0.0:
            raise check.fail(self, "device", "cannot learn from weights that are all 0", 0.0)
        synapses = projection.synapses
        own: dict[str, Any] = {
            "pulses": projection.counter("pulses"),
            "turns": projection.signal("turns", "scratch", "uint8", (synapses.n,)),
            "key": np.uint64(stream_key(projection.synapses.key, "pulses")),
        }
        for side, key in zip(("plus", "minus"), self._keys(projection), strict=True):
            stuck = self.design.stuck(synapses.n, key)
            own[f"stuck_{side}"] = projection.fixed(
                f"stuck_{side}", synapses.placed(stuck) if stuck.size else stuck
            )
        scope = {
            **projection.listed(),
            **proposals.scope,
            **scope,
            **self.device.pulse_constants(),
            **own,
        }
        projection.operator(Phase.LEARN, "pulse_step", scope)

    def weights(self, projection: ProjectionScope, memory: Memory) -> NDArray[np.float64]:
        """Behind wires the effective ones."""
        plus, minus = (
            memory[f"{projection.name}.{side}"].astype(np.float64) for side in ("plus", "minus")
        )
        weights: NDArray[np.float64] = self._scale(projection) * (plus - minus)
        return weights if self.wires is None else weights[memory[f"{projection.name}.places"]]

    def tensors(self, projection: ProjectionScope, memory: Memory) -> TensorStore:
        """See `CrossbarTensors`: devices are written anew wherever weights are trained."""
        from .tensors import CrossbarTensors

        def arrays(weights: Matrix) -> Written:
            return self._arrays(reweighted(projection, weights))

        noise, scale, keys = (
            self._noise(projection),
            self._scale(projection),
            self._keys(projection),
        )
        stuck = [self.design.stuck(projection.synapses.n, key) for key in keys]
        return CrossbarTensors(
            self, projection, memory, arrays, noise=noise, scale=scale, stuck=stuck
        )

    def _arrays(self, projection: ProjectionScope) -> Written:
        """The devices that hold the weights of a projection, and what reads their columns."""
        cells, scale = self._cells(projection), self._scale(projection)
        one = self.converter(projection, cells)
        edges, sharing = self._converters(one, projection, cells.n_columns)
        return Written(cells=cells, converter=one, edges=edges, sharing=sharing, scale=scale)

    def converter(self, projection: ProjectionScope, cells: Cells) -> Converter:
        """The columns' converter for these cells.

        Where a rule learns, each cell counts with the device's whole range.
        """
        span = self.device.g_max - self.device.g_min
        reach = (
            np.full(projection.synapses.n, span)
            if projection.synapses.plastic
            else cells.plus - cells.minus
        )
        if projection.graded:
            full_scale = listed_range(cells.first, cells.columns, reach, cells.n_columns)
        else:
            full_scale = spiking_range(reach, cells.columns, cells.n_columns, self.activity)
        return self._quantiser(projection, full_scale, driven=projection.graded)

    def _quantiser(
        self, projection: ProjectionScope, automatic: float, *, driven: bool
    ) -> Converter:
        """The converter with the range of `adc`, if that is not "auto"; driven: with numbers."""
        if self.adc is None:
            return Converter()
        auto = isinstance(self.adc.range, str)
        full_scale = automatic if auto else float(self.adc.range) / self.read_voltage
        return quantiser(self.adc.bits, full_scale, signed=self._signed(projection, driven))

    def _signed(self, projection: ProjectionScope, driven: bool) -> bool:
        """Whether a column's sum may be negative; driven: with numbers."""
        negative = bool(np.min(projection.synapses.weights, initial=0.0) < 0)
        return (
            negative
            or (driven and (self.dac is None or self.dac.signed))
            or self.pairs == "both"
            or (projection.synapses.plastic and projection.bounds[0] < 0)
        )

    def _converters(
        self, converter: Converter, projection: ProjectionScope, columns: int
    ) -> tuple[Matrix, NDArray[np.uint32]]:
        """Where converters go on to the next code, and the converter of each column."""
        if self.adc is None or converter.lsb == 0.0:
            return np.zeros((0, 0)), np.zeros(0, np.uint32)
        synapses, adc = projection.synapses, replace(self.adc, signed=converter.lowest < 0)
        shape = (columns, synapses.n_post, self._width(synapses.n_post))
        return column_converters(adc, *shape, stream_key(synapses.key, "converters"))

    def _width(self, columns: int) -> int:
        """How many columns of `columns` an array has."""
        return columns if self.tile is None else min(columns, self.tile.columns)

    def read_seconds(self, columns: int) -> float | None:
        """How long one reading of `columns` columns takes [s], all arrays at once.

        None where that is not known.
        """
        columns = check.whole(self, "columns", columns)
        waiting = None if self.adc is None else self.adc.latency(self._width(columns))
        return None if waiting is None else self.read_time + waiting

    def _cells(self, projection: ProjectionScope) -> Cells:
        """What a spike reads.

        Pairs as they are `age` seconds after writing, in their arrays, behind their wires.
        """
        plus, minus = self._written(projection)
        excess = np.zeros((2, 0))
        if projection.synapses.plastic and self.age > FRESH and self.device.ages:
            notify(
                f"Crossbar.age: cells of {projection.name}, which learns, do not age (got {self.age:g} s)"
            )
        if not projection.synapses.plastic:
            keys = self._keys(projection)
            ((plus, minus),) = self.design.aged([(plus, minus)], self.age, [keys])
            excess = excess_of(self.design, (plus, minus), self.age, keys)
        cells = listed(projection.synapses, plus, minus, excess.sum(axis=0))
        if self.wires is None:
            return cells if self.tile is None else tiled(cells, self.tile)
        if projection.synapses.plastic:
            rule = f"must be None where a rule learns, as in {projection.name}: each pulse would change all rows"
            raise check.fail(self, "wires", rule, self.wires)
        idle = idle_excess(self.device, self.age)
        if idle and not excess.size:
            excess = np.zeros((2, projection.synapses.n))
        return wired(cells, excess, self.design, idle, projection.name)

    def _keys(self, projection: ProjectionScope) -> tuple[int, int]:
        """Of the cells of both sides."""
        plus, minus = (stream_key(projection.synapses.key, side) for side in ("plus", "minus"))
        return plus, minus

    def _noise(self, projection: ProjectionScope) -> float:
        """The relative error of one reading.

        It is that of white noise, and where a rule learns that of all noise together.
        """
        return float(
            self.device.relative_error(self.age)
            if projection.synapses.plastic
            else self.device.read_noise
        )

    def _written(self, projection: ProjectionScope) -> Pair:
        """The conductances of both devices of every pair as they come out of writing.

        Shape (n_synapses,) each [S].
        """
        device = self.device
        synapses = projection.synapses
        weights = np.broadcast_to(np.asarray(synapses.weights, np.float64), (synapses.n,))
        weights = synapses.drawn(weights)  # errors of writing do not depend on the order here
        if device.graded:
            targets = self.design.targets(weights, self._largest(projection))
        else:
            check_one_magnitude(device, projection.name, weights)
            formed = (weights > 0, weights < 0) if self.pairs == "one" else (weights != 0,) * 2
            plus, minus = (np.where(side, device.full, device.rest) for side in formed)
            targets = [(plus, minus)]
        plus, minus = self.design.write(targets, [self._keys(projection)])[0]
        return synapses.placed(plus), synapses.placed(minus)

    def _scale(self, projection: ProjectionScope) -> float:
        """Weight per siemens [1/S]."""
        if self.device.graded:
            return float(self.design.scale(self._largest(projection)))
        return float(np.abs(projection.synapses.weights).max(initial=0.0)) / self.device.full

    def _largest(self, projection: ProjectionScope) -> float:
        """The weight that a graded device's whole range stands for.

        It is the largest there is or may become.
        """
        bounds = [abs(bound) for bound in projection.bounds if np.isfinite(bound)]
        return max(float(np.abs(projection.synapses.weights).max(initial=0.0)), *bounds, 0.0)
