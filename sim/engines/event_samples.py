"""Runs of one compiled network from time 0 with other spike trains, many in one call of compiled
code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import DivergenceError
from ...kernels.cpu import event_loop as loop
from ...kernels.cpu.caching import cached
from ...kernels.cpu.event_inputs import SPIKE, TRAIN
from ...kernels.cpu.event_memory import table
from ...kernels.cpu.event_queue import NEVER
from ...kernels.cpu.event_records import FIRED, PROBE, Records
from ...kernels.cpu.event_samples import DIVERGED, Samples, run_samples
from ..description.inputs import SpikeTrain
from ..plan.inputs import counts
from .batch import Progress, spread
from .event_memory import SHARED, EventMemory
from .event_plan import EventPlan

CHUNK: Final = 16  # samples in one call of compiled code; gradients are summed chunk by chunk
ROWS: Final = 1 << 14  # spikes that a worker has room for at first
ALIGNED: Final = 64  # bytes
MOVING: Final = ("slot", "heap", "place", "due", "size")  # arrays of inputs that change in a run


@dataclass(frozen=True, eq=False)
class Trains:
    """Spikes into the units of a population, for each sample of a batch.

    times (n_samples, n) [ticks], ascending in each sample, NEVER where there is no more; units
    (n_samples, n) int64, the unit that each reaches; weight, one number or (n_samples, n).
    """

    times: NDArray[np.int64]
    units: NDArray[np.int64]
    weight: float | NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fired:
    """The spikes of a batch, sample by sample, each in order of time.

    begin (n_samples + 1,): the first spike of each sample; times (n_spikes,) [ticks]; units
    (n_spikes,) int64, numbered through all populations as in the plan.
    """

    begin: NDArray[np.int64]
    times: NDArray[np.int64]
    units: NDArray[np.int64]


class Listed:
    """The listed input of all samples, side by side: what slots of the engine read.

    spike (n_samples, n) SPIKE; begin, end (n_samples, n_slots): which of them, counted through all
    samples, each slot reads; variable (n,): the state variable that each is added to; columns: of
    each input, by name.
    """

    def __init__(
        self, plan: EventPlan, memory: EventMemory, trains: Mapping[str, Trains], n_samples: int
    ) -> None:
        names = [
            part.name
            for population in plan.populations
            for part in plan.network.inputs
            if part.population is population and part.name in trains
        ]
        slots = np.flatnonzero(memory.inputs.slot["kind"] == TRAIN)
        self.n_samples = n_samples
        widths = [trains[name].times.shape[1] for name in names]
        stops = np.cumsum([0, *widths])
        self.spike = np.zeros((self.n_samples, int(stops[-1])), SPIKE)
        self.variable = np.zeros(int(stops[-1]), np.int64)
        self.columns: dict[str, slice] = {}
        self.begin = np.zeros((self.n_samples, memory.inputs.slot.size), np.int64)
        self.end = np.zeros_like(self.begin)
        inputs = {part.name: part for part in plan.network.inputs}
        rows = np.arange(self.n_samples) * int(stops[-1])
        for k, (name, index) in enumerate(zip(names, slots, strict=True)):
            own = self.columns[name] = slice(int(stops[k]), int(stops[k + 1]))
            given, listed = trains[name], self.spike[:, own]
            listed["time"] = given.times
            listed["weight"] = 1.0 if counts(inputs[name]) else given.weight
            listed["unit"] = given.units + plan.begin(inputs[name].population)
            self.variable[own] = memory.inputs.slot["variable"][index]
            self.begin[:, index] = rows + own.start
            self.end[:, index] = self.begin[:, index] + (given.times < NEVER).sum(axis=1)


class EventSamples:
    """A network compiled for the event engine, ready to run many samples, each from time 0.

    Every spike train among the inputs must be given for every sample; other inputs are as
    described. The spikes are those that a simulation of each sample on its own makes.
    """

    def __init__(
        self,
        plan: EventPlan,
        trains: Mapping[str, Trains],
        *,
        n_samples: int = 1,
        threads: int = 1,
    ) -> None:
        self.plan, self.threads = plan, threads
        self.memory = EventMemory(plan)
        self.memory.stimulate({name: SpikeTrain() for name in trains}, 0)
        self.listed = Listed(plan, self.memory, trains, n_samples)

    def run(self, until: int) -> Fired:
        """Run all samples up to and including `until` [ticks]."""
        n = self.listed.n_samples
        chunks = range(0, n, CHUNK)
        parts: list[Any] = [None] * len(chunks)

        def work(worker: int, tick: Progress) -> None:
            runner = _Runner(self)
            for k in range(worker, len(chunks), workers):
                parts[k] = runner.run(chunks[k], min(chunks[k] + CHUNK, n), until)
                tick(1)

        workers = min(self.threads, len(chunks))
        spread_or_alone(work, workers)
        rows = np.concatenate([np.diff(rows, prepend=0) for rows, _ in parts])
        fired = np.concatenate([fired for _, fired in parts])
        begin = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
        times, units = (np.ascontiguousarray(fired[name]) for name in ("time", "unit"))
        return Fired(begin, times, units)


def spread_or_alone(work: Any, workers: int) -> None:
    """Do ``work(worker, tick)`` for each worker, in this thread if there is only one."""
    if workers > 1:
        spread(work, workers, lambda n: None)
    elif workers:
        work(0, lambda n: None)


class _Runner:
    """What one thread needs to run samples: memory of its own in one block."""

    def __init__(self, samples: EventSamples) -> None:
        self.plan, self.listed = samples.plan, samples.listed
        memory, inputs = samples.memory, samples.memory.inputs
        moving = {
            f"units.{name}": array
            for name, array in memory.units._asdict().items()
            if name not in SHARED
        } | {f"inputs.{name}": getattr(inputs, name) for name in MOVING}
        self.start, _ = _block(moving)
        self.block, own = _block(moving)
        self.units = memory.units._replace(
            **{name: own[f"units.{name}"] for name in memory.units._fields if name not in SHARED}
        )
        self.inputs = inputs._replace(
            spike=self.listed.spike.reshape(-1), **{name: own[f"inputs.{name}"] for name in MOVING}
        )
        self.flight = memory.flight._replace(
            **{name: getattr(memory.flight, name).copy() for name in memory.flight._fields[:3]},
            room=memory.flight.room,
            delivered=np.zeros(1, np.int64),
        )
        self.records = _records(ROWS)
        self.tables = table(self.plan.wires), table(memory.learning)

    def run(self, first: int, stop: int, until: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Run the samples from `first` to before `stop`.

        Returns the row behind the last spike of each, and the spikes.
        """
        rows = np.zeros(stop, np.int64)
        samples = Samples(self.listed.begin, self.listed.end, rows)
        self.records.rows[0], sample = 0, first
        while sample < stop:
            sample, ended = cached(run_samples)(
                sample,
                stop,
                until,
                samples,
                self.block,
                self.start,
                self.units.state,
                table(self.units),
                self.tables[0],
                table(self.flight),
                table(self.inputs),
                self.tables[1],
                table(self.records),
            )
            if ended == DIVERGED:
                raise DivergenceError(
                    f"EventProp: a state variable is not finite at the end of sample {sample}: a weight is too large"
                )
            if ended == loop.QUEUE_FULL:
                self._grow()
            elif ended == loop.RECORD_FULL:
                more = _records(2 * self.records.capacity)
                more.fired[: self.records.capacity] = self.records.fired
                more.rows[0] = self.records.rows[0]
                self.records = more
        return rows[first:], self.records.fired[: self.records.rows[0]].copy()

    def _grow(self) -> None:
        room = 2 * self.flight.room
        self.flight = self.flight._replace(
            times=np.zeros(room, np.int64), codes=np.zeros(room, np.int64), room=room
        )


def _block(arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """One block of memory (n_bytes,) that holds copies of arrays side by side, and these copies.

    Slots among them are taken off their schedule.
    """
    sizes = [-(-array.nbytes // ALIGNED) * ALIGNED for array in arrays.values()]
    block = np.zeros(sum(sizes), np.uint8)
    places = np.cumsum([0, *sizes])
    copies = {}
    for place, (name, array) in zip(places, arrays.items(), strict=False):
        copy = block[place : place + array.nbytes].view(array.dtype).reshape(array.shape)
        copy[...] = array
        copies[name] = copy
    copies["inputs.place"][:], copies["inputs.due"][:], copies["inputs.size"][:] = -1, NEVER, 0
    copies["units.group"]["recorded"] = 1
    return block, copies


def _records(capacity: int) -> Records:
    """Room for spikes, with no samples."""
    return Records(
        fired=np.zeros(capacity, FIRED),
        capacity=capacity,
        rows=np.zeros(1, np.int64),
        probe=np.zeros(0, PROBE),
        n_probes=0,
        subset=_NONE,
        before=_NONE,
        buffer=np.zeros(0),
        due=np.array([NEVER], np.int64),
    )


_NONE = np.zeros(0, np.int64)
