"""What changes while the event engine runs, and how it is saved and taken up again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...kernels.cpu.caching import cached
from ...kernels.cpu.event_inputs import Inputs
from ...kernels.cpu.event_loop import Flight
from ...kernels.cpu.event_memory import table
from ...kernels.cpu.event_queue import NEVER, TICKS, new_schedule
from ...kernels.cpu.event_units import Units, bring, foresee, set_drives
from ..description.inputs import Stimulus
from ..description.parts import Population
from ..operators.signals import match
from .event_inputs import build_inputs, drive, poisson
from .event_plan import EventPlan
from .event_recording import counted
from .event_rules import copied
from .event_solved import LIMIT, kernels_of

EXACT = 1e-15  # relative: the rounding of a time between ticks and seconds
MOST_HASH = (1 << 64) - 1
ROOM = 1024  # spikes in flight before the queue grows
# Columns of the units that a snapshot holds; what is left out follows from the rest.
SAVED = {"neuron": ("last", "held", "fired", "unsure"), "group": ("signature",)}
SHARED = ("parameters",)  # of all copies


class EventMemory:
    """All that changes in a run.

    Units, spikes in flight, what learns, cursors of the inputs, the time ...

    before: the counts at the last samples.

    now [ticks]: all events up to and including it are over; -1 before those at time 0.
    """

    precision = "float64"

    def __init__(self, plan: EventPlan, sample: int = 0) -> None:
        self.plan, self.now = plan, -1
        self.units, self.learning = _own(plan.units), copied(plan.learning)
        self.flight = Flight(_EMPTY, _EMPTY, np.zeros(1, np.int64), 0, np.zeros(1, np.int64))
        self.grow(ROOM)
        self.before = np.zeros(counted(plan), np.int64)
        self.stimulate({}, sample)

    def replicate(self) -> EventMemory:
        """A copy that goes its own way."""
        copy = object.__new__(EventMemory)
        copy.plan, copy.now, copy.units, copy.before = (
            self.plan,
            self.now,
            _own(self.units),
            self.before.copy(),
        )
        copy.learning = copied(self.learning)
        copy.flight = self.flight._replace(
            **{name: getattr(self.flight, name).copy() for name in _FLYING}
        )
        copy.inputs = self.inputs._replace(
            **{name: getattr(self.inputs, name).copy() for name in _MOVING}
        )
        return copy

    def stimulate(self, stimuli: Mapping[str, Stimulus], sample: int) -> None:
        """Take other stimuli from now on.

        Lists of events keep their absolute times; Poisson trains begin at the present.
        """
        self.inputs: Inputs = build_inputs(
            self.plan, stimuli, sample, self.now, getattr(self, "inputs", None)
        )
        wanted = drive(self.plan, self.inputs, self.now)
        for first, end in zip(self.plan.first[:-1], self.plan.first[1:], strict=True):
            cached(set_drives)(table(self.units), first, wanted[first:end], max(self.now, 0))

    def numbers(self, population: Population) -> slice:
        """The units of a population."""
        first = self.plan.begin(population)
        return slice(first, first + population.n)

    def rows(self, population: Population, variable: str) -> NDArray[np.int64]:
        """Where a state variable of each unit stands in the state (n,)."""
        rows: NDArray[np.int64] = self.units.neuron["row"][self.numbers(population)]
        return rows + kernels_of(population).state.index(variable)

    def bring(self, population: Population) -> None:
        """Bring all units of a population to the present."""
        own = self.numbers(population)
        cached(bring)(table(self.units), own.start, own.stop, max(self.now, 0))

    def predict(self, population: Population) -> None:
        """Let all units of a population, which stand at the present, predict their spikes anew.

        None fires before the next tick.
        """
        own = self.numbers(population)
        cached(foresee)(table(self.units), own.start, own.stop, self.now + 1)

    def resting(self, population: Population) -> NDArray[np.bool_]:
        """Which units of a population are refractory (n,)."""
        resting: NDArray[np.bool_] = self.units.neuron["held"][self.numbers(population)] > max(
            self.now, 0
        )
        return resting

    def reset_anew(self, old: Population, new: Population) -> None:
        """Move refractory units from the reset of the `old` model to that of the new one.

        They stay at the reset until their refractory time is over.
        """
        before, after = getattr(old.model, "reset", None), getattr(new.model, "reset", None)
        if before is None or after is None:
            return
        rows = self.rows(new, kernels_of(new).state[0])
        moved = self.resting(new) & (self.units.state[rows] == before)
        self.units.state[rows[moved]] = np.broadcast_to(after, (new.n,))[moved]

    def grow(self, room: int) -> None:
        """Make room for at least `room` more spikes in flight."""
        more = np.zeros(max(room, self.flight.times.size), np.int64)
        times, codes = (np.concatenate([array, more]) for array in self.flight[:2])
        self.flight = self.flight._replace(times=times, codes=codes, room=times.size)

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Copies of all that cannot be worked out again."""
        times, codes = (array[: self.flight.size[0]] for array in self.flight[:2])
        order, trains = np.lexsort((codes, times)), poisson(self.inputs)
        saved = {
            name: getattr(self.units, part)[name].copy()
            for part, names in SAVED.items()
            for name in names
        }
        if self.learning.n_rules:
            saved |= {
                "weights": self.learning.weight.copy(),
                "traces": self.learning.left["value"].copy(),
                "raised": self.learning.left["last"].copy(),
            }
        return saved | {
            "now": np.array([self.now], np.int64),
            "before": self.before.copy(),
            "delivered": self.flight.delivered.copy(),
            "due": self.units.due.copy(),
            "state": self.units.state.copy(),
            "flight_times": times[order],
            "flight_codes": codes[order],
            "train_cursor": self.inputs.slot["cursor"][trains],
            "train_clock": self.inputs.slot["clock"][trains],
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over a `snapshot`; DataError unless everything fits."""
        expected = {name: (array.shape, array.dtype) for name, array in self.snapshot().items()}
        for name in ("flight_times", "flight_codes"):
            expected[name] = (np.shape(arrays.get("flight_times", ())), np.dtype(np.int64))
        match(expected, arrays)
        within("now", arrays["now"], -1, int(LIMIT * TICKS))
        now, codes, times = int(arrays["now"][0]), arrays["flight_codes"], arrays["flight_times"]
        for name, bounds in self._bounds(now, expected).items():
            within(name, arrays[name], *bounds)
        if (np.lexsort((codes, times)) != np.arange(times.size)).any():
            raise DataError("the saved spikes in flight must stand in order of their times")
        self.now = now
        self.flight = Flight(
            times.copy(),
            codes.copy(),
            np.array([times.size]),
            times.size,
            arrays["delivered"].copy(),
        )
        self.grow(ROOM)  # a sorted list is a heap already
        self._restore_units(arrays)
        if self.learning.n_rules:
            self.learning.weight[:] = arrays["weights"]
            self.learning.left["value"], self.learning.left["last"] = (
                arrays["traces"],
                arrays["raised"],
            )
        trains = poisson(self.inputs)
        for name in ("cursor", "clock"):
            self.inputs.slot[name][trains] = arrays[f"train_{name}"]
        self.inputs.slot["fresh"][trains] = arrays["train_cursor"] == 0
        self.before[:] = arrays["before"]
        self.stimulate({}, 0)

    def _bounds(self, now: int, names: Iterable[str]) -> dict[str, tuple[float, float]]:
        """The least and the greatest value of each array of a snapshot at `now`.

        Raises KeyError for an array that has none.
        """
        largest, time = float(np.finfo(np.float64).max), max(now, 0) / TICKS
        bounds: dict[str, tuple[float, float]] = {
            "now": (-1, int(LIMIT * TICKS)),
            "flight_times": (now, NEVER - 1),
            "due": (now, NEVER),
            "last": (0, max(now, 0)),
            "flight_codes": (0, self.plan.wires.segment.size - 1),
            "held": (-1, NEVER),
            "fired": (0, NEVER),
            "unsure": (0, 1),
            "signature": (0, MOST_HASH),
            "before": (0, NEVER),
            "delivered": (0, NEVER),
            "state": (-largest, largest),
            "train_cursor": (0, NEVER),
            "train_clock": (time * (1 - EXACT), math.inf),
            "weights": (-largest, largest),
            "traces": (0, largest),
            "raised": (0, max(now, 0)),
        }
        return {name: bounds[name] for name in names}

    def _restore_units(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        heap, place, due, size = new_schedule(arrays["due"])
        self.units = self.units._replace(heap=heap, place=place, due=due, size=size)
        for part, names in SAVED.items():
            for name in names:
                getattr(self.units, part)[name] = arrays[name]
        self.units.state[:] = arrays["state"]
        self.units.neuron["drive"] = drive(
            self.plan, build_inputs(self.plan, {}, 0, self.now), self.now
        )


_EMPTY = np.zeros(0, np.int64)
_FLYING = ("times", "codes", "size", "delivered")  # arrays of the flight that change in a run
_MOVING = ("slot", "heap", "place", "due", "size")  # arrays of the inputs that change in a run


def _own(units: Units) -> Units:
    """The same units with arrays of their own where they change."""
    return Units(
        **{
            name: array if name in SHARED else array.copy()
            for name, array in units._asdict().items()
        }
    )


def within(name: str, array: NDArray[Any], low: float, high: float) -> None:
    if array.size and not (array.min() >= low and array.max() <= high):
        raise DataError(
            f"the saved {name} must lie between {low:g} and {high:g} (got {array.min():g} to {array.max():g})"
        )
