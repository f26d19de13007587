"""Stimuli compiled for the event engine: lists of events, Poisson trains and changes of current."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu import event_inputs as kernels
from ...kernels.cpu.caching import cached
from ...kernels.cpu.event_inputs import CHANGE, NOISE, SLOT, SPIKE, SUM, Inputs
from ...kernels.cpu.event_memory import table
from ...kernels.cpu.event_queue import NEVER, TICKS, new_schedule
from ...kernels.reference.random import mix
from .. import validation as check
from ..description.continuous import (
    EventInput,
    HeldNoise,
    PiecewiseConstant,
    PoissonProcess,
    SpikeTimes,
)
from ..description.inputs import Stimulus
from ..description.parts import Input, Population
from ..plan.inputs import constant_drive, counts, event_input, reached, suits
from ..seed import beginning, stream_key
from .event_plan import EventPlan
from .event_solved import receiving, ticks


def build_inputs(
    plan: EventPlan,
    stimuli: Mapping[str, Stimulus],
    sample: int,
    now: int,
    before: Inputs | None = None,
) -> Inputs:
    """All slots as they stand when the events up to `now` [ticks] are over.

    stimuli: stand in for the inputs of the same names; sample: which copy of a batch this is;
    before: the slots up to now, from which Poisson trains go on. In samples but the first, and
    where `stimuli` replace one, trains begin anew: the interval that has begun would end at the
    same time in all samples, by a rate that is no more. Raises UnsupportedError for a stimulus that
    does not say what it is without steps.
    """
    slots = _Slots(plan, sample)
    begins = before is None or now < 0 or sample > 0
    base = np.zeros(int(plan.first[-1]))
    for k, population in enumerate(plan.populations):
        parts = [part for part in plan.network.inputs if part.population is population]
        base[plan.first[k] : plan.first[k + 1]] = constant_drive(
            plan.network.inputs, population, stimuli
        )
        for part in parts:
            stimulus = stimuli.get(part.name, part.stimulus)
            suits(part, stimulus)
            told = event_input(part, stimulus)
            if told is not None:
                slots.take(part, told, anew=begins or part.name in stimuli)
        slots.currents(population)
    return slots.inputs(base, now, before)


class _Slots:
    """Slots and lists of events as they are put together."""

    def __init__(self, plan: EventPlan, sample: int) -> None:
        self.plan, self.sample = plan, sample
        self._slots, self._spikes, self._noises = (
            [np.zeros(0, SLOT)],
            [np.zeros(0, SPIKE)],
            [np.zeros(0, NOISE)],
        )
        self._changes, self._levels = [np.zeros(0, CHANGE)], [np.zeros(0)]
        self._n_spikes = self._n_changes = self._n_noises = self._n_levels = 0
        self._sums: list[tuple[int, int, int]] = []
        # what changes the drive of the present population
        self._present: list[PiecewiseConstant] = []
        self._noisy: list[tuple[Input, HeldNoise]] = []
        self._ways: dict[type[EventInput], Callable[..., None]] = {
            SpikeTimes: self._train,
            PoissonProcess: self._poisson,
            PiecewiseConstant: lambda part, told, anew: self._present.append(told),
            HeldNoise: lambda part, told, anew: self._noisy.append((part, told)),
        }

    def take(self, part: Input, told: EventInput, *, anew: bool) -> None:
        """Add what an input is in continuous time.

        Currents are added up by `currents` once all are known.
        """
        if type(told) not in self._ways:
            known = ", ".join(kind.__name__ for kind in self._ways)
            raise check.fail(part.stimulus, "event", f"must return one of {known}, or None", told)
        self._ways[type(told)](part, told, anew)

    def _train(self, part: Input, told: SpikeTimes, anew: bool) -> None:
        spikes = np.zeros(np.size(told.times), SPIKE)
        spikes["time"], spikes["weight"] = ticks(told.times), 1.0 if counts(part) else told.weight
        spikes["unit"] = np.asarray(told.ids) + self.plan.begin(part.population)
        self._spikes.append(spikes)
        self._n_spikes += spikes.size
        self._add(
            part.population, 1, kind=kernels.TRAIN, variable=_variable(part), end=self._n_spikes
        )

    def _poisson(self, part: Input, told: PoissonProcess, anew: bool) -> None:
        units = self.plan.begin(part.population) + np.arange(part.population.n)
        self._add(
            part.population,
            part.population.n,
            kind=kernels.POISSON,
            variable=_variable(part),
            unit=units,
            rate=told.rate,
            weight=1.0 if counts(part) else told.weight,
            stream=self._stream(part),
            fresh=anew,
        )

    def _stream(self, part: Input) -> Any:
        """The random stream of an input, in this sample of a batch."""
        key = np.uint64(stream_key(self.plan.network.seed, "input", part.name))
        with np.errstate(over="ignore"):
            return mix(key + np.uint64(self.sample))

    def currents(self, population: Population) -> None:
        """One slot for the sum of all changing currents of a population."""
        present, noisy, self._present, self._noisy = self._present, self._noisy, [], []
        if not present and not noisy:
            return
        begin, noise = self._n_changes, self._n_noises
        if present:
            self._list(present)
        for part, told in noisy:
            self._draw(part, told)
        self._add(
            population,
            1,
            kind=kernels.CURRENT,
            unit=self.plan.begin(population),
            variable=len(self._sums),
            end=self._n_changes,
        )
        self._sums.append((begin, noise, self._n_noises))

    def _list(self, present: list[PiecewiseConstant]) -> None:
        """List the changes of the sum of several currents."""
        tables = [(ticks(told.times), np.asarray(told.values)) for told in present]
        times = np.unique(np.concatenate([times for times, _ in tables]))
        width = max(values.shape[1] for _, values in tables)
        total = np.zeros((times.size, width))
        for own, values in tables:
            row = np.searchsorted(own, times, side="right") - 1
            total[row >= 0] += values[row[row >= 0]]
        made = np.zeros(times.size, CHANGE)
        made["time"], made["level"], made["width"] = (
            times,
            self._n_levels + width * np.arange(times.size),
            width,
        )
        self._changes.append(made)
        self._n_changes += times.size
        self._level(total)

    def _draw(self, part: Input, told: HeldNoise) -> None:
        """Add a noise, whose numbers are drawn as time goes on."""
        made = np.zeros(1, NOISE)
        made["interval"], made["stream"], made["level"] = (
            ticks(told.interval),
            self._stream(part),
            self._n_levels,
        )
        self._noises.append(made)
        self._n_noises += 1
        each = [
            np.broadcast_to(np.asarray(value), part.population.n) for value in (told.mean, told.std)
        ]
        self._level(np.stack(each, axis=1))

    def _level(self, values: NDArray[np.float64]) -> None:
        self._levels.append(values.ravel())
        self._n_levels += values.size

    def inputs(self, base: NDArray[np.float64], now: int, before: Inputs | None) -> Inputs:
        """Everything put together, each cursor behind the events up to `now`."""
        slot = np.concatenate(self._slots)
        made = Inputs(
            slot=slot,
            heap=_NONE,
            place=_NONE,
            due=_NONE,
            size=_NONE,
            spike=np.concatenate(self._spikes),
            change=np.concatenate(self._changes),
            sum=np.array(self._sums, SUM),
            noise=np.concatenate(self._noises),
            levels=np.concatenate(self._levels),
            base=base,
        )
        _set_cursors(made, now)
        _go_on(made, before, now)
        return _scheduled(self.plan, made, now)

    def _add(self, population: Population, n: int, **columns: Any) -> None:
        slots = np.zeros(n, SLOT)
        slots["rank"] = self.plan.units.group["rank"][self.plan.index(population)]
        for name, column in columns.items():
            slots[name] = column
        self._slots.append(slots)


def _variable(part: Input) -> int:
    """Which state variable the spikes of an input go to."""
    return receiving(part.population, reached(part))


def _set_cursors(inputs: Inputs, now: int) -> None:
    """Set each slot to what comes after `now`: lists stand in the order of their slots."""
    begin = {kernels.TRAIN: 0, kernels.CURRENT: 0}
    for index in np.flatnonzero(inputs.slot["kind"] != kernels.POISSON):
        kind, end = int(inputs.slot["kind"][index]), int(inputs.slot["end"][index])
        listed = inputs.spike if kind == kernels.TRAIN else inputs.change
        own = listed["time"][begin[kind] : end]
        inputs.slot["cursor"][index] = begin[kind] + np.searchsorted(own, now, side="right")
        begin[kind] = end


def _go_on(inputs: Inputs, before: Inputs | None, now: int) -> None:
    """Let Poisson trains go on from where they stood `before`.

    Where there is no such place they begin anew, after the events up to `now` [ticks].

    One that begins anew draws none of the intervals of an earlier one, and those that it draws on
    the clock.
    """
    slot, trains = inputs.slot, poisson(inputs)
    going = trains & (slot["fresh"] == 0)
    if before is None or now < 0:
        return
    for name in ("cursor", "clock", "fresh"):
        slot[name][going] = before.slot[name][going]
    if now > 0:
        anew = trains & ~going
        slot["cursor"][anew], slot["clock"][anew] = beginning(now / TICKS), now / TICKS


def poisson(inputs: Inputs) -> NDArray[np.bool_]:
    """Which slots are Poisson trains."""
    return np.asarray(inputs.slot["kind"] == kernels.POISSON)


def _scheduled(plan: EventPlan, inputs: Inputs, now: int) -> Inputs:
    """The same inputs with every slot scheduled by its cursor.

    Trains begin anew at `now` [ticks].
    """
    slot, due = inputs.slot, np.full(inputs.slot.size, NEVER)
    listed = (slot["kind"] == kernels.TRAIN) & (slot["cursor"] < slot["end"])
    due[listed] = inputs.spike["time"][slot["cursor"][listed]]
    trains = poisson(inputs) & (slot["clock"] * TICKS < NEVER)
    due[trains] = np.floor(slot["clock"][trains] * TICKS + 0.5).astype(np.int64)
    due[poisson(inputs) & (slot["fresh"] > 0)] = max(now, 0)
    currents = slot["kind"] == kernels.CURRENT
    due[currents] = _currents(plan, inputs, now)[1][currents]
    heap, place, due, size = new_schedule(due)
    return inputs._replace(heap=heap, place=place, due=due, size=size)


_NONE = np.zeros(0, np.int64)


def drive(plan: EventPlan, inputs: Inputs, now: int) -> NDArray[np.float64]:
    """The drive of every unit (n,) after the events up to `now` [ticks]."""
    return _currents(plan, inputs, now)[0]


def _currents(
    plan: EventPlan, inputs: Inputs, now: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The drive of every unit (n_units,) at `now`, and the next change of each slot (n_slots,).

    Slots are those of currents.
    """
    total, due = inputs.base.copy(), np.full(inputs.slot.size, NEVER)
    cached(kernels.set_currents)(table(inputs), table(plan.units), now, total, due)
    return total, due
