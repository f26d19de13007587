"""The figure of the cortical microcircuit, after figure 6 of Potjans and Diesmann (2014)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from potentia.sim import Spikes
from potentia.sim.results import figure_style, statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Values = NDArray[np.float64]
Groups = Mapping[str, Values]

SHADES: Final = {"E": figure_style.COLOURS[0], "I": figure_style.COLOURS[1]}
LIGHT: Final = {"E": "#a9bfd6", "I": "#e6b5a6"}
SHOWN: Final = 0.4  # [s], the end of the recording
DOTS: Final = 1900  # neurons in the raster, of all populations together
BINS: Final = 45  # of a distribution
SPREAD: Final = 3  # quartile ranges shown of a distribution, beyond its quartiles


def overview(spikes: Mapping[str, Spikes], references: Mapping[str, float]) -> Figure:
    """Activity by population in one figure.

    Raster, rates, irregularity, synchrony and correlations, and three sets of distributions.
    spikes: per population, in the order of the layers from the surface down, each name ending with
    E or I; references: their published mean rates [Hz].
    """
    published = [references[name] for name in spikes]
    spikes = {name.replace("L23", "L2/3"): record for name, record in spikes.items()}
    rates = {
        name: record.counts() / (record.stop - record.start) for name, record in spikes.items()
    }
    irregular = {name: _finite(record.isi_cv()) for name, record in spikes.items()}
    alike = {name: statistics.correlations(record) for name, record in spikes.items()}
    synchronous = {name: statistics.synchrony(record) for name, record in spikes.items()}
    with figure_style.style() as plt:
        figure = plt.figure(figsize=(7.4, 7.6))
        top, bottom = figure.add_gridspec(2, 1, height_ratios=(1.75, 1.0))
        grid = top.subgridspec(2, 3, width_ratios=(1.55, 1.0, 1.0))
        raster(spikes, figure.add_subplot(grid[:, 0]))
        boxes(rates, figure.add_subplot(grid[0, 1]), published)
        boxes(irregular, figure.add_subplot(grid[0, 2]))
        bars(synchronous, figure.add_subplot(grid[1, 1]))
        bars(
            {name: _mean(values) for name, values in alike.items()}, figure.add_subplot(grid[1, 2])
        )
        row = bottom.subgridspec(1, 3)
        grain = max((1 / (record.stop - record.start) for record in spikes.values()), default=0.0)
        ridges(rates, figure.add_subplot(row[0, 0]), grain=grain)
        ridges(irregular, figure.add_subplot(row[0, 1]))
        ridges(alike, figure.add_subplot(row[0, 2]))
        _label(figure.axes)
    return figure  # type: ignore[no-any-return]


def raster(spikes: Mapping[str, Spikes], ax: Axes) -> None:
    """The last spikes of the same share of every population, the first population on top."""
    share = min(DOTS / sum(record.n for record in spikes.values()), 1.0)
    stop = max(record.stop for record in spikes.values())
    base = 0
    for name, record in spikes.items():
        shown = np.linspace(0, record.n - 1, max(round(share * record.n), 1)).astype(np.int64)
        part = record.of(shown)
        recent = part.times > stop - SHOWN
        ax.scatter(
            1e3 * (part.times[recent] - stop + SHOWN),
            base + part.ids[recent],
            s=1.6,
            color=SHADES[name[-1]],
            linewidths=0,
            rasterized=True,
        )
        ax.text(
            -0.02,
            base + part.n / 2,
            name,
            transform=ax.get_yaxis_transform(),
            ha="right",
            va="center",
        )
        base += part.n
        ax.axhline(base, color=figure_style.PALE, linewidth=0.6, zorder=0)
    span = 1e3 * min(SHOWN, max(record.stop - record.start for record in spikes.values()))
    ax.set(xlim=(1e3 * SHOWN - span, 1e3 * SHOWN), ylim=(base, 0), yticks=[])
    ax.set_title(f"{100 * share:.2g} % of the neurons", loc="right")
    ax.spines["left"].set_visible(False)


def boxes(values: Groups, ax: Axes, references: Sequence[float] | None = None) -> None:
    """Quartiles of the units of every population.

    Whiskers reach from the 5th to the 95th percentile, means are diamonds. references: a mean to be
    compared with each, as a stroke.
    """
    places, colours = np.arange(len(values)), [SHADES[name[-1]] for name in values]
    nothing = np.full(5, np.nan)
    low, first, middle, third, high = np.transpose(
        [
            np.percentile(each, (5, 25, 50, 75, 95)) if each.size else nothing
            for each in values.values()
        ]
    )
    ax.hlines(places, low, high, color=colours, linewidth=0.9)
    ax.barh(
        places,
        third - first,
        left=first,
        height=0.62,
        color=[LIGHT[name[-1]] for name in values],
        edgecolor=colours,
        linewidth=0.8,
    )
    ax.vlines(middle, places - 0.31, places + 0.31, color=colours, linewidth=1.4)
    means = [_mean(each) for each in values.values()]
    ax.plot(
        means,
        places,
        "D",
        markersize=3.2,
        color=figure_style.INK,
        markerfacecolor="white",
        markeredgewidth=0.8,
        zorder=4,
        label="mean",
    )
    if references is not None:
        ax.plot(
            references,
            places,
            "|",
            markersize=11,
            markeredgewidth=1.1,
            color=figure_style.INK,
            zorder=3,
            label="published",
        )
        ax.legend(loc="upper right", handletextpad=0.1, borderaxespad=0.0)
    _populations(values, ax)
    ax.set_xlim(left=0)


def bars(values: Mapping[str, float], ax: Axes) -> None:
    """One bar per population."""
    colours = [SHADES[name[-1]] for name in values]
    ax.barh(range(len(values)), list(values.values()), height=0.62, color=colours)
    ax.axvline(0.0, color=figure_style.INK, linewidth=0.7)
    _populations(values, ax)


def ridges(values: Groups, ax: Axes, *, grain: float = 0.0) -> None:
    """The distribution of every population, each scaled to the same height.

    grain: of values on a grid, its step.
    """
    limits = np.array([_limits(each) for each in values.values() if each.size] or [(0.0, 1.0)])
    low, high = limits[:, 0].min(), limits[:, 1].max()
    width = (high - low) / BINS or 1.0
    if grain:
        width = np.ceil(width / grain) * grain
    edges = low - grain / 2 + width * np.arange(np.ceil((high - low + grain) / width) + 1)
    for place, (name, each) in enumerate(values.items()):
        counts = np.histogram(each, edges)[0]
        heights = 0.9 * counts / max(int(counts.max()), 1)
        level = place + 0.45
        ax.stairs(level - heights, edges, baseline=level, fill=True, color=LIGHT[name[-1]])
        ax.stairs(level - heights, edges, baseline=level, color=SHADES[name[-1]], linewidth=0.8)
    if low < 0:
        ax.axvline(0.0, color=figure_style.INK, linewidth=0.5, zorder=0)
    _populations(values, ax)
    ax.set_xlim(edges[0], high)


def _populations(values: Mapping[str, Any], ax: Axes) -> None:
    """Populations from top to bottom."""
    ax.set_yticks(range(len(values)), list(values))
    ax.set_ylim(len(values) - 0.4, -0.7)
    ax.tick_params(axis="y", length=0)


def _label(axes: Sequence[Axes]) -> None:
    """Letters, what is along the horizontal axes, and the populations only where a row begins."""
    titles = ("time [ms]", "rate [Hz]", "CV of intervals", "synchrony", "correlation")
    for letter, ax, title in zip("ABCDEFGH", axes, (*titles, *titles[1:3], titles[4]), strict=True):
        ax.set_title(letter, fontweight="bold")
        ax.set_xlabel(title)
        ax.locator_params(axis="x", nbins=4)
        ax.xaxis.set_major_formatter("{x:g}")
        if letter in "CEGH":
            ax.set_yticklabels([])


def _limits(values: Values) -> tuple[float, float]:
    """Where nearly all values lie."""
    low, first, third, high = np.percentile(values, (0, 25, 75, 100))
    reach = SPREAD * (third - first)
    return max(float(low), float(first - reach)), min(float(high), float(third + reach))


def _finite(values: Values) -> Values:
    return np.asarray(values[np.isfinite(values)], np.float64)


def _mean(values: Values) -> float:
    return float(values.mean()) if values.size else float("nan")
