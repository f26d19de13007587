"""Figures of results: each function plots into the Axes it is given, or new ones, and returns them.

matplotlib is imported on first use only; it comes with ``pip install potentia[plot]``.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import validation as check
from ..conversion import shown
from ..hdf5 import hdf5
from .figure_style import (
    COLOURS,
    INK,
    PALE,
    axes_of,
    colours,
    label_of,
    legend,
    prefixed,
    show_span,
    style,
    styled,
)
from .records import Records, Samples, Spikes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_TRACES: Final = 5
MOST_UNITS: Final = 400  # shown per population in a raster
MOST_PANELS: Final = 50  # of an overview: a picture can only be so high
MOST_NUMBERS: Final = 2_500  # written into the cells of a matrix
MOST_SHOWN: Final = 1_000_000
MOST_BINS: Final = 100_000  # of a rate


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as a PNG of 200 dots per inch and close it, all or nothing.

    Raises DataError.
    """
    place = check.path("figures.save", "path", path)
    with style() as plt:
        check.instance("figures.save", "figure", figure, plt.Figure)
        made = io.BytesIO()
        try:
            figure.savefig(made, format="png")
        finally:
            plt.close(figure)
    hdf5.write_file(place, made.getbuffer())
    return place


@styled
def raster(spikes: Mapping[str, Spikes], ax: Axes | None = None, *, most: int = MOST_UNITS) -> Axes:
    """Spike times [s] of all populations, one above the other.

    Of each, `most` recorded units evenly chosen.
    """
    spikes, most = (
        _records("raster", spikes),
        check.whole("raster", "most", most, least=1, most=MOST_SHOWN),
    )
    ax = axes_of(ax, (6.4, 3.0))
    base = 0
    ticks: list[tuple[float, str]] = []
    for colour, (name, record) in zip(colours(len(spikes)), spikes.items(), strict=True):
        gap, n_shown = max(4, most // 50), min(record.n_recorded, most)
        shown = np.linspace(0, record.n_recorded - 1, n_shown).astype(np.int64)
        shown = shown if record.recorded is None else np.sort(record.recorded)[shown]
        rows = np.minimum(np.searchsorted(shown, record.ids), n_shown - 1)
        seen = shown[rows] == record.ids
        size = float(np.clip(5000 / max(int(seen.sum()), 1), 0.5, 5.0))
        ax.scatter(
            record.times[seen],
            base + rows[seen],
            s=size,
            color=colour,
            linewidths=0,
            rasterized=True,
        )
        some = f"\n{n_shown} of {record.n}" if n_shown < record.n else ""
        ticks.append((base + n_shown / 2, label_of(name) + some))
        base += n_shown + gap
        ax.axhline(base - gap / 2, color=PALE, linewidth=0.6, zorder=0)
    ax.set_yticks([place for place, _ in ticks], [label for _, label in ticks])
    ax.tick_params(axis="y", length=0)
    ax.set(ylim=(-1, max(base, 1)), xlabel="time [s]")
    show_span(ax, spikes.values())
    return ax


@styled
def rates(
    spikes: Mapping[str, Spikes], ax: Axes | None = None, *, width: float | None = None
) -> Axes:
    """Population rates [Hz] in bins of `width` [s], a hundredth of the span if None."""
    spikes = _records("rates", spikes)
    width = None if width is None else check.within("rates", "width", width, above=0.0, unit="s")
    ax = axes_of(ax, (6.4, 1.6))
    for colour, (name, record) in zip(colours(len(spikes)), spikes.items(), strict=True):
        span = record.stop - record.start
        if span <= 0:
            continue
        n_bins = 100 if width is None else max(round(min(span / width, MOST_BINS)), 1)
        counts, edges = np.histogram(record.times, bins=n_bins, range=(record.start, record.stop))
        level = counts / (record.n_recorded * span / n_bins)
        ax.stairs(
            level,
            edges,
            baseline=None,
            color=colour,
            linewidth=1.0,
            label=f"{label_of(name)}, mean {record.rate:.3g} Hz",
        )
    ax.set(xlabel="time [s]", ylabel="rate [Hz]")
    ax.set_ylim(bottom=0)
    show_span(ax, spikes.values())
    legend(ax)
    return ax


@styled
def traces(
    samples: Samples, ax: Axes | None = None, *, label: str = "", most: int = MOST_TRACES
) -> Axes:
    """A recorded state variable of the first `most` units over time."""
    check.instance("traces", "samples", samples, Samples)
    label, most = (
        check.text("traces", "label", label),
        check.whole("traces", "most", most, least=1, most=MOST_UNITS),
    )
    ax = axes_of(ax, (6.4, 2.0))
    factor, unit = prefixed(samples.values[:, :most], samples.unit)
    for colour, column in zip(colours(most), range(min(most, samples.ids.size)), strict=False):
        ax.plot(
            samples.times,
            samples.values[:, column] * factor,
            color=colour,
            linewidth=0.9,
            label=f"{samples.ids[column]}",
        )
    ax.set(
        xlabel="time [s]",
        ylabel=f"{label_of(label)} [{label_of(unit)}]" if unit else label_of(label),
    )
    ax.margins(x=0)
    if samples.ids.size > 1:
        legend(ax, title="unit")
    return ax


@styled
def weight_matrix(weights: ArrayLike, ax: Axes | None = None, *, unit: str = "") -> Axes:
    """A matrix of weights (n_pre, n_post), zero in white, NaN (no synapse) in grey."""
    matrix, unit = (
        _matrix("weight_matrix", "weights", weights),
        check.text("weight_matrix", "unit", unit),
    )
    ax = axes_of(ax, (4.2, 3.6))
    factor, unit = prefixed(matrix, unit)
    limit = float(np.nanmax(np.abs(matrix), initial=0.0)) * factor or 1.0
    shown = ax.imshow(
        matrix * factor,
        cmap="RdBu_r",
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
    )
    ax.set_facecolor(PALE)
    ax.set(xlabel="target", ylabel="source")
    bar = ax.figure.colorbar(shown, ax=ax, fraction=0.046, pad=0.03)
    bar.set_label(f"weight [{label_of(unit)}]" if unit else "weight")
    bar.outline.set_visible(False)
    return ax


@styled
def weight_histogram(
    weights: ArrayLike, ax: Axes | None = None, *, unit: str = "", label: str = ""
) -> Axes:
    """How the weights, of any shape, are distributed."""
    unit, label = (
        check.text("weight_histogram", *part) for part in (("unit", unit), ("label", label))
    )
    values = np.ravel(check.finite_array("weight_histogram", "weights", weights))
    ax = axes_of(ax, (4.0, 2.4))
    factor, unit = prefixed(values, unit)
    look: dict[str, Any] = {
        "color": COLOURS[0],
        "histtype": "stepfilled",
        "alpha": 0.85,
        "label": label_of(label) or None,
    }
    try:
        ax.hist(values * factor, bins=60, **look)
    except ValueError:  # bins that double precision cannot tell apart
        raise check.fail(
            "weight_histogram", "weights", "must have a range that can be cut into bins", values
        ) from None
    ax.set(xlabel=f"weight [{label_of(unit)}]" if unit else "weight", ylabel="synapses")
    return ax


def _names(labels: Any, n: int) -> list[str]:
    """The labels of `n` classes as texts."""
    try:
        listed = list(labels) if not isinstance(labels, (str, bytes)) and len(labels) == n else None
    except Exception:
        listed = None
    if listed is None:
        raise check.fail(
            "confusion", "labels", f"must be a list of {n}, one for each class", labels
        )
    plain = [name.item() if isinstance(name, np.generic) else name for name in listed]
    return [label_of(name if isinstance(name, str) else shown(name)) for name in plain]


@styled
def confusion(
    matrix: ArrayLike, ax: Axes | None = None, *, labels: Sequence[Any] | None = None
) -> Axes:
    """A confusion matrix of counts (n_true, n_predicted); shade is the share of each true class."""
    counts = _matrix("confusion", "matrix", matrix)
    names = _names(range(len(counts)) if labels is None else labels, len(counts))
    ax = axes_of(ax, (0.34 * counts.shape[1] + 1.4, 0.34 * counts.shape[0] + 1.0))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        if count and counts.size <= MOST_NUMBERS:
            colour = "white" if share[row, column] > 0.55 else INK
            ax.text(column, row, f"{count:g}", ha="center", va="center", color=colour, fontsize=7)
    ax.set_xticks(range(counts.shape[1]), names)
    ax.set_yticks(range(counts.shape[0]), names)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="predicted", ylabel="true")
    return ax


