"""Rank correlations between accuracies and measures of graphs, with their uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from potentia.experiments.graphs.outcomes import Outcome

MEASURES: Final = ("density", "path_length", "clustering", "degree_spread")
RESAMPLES: Final = 2000
LEVEL: Final = 0.95
LEAST: Final = 4  # points for an interval

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Spearman's rank correlation of a measure and the accuracy over `points` networks.

    low, high: a bootstrap interval that holds LEVEL of the resamples. given_density: the partial
    rank correlation, what is left of it among graphs of equal density, with its interval; NaN for
    the density itself. All are NaN where nothing varies.
    """

    task: str
    unit: str
    measure: str
    points: int
    value: float
    low: float
    high: float
    given_density: float
    given_density_low: float
    given_density_high: float


def correlations(outcomes: Sequence[Outcome], seed: int) -> list[Correlation]:
    """Of every measure, for every task and kind of unit among the outcomes."""
    found = []
    for task, unit in dict.fromkeys((one.task, one.unit) for one in outcomes):
        own = [one for one in outcomes if (one.task, one.unit) == (task, unit)]
        accuracy = np.array([one.accuracy for one in own])
        density = np.array([one.measures["density"] for one in own])
        for measure in MEASURES:
            values = np.array([one.measures[measure] for one in own])
            value, low, high = interval(spearman, (values, accuracy), seed)
            rest = (float("nan"),) * 3
            if measure != "density":
                rest = interval(partial_spearman, (values, accuracy, density), seed)
            found.append(
                Correlation(
                    task=task,
                    unit=unit,
                    measure=measure,
                    points=len(own),
                    value=value,
                    low=low,
                    high=high,
                    given_density=rest[0],
                    given_density_low=rest[1],
                    given_density_high=rest[2],
                )
            )
    return found


def interval(
    statistic: Callable[..., Any], columns: tuple[Floats, ...], seed: int
) -> tuple[float, float, float]:
    """A statistic of columns (n,) and its bootstrap interval, whose resamples take whole rows.

    The percentile interval (Efron 1979, doi:10.1214/aos/1176344552).
    """
    value = float(statistic(*columns))
    if not np.isfinite(value) or len(columns[0]) < LEAST:
        return value, float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(columns[0]), (RESAMPLES, len(columns[0])))
    values = statistic(*(column[rows] for column in columns))
    low, high = np.nanquantile(values, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return value, float(low), float(high)


def spearman(x: Floats, y: Floats) -> Floats:
    """Pearson's correlation of the ranks along the last axis; NaN where nothing varies.

    Equal values share their mean rank.
    """
    a, b = (rankdata(values, axis=-1) for values in (x, y))
    a, b = (ranks - ranks.mean(axis=-1, keepdims=True) for ranks in (a, b))
    with np.errstate(invalid="ignore", divide="ignore"):
        joint = (a * b).sum(axis=-1)
        found: Floats = joint / np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return found


def partial_spearman(x: Floats, y: Floats, given: Floats) -> Floats:
    """The rank correlation of x and y that a third column does not explain."""
    xy, xz, yz = spearman(x, y), spearman(x, given), spearman(y, given)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    return np.where(np.isfinite(found), found, np.nan)
