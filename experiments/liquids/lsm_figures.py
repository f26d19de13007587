"""The figures of the experiments lsm-*.

They are plotted from the study.json and results.h5 of a run folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from potentia.experiments.framework.experiment import Context
from potentia.experiments.liquids.liquid import DT
from potentia.sim import Result
from potentia.sim.results import figure_style, figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS: Final = 3  # of the figure of a sweep
NAMES: Final = ("software", "rram", "rram_noisy", "rram_wired", "control", "control_bins")
LABELS: Final = {
    "read_noise": "read noise of a device, relative",
    "adc_bits": "bits of the converters",
    "r_wire": "resistance of a segment of wire [ohm]",
    "stuck": "share of stuck cells",
    "drift_seconds": "time since writing [s]",
}
BARS: Final = {
    "software": "software",
    "rram": "RRAM",
    "rram_noisy": "RRAM,\nnoisy",
    "rram_wired": "RRAM,\nwired",
    "control": "counts,\nno liquid",
    "control_bins": "binned\ncounts",
}


def plot_study(context: Context) -> None:
    """Draw everything that the run folder has the data for."""
    study = context.kept("study.json")
    metrics = study["metrics"]
    means = {BARS[name]: metrics[f"accuracy_{name}"] for name in NAMES}
    spread = {
        BARS[name]: max(metrics[f"accuracy_{name}_fold_sd"], metrics[f"accuracy_{name}_seed_sd"])
        for name in NAMES
    }
    chance = 1 / metrics["classes"]
    context.plot("accuracy", lambda: figures.accuracy_bars(means, spread=spread, chance=chance))
    result = Result.load(context.folder)
    context.plot("one_recording", lambda: recording(result))
    context.plot("energy", lambda: energy(study["energy"], study.get("energy_sd", {})))
    if study["sweep"]:
        names = ("software", "control", "control_bins")
        levels = {BARS[name].replace("\n", " "): metrics[f"accuracy_{name}"] for name in names}
        context.plot("sweep", lambda: sweep(study["sweep"], levels))


def recording(result: Result) -> Figure:
    """One recording: what is active and who spikes, frame by frame, and how many."""
    with figure_style.style() as plt:
        figure, (above, below) = plt.subplots(
            2, 1, figsize=(6.6, 4.2), height_ratios=(2.6, 1.3), sharex=True
        )
        figures.raster(result.spike_records, above)
        figures.rates(result.spike_records, below, width=DT)
        above.set(xlabel="")
        below.set(xlabel="time [s], 1 ms for a frame")
    return figure  # type: ignore[no-any-return]


def energy(means: dict[str, dict[str, float]], spread: dict[str, dict[str, float]]) -> Figure:
    """Joules of a sample on a logarithmic axis, a dot for each part.

    means, spread: variant -> part -> [J], over liquids. A whisker reaches one standard deviation to
    both sides. There are no bars, whose lengths would tell nothing where the axis has no zero.
    """
    rows = [
        (name, part, value, spread.get(name, {}).get(part, 0.0))
        for name, each in means.items()
        for part, value in each.items()
        if value
    ][::-1]
    colours = dict(zip(means, figure_style.colours(len(means)), strict=True))
    with figure_style.style() as plt:
        figure, ax = plt.subplots(figsize=(5.6, 0.6 + 0.24 * len(rows)))
        for place, (name, _, value, sd) in enumerate(rows):
            look = {"color": colours[name], "marker": "o", "markersize": 4.5, "capsize": 2.5}
            ax.errorbar(1e9 * value, place, xerr=1e9 * sd if sd else None, **look)
            ax.annotate(
                f"{value * 1e9:,.0f}" if value >= 1e-7 else f"{value * 1e9:.3g}",
                (1e9 * (value + sd), place),
                (6, 0),
                textcoords="offset points",
                va="center",
            )
        names = [f"{BARS[name]}: {part}".replace("\n", " ") for name, part, *_ in rows]
        ax.set_yticks(range(len(rows)), names)
        ax.grid(axis="y", color=figure_style.PALE, linewidth=0.6)
        ax.set_axisbelow(True)
        ax.set(xscale="log", xlabel="energy of the synapses per sample ± sd of liquids [nJ]")
        ax.margins(x=0.15)
    return figure  # type: ignore[no-any-return]


def sweep(points: list[dict[str, Any]], levels: dict[str, float]) -> Figure:
    """Accuracy over each imperfection alone.

    Beside it stand `levels`, accuracies that do not depend on it, by label.
    """
    axes = list(dict.fromkeys(point["axis"] for point in points))
    with figure_style.style() as plt:
        rows = -(-len(axes) // COLUMNS)
        size = (3.3 * min(len(axes), COLUMNS), 2.7 * rows)
        figure, grid = plt.subplots(
            rows, min(len(axes), COLUMNS), figsize=size, sharey=True, squeeze=False
        )
        for spare in grid.flat[len(axes) :]:
            spare.remove()
        for ax, axis in zip(grid.flat, axes, strict=False):
            mine = [point for point in points if point["axis"] == axis]
            values, means, spread = (
                [point[key] for point in mine] for key in ("value", "accuracy", "sd")
            )
            ax.errorbar(
                values,
                [100 * mean for mean in means],
                [100 * sd for sd in spread],
                color=figure_style.COLOURS[0],
                marker="o",
                markersize=3.5,
                capsize=2,
                label="RRAM ± sd",
            )
            for number, (label, level) in enumerate(levels.items(), start=1):
                look = {
                    "color": figure_style.COLOURS[number],
                    "linestyle": (0, (4 - number, 2)),
                    "linewidth": 1.0,
                }
                ax.axhline(100 * level, label=label, **look)
            ax.set(
                xlabel=LABELS.get(axis, axis), xscale="log" if axis == "drift_seconds" else "linear"
            )
        for first in grid[:, 0]:
            first.set(ylabel="accuracy [%]")
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure  # type: ignore[no-any-return]
