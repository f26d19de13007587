"""What probes recorded in one run, put together as a result: the part that both engines share."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..description.parts import Population, Probe
from ..plan.capacity import check_samples
from ..plan.probes import recorded
from ..results.records import Samples, Spikes
from ..results.result import Result

if TYPE_CHECKING:
    from ..results.sink import Sink, State


def spike_hash(signatures: Mapping[str, int]) -> str:
    """BLAKE2b of the running spike signature of every population, in order of their names."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(signatures):
        digest.update(name.encode() + signatures[name].to_bytes(8, "little"))
    return digest.hexdigest()


class Recording(ABC):
    """The records of one run from time `start` to `stop`, or what of them no `sink` has taken yet.

    Times are whole numbers here, in the engine's own unit: steps or ticks. An engine says how long
    that unit is (`seconds`) and hands out what its buffers held (`_spikes`, `_values`, `_weights`).
    `_bytes` counts what is held.
    """

    def __init__(
        self, probes: Sequence[Probe], meta: Mapping[str, Any], stop: int, sink: Sink | None
    ) -> None:
        self.probes, self.meta, self.stop, self.sink = probes, meta, stop, sink

    @property
    def full(self) -> bool:
        """Whether the sink, if there is one, wants what has come together."""
        return self.sink is not None and self.sink.wants(self._bytes)

    def hand_over(self, now: int, state: State) -> None:
        """Give the records up to `now` to the sink, with the state of that time, and begin anew."""
        if self.sink is not None:
            self.sink.put(self.result(now), state)
            self._begin(now)

    def result(self, stop: int | None = None) -> Result:
        """Everything recorded up to `stop`, the end of the run if None, in order of time."""
        stop = self.stop if stop is None else stop
        result = Result(
            start=float(self.seconds(self.start)),
            stop=float(self.seconds(stop)),
            hash=spike_hash(self._signatures()),
            meta=dict(self.meta),
            tallies={name: total - self._tallied[name] for name, total in self._tallies().items()},
        )
        for k, probe in enumerate(self.probes):
            if not isinstance(probe.target, Population):
                result.sample_records[probe.name] = self._weights(k, stop)
            elif probe.what == "spikes":
                times, ids = self._spikes(k)
                result.spike_records[probe.target.name] = Spikes(
                    np.asarray(self.seconds(times), np.float64),
                    ids.astype(np.int64),
                    probe.target.n,
                    result.start,
                    result.stop,
                    None if probe.ids is None else recorded(probe, probe.target.n),
                )
            else:
                result.sample_records[probe.name] = self._samples(k, probe.target)
        return result

    def _begin(self, start: int) -> None:
        """Hold nothing yet; what is recorded from now on begins at `start`."""
        self.start, self._bytes, self._tallied = start, 0, self._tallies()

    def _check_room(self) -> None:
        """Raise CapacityError unless all samples of the run fit into memory.

        Where a sink takes them, they need not.
        """
        if self.sink is None:
            every = {
                k: self._every(k) for k, probe in enumerate(self.probes) if probe.what != "spikes"
            }
            check_samples(
                {
                    self.probes[k]: (self.stop // e - self.start // e, self._width(k))
                    for k, e in every.items()
                }
            )

    def _samples(self, k: int, population: Population) -> Samples:
        """What probe `k` saw of a population: its rate, counts of spikes, or a state variable."""
        probe, every, ids = self.probes[k], self._every(k), recorded(self.probes[k], population.n)
        values = self._values(k)
        times = np.asarray(
            self.seconds((self.start // every + 1 + np.arange(len(values))) * every), np.float64
        )
        if probe.what == "rate":
            return Samples(
                times, values / self.seconds(ids.size * every), np.zeros(1, np.int64), "Hz"
            )
        if probe.what == "counts":
            return Samples(times, values.astype(np.int64), ids, "1")
        return Samples(times, values, ids, population.model.units.get(probe.what, ""))

    def _width(self, k: int) -> int:
        """Numbers in a sample of probe `k`."""
        probe = self.probes[k]
        if not isinstance(probe.target, Population):
            return self._kept_weights(k)
        return 1 if probe.what == "rate" else recorded(probe, probe.target.n).size

    @abstractmethod
    def seconds(self, times: Any) -> Any:
        """Times in the engine's own unit in seconds."""

    @abstractmethod
    def _every(self, k: int) -> int:
        """The time between two samples of probe `k`."""

    @abstractmethod
    def _kept_weights(self, k: int) -> int:
        """How many numbers are kept for each time at which probe `k` sees weights."""

    @abstractmethod
    def _signatures(self) -> dict[str, int]:
        """The running signature of the spikes of every population, by name."""

    @abstractmethod
    def _tallies(self) -> dict[str, float]:
        """Running totals, of which a result tells the increase."""

    @abstractmethod
    def _spikes(self, k: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Times and units (n_spikes,) of the spikes that probe `k` saw, in order of time."""

    @abstractmethod
    def _values(self, k: int) -> NDArray[Any]:
        """The samples (n_samples, width) that probe `k` took of a population.

        For a rate these are numbers of spikes.
        """

    @abstractmethod
    def _weights(self, k: int, stop: int) -> Samples:
        """The weights that probe `k` saw up to `stop`."""
