"""Figures of results. Every function plots into the Axes it is given, or into new ones, and returns
them.

matplotlib is imported on first use only; it comes with ``pip install potentia[plot]``.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import DependencyError
from .. import validation as check
from ..conversion import shown
from ..hdf5 import hdf5
from .records import Records, Samples, Spikes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
T = TypeVar("T")
COLOURS: Final = ("#2f5d8a", "#c0563b", "#4f8a5b", "#8064a2", "#b8902f", "#5c6770")
INK, PALE = "#2b2f33", "#d9dde1"
PREFIXES: Final = {-12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M"}
MOST_TRACES: Final = 5
MOST_UNITS: Final = 400  # shown per population in a raster
MOST_PANELS: Final = 50  # of an overview: a picture can only be so high
MOST_LETTERS: Final = 60  # of a name
MOST_NUMBERS: Final = 2_500  # written into the cells of a matrix
MOST_SHOWN: Final = 1_000_000
MOST_BINS: Final = 100_000  # of a rate
STYLE: Final[dict[str, Any]] = {
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.labelsize": 8.5,
    "axes.titlelocation": "left",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.formatter.limits": (-3, 4),
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.1,
    "figure.dpi": 110,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
}


@contextmanager
def style() -> Iterator[Any]:
    """The look of all figures for the time being; yields `matplotlib.pyplot`.

    Raises DependencyError.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise DependencyError(
            "figures need matplotlib; install it with pip install potentia[plot]"
        ) from None
    with plt.rc_context(cast(Any, STYLE)):
        yield plt


def _styled(plot: Callable[P, T]) -> Callable[P, T]:
    """`plot`, with everything that it plots in the look of all figures."""

    @wraps(plot)
    def plotted(*args: P.args, **kwargs: P.kwargs) -> T:
        with style():
            return plot(*args, **kwargs)

    return plotted


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


@_styled
def raster(spikes: Mapping[str, Spikes], ax: Axes | None = None, *, most: int = MOST_UNITS) -> Axes:
    """Spike times [s] of all populations, one above the other; of each, `most` recorded units
    evenly chosen.
    """
    spikes, most = (
        _records("raster", spikes),
        check.whole("raster", "most", most, least=1, most=MOST_SHOWN),
    )
    ax = _axes(ax, (6.4, 3.0))
    base = 0
    ticks: list[tuple[float, str]] = []
    for colour, (name, record) in zip(_cycle(len(spikes)), spikes.items(), strict=True):
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
        ticks.append((base + n_shown / 2, _text(name) + some))
        base += n_shown + gap
        ax.axhline(base - gap / 2, color=PALE, linewidth=0.6, zorder=0)
    ax.set_yticks([place for place, _ in ticks], [label for _, label in ticks])
    ax.tick_params(axis="y", length=0)
    ax.set(ylim=(-1, max(base, 1)), xlabel="time [s]")
    _span(ax, spikes.values())
    return ax


@_styled
def rates(
    spikes: Mapping[str, Spikes], ax: Axes | None = None, *, width: float | None = None
) -> Axes:
    """Population rates [Hz] in bins of `width` [s], a hundredth of the span if None."""
    spikes = _records("rates", spikes)
    width = None if width is None else check.within("rates", "width", width, above=0.0, unit="s")
    ax = _axes(ax, (6.4, 1.6))
    for colour, (name, record) in zip(_cycle(len(spikes)), spikes.items(), strict=True):
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
            label=f"{_text(name)}, mean {record.rate:.3g} Hz",
        )
    ax.set(xlabel="time [s]", ylabel="rate [Hz]")
    ax.set_ylim(bottom=0)
    _span(ax, spikes.values())
    _legend(ax)
    return ax


@_styled
def traces(
    samples: Samples, ax: Axes | None = None, *, label: str = "", most: int = MOST_TRACES
) -> Axes:
    """A recorded state variable of the first `most` units over time."""
    check.instance("traces", "samples", samples, Samples)
    label, most = (
        check.text("traces", "label", label),
        check.whole("traces", "most", most, least=1, most=MOST_UNITS),
    )
    ax = _axes(ax, (6.4, 2.0))
    factor, unit = _scaled(samples.values[:, :most], samples.unit)
    for colour, column in zip(_cycle(most), range(min(most, samples.ids.size)), strict=False):
        ax.plot(
            samples.times,
            samples.values[:, column] * factor,
            color=colour,
            linewidth=0.9,
            label=f"{samples.ids[column]}",
        )
    ax.set(xlabel="time [s]", ylabel=f"{_text(label)} [{_text(unit)}]" if unit else _text(label))
    ax.margins(x=0)
    if samples.ids.size > 1:
        _legend(ax, title="unit")
    return ax


