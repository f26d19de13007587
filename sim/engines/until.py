"""Running until a condition holds, piece by piece, on a twin of the engine.

The engine itself stays as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...errors import NotReachedError
from .. import validation as check
from ..progress import meter
from ..results.conditions import Condition, judge_of
from ..results.records import concatenate
from ..results.result import Result
from .engine import Engine

OWNER = "Simulator"
PIECE = 10e-3  # [s] between two looks, unless told otherwise
MOST_PIECES = 10**7


def run_until(
    engine: Engine,
    condition: Condition | Callable[[Result], bool],
    *,
    most: float,
    every: float | None,
    progress: bool | None,
) -> tuple[Engine, Result]:
    """An engine that stands where the condition holds, and the result of the way there.

    most: how far to run at most [s]; every: the length of a piece, after which the condition is
    looked at [s]; progress: whether a bar is shown. Raises NotReachedError where the condition does
    not hold by then.
    """
    most, every = _pieces(engine, most, every)
    if progress is not None:
        progress = check.flag(OWNER, "run_until progress", progress)
    twin = engine.twin()

    def look(population: str, variable: str) -> NDArray[np.float64]:
        known = {part.name: part for part in twin.network.populations}
        check.one_of(condition, "population", population, known)
        check.one_of(condition, "variable", variable, twin.variables(known[population]))
        return twin.state(known[population], variable)

    judge, pieces = judge_of(condition, look), []
    with meter(engine.steps(most), progress) as tick:
        for k in range(math.ceil(most / every - 1e-9)):
            pieces.append(twin.run(min(every, most - k * every), tick))
            twin.standing = twin.reached
            judgement = judge(pieces[-1])
            if judgement.holds:
                return twin, concatenate(iter(pieces))
    told = f"; {judgement.told}" if judgement.told else ""
    raise NotReachedError(
        f"Simulator.run_until: the condition does not hold within {most:g} s{told}"
    )


def _pieces(engine: Engine, most: float, every: float | None) -> tuple[float, float]:
    """How far to run at most and the length of a piece [s], checked. Raises ParameterError."""
    most = check.seconds(OWNER, "run_until most", most, above=0.0)
    if every is None:
        every = min(engine.covering(PIECE), most)
    every = check.seconds(OWNER, "run_until every", every, above=0.0, most=most)
    engine.steps(most, "run_until most"), engine.steps(every, "run_until every")
    if most / every > MOST_PIECES:
        rule = f"must divide the run into at most {MOST_PIECES:,} pieces"
        raise check.fail(OWNER, "run_until every", rule, every)
    return most, every