@styled
def bars(
    means: Mapping[str, float],
    ax: Axes | None = None,
    *,
    spread: Mapping[str, float] | None = None,
    label: str = "",
) -> Axes:
    """One bar per name with its error bar and value; `spread` is the standard deviation."""
    label, means = check.text("bars", "label", label), _numbers("bars", "means", means)
    spread = {} if spread is None else _numbers("bars", "spread", spread)
    ax = axes_of(ax, (0.9 * len(means) + 1.2, 2.8))
    errors = [spread.get(name, 0.0) for name in means]
    places, values = np.arange(len(means)), np.array(list(means.values()), float)
    ax.bar(places, values, width=0.62, color=colours(len(means)), zorder=2)
    if any(errors):
        ax.errorbar(
            places,
            values,
            [error or np.nan for error in errors],
            fmt="none",
            ecolor=INK,
            elinewidth=0.9,
            capsize=3,
            zorder=3,
        )
    span = float(np.max(np.abs(values) + errors, initial=0.0)) or 1.0
    for place, value, error in zip(places, values, errors, strict=True):
        # three significant ones of the value
        digits = max(2 - int(np.floor(np.log10(abs(value)))), 0) if value else 0
        text = f"{value:.{digits}f}" + (f" ± {error:.{digits}f}" if error else "")
        ax.text(
            float(place), value + error + 0.02 * span, text, ha="center", va="bottom", fontsize=8
        )
    ax.set_xticks(places, list(means))
    ax.tick_params(axis="x", length=0)
    ax.set(ylabel=label, ylim=(min(0.0, float(values.min(initial=0.0))), 1.12 * span))
    return ax


