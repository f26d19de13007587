"""A crossbar on tensors: what arrives through it, with gradients; and weights to be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, final

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ...kernels.torch.crossbar import multiply_span, normals, read_span
from ...sim.description.tensor_store import Moment, TensorStore
from ...sim.operators.projection import ProjectionScope
from ...sim.operators.signals import Memory
from ..array.rows import Cells
from ..devices.device import Device
from ..periphery.converters import DAC, Converter, edged_codes
from ..periphery.straight_through import straight_through, torch
from .blocks import Blocks
from .written import Written

Array = NDArray[np.float64]
Tensor = torch.Tensor

SMALLEST: Final = 1e-36  # [S^2] variances below are none, so that their root has a finite slope
TALLIES: Final = ("activations", "events", "conversions", "clipped", "reads", "conducted")


class Owner(Protocol):
    """What tensors must know of a `Crossbar`."""

    @property
    def device(self) -> Device: ...

    @property
    def dac(self) -> DAC | None: ...

    @property
    def pairs(self) -> str: ...


@final
@dataclass(frozen=True)
class Ready:
    """Matrices of the differences of cells [S], of the variances of their readings [S^2] or None.

    pattern: of ones where there are cells, None where no converter has errors of its own.
    """

    written: Written
    differences: Any
    variances: Any
    pattern: Any


@final
class CrossbarTensors(TensorStore):
    """The cells of a `Crossbar`: those in memory or, where weights are trained, written anew.

    In every pass devices are written with the weights of that moment, by the same keys, so the
    errors of writing are those of the network that is described with these weights. Cells that
    take one conductance hold the nearest of -w, 0 and w, where w is the magnitude of the weights
    that training began with.

    A gradient passes straight through writing, rounding and converters (Bengio, Léonard and
    Courville 2013, arXiv:1308.3432): a pair's difference moves with its weight by 1 / scale times
    the share that wires let through, by nothing where the cell is stuck; what a converter clips
    has no gradient.

    arrays: what is written for weights (n_synapses,); noise: see `crossbar_read_step`; scale: weight per siemens at the
    beginning; stuck: of both sides, see `ArrayDesign.stuck`.
    """

    tallies = TALLIES

    def __init__(
        self,
        store: Owner,
        projection: ProjectionScope,
        memory: Memory,
        arrays: Callable[[Array], Written],
        *,
        noise: float,
        scale: float,
        stuck: Sequence[NDArray[np.uint8]],
    ) -> None:
        self.projection, self.store, self.noise = projection, store, noise
        self.synapses, self.graded = projection.synapses, projection.graded
        self.memory, self.scale, self._arrays = memory, scale, arrays
        n = self.synapses.n
        self.free = [1.0 - one if one.size else np.ones(n) for one in stuck]
        self.free = [self.synapses.placed(one) for one in self.free]
        self.lags = np.asarray(self.synapses.lags, np.int64)
        self.present = self._present()
        self.blocks = Blocks(self.present.cells, self.synapses.n_post)
        self.source, self.lag = np.divmod(self.blocks.rows, self.lags.size)
        self.latest: tuple[Array, Written] | None = None

    def begin(self) -> Array:
        """The weights to be written, as they are described; raises where none could be."""
        store, name = self.store, self.synapses.name
        if store.pairs == "both":
            raise UnsupportedError(
                f"Simulator.module train: {name!r} lives in a Crossbar whose pairs are both formed, so its weights are "
                "random; use pairs='one'"
            )
        weights = np.broadcast_to(np.asarray(self.synapses.weights, np.float64), (self.synapses.n,))
        if self.scale == 0.0:
            raise UnsupportedError(
                f"Simulator.module train: the weights of {name!r} are all 0, so no conductance stands for one; begin "
                "with others"
            )
        return weights.copy()

    def written(self, trained: Array) -> Array:
        """Weights that the devices can hold: any, or the nearest of -w, 0 and w."""
        if self.store.device.graded:
            return trained
        magnitude = self.scale * self.store.device.full
        rounded: Array = magnitude * np.clip(np.rint(trained / magnitude), -1.0, 1.0)
        return rounded

    def ready(self, trained: Tensor | None, like: Tensor) -> Ready:
        written, blocks = self.present, self.blocks
        numbers = None if trained is None else trained.detach().cpu().numpy().astype(np.float64)
        if numbers is not None:
            written = self._written(numbers)
        cells = written.cells
        up, down = cells.plus, cells.minus
        difference = _like(up - down, like)
        variance = self.noise**2 * (up**2 + down**2) + (cells.excess if cells.excess.size else 0.0)
        noisy = bool((variance > 0).any())
        changes = _like(variance, like)
        if trained is not None and numbers is not None:
            slopes, curve = self._slopes(written, numbers)
            difference = self._through(trained, slopes, difference)
            changes = self._through(trained, curve, changes)
        pattern = blocks.matrices(torch.ones_like(difference)) if written.edges.size else None
        return Ready(
            written,
            blocks.matrices(difference),
            blocks.matrices(changes) if noisy else None,
            pattern,
        )

    def arriving(self, ready: Ready, sent: Tensor, depth: int, moment: Moment) -> Tensor:
        rows = self._rows(sent, depth)
        full: Any = 1.0
        drives, squares = [rows], [rows]  # a spike is 1, and so is its square
        if self.graded:
            full, drives = self._driven(rows)
            squares = [one * one for one in drives]
        sums = self._each(drives, ready.differences)
        if ready.variances is not None:
            sums = sums + self._errors(self._each(squares, ready.variances), moment)
        sums = self._converted(ready, sums, drives)
        below = sums.unflatten(2, (-1, self.synapses.n_post)).sum(2)
        arriving: Tensor = full * ready.written.scale * below
        return arriving

    def add(self, sent: Tensor, depth: int, moment: Moment, receiving: Tensor) -> None:
        """In the order of the processor's kernels and with their draws, so to the bit what they do."""
        fixed = self._arguments()
        for b, sample in enumerate(moment.samples):
            own = np.ascontiguousarray(receiving[:, b].numpy())
            totals = {name: moment.totals[name][b].numpy() for name in self.tallies}
            numbers = np.ascontiguousarray(sent[:, b].numpy())
            given = {**fixed, **totals, "step": moment.step, "depth": depth, "sent": numbers}
            given |= {"receiving": own, "sample": np.array([sample], np.int64)}
            if self.graded:
                multiply_span(**given)
            else:
                room = np.zeros(numbers.shape, np.uint32)
                counts = np.zeros(len(numbers), np.int64)
                read_span(**given, history=room, history_count=counts)
            receiving[:, b] = torch.from_numpy(own)

    def _present(self) -> Written:
        """What stands in memory."""
        name, memory, synapses = self.synapses.name, self.memory, self.synapses
        moved = f"{name}.cells_first" in memory.views
        lsb, lowest, highest = memory[f"{name}.converter"].tolist()
        cells = Cells(
            memory[f"{name}.cells_first"] if moved else synapses.first,
            memory[f"{name}.cells_columns"] if moved else synapses.targets,
            memory[f"{name}.plus"].astype(np.float64),
            memory[f"{name}.minus"].astype(np.float64),
            memory[f"{name}.excess"],
            memory[f"{name}.column_plus"].size,
        )
        return Written(
            cells=cells,
            converter=Converter(lsb=lsb, lowest=int(lowest), highest=int(highest)),
            edges=memory[f"{name}.edges"],
            sharing=memory[f"{name}.sharing"],
            scale=self.scale,
        )

    def _written(self, trained: Array) -> Written:
        """The devices that are written for trained numbers; the latest are kept."""
        if self.latest is None or not np.array_equal(self.latest[0], trained):
            self.latest = trained, self._arrays(self.written(trained))
        return self.latest[1]

    def _slopes(self, written: Written, trained: Array) -> tuple[Array, Array]:
        """How a pair's difference, and its variance of reading, move with its weight."""
        cells, per = written.cells, 1.0 / written.scale if written.scale else 0.0
        reached = np.ones((2, trained.size)) if cells.reached is None else cells.reached
        plus, minus = (free * share * per for free, share in zip(self.free, reached, strict=True))
        positive = trained >= 0
        slopes = np.where(positive, plus, minus)
        if not self.store.device.graded:
            slopes = (plus + minus) / 2
        own = slice(None) if cells.places is None else cells.places
        conducts = np.where(positive, cells.plus[own], -cells.minus[own])
        return slopes, 2 * self.noise**2 * conducts * slopes

    def _through(self, trained: Tensor, slopes: Array, values: Tensor) -> Tensor:
        """Values of cells that move with trained numbers (n_synapses,) by slopes."""
        moved = trained * _like(slopes, values)
        assert self.latest is not None
        places = self.latest[1].cells.places
        if places is not None:
            at = torch.from_numpy(places).to(values.device)
            moved = torch.zeros_like(values).index_put((at,), moved)
        return straight_through(moved, values)

    def _rows(self, sent: Tensor, depth: int) -> Tensor:
        """What drives each word line that has cells (time, batch, n_rows)."""
        time = sent.shape[0] - depth
        if self.lags.size == 1:
            first = depth - int(self.lags[0])
            rows = sent[first : first + time]
            whole = self.source.size == rows.shape[2]
            return rows if whole else rows[:, :, torch.from_numpy(self.source).to(sent.device)]
        steps = depth - self.lags[self.lag] + np.arange(time)[:, None]  # (time, n_rows)
        at = torch.from_numpy(steps).to(sent.device)
        source = torch.from_numpy(np.broadcast_to(self.source, steps.shape).copy())
        return sent[at, :, source.to(sent.device)].transpose(1, 2)

    def _driven(self, rows: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The range of the numbers of each step (time, batch, 1), and the shares that drive rows.

        The shares are (time, batch, n_rows), in each of the arrays beside each other.
        """
        dac = self.store.dac
        if dac is None or isinstance(dac.range, str):
            full = rows.detach().abs().amax(2, keepdim=True)
        else:
            full = torch.full_like(rows[:, :, :1], float(dac.range))
        shares = rows / torch.where(full > 0, full, 1.0)
        if dac is None:
            return full, [shares]
        lowest, highest = dac.codes
        levels = shares.detach().cpu().double().numpy() * highest
        codes = np.clip(np.rint(levels), lowest, highest)
        errors = self.memory[f"{self.synapses.name}.drivers"]
        inside = torch.from_numpy((levels >= lowest - 0.5) & (levels <= highest + 0.5)).to(rows)
        driven = []
        for strip in range(self._strips):
            off: Any = 0.0
            if errors.size:
                driver = strip * self.synapses.n_pre * self.lags.size + self.blocks.rows
                off = errors[driver, (codes - lowest).astype(np.int64)]
            own = np.where(full.cpu().numpy() > 0, (codes + off) / highest, 0.0)
            driven.append(straight_through(shares, _like(own, rows), inside))
        return full, driven

    @property
    def _strips(self) -> int:
        """How many arrays beside each other have drivers of their own."""
        strips = self._strip
        return int(strips.max(initial=0)) + 1

    @property
    def _strip(self) -> NDArray[np.uint32]:
        """Which of them each column is in; (0,) for one."""
        found: NDArray[np.uint32] = self.memory[f"{self.synapses.name}.strips"]
        return found

    def _each(self, drives: list[Tensor], matrices: Any) -> Tensor:
        """What columns add up (time, batch, n_columns), each driven in its own array."""
        found = [self.blocks.product(one, matrices) for one in drives]
        if len(found) == 1:
            return found[0]
        strip = torch.from_numpy(self._strip.astype(np.int64)).to(found[0].device)
        chosen = torch.stack(found).gather(0, strip.expand(1, *found[0].shape))
        return chosen[0]

    def _errors(self, variance: Tensor, moment: Moment) -> Tensor:
        """The errors of reading columns; variance (time, batch, n_columns) [S^2]."""
        plain = variance.detach().cpu().numpy()
        drawn = normals(moment.step, self.synapses.key, moment.samples, plain)
        return variance.clamp_min(SMALLEST).sqrt() * _like(drawn, variance)

    def _converted(self, ready: Ready, sums: Tensor, drives: list[Tensor]) -> Tensor:
        """What converters make of sums (time, batch, n_columns) [S]."""
        one = ready.written.converter
        if one.lsb == 0.0:
            return sums
        codes = sums.detach().cpu().double().numpy() / one.lsb
        found = np.clip(np.rint(codes), one.lowest, one.highest)
        if ready.pattern is not None:
            found = edged_codes(codes, ready.written.edges, ready.written.sharing, one.lowest)
            read = self._each([(own.detach() != 0).to(own) for own in drives], ready.pattern) > 0
            found = np.where(read.cpu().numpy(), found, 0.0)
        inside = (codes >= one.lowest - 0.5) & (codes <= one.highest + 0.5)
        return straight_through(
            sums, _like(found * one.lsb, sums), torch.from_numpy(inside).to(sums)
        )

    def _arguments(self) -> Mapping[str, Any]:
        """What the kernels are handed in every span, in the precision of the simulation."""
        name, memory, cells = self.synapses.name, self.memory, self.present.cells
        number = np.dtype(memory.precision).type
        one, columns = self.present.converter, cells.n_columns
        views = ("plus", "minus", "excess", "edges", "sharing")
        found: dict[str, Any] = {view: memory[f"{name}.{view}"] for view in views}
        found |= {"first": cells.first, "targets": cells.columns, "lags": self.lags}
        found |= {"key": np.uint64(self.synapses.key), "noise": number(self.noise)}
        found |= {"lsb": number(one.lsb), "lowest": one.lowest, "highest": one.highest}
        found |= {"scale": number(self.scale)}
        sums = ("column_plus", "column_minus", "variance")
        found |= {own: np.zeros(columns, memory.precision) for own in sums}
        found |= {"listed": np.zeros(columns, np.uint8), "touched": np.zeros(columns, np.uint32)}
        found["touched_count"] = np.zeros(1, np.int64)
        if self.graded:
            dac = self.store.dac
            free = dac is None or isinstance(dac.range, str)
            lowest, highest = (0, 0) if dac is None else dac.codes
            found |= {"full_scale": number(0.0 if free else dac.range)}  # type: ignore[union-attr]
            found |= {"lowest_level": lowest, "highest_level": highest}
            found |= {"errors": memory[f"{name}.drivers"], "strips": self._strip}
            found |= {"full": np.zeros(1), "summed": np.zeros(1)}
            found |= {"shares": np.zeros(memory[f"{name}.shares"].size)}
            found |= {"product": np.zeros(self.synapses.n_post)}
        return found


def _like(values: NDArray[Any], like: Tensor) -> Tensor:
    """An array as a tensor of the device and the precision of another."""
    return torch.from_numpy(np.ascontiguousarray(values)).to(like)