@_styled
def weight_matrix(weights: ArrayLike, ax: Axes | None = None, *, unit: str = "") -> Axes:
    """A matrix of weights (n_pre, n_post), zero in white, NaN (no synapse) in grey."""
    matrix, unit = (
        _matrix("weight_matrix", "weights", weights),
        check.text("weight_matrix", "unit", unit),
    )
    ax = _axes(ax, (4.2, 3.6))
    factor, unit = _scaled(matrix, unit)
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
    bar.set_label(f"weight [{_text(unit)}]" if unit else "weight")
    bar.outline.set_visible(False)
    return ax


@_styled
def weight_histogram(
    weights: ArrayLike, ax: Axes | None = None, *, unit: str = "", label: str = ""
) -> Axes:
    """How the weights, of any shape, are distributed."""
    unit, label = (
        check.text("weight_histogram", *part) for part in (("unit", unit), ("label", label))
    )
    values = np.ravel(check.finite_array("weight_histogram", "weights", weights))
    ax = _axes(ax, (4.0, 2.4))
    factor, unit = _scaled(values, unit)
    look: dict[str, Any] = {
        "color": COLOURS[0],
        "histtype": "stepfilled",
        "alpha": 0.85,
        "label": _text(label) or None,
    }
    try:
        ax.hist(values * factor, bins=60, **look)
    except ValueError:  # bins that double precision cannot tell apart
        raise check.fail(
            "weight_histogram", "weights", "must have a range that can be cut into bins", values
        ) from None
    ax.set(xlabel=f"weight [{_text(unit)}]" if unit else "weight", ylabel="synapses")
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
    return [_text(name if isinstance(name, str) else shown(name)) for name in plain]


@_styled
def confusion(
    matrix: ArrayLike, ax: Axes | None = None, *, labels: Sequence[Any] | None = None
) -> Axes:
    """A confusion matrix of counts (n_true, n_predicted); shade is the share of each true class."""
    counts = _matrix("confusion", "matrix", matrix)
    names = _names(range(len(counts)) if labels is None else labels, len(counts))
    ax = _axes(ax, (0.34 * counts.shape[1] + 1.4, 0.34 * counts.shape[0] + 1.0))
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


@_styled
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
    ax = _axes(ax, (0.9 * len(means) + 1.2, 2.8))
    errors = [spread.get(name, 0.0) for name in means]
    places, values = np.arange(len(means)), np.array(list(means.values()), float)
    ax.bar(places, values, width=0.62, color=_cycle(len(means)), zorder=2)
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


@_styled
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
    """Everything a result recorded: raster over rates, then a panel each for MOST_PANELS traces,
    rates, weights.
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
        ax.set_title(f"{_text(target)}: weights at the end")
        return
    traces(samples, ax, label=what)
    ax.set_title(_text(target))


def _text(name: str) -> str:
    """A name as it stands, where matplotlib would take what is between two dollars
    for a formula.
    """
    return name[:MOST_LETTERS].replace("$", r"\$")


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    with style() as plt:
        if ax is not None:
            check.instance("figures", "ax", ax, plt.Axes, optional=True)
            return ax
        return plt.subplots(figsize=size)[1]  # type: ignore[no-any-return]


def _cycle(n: int) -> list[str]:
    return [COLOURS[k % len(COLOURS)] for k in range(n)]


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


def _scaled(values: NDArray[Any], unit: str) -> tuple[float, str]:
    """The factor and the unit with a prefix that make `values` easy to read."""
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    if unit in ("", "1", "Hz") or largest == 0.0 or not np.isfinite(largest):
        return 1.0, "" if unit == "1" else unit
    power = int(np.clip(3 * np.floor(np.log10(largest) / 3), min(PREFIXES), max(PREFIXES)))
    return 10.0**-power, PREFIXES[power] + unit


def _span(ax: Axes, records: Any) -> None:
    spans = [(record.start, record.stop) for record in records if record.stop > record.start]
    if spans:
        ax.set_xlim(min(start for start, _ in spans), max(stop for _, stop in spans))


def _legend(ax: Axes, title: str | None = None) -> None:
    """A legend above the axes, where it hides nothing."""
    handles, labels = ax.get_legend_handles_labels()
    shown = [f"{title} {label}" for label in labels] if title else labels
    look = {"borderaxespad": 0.0, "handlelength": 1.1, "columnspacing": 1.4}
    if handles:
        ax.legend(
            handles, shown, loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=len(shown), **look
        )
