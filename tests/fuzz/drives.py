"""Random stimuli of every class, several on one population, and others of the same class for later
runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from potentia.models import SpikeSource
from potentia.sim import (
    Constant,
    Events,
    Noise,
    Poisson,
    SpikeTrain,
    Step,
    Stimulus,
    TimedArray,
    Uniform,
)

from .case import Drive, Units
from .dice import Dice
from .own import Pulses, Regular
from .units import MODELS


class Driver:
    """Draws stimuli for one population; span: steps of `grid` [s] that there will be; noise:
    whether to draw any.
    """

    def __init__(
        self, dice: Dice, units: Units, grid: float, span: int, *, event: bool, noise: bool
    ) -> None:
        self.dice, self.units, self.grid, self.span = dice, units, grid, span
        self.event, self.noisy = event, noise
        ranges = MODELS[type(units.model)]
        self.low, self.high = ranges.drive
        weight = ranges.weight
        self.weights = (-weight if ranges.signed and dice.chance(0.2) else 0.0, 1.5 * weight)

    def kinds(self) -> list[type[Stimulus]]:
        spikes = [kind for kind in STIMULI if kind.goes == "receptor"]
        currents = [
            kind for kind in STIMULI if kind.goes == "drive" and (self.noisy or kind is not Noise)
        ]
        return (
            spikes * 3 + currents
            if isinstance(self.units.model, SpikeSource)
            else spikes + currents * 2
        )

    def drives(self) -> list[Drive]:
        made = []
        for k in range(self.dice.pick([0, 1, 1, 1, 2, 2, 3])):
            stimulus = self.stimulus(self.dice.pick(self.kinds()))
            named = self.dice.chance(0.5) and stimulus.goes == "receptor"
            receptor = self.dice.pick(self.units.model.receptors) if named else None
            made.append(Drive(f"{self.units.name}_in{k}", self.units.name, stimulus, receptor))
        return made

    def stimulus(self, kind: type[Stimulus]) -> Stimulus:
        return STIMULI[kind](self)

    def later(self, stimulus: Stimulus) -> Stimulus:
        """Another stimulus that may stand in for this one."""
        if isinstance(stimulus, Poisson) and self.dice.chance(0.3):
            return Poisson(
                rate=np.asarray(stimulus.rate) * 2 + 50.0 if np.ndim(stimulus.rate) else 300.0
            )
        return self.stimulus(type(stimulus))

    def times(self, n: int) -> Any:
        """Times on the grid, off it, at 0, at once, and after the end."""
        dice, end = self.dice, self.span * self.grid
        steps = dice.rng.integers(0, self.span + 3, n)
        times = (
            steps * self.grid
            if dice.chance(0.4)
            else np.round(dice.rng.uniform(0, 1.05 * end, n), 6)
        )
        if n and dice.chance(0.2):
            times[: n // 2] = times[0]
        if n and dice.chance(0.2):
            times[0] = 0.0
        return times

    def weight(self, n: int) -> Any:
        return self.dice.per_unit(*self.weights, n)

    def train(self) -> SpikeTrain:
        n = self.dice.pick([0, 1, 3, 20, 60])
        weight = {"weight": self.weight(n)} if self.dice.chance(0.8) else {}
        return SpikeTrain(self.times(n), self.dice.rng.integers(0, self.units.n, n), **weight)

    def events(self) -> Events:
        dice, n = self.dice, self.dice.pick([1, 3, 20])
        sides = 2 if self.units.n > 1 and dice.chance(0.5) else 1
        width = dice.whole(1, self.units.n // sides)
        height = dice.whole(1, self.units.n // sides // width)
        polarity = dice.rng.choice(dice.pick([[0, 1], [-1, 1]]), n) if sides == 2 else None
        weight = {"weight": dice.number(*self.weights)} if dice.chance(0.6) else {}
        pixels = (dice.rng.integers(0, size, n) for size in (width, height))
        return Events(*pixels, self.times(n), polarity, width=width, height=height, **weight)

    def poisson(self) -> Poisson:
        top = self.dice.pick([0.0, 50.0, 500.0, 3000.0])
        rate = self.dice.per_unit(0.0, top, self.units.n)
        return self.dice.made(
            Poisson, 0.8, rate=lambda: rate, weight=lambda: self.weight(self.units.n)
        )

    def constant(self) -> Constant:
        if self.dice.chance(0.15) and hasattr(self.units.model, "threshold"):
            return Constant(self.units.model.threshold)
        return Constant(self.dice.per_unit(self.low, self.high, self.units.n))

    def step(self) -> Step:
        n = self.dice.whole(1, 4)
        steps = np.sort(self.dice.rng.choice(self.span + 2, n, replace=False))
        return Step(steps * self.grid, self._levels(n))

    def timed(self) -> TimedArray:
        n = self.dice.whole(1, 6)
        return TimedArray(self._levels(n), self.dice.pick([1, 2, 5, 20]) * self.grid)

    def noise(self) -> Noise:
        dice, n = self.dice, self.units.n
        top = 0.5 * self.high
        made = dice.made(
            Noise,
            mean=lambda: dice.per_unit(self.low, self.high, n),
            std=lambda: dice.per_unit(0.0, top, n),
            interval=lambda: dice.whole(1, 10) * self.grid,
        )
        return replace(made, interval=made.interval or self.grid) if self.event else made

    def _levels(self, n: int) -> Any:
        """Rows for all units together, or with a column for each."""
        if self.dice.chance(0.5):
            return np.array([self.dice.number(self.low, self.high) for _ in range(n)])
        return np.stack([self.dice.array(self.low, self.high, self.units.n) for _ in range(n)])


STIMULI: dict[type[Stimulus], Callable[[Driver], Stimulus]] = {
    SpikeTrain: Driver.train,
    Events: Driver.events,
    Poisson: Driver.poisson,
    Constant: Driver.constant,
    Step: Driver.step,
    TimedArray: Driver.timed,
    Noise: Driver.noise,
}


def scattered(dice: Dice, stimulus: Stimulus) -> Stimulus:
    """The same with a distribution around each number of which there may be one per
    unit or event.
    """
    chosen: dict[str, Any] = {}
    for own in fields(stimulus):  # type: ignore[arg-type]
        value = getattr(stimulus, own.name)
        if (
            own.name in ("value", "rate", "weight", "mean", "std")
            and np.ndim(value) == 0
            and dice.chance(0.5)
        ):
            chosen[own.name] = Uniform(*sorted((0.5 * value, 1.5 * value)))
    return replace(stimulus, **chosen)  # type: ignore[type-var]


def spelled(stimulus: Stimulus) -> Stimulus:
    """The same as a spike train or a current in steps, where it is written in another way."""
    if isinstance(stimulus, Events):
        return stimulus.train
    if isinstance(stimulus, Regular):
        return stimulus.train()
    return Step(*stimulus.table()) if isinstance(stimulus, Pulses) else stimulus
