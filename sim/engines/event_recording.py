"""Recording under the event engine: the buffers of one run, and what becomes of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ...kernels.cpu import event_records as kernels
from ...kernels.cpu.event_queue import NEVER, TICKS
from ...kernels.cpu.event_records import FIRED, PROBE, Records
from ...kernels.cpu.event_units import Units
from ..description.parts import Population, Probe, Projection
from ..plan.capacity import check_samples
from ..plan.probes import EVERY, SPIKE_ROWS, check_synapses, recorded
from ..results.records import Samples, Spikes
from ..results.result import Result
from .event_plan import EventPlan
from .event_solved import kernels_of, ticks

if TYPE_CHECKING:
    from ..results.sink import Sink, State

TRACE: Final = 1e-3  # default sampling interval of state variables [s]
SAMPLES: Final = 1 << 19  # numbers per buffer


def check_probe(plan: EventPlan, probe: Probe) -> None:
    """Raise UnsupportedError for a state variable that the event engine does not have, ParameterError for a synapse."""
    if isinstance(probe.target, Projection):
        check_synapses(probe, plan.synapses[probe.target.name].n)
    elif probe.what not in ("spikes", "counts", "rate"):
        known = kernels_of(probe.target).state
        if probe.what not in known:
            raise UnsupportedError(
                f"Network.probe: the event engine has no variable {probe.what!r} of {probe.target.name!r}, only "
                f"{', '.join(known)}"
            )


def interval(probe: Probe) -> int:
    """The time between two samples [ticks]."""
    return max(int(ticks(EVERY.get(probe.what, TRACE) if probe.every is None else probe.every)), 1)


def counted(plan: EventPlan) -> int:
    """How many numbers the counting probes keep from run to run."""
    return sum(_subset(plan, probe).size for probe in plan.probes if _samples(probe))


def _samples(probe: Probe) -> bool:
    return isinstance(probe.target, Population) and probe.what != "spikes"


def _subset(plan: EventPlan, probe: Probe) -> NDArray[np.int64]:
    """The units that a sampling probe reads."""
    assert isinstance(probe.target, Population)
    return recorded(probe, probe.target.n) + plan.begin(probe.target)


class EventRecording:
    """The records of one run from `start` to `stop` [ticks], or what of them no `sink` has taken yet.

    before: spikes of each counted unit up to its last sample, kept from run to run; delivered (1,): synapses so far.
    """

    def __init__(
        self, plan: EventPlan, units: Units, before: NDArray[np.int64], delivered: NDArray[np.int64], start: int,
        stop: int, sink: Sink | None = None,
    ) -> None:  # fmt: skip
        self.plan, self.units, self.delivered, self.stop, self.sink = plan, units, delivered, stop, sink
        self.probes = [probe for probe in plan.probes if _samples(probe)]
        if sink is None:
            every = {probe: interval(probe) for probe in plan.probes if probe.what != "spikes"}
            check_samples({probe: (stop // e - start // e, self._width(probe)) for probe, e in every.items()})
        self.records = self._records(before, start)
        self._wanted = np.zeros(int(plan.first[-1]), np.bool_)  # whose spikes are kept
        for probe in plan.probes:
            if probe.what == "spikes" and isinstance(probe.target, Population):
                units.group["recorded"][plan.index(probe.target)] = 1
                self._wanted[_subset(plan, probe)] = True
        self._begin(start)

    @property
    def full(self) -> bool:
        """Whether the sink, if there is one, wants what has come together."""
        return self.sink is not None and self.sink.wants(self._bytes)

    def hand_over(self, now: int, state: State) -> None:
        """Give the records up to `now` [ticks], where the simulation has this state, to the sink and begin anew."""
        if self.sink is not None:
            self.sink.put(self.result(now), state)
            self._begin(now)

    def drain(self) -> None:
        """Empty all buffers."""
        fired = self.records.fired[: self.records.rows[0]]
        self._fired.append(fired[self._wanted[fired["unit"]]])
        self._bytes += self._fired[-1].nbytes
        self.records.rows[0] = 0
        for probe, samples in zip(self.records.probe, self._sampled, strict=True):
            samples.append(self.records.buffer[probe["buffer"] : probe["buffer"] + probe["filled"]].copy())
            self._bytes += samples[-1].nbytes
        self.records.probe["filled"] = 0

    def result(self, stop: int | None = None) -> Result:
        """Everything recorded up to `stop` [ticks], the end of the run if None, in order of time."""
        stop = self.stop if stop is None else stop
        result = Result(
            start=self.start / TICKS, stop=stop / TICKS, hash=spike_hash(self.plan, self.units), meta=self.plan.meta(),
            tallies={name: total - self._tallied[name] for name, total in self._tallies().items()},
        )  # fmt: skip
        fired = np.concatenate([np.zeros(0, FIRED), *self._fired])
        for probe in self.plan.probes:
            if isinstance(probe.target, Projection):
                result.sample_records[probe.name] = self._weights(probe, stop)
            elif probe.what == "spikes":
                first, n = self.plan.begin(probe.target), probe.target.n
                own = fired[(fired["unit"] >= first) & (fired["unit"] < first + n)]
                result.spike_records[probe.target.name] = Spikes(
                    own["time"] / TICKS, own["unit"] - first, n, result.start, result.stop,
                    None if probe.ids is None else recorded(probe, n),
                )  # fmt: skip
        for p, probe in enumerate(self.probes):
            result.sample_records[probe.name] = self._samples(p, probe)
        return result

    def _tallies(self) -> dict[str, int]:
        """Running totals: synapses passed, and what sources have merged."""
        totals = {"deliveries": int(self.delivered[0])}
        for population in self.plan.populations:
            state = kernels_of(population).state
            if "merged" in state and population.model.counts:
                first = self.plan.begin(population)
                rows = self.units.cell["row"][first : first + population.n] + state.index("merged")
                totals[f"{population.name}.merged"] = int(self.units.state[rows].sum())
        return totals

    def _begin(self, start: int) -> None:
        self.start, self._bytes, self._tallied = start, 0, self._tallies()
        self._fired: list[NDArray[Any]] = []
        self._sampled: list[list[NDArray[np.float64]]] = [[] for _ in self.probes]

    def _records(self, before: NDArray[np.int64], start: int) -> Records:
        subsets = [_subset(self.plan, probe) for probe in self.probes]
        table = np.zeros(len(self.probes), PROBE)
        kinds = {"counts": kernels.COUNTS, "rate": kernels.RATE}
        table["kind"] = [kinds.get(probe.what, kernels.STATE) for probe in self.probes]
        table["variable"] = [self._variable(probe) for probe in self.probes]
        table["every"] = [interval(probe) for probe in self.probes]
        table["upcoming"] = [min((start // every + 1) * every, NEVER) for every in table["every"].tolist()]
        table["units"] = [subset.size for subset in subsets]
        table["width"] = np.where(table["kind"] == kernels.RATE, 1, table["units"])
        table["room"] = np.maximum(table["units"], SAMPLES)
        table["subset"] = np.cumsum(table["units"]) - table["units"]
        table["buffer"] = np.cumsum(table["room"]) - table["room"]
        due = table["upcoming"].min(initial=NEVER)
        return Records(
            fired=np.zeros(SPIKE_ROWS, FIRED), capacity=SPIKE_ROWS, rows=np.zeros(1, np.int64), probe=table,
            n_probes=table.size, subset=np.concatenate([np.zeros(0, np.int64), *subsets]), before=before,
            buffer=np.empty(int(table["room"].sum())), due=np.array([due], np.int64),
        )  # fmt: skip

    def _width(self, probe: Probe) -> int:
        """Numbers in a sample; weights, which never change, are kept once."""
        if isinstance(probe.target, Projection):
            return 0
        return 1 if probe.what == "rate" else recorded(probe, probe.target.n).size

    def _variable(self, probe: Probe) -> int:
        assert isinstance(probe.target, Population)
        state = kernels_of(probe.target).state
        return state.index(probe.what) if probe.what in state else 0

    def _samples(self, p: int, probe: Probe) -> Samples:
        """What a sampling probe saw."""
        assert isinstance(probe.target, Population)
        every, ids = interval(probe), recorded(probe, probe.target.n)
        values = np.concatenate([np.zeros(0), *self._sampled[p]]).reshape(-1, self._width(probe))
        times = (self.start // every + 1 + np.arange(len(values))) * every / TICKS
        if probe.what == "rate":
            return Samples(times, values / (ids.size * every / TICKS), np.zeros(1, np.int64), "Hz")
        if probe.what == "counts":
            return Samples(times, values.astype(np.int64), ids, "1")
        return Samples(times, values, ids, probe.target.model.units.get(probe.what, ""))

    def _weights(self, probe: Probe, stop: int) -> Samples:
        """The weights, which never change, once per interval."""
        every, synapses = interval(probe), self.plan.synapses[probe.target.name]
        ids = recorded(probe, synapses.n)
        weights = synapses.weights if probe.ids is None else synapses.weights[ids]
        times = np.arange(self.start // every + 1, stop // every + 1) * every / TICKS
        return Samples(times, np.broadcast_to(weights, (times.size, ids.size)), ids)


def spike_hash(plan: EventPlan, units: Units) -> str:
    """BLAKE2b of every population's name and running spike signature."""
    digest = hashlib.blake2b(digest_size=16)
    for k in sorted(range(len(plan.populations)), key=lambda k: plan.populations[k].name):
        digest.update(plan.populations[k].name.encode() + int(units.group["signature"][k]).to_bytes(8, "little"))
    return digest.hexdigest()
