"""Whether the spikes of a unit are those that follow from what reached it, by textbook formulas.

Nothing is simulated: the spikes are taken as said, and between them the potential is looked at
everywhere, its highest places by thirds. So no error adds up, and a potential that just reaches the
threshold is told from one that just does not to some roundings. Times are compared in whole
femtoseconds, the ticks of the event engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .event_oracle import Unit

TICKS = 1e15  # per second
LOOK = 2e-5  # [s] between two looks
MARGIN = 1e-3  # [V] that a potential cannot rise and fall again within two looks
ROUNDING = 2e-13  # of what is summed: what formulas and engine may differ by


def tick(time: float) -> int:
    """A time [s] as a whole number of ticks."""
    return round(time * TICKS)


def fault(unit: Unit, spikes: list[float], duration: float) -> str:
    """What is wrong with `spikes`, said to be all of a unit up to `duration` [s]; "" for nothing.

    Each must come at the first moment at or above threshold. At no other moment may the potential
    have been there, but while the unit is refractory.
    """
    fired = {tick(time) for time in spikes}
    course = Course(unit, unit.fields["threshold"])
    for end in course.ends(duration, fired):
        at, most = course.highest(end)
        if most > course.slack:
            return f"above threshold by {most} V at {at} s, and no spike"
        rise = course.go(end)
        over = course.arrive(end)
        if end in fired and (over < -course.slack - rise or end <= course.held):
            held = f", refractory up to {course.held / TICKS}" if end <= course.held else ""
            return f"a spike at {end / TICKS} s, {-over} V below threshold{held}"
        if end in fired:
            course.fire()
        elif end > course.held and over > course.slack + rise:
            return f"above threshold by {over} V at {end / TICKS} s, and no spike"
    return ""


def top(unit: Unit, duration: float) -> float:
    """The highest potential up to `duration` [s] of a unit that does not fire."""
    course, most = Course(unit, 0.0), -math.inf
    for end in course.ends(duration, set()):
        most = max(most, course.highest(end, bounded=False)[1])
        course.go(end)
        most = max(most, course.arrive(end))
    return most


class Course:
    """A unit on its way: its state at the tick `now`; it is refractory up to `held`, included."""

    def __init__(self, unit: Unit, threshold: float) -> None:
        self.unit, self.threshold = unit, threshold
        self.state, self.drive, self.now, self.held = dict(unit.state), 0.0, 0, -1
        kicks = [(time, (variable, weight)) for time, variable, weight in unit.kicks]
        self.kicks, self.levels = _by_tick(kicks), _by_tick(unit.levels)

    def ends(self, duration: float, fired: set[int]) -> list[int]:
        """The ticks at which something happens, and the last one."""
        stop = tick(duration)
        return sorted(
            end for end in {*self.kicks, *self.levels, *fired, 0, stop} if 0 <= end <= stop
        )

    @property
    def slack(self) -> float:
        """What roundings may come to [V]; formulas lose digits where time constants are close."""
        of, parts = self.unit.fields, abs(self.threshold) + abs(self.drive)
        for name, value in self.state.items():
            own = {"g_e": "tau_excitatory", "g_i": "tau_inhibitory"}.get(name)
            gap = 1.0 if own is None or of[own] == of["tau"] else abs(1 - of["tau"] / of[own])
            parts += abs(value) * (1 + 1e-2 / gap)
        return ROUNDING * parts

    def highest(self, end: int, *, bounded: bool = True) -> tuple[float, float]:
        """When [s] the unit is furthest above threshold before the tick `end`, and by how much."""
        self._rest(end)
        span = (end - self.now - 1) / TICKS
        if self.now < self.held or span <= 0 or (bounded and self._bound(span) < -self.slack):
            return 0.0, -math.inf
        at, most = _highest(self.unit.over(self.state, self.drive, self.threshold), span)
        return self.now / TICKS + at, most

    def go(self, end: int) -> float:
        """Move to the tick `end`; how much the potential changes in the last tick before [V]."""
        self._rest(end)
        span = (end - self.now) / TICKS
        over = self.unit.over(self.state, self.drive, self.threshold)
        self.now, self.state = end, self.unit.flow(self.state, self.drive, span)
        return 2 * abs(float(over(span) - over(max(span - 1 / TICKS, 0.0))))

    def arrive(self, end: int) -> float:
        """Take what arrives at the tick `end`; how far above threshold the unit is then [V]."""
        self.drive = self.levels[end][-1] if end in self.levels else self.drive
        for variable, weight in self.kicks.get(end, []):
            if variable != "v" or end > self.held:
                self.state[variable] += weight
        return float(self.unit.over(self.state, self.drive, self.threshold)(0.0))

    def fire(self) -> None:
        self.state = self.unit.fire(self.state)
        self.held = self.now + tick(self.unit.fields.get("refractory", 0.0))

    def _rest(self, end: int) -> None:
        """Move on to the end of the refractory time, or to `end` if that is before."""
        if self.now < self.held:
            until, kept = min(self.held, end), self.state["v"]
            self.state = self.unit.flow(self.state, self.drive, (until - self.now) / TICKS)
            self.state["v"], self.now = kept, until

    def _bound(self, span: float) -> float:
        """How far above threshold the unit comes within `span` [s] at most [V]."""
        state, drive = self.state, self.drive
        currents = sum(max(state.get(name, 0.0), 0.0) for name in ("g_e", "g_i"))
        most = state["v"] + drive * span if self.unit.model == "IF" else drive + currents
        return float(max(state["v"], most) + max(-state.get("a", 0.0), 0.0) - self.threshold)


def _highest(over: Callable[[Any], Any], span: float) -> tuple[float, float]:
    """When `over` is highest in [0, span], and how high it is there."""
    looks = np.linspace(0.0, span, math.ceil(span / LOOK) + 3)
    values = np.concatenate([[-np.inf], over(looks), [-np.inf]])
    best = int(np.argmax(values)) - 1
    at, most = float(looks[best]), float(values[best + 1])
    peaks = (values[1:-1] >= values[:-2]) & (values[1:-1] >= values[2:])
    for k in np.flatnonzero(peaks & (values[1:-1] > most - MARGIN)):
        low, high = looks[max(k - 1, 0)], looks[min(k + 1, looks.size - 1)]
        for _ in range(60):  # thirds: a peak is where both sides are lower
            one, two = low + (high - low) / 3, high - (high - low) / 3
            low, high = (one, high) if over(one) < over(two) else (low, two)
        if (value := float(over(low))) > most:
            at, most = float(low), value
    return at, most


def _by_tick(events: list[tuple[float, Any]]) -> dict[int, list[Any]]:
    """What happens at each tick, in order."""
    found: dict[int, list[Any]] = {}
    for time, what in events:
        found.setdefault(tick(time), []).append(what)
    return found
