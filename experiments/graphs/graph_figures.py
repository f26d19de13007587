"""The figures of the experiment random-graphs, plotted from the study.json of a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from potentia.experiments.framework.experiment import Context
from potentia.experiments.graphs.design import FROZEN, GRAPHS, SPIKING
from potentia.sim.results import figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS: Final = {
    "erdos_renyi": "Erdos-Renyi",
    "watts_strogatz": "Watts-Strogatz",
    "barabasi_albert": "Barabasi-Albert",
    "pruned": "pruned",
}
MARKERS: Final = dict(zip(GRAPHS, "osD^", strict=True))
COLOURS: Final = dict(zip(GRAPHS, figure_style.COLOURS, strict=False))
MEASURES: Final = {
    "density": "density",
    "path_length": "path length",
    "clustering": "clustering",
    "degree_spread": "spread of degrees",
}

Outcomes = Sequence[dict[str, Any]]


def plot_study(context: Context) -> None:
    """Draw accuracies over density, accuracies over measures, and the rank correlations."""
    study = context.kept("study.json")
    outcomes, chance = study["outcomes"], study["chance"]
    context.plot("density", lambda: over_density(outcomes, chance))
    context.plot("measures", lambda: over_measures(outcomes))
    context.plot("correlations", lambda: correlations(study["correlations"]))


def over_density(outcomes: Outcomes, chance: dict[str, float]) -> Figure:
    """Accuracy over density, a row for each task, a column for each kind of units, with chance."""
    units = list(dict.fromkeys(one["unit"] for one in outcomes))
    ticks = sorted({one["density"] for one in outcomes})
    with figure_style.style() as plt:
        size = 1.9 * len(units) + 1.4, 2.1 * len(chance) + 0.5
        figure, grid = plt.subplots(
            len(chance), len(units), figsize=size, sharex=True, sharey="row", squeeze=False
        )
        for row, (task, guess) in zip(grid, chance.items(), strict=True):
            for ax, unit in zip(row, units, strict=True):
                own = [one for one in outcomes if (one["task"], one["unit"]) == (task, unit)]
                _lines(ax, own)
                dashes = {"color": figure_style.INK, "linestyle": (0, (4, 3)), "linewidth": 0.8}
                ax.axhline(100 * guess, label="chance", **dashes)
                ax.set(xscale="log")
                ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
                ax.set_xticks([], minor=True)
            row[0].set_ylabel(f"{task}: accuracy [%]")
        for ax, unit in zip(grid[0], units, strict=True):
            ax.set_title("spiking, frozen" if unit == FROZEN else unit)
        for ax in grid[-1]:
            ax.set_xlabel("density")
        figure.legend(*_handles(grid), loc="outside lower center", ncols=5)
    return figure  # type: ignore[no-any-return]


def _lines(ax: Axes, outcomes: Outcomes) -> None:
    """Mean and standard deviation over seeds for each graph, at the mean of true densities."""
    for graph in GRAPHS:
        own = [one for one in outcomes if one["graph"] == graph]
        points = []
        for density in dict.fromkeys(one["density"] for one in own):
            part = [one for one in own if one["density"] == density]
            values = np.array([100 * one["accuracy"] for one in part])
            place = np.mean([one["measures"]["density"] for one in part])
            points.append((place, values.mean(), values.std(ddof=1) if len(values) > 1 else 0.0))
        if points:
            places, means, spread = np.array(points).T
            ax.errorbar(
                places,
                means,
                spread,
                color=COLOURS[graph],
                marker=MARKERS[graph],
                markersize=3.5,
                capsize=2,
                elinewidth=0.8,
                label=LABELS[graph],
            )


def _handles(grid: Any) -> tuple[list[Any], list[str]]:
    """What a legend of all panels holds, each once."""
    found: dict[str, Any] = {}
    for ax in grid.ravel():
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)


def over_measures(outcomes: Outcomes) -> Figure:
    """Accuracy of every spiking network over what its graph is like; large marks are dense."""
    spiking = [one for one in outcomes if one["unit"] == SPIKING] or list(outcomes)
    tasks, names = list(dict.fromkeys(one["task"] for one in spiking)), list(MEASURES)[1:]
    with figure_style.style() as plt:
        figure, grid = plt.subplots(
            len(tasks),
            len(names),
            figsize=(2.3 * len(names), 2.1 * len(tasks) + 0.4),
            sharex="col",
            sharey="row",
            squeeze=False,
        )
        for row, task in zip(grid, tasks, strict=True):
            for ax, name in zip(row, names, strict=True):
                for graph in GRAPHS:
                    own = [o for o in spiking if (o["task"], o["graph"]) == (task, graph)]
                    ax.scatter(
                        [one["measures"][name] for one in own],
                        [100 * one["accuracy"] for one in own],
                        [6 + 50 * one["measures"]["density"] for one in own],
                        label=LABELS[graph],
                        linewidths=0,
                        alpha=0.7,
                        color=COLOURS[graph],
                        marker=MARKERS[graph],
                    )
            row[0].set_ylabel(f"{task}: accuracy [%]")
        for ax, name in zip(grid[-1], names, strict=True):
            ax.set_xlabel(MEASURES[name])
        figure.legend(*_handles(grid), loc="outside lower center", ncols=4)
    return figure  # type: ignore[no-any-return]


def correlations(found: Sequence[dict[str, Any]]) -> Figure:
    """Rank correlations with the accuracy and their intervals; hollow: among equal densities."""
    tasks = list(dict.fromkeys(one["task"] for one in found))
    units = list(dict.fromkeys(one["unit"] for one in found))
    with figure_style.style() as plt:
        figure, row = plt.subplots(
            1, len(tasks), figsize=(3.2 * len(tasks) + 0.8, 3.6), sharey=True, squeeze=False
        )
        for ax, task in zip(row[0], tasks, strict=True):
            for one in (one for one in found if one["task"] == task):
                at = list(MEASURES).index(one["measure"]) + 0.18 * (
                    units.index(one["unit"]) - (len(units) - 1) / 2
                )
                colour = figure_style.COLOURS[units.index(one["unit"])]
                label = one["unit"] if one["measure"] == "density" else None
                _interval(ax, at - 0.03, one, "", colour, label)
                _interval(ax, at + 0.03, one, "given_density", colour, None)
            ax.axvline(0.0, color=figure_style.PALE, zorder=0)
            ax.set(
                title=task, xlabel="rank correlation (hollow: given density)", xlim=(-1.05, 1.05)
            )
        row[0][0].set_yticks(range(len(MEASURES)), list(MEASURES.values()))
        row[0][0].invert_yaxis()
        figure.legend(*_handles(row), loc="outside lower center", ncols=len(units))
    return figure  # type: ignore[no-any-return]


def _interval(
    ax: Axes, at: float, one: dict[str, Any], kind: str, colour: str, label: str | None
) -> None:
    """A correlation and its interval; where there is none, nothing."""
    value = one[kind or "value"]
    low, high = (one[f"{kind}_{end}" if kind else end] for end in ("low", "high"))
    if value is None or not np.isfinite(value):
        return
    if low is not None and np.isfinite(low):
        ax.plot((low, high), (at, at), color=colour, linewidth=0.9)
    face = "white" if kind else colour
    ax.plot(value, at, "o", color=colour, markerfacecolor=face, markersize=4, label=label)
