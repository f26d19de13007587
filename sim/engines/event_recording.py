"""Collecting what probes wrote on the event engine, buffer by buffer, into a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, final

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ...kernels.cpu import event_records as kernels
from ...kernels.cpu.event_queue import NEVER, TICKS
from ...kernels.cpu.event_records import FIRED, PROBE, Records
from ...kernels.cpu.event_units import Units
from ..description.parts import Population, Probe, Projection
from ..plan.probes import EVERY, SPIKE_ROWS, check_synapses, recorded
from ..results.records import Samples
from .event_plan import EventPlan
from .event_solved import kernels_of, ticks
from .recording import Recording

if TYPE_CHECKING:
    from ..results.sink import Sink

TRACE: Final = 1e-3  # default sampling interval of state variables [s]
SAMPLES: Final = 1 << 19  # numbers per buffer


def check_probe(plan: EventPlan, probe: Probe) -> None:
    """Refuse what the event engine cannot record.

    Raises UnsupportedError for a state variable that it does not have, ParameterError for a
    synapse.
    """
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
    return sum(_subset(plan, probe).size for probe in plan.probes if _samples(plan, probe))


def _samples(plan: EventPlan, probe: Probe) -> bool:
    """Whether a probe takes samples while the loop runs; weights that never change need none."""
    if isinstance(probe.target, Projection):
        return (
            plan.learner(probe.target.name) is not None and plan.synapses[probe.target.name].n > 0
        )
    return probe.what != "spikes"


def _subset(plan: EventPlan, probe: Probe) -> NDArray[np.int64]:
    """The units, or the places of the weights that learn, that a sampling probe reads."""
    if isinstance(probe.target, Projection):
        learner = plan.learner(probe.target.name)
        assert learner is not None
        return recorded(probe, learner.weight.size) + learner.place
    return recorded(probe, probe.target.n) + plan.begin(probe.target)


@final
class EventRecording(Recording):
    """The records of one run; times are ticks.

    before: spikes of each counted unit up to its last sample, kept from run to run; delivered (1,):
    synapses so far.
    """

    def __init__(
        self,
        plan: EventPlan,
        units: Units,
        before: NDArray[np.int64],
        delivered: NDArray[np.int64],
        start: int,
        stop: int,
        sink: Sink | None = None,
    ) -> None:
        super().__init__(plan.probes, plan.meta(), stop, sink)
        self.plan, self.units, self.delivered = plan, units, delivered
        self.sampling = [probe for probe in plan.probes if _samples(plan, probe)]
        self._begin(start)
        self._check_room()
        self.records = self._records(before, start)
        self._wanted = np.zeros(int(plan.first[-1]), np.bool_)  # whose spikes are kept
        for probe in plan.probes:
            if probe.what == "spikes" and isinstance(probe.target, Population):
                units.group["recorded"][plan.index(probe.target)] = 1
                self._wanted[_subset(plan, probe)] = True

    def drain(self) -> None:
        """Empty all buffers."""
        fired = self.records.fired[: self.records.rows[0]]
        self._fired.append(fired[self._wanted[fired["unit"]]])
        self._bytes += self._fired[-1].nbytes
        self.records.rows[0] = 0
        for probe, samples in zip(self.records.probe, self._sampled, strict=True):
            samples.append(
                self.records.buffer[probe["buffer"] : probe["buffer"] + probe["filled"]].copy()
            )
            self._bytes += samples[-1].nbytes
        self.records.probe["filled"] = 0

    def seconds(self, times: Any) -> Any:
        """Ticks in seconds."""
        return times / TICKS

    def _begin(self, start: int) -> None:
        super()._begin(start)
        self._fired: list[NDArray[Any]] = []
        self._sampled: list[list[NDArray[np.float64]]] = [[] for _ in self.sampling]

    def _every(self, k: int) -> int:
        return interval(self.probes[k])

    def _kept_weights(self, k: int) -> int:
        """Those that learn; weights that never change are kept once."""
        probe = self.probes[k]
        return _subset(self.plan, probe).size if probe in self.sampling else 0

    def _signatures(self) -> dict[str, int]:
        signatures = self.units.group["signature"].tolist()
        return {
            part.name: signature
            for part, signature in zip(self.plan.populations, signatures, strict=True)
        }

    def _tallies(self) -> dict[str, float]:
        """Synapses passed, and what sources have merged."""
        totals: dict[str, float] = {"deliveries": int(self.delivered[0])}
        for population in self.plan.populations:
            state = kernels_of(population).state
            if "merged" in state and population.model.counts:
                first = self.plan.begin(population)
                rows = self.units.neuron["row"][first : first + population.n] + state.index(
                    "merged"
                )
                totals[f"{population.name}.merged"] = int(self.units.state[rows].sum())
        return totals

    def _spikes(self, k: int) -> tuple[NDArray[Any], NDArray[Any]]:
        self._fired = [np.concatenate([np.zeros(0, FIRED), *self._fired])]
        fired, target = self._fired[0], self.probes[k].target
        assert isinstance(target, Population)
        first = self.plan.begin(target)
        own = fired[(fired["unit"] >= first) & (fired["unit"] < first + target.n)]
        return own["time"], own["unit"] - first

    def _values(self, k: int) -> NDArray[Any]:
        sampled = self._sampled[self.sampling.index(self.probes[k])]
        values: NDArray[np.float64] = np.concatenate([np.zeros(0), *sampled])
        return values.reshape(-1, self._width(k))

    def _weights(self, k: int, stop: int) -> Samples:
        """The samples of weights that learn; others, which never change, once per interval."""
        probe, every = self.probes[k], self._every(k)
        synapses = self.plan.synapses[probe.target.name]
        ids = recorded(probe, synapses.n)
        if probe in self.sampling:
            values = self._values(k)
            return Samples(
                (self.start // every + 1 + np.arange(len(values))) * every / TICKS, values, ids
            )
        weights = synapses.weights if probe.ids is None else synapses.weights[ids]
        times = np.arange(self.start // every + 1, stop // every + 1) * every / TICKS
        return Samples(times, np.broadcast_to(weights, (times.size, ids.size)), ids)

    def _records(self, before: NDArray[np.int64], start: int) -> Records:
        subsets = [_subset(self.plan, probe) for probe in self.sampling]
        table = np.zeros(len(self.sampling), PROBE)
        kinds = {"counts": kernels.COUNTS, "rate": kernels.RATE, "weights": kernels.WEIGHTS}
        table["kind"] = [kinds.get(probe.what, kernels.STATE) for probe in self.sampling]
        table["variable"] = [self._variable(probe) for probe in self.sampling]
        table["every"] = [interval(probe) for probe in self.sampling]
        table["upcoming"] = [
            min((start // every + 1) * every, NEVER) for every in table["every"].tolist()
        ]
        table["units"] = [subset.size for subset in subsets]
        table["width"] = np.where(table["kind"] == kernels.RATE, 1, table["units"])
        table["room"] = np.maximum(table["units"], SAMPLES)
        table["subset"] = np.cumsum(table["units"]) - table["units"]
        table["buffer"] = np.cumsum(table["room"]) - table["room"]
        due = table["upcoming"].min(initial=NEVER)
        return Records(
            fired=np.zeros(SPIKE_ROWS, FIRED),
            capacity=SPIKE_ROWS,
            rows=np.zeros(1, np.int64),
            probe=table,
            n_probes=table.size,
            subset=np.concatenate([np.zeros(0, np.int64), *subsets]),
            before=before,
            buffer=np.empty(int(table["room"].sum())),
            due=np.array([due], np.int64),
        )

    def _variable(self, probe: Probe) -> int:
        """Which state variable a probe reads, 0 where it reads none."""
        if isinstance(probe.target, Projection):
            return 0
        state = kernels_of(probe.target).state
        return state.index(probe.what) if probe.what in state else 0
