"""Stimuli compiled for the event engine: lists of events, Poisson trains and changes of current."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ...kernels.cpu import event_inputs as kernels
from ...kernels.cpu.event_inputs import CHANGE, SLOT, SPIKE, Inputs
from ...kernels.cpu.event_queue import NEVER, TICKS, new_schedule
from ...kernels.reference.random import mix
from ..description.inputs import Constant, Events, Poisson, SpikeTrain, Step, Stimulus, TimedArray
from ..description.parts import Input, Population
from ..plan.population import constant_drive, counts, reached, suits
from ..seed import beginning, stream_key
from .event_plan import EventPlan, receiving
from .event_solved import ticks


def build_inputs(
    plan: EventPlan, stimuli: Mapping[str, Stimulus], sample: int, now: int, before: Inputs | None = None
) -> Inputs:
    """All slots as they stand when the events up to `now` [ticks] are over.

    stimuli: stand in for the inputs of the same names; sample: which copy of a batch this is; before: the slots up to
    now, from which Poisson trains go on. In samples but the first, and where `stimuli` replace one, trains begin anew:
    the interval that has begun would end at the same time in all samples, by a rate that is no more. Raises
    UnsupportedError for a stimulus that is no list of events.
    """
    table = _Table(plan, sample)
    begins = before is None or now < 0 or sample > 0
    base = np.zeros(int(plan.first[-1]))
    for k, population in enumerate(plan.populations):
        parts = [part for part in plan.network.inputs if part.population is population]
        base[plan.first[k] : plan.first[k + 1]] = constant_drive(plan.network.inputs, population, stimuli)
        currents = []
        for part in parts:
            stimulus = stimuli.get(part.name, part.stimulus)
            suits(part, stimulus)
            if isinstance(stimulus, (Step, TimedArray)):
                currents.append(stimulus)
            elif isinstance(stimulus, (SpikeTrain, Events)):
                table.train(part, stimulus)
            elif isinstance(stimulus, Poisson):
                table.poisson(part, stimulus, anew=begins or part.name in stimuli)
            elif not isinstance(stimulus, Constant):
                raise UnsupportedError(
                    f"Simulator.engine: input {part.name!r} is {type(stimulus).__name__}, which is no list of events; "
                    "use engine='clock'"
                )
        if currents:
            table.currents(population, currents)
    return table.inputs(base, now, before)


def changes(stimulus: Step | TimedArray) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """When a current changes [ticks], and what it is from then on (n_changes, n or 1)."""
    values = np.asarray(stimulus.values, np.float64)
    if isinstance(stimulus, Step):
        return ticks(stimulus.times), values
    values = np.concatenate([values, np.zeros((1, values.shape[1]))])
    return ticks(np.arange(len(values)) * stimulus.interval), values


class _Table:
    """Slots and lists of events as they are put together."""

    def __init__(self, plan: EventPlan, sample: int) -> None:
        self.plan, self.sample = plan, sample
        self._slots, self._spikes = [np.zeros(0, SLOT)], [np.zeros(0, SPIKE)]
        self._changes, self._levels = [np.zeros(0, CHANGE)], [np.zeros(0)]
        self._n_spikes = self._n_changes = self._n_levels = 0

    def train(self, part: Input, stimulus: SpikeTrain | Events) -> None:
        train = stimulus.train if isinstance(stimulus, Events) else stimulus
        spikes = np.zeros(np.size(train.times), SPIKE)
        spikes["time"], spikes["weight"] = ticks(train.times), 1.0 if counts(part) else train.weight
        spikes["unit"] = np.asarray(train.ids) + self.plan.begin(part.population)
        self._spikes.append(spikes)
        self._n_spikes += spikes.size
        self._add(part.population, 1, kind=kernels.TRAIN, variable=_variable(part), end=self._n_spikes)

    def poisson(self, part: Input, stimulus: Poisson, *, anew: bool) -> None:
        key = np.uint64(stream_key(self.plan.network.seed, "input", part.name))
        with np.errstate(over="ignore"):
            stream = mix(key + np.uint64(self.sample))
        units = self.plan.begin(part.population) + np.arange(part.population.n)
        self._add(
            part.population, part.population.n, kind=kernels.POISSON, variable=_variable(part), unit=units,
            rate=stimulus.rate, weight=1.0 if counts(part) else stimulus.weight, stream=stream, fresh=anew,
        )  # fmt: skip

    def currents(self, population: Population, stimuli: list[Step | TimedArray]) -> None:
        """One slot for the sum of all changing currents of a population."""
        tables = [changes(stimulus) for stimulus in stimuli]
        times = np.unique(np.concatenate([times for times, _ in tables]))
        width = max(values.shape[1] for _, values in tables)
        total = np.zeros((times.size, width))
        for own, values in tables:
            row = np.searchsorted(own, times, side="right") - 1
            total[row >= 0] += values[row[row >= 0]]
        made = np.zeros(times.size, CHANGE)
        made["time"], made["level"], made["width"] = times, self._n_levels + width * np.arange(times.size), width
        self._changes.append(made)
        self._levels.append(total.ravel())
        self._n_changes += times.size
        self._n_levels += total.size
        self._add(population, 1, kind=kernels.CURRENT, unit=self.plan.begin(population), end=self._n_changes)

    def inputs(self, base: NDArray[np.float64], now: int, before: Inputs | None) -> Inputs:
        """Everything put together, each cursor behind the events up to `now`."""
        slot = np.concatenate(self._slots)
        made = Inputs(
            slot=slot, heap=_NONE, place=_NONE, due=_NONE, size=_NONE, spike=np.concatenate(self._spikes),
            change=np.concatenate(self._changes), levels=np.concatenate(self._levels), base=base,
        )  # fmt: skip
        _set_cursors(made, now)
        _go_on(made, before, now)
        return scheduled(made, now)

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
    """Let Poisson trains go on from where they stood `before`, or begin anew after the events up to `now` [ticks].

    One that begins anew draws none of the intervals of an earlier one, and those that it draws on the clock.
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


def scheduled(inputs: Inputs, now: int) -> Inputs:
    """The same with every slot scheduled by its cursor, and trains that begin anew at `now` [ticks]."""
    slot, due = inputs.slot, np.full(inputs.slot.size, NEVER)
    for kind, listed in ((kernels.TRAIN, inputs.spike), (kernels.CURRENT, inputs.change)):
        own = (slot["kind"] == kind) & (slot["cursor"] < slot["end"])
        due[own] = listed["time"][slot["cursor"][own]]
    trains = poisson(inputs) & (slot["clock"] * TICKS < NEVER)
    due[trains] = np.floor(slot["clock"][trains] * TICKS + 0.5).astype(np.int64)
    due[poisson(inputs) & (slot["fresh"] > 0)] = max(now, 0)
    heap, place, due, size = new_schedule(due)
    return inputs._replace(heap=heap, place=place, due=due, size=size)


_NONE = np.zeros(0, np.int64)


def drive(plan: EventPlan, inputs: Inputs) -> NDArray[np.float64]:
    """The drive of every unit (n,) after the changes that lie behind the cursors."""
    total: NDArray[np.float64] = inputs.base.copy()
    begin = 0
    for slot in inputs.slot[inputs.slot["kind"] == kernels.CURRENT]:
        if slot["cursor"] > begin:
            change = inputs.change[slot["cursor"] - 1]
            end = plan.units.group["end"][plan.units.cell["group"][slot["unit"]]]
            total[slot["unit"] : end] += inputs.levels[change["level"] : change["level"] + change["width"]]
        begin = slot["end"]
    return total
