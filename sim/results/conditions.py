"""Conditions until which a simulation runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from ...errors import PotentiaError
from .. import validation as check
from ..description.parts import Population
from .result import Result

# population, state variable -> its present values (n,)
Look = Callable[[str, str], NDArray[np.float64]]


class Judgement(NamedTuple):
    """Whether a condition holds after a piece of a run, and what was found."""

    holds: bool
    told: str


Judge = Callable[[Result], Judgement]


class Condition(ABC):
    """Something that a simulation comes to; see `Simulator.run_until`."""

    @abstractmethod
    def watch(self, look: Look) -> Judge:
        """A judge of the pieces of one run, which begins now; `look` tells present states."""


@final
@dataclass(frozen=True)
class Residual(Condition):
    """A state variable of a population hardly changes any more.

    Holds once the largest change of any unit over a piece of the run, divided by the length of the
    piece, is below `below`, in the unit of the variable per second.
    """

    population: Population | str
    variable: str
    below: float

    def __post_init__(self) -> None:
        _keep_name(self)
        check.keep(self, "variable", check.text)
        check.keep(self, "below", check.within, above=0.0)

    def watch(self, look: Look) -> Judge:
        population = str(self.population)
        before = look(population, self.variable)

        def judge(piece: Result) -> Judgement:
            nonlocal before
            now = look(population, self.variable)
            change = float(np.abs(now - before).max(initial=0.0)) / (piece.stop - piece.start)
            before = now
            return Judgement(
                change < self.below,
                f"{self.variable} of {population} changes by {change:g} per second",
            )

        return judge


@final
@dataclass(frozen=True)
class SpikeCount(Condition):
    """A population has fired at least `least` recorded spikes since the run began.

    A probe of spikes records them.
    """

    population: Population | str
    least: int

    def __post_init__(self) -> None:
        _keep_name(self)
        check.keep(self, "least", check.whole, least=1)

    def watch(self, look: Look) -> Judge:
        population, count = str(self.population), 0

        def judge(piece: Result) -> Judgement:
            nonlocal count
            if population not in piece.spike_records:
                raise check.fail(self, "population", _recorded(population, piece), population)
            count += len(piece.spikes(population))
            return Judgement(count >= self.least, f"{population} has fired {count} spikes")

        return judge


def _recorded(population: str, piece: Result) -> str:
    """The rule that a population breaks of which no spikes are recorded."""
    known = piece.spike_records
    return (
        "must be a population whose spikes are recorded, by net.probe(population, 'spikes')"
        f"{check.nearest(population, known)} (recorded: {check.listed(known) or 'none'})"
    )


def judge_of(condition: Condition | Callable[[Result], bool], look: Look) -> Judge:
    """The judge of one run.

    It is that of a condition, or a function of a piece that says whether to end with it.
    """
    if isinstance(condition, Condition):
        return condition.watch(look)
    if not callable(condition) or isinstance(condition, type):
        rule = (
            "must be a condition such as SpikeCount('cells', 1), or a function of a Result that "
            "returns True at the end"
        )
        raise check.fail("Simulator", "run_until condition", rule, condition)
    return lambda piece: Judgement(_answer(condition, piece), "")


def _answer(condition: Callable[[Result], bool], piece: Result) -> bool:
    """What a user's own function says of a piece, or one sentence where it fails."""
    try:
        answer = condition(piece)
    except PotentiaError:
        raise
    except Exception as error:
        rule = "must take a Result and return True or False"
        told = f"{type(error).__name__}: {error}"
        raise check.fail("Simulator", "run_until condition", rule, told) from error
    return check.flag("Simulator", "run_until condition, its result,", answer)


def _keep_name(condition: Residual | SpikeCount) -> None:
    """Keep the name of a population that is given as such or by its name."""
    given = condition.population
    name = (
        given.name if isinstance(given, Population) else check.text(condition, "population", given)
    )
    object.__setattr__(condition, "population", name)
