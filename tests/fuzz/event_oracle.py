"""One unit from event to event by textbook formulas: crossings are looked for everywhere, then
halved down.

Slow, and without a line in common with the event engine. The formulas lose digits where time
constants nearly agree, and a crossing that comes and goes within a look is missed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LOOK = 1e-5  # [s] between two looks
State = dict[str, Any]


@dataclass(kw_only=True)
class Unit:
    """A unit of a model by name, its parameters and where its variables start.

    kicks: (time [s], variable, weight), in order of time; levels: (time [s], drive from then on),
    the first at 0.
    """

    model: str
    fields: Mapping[str, float]
    state: State
    kicks: list[tuple[float, str, float]] = field(default_factory=list)
    levels: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0)])

    def spikes(self, duration: float, raised: float = 0.0) -> list[float]:
        """The times of all spikes up to `duration` [s], with a threshold that is a share `raised`
        higher.
        """
        state, drive, now, held, fired = dict(self.state), self.levels[0][1], 0.0, -1.0, []
        threshold = self.fields["threshold"] * (1 + raised)
        times = sorted(
            {time for time, *_ in self.kicks} | {time for time, _ in self.levels} | {duration}
        )
        for end in (time for time in times if time <= duration):
            while True:
                if now < held:  # clamped
                    until = min(held, end)
                    state, now = self.flow(state, drive, until - now) | {"v": state["v"]}, until
                over = self.over(state, drive, threshold)
                wait = _first(over, end - now) if now >= held else None
                if wait is None:
                    break
                state = self.fire(self.flow(state, drive, wait))
                now += wait
                held = now + self.fields.get("refractory", 0.0)
                fired.append(now)
            state, now = self.flow(state, drive, end - now), end
            drive = next((level for time, level in reversed(self.levels) if time <= end), drive)
            for _, variable, weight in (kick for kick in self.kicks if kick[0] == end):
                if variable != "v" or end > held:
                    state[variable] += weight
            if end > held and self.over(state, drive, threshold)(0.0) >= 0:
                state, held = self.fire(state), end + self.fields.get("refractory", 0.0)
                fired.append(end)
        return fired

    def flow(self, state: State, drive: float, t: Any) -> State:
        """The state after `t` [s], one time or (n,), without input."""
        of, after = self.fields, dict(state)
        if self.model == "IF":
            return {"v": state["v"] + drive * t}
        after["v"] = drive + (state["v"] - drive) * np.exp(-t / of["tau"])
        if self.model == "AdaptiveLIF":
            after["a"] = state["a"] * np.exp(-t / of["tau_adaptation"])
        if self.model == "CubaLIF":
            for name, tau in (("g_e", of["tau_excitatory"]), ("g_i", of["tau_inhibitory"])):
                after[name] = state[name] * np.exp(-t / tau)
                if tau == of["tau"]:
                    after["v"] = after["v"] + state[name] * t / tau * np.exp(-t / tau)
                else:
                    risen = (np.exp(-t / tau) - np.exp(-t / of["tau"])) / (1 - of["tau"] / tau)
                    after["v"] = after["v"] + state[name] * risen
        return after

    def fire(self, state: State) -> State:
        """The state after a spike."""
        after = state | {"v": self.fields["reset"]}
        if "a" in state:
            after["a"] = state["a"] + self.fields["increment"]
        return after

    def over(self, state: State, drive: float, threshold: float) -> Callable[[Any], Any]:
        """How far a state is above threshold after `t` [s]."""

        def over(t: Any) -> Any:
            after = self.flow(state, drive, t)
            return after["v"] - after.get("a", 0.0) - threshold

        return over


def _first(over: Callable[[Any], Any], span: float) -> float | None:
    """The first time in (0, span) at which `over` is not below 0."""
    looks = np.linspace(0.0, span, math.ceil(span / LOOK) + 2)
    above = np.flatnonzero(over(looks)[1:] >= 0)
    if not above.size:
        return None
    low, high = looks[above[0]], looks[above[0] + 1]
    while low < (middle := 0.5 * (low + high)) < high:
        low, high = (low, middle) if over(middle) >= 0 else (middle, high)
    return float(high)