@styled
def accuracy_bars(
    means: Mapping[str, float],
    ax: Axes | None = None,
    *,
    spread: Mapping[str, float] | None = None,
    chance: float = 0.0,
) -> Axes:
    """Accuracies in percent, given as fractions; `chance` is plotted as a line."""
    chance = check.within("accuracy_bars", "chance", chance, least=0.0, most=1.0)
    percent = {
        name: 100.0 * value for name, value in _numbers("accuracy_bars", "means", means).items()
    }
    spreads = {} if spread is None else _numbers("accuracy_bars", "spread", spread)
    errors = {name: 100.0 * value for name, value in spreads.items()}
    ax = bars(percent, ax, spread=errors, label="accuracy [%]")
    ax.set_ylim(0, 112)
    ax.set_yticks(range(0, 101, 20))
    if chance:
        ax.axhline(100 * chance, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        place = ("axes fraction", "data"), "offset points"
        ax.annotate("chance", (1, 100 * chance), (3, 0), *place, va="center")
    return ax


def overview(result: Records) -> Figure:
    """Everything a result recorded.

    Raster over rates, then a panel each for MOST_PANELS traces, rates, weights.
    """
    if not isinstance(result, Records):
        raise check.fail("overview", "result", "must be a Result", result)
    panels = [name for name in result.sample_records if not name.endswith(".counts")][:MOST_PANELS]
    heights = ([2.6, 1.3] if result.spike_records else []) + [1.5] * len(panels)
    with style() as plt:
        figure, grid = plt.subplots(
            max(len(heights), 1),
            1,
            figsize=(6.6, max(sum(heights), 1.5) + 0.3),
            squeeze=False,
            height_ratios=heights or [1.0],
        )
        axes = list(grid[:, 0])
        if result.spike_records:
            raster(result.spike_records, axes[0])
            rates(result.spike_records, axes[1])
            axes[0].set(xlabel="", xlim=axes[1].get_xlim())
            axes[0].tick_params(labelbottom=False)
            del axes[:2]
        for ax, name in zip(axes, panels, strict=False):
            _panel(result, name, ax)
            if not name.endswith(".weights") and result.stop > result.start:
                ax.set_xlim(result.start, result.stop)
        if not heights:
            axes[0].set_axis_off()
            axes[0].text(0.5, 0.5, "nothing was recorded", ha="center", va="center")
    return figure  # type: ignore[no-any-return]


def _panel(result: Records, name: str, ax: Axes) -> None:
    samples, (target, what) = result.sample_records[name], name.rsplit(".", 1)
    if what == "weights":
        last = samples.values[-1:] if samples.values.size else np.zeros(0)
        weight_histogram(last, ax, unit=samples.unit)
        ax.set_title(f"{label_of(target)}: weights at the end")
        return
    traces(samples, ax, label=what)
    ax.set_title(label_of(target))


def _matrix(owner: str, field: str, values: ArrayLike) -> NDArray[np.float64]:
    matrix = np.asarray(check.array_of(owner, field, values), np.float64)
    if matrix.ndim != 2:
        raise check.fail(owner, field, "must have 2 dimensions", f"shape {matrix.shape}")
    return matrix


def _records(owner: str, spikes: Any) -> dict[str, Spikes]:
    """Spikes by the names of their populations."""
    records = check.mapping(owner, "spikes", spikes, "result.spike_records")
    for name, record in records.items():
        check.text(owner, "spikes", name)
        check.instance(owner, f"spikes of {name}", record, Spikes)
    return records


def _numbers(owner: str, field: str, values: Any) -> dict[str, float]:
    """Numbers by name."""
    named = check.mapping(owner, field, values, "{'clean': 0.9}")
    return {
        check.text(owner, field, name): check.real(owner, field, value)
        for name, value in named.items()
    }
