"""The figure of a sweep.

Metrics stand over the first setting that is a number, with a line for every value of the others.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from potentia.experiments.framework.experiment import is_timed
from potentia.experiments.framework.sweep import Point
from potentia.sim.results import figure_style, figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PANELS: Final = 12
COLUMNS: Final = 3
SEED: Final = "seed"  # its values are repeats, drawn as mean and standard deviation


def axis(points: Sequence[Point]) -> str | None:
    """The setting along which to plot.

    The first of numbers with several values; None if there is none.
    """
    for key in points[0].values if points else ():
        values = {point.values[key] for point in points if _number(point.values[key])}
        if key != SEED and len(values) > 1 and all(_number(point.values[key]) for point in points):
            return key
    return None


def shown(points: Sequence[Point]) -> list[str]:
    """The metrics that are worth a panel.

    They are numbers that differ between points and do not tell of the machine.
    """
    records = [point.record["metrics"] for point in points if point.done and point.record]
    names = dict.fromkeys(name for metrics in records for name in metrics)
    differing = [
        name for name in names if len({repr(metrics.get(name)) for metrics in records}) > 1
    ]
    return [
        name
        for name in differing
        if not is_timed(name) and any(_number(metrics.get(name)) for metrics in records)
    ][:MOST_PANELS]


def plot(folder: Path, points: Sequence[Point]) -> Path | None:
    """Save the figure as sweep.png; None where there is nothing to plot."""
    figure = overview(points)
    return None if figure is None else figures.save(figure, folder / "sweep.png")


def overview(points: Sequence[Point]) -> Figure | None:
    """A panel per metric; None where there is nothing to plot."""
    key, metrics = axis(points), shown(points)
    if key is None or not metrics:
        return None
    others = [name for name in points[0].values if name not in (key, SEED)]
    lines: dict[str, list[Point]] = {}
    for point in points:
        if point.done:
            lines.setdefault(
                ", ".join(f"{name} = {point.values[name]}" for name in others), []
            ).append(point)
    n_columns = min(COLUMNS, len(metrics))
    n_rows = -(-len(metrics) // n_columns)
    with figure_style.style() as plt:
        figure, grid = plt.subplots(
            n_rows, n_columns, figsize=(2.5 * n_columns, 2.1 * n_rows), squeeze=False
        )
        for ax, name in itertools.zip_longest(grid.flat, metrics):
            if name is None:
                ax.set_axis_off()
                continue
            for (label, members), colour in zip(
                lines.items(), itertools.cycle(figure_style.COLOURS), strict=False
            ):
                x, mean, spread = _series(members, key, name)
                ax.errorbar(
                    x,
                    mean,
                    yerr=spread,
                    label=label,
                    color=colour,
                    marker="o",
                    markersize=3,
                    capsize=2,
                )
            ax.set(title=name, xlabel=key)
        if others:
            grid[0, 0].legend()
    return figure  # type: ignore[no-any-return]


def _series(points: Sequence[Point], key: str, name: str) -> tuple[Any, Any, Any]:
    """Values of the setting, and what a metric is there.

    That is its mean and its standard deviation over the points that share a value.
    """
    found: dict[float, list[float]] = {}
    for point in points:
        value = (point.record or {})["metrics"].get(name)
        if _number(value):
            found.setdefault(float(point.values[key]), []).append(float(value))
    x = sorted(found)
    return x, [np.mean(found[value]) for value in x], [np.std(found[value]) for value in x]


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
