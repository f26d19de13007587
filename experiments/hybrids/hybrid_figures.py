"""The figures of the experiment hybrid, plotted from the study.json of a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from potentia.experiments.framework.experiment import Context
from potentia.experiments.hybrids.outcomes import HYBRID
from potentia.sim.results import figure_style, figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BARS: Final = {
    "accuracy_tensors": "tensors",
    "accuracy_events": "events",
    "accuracy_devices": "devices",
    "accuracy_tuned": "devices,\ntuned",
    "accuracy_frozen": "frozen\ncore",
    "accuracy_ann": "without\nspikes",
}
TOTALS: Final = {  # of the core: metric -> label
    "joules_per_sample_core": "spiking, on devices",
    "joules_per_sample_core_in_memory": "spiking, in digital memory",
    "joules_per_sample_ann_core": "without spikes, in digital memory",
}
PARTS: Final = {  # of the whole network on devices
    "front end": "front end, in digital memory",
    "readout": "readout, in digital memory",
    "converters": "core: converters",
    "cell pairs": "core: cells",
    "row drivers": "core: row drivers",
}


def plot_study(context: Context) -> None:
    """Draw accuracies, energies, the classes that are confused, and one image on its way."""
    study = context.kept("study.json")
    metrics, outcomes, classes = study["metrics"], study["outcomes"], study["classes"]
    means = {label: metrics[name] for name, label in BARS.items()}
    spread = {label: metrics[f"{name}_sd"] for name, label in BARS.items()}
    chance = 1 / len(classes)
    context.plot("accuracy", lambda: figures.accuracy_bars(means, spread=spread, chance=chance))
    context.plot("energy", lambda: energy(metrics, outcomes))
    own = [one for one in outcomes if one["network"] == HYBRID]
    context.plot("confusion", lambda: confusion(own, classes))
    context.plot("one_image", lambda: one_image(own[0]["example"], classes))


def energy(metrics: dict[str, Any], outcomes: Sequence[dict[str, Any]]) -> Figure:
    """Joules of an image on a logarithmic axis: the core, three ways, and parts of the network."""
    own = [one["joules"] for one in outcomes if one["network"] == HYBRID]
    parts = {
        label: [each[name] for each in own] for name, label in PARTS.items() if own[0].get(name)
    }
    cores = {label: [metrics[name]] for name, label in TOTALS.items()}
    ann = [metrics["joules_per_sample_ann"]]
    wholes = {"on devices": [metrics["joules_per_sample"]], "without spikes": ann}
    panels = {"parts of the hybrid network": parts, "core": cores, "whole network": wholes}
    heights = [len(each) + 0.8 for each in panels.values()]
    with figure_style.style() as plt:
        figure, column = plt.subplots(
            3, 1, figsize=(5.8, 0.27 * sum(heights) + 0.8), sharex=True, height_ratios=heights
        )
        for ax, (title, rows), colour in zip(
            column, panels.items(), figure_style.COLOURS, strict=False
        ):
            for place, values in enumerate(rows.values()):
                mean = 1e9 * float(np.mean(values))
                each = 1e9 * np.asarray(values, float)
                if each.size > 1:
                    ax.plot(each, np.full(each.size, place), "|", color=colour, markersize=9)
                ax.plot(mean, place, "o", color=colour, markersize=5)
                text = f"{mean:,.0f}" if mean >= 100 else f"{mean:.3g}"
                beside = (each.max(), place)
                ax.annotate(text, beside, (7, 0), textcoords="offset points", va="center")
            ax.set_yticks(range(len(rows)), list(rows))
            ax.set(title=title, xscale="log", ylim=(len(rows) - 0.5, -0.5))
            ax.grid(axis="y", color=figure_style.PALE, linewidth=0.6)
            ax.set_axisbelow(True)
        column[-1].set_xlabel("energy of an image [nJ]; strokes: single networks")
        column[-1].margins(x=0.3)
    return figure  # type: ignore[no-any-return]


def confusion(outcomes: Sequence[dict[str, Any]], classes: Sequence[str]) -> Figure:
    """How often a class is told for each class on devices, in percent of the class."""
    table = np.sum([one["confusion"] for one in outcomes], axis=0)
    share = 100 * table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    with figure_style.style() as plt:
        figure, ax = plt.subplots(figsize=(4.6, 4.2))
        ax.imshow(share, cmap="Blues", vmin=0, vmax=100)
        for (row, column), value in np.ndenumerate(share):
            if value >= 1.0:
                colour = "white" if value > 50 else figure_style.INK
                ax.text(column, row, f"{value:.0f}", ha="center", va="center", color=colour)
        places = range(len(classes))
        ax.set_xticks(places, classes, rotation=45, ha="right")
        ax.set_yticks(places, classes)
        ax.set(xlabel="told on devices", ylabel="shown", title="percent of the images of a class")
    return figure  # type: ignore[no-any-return]


def one_image(example: dict[str, Any], classes: Sequence[str]) -> Figure:
    """An image, the pulses that the front end makes of it, and the spikes of the core."""
    panels = (
        ("pulses of the features", "events", "features"),
        ("spikes of the core", "events", "core"),
    )
    with figure_style.style() as plt:
        figure, row = plt.subplots(1, 4, figsize=(7.6, 2.6), width_ratios=(1.1, 1, 1, 1))
        row[0].imshow(example["image"], cmap="gray_r")
        row[0].set(title=classes[example["label"]], xticks=(), yticks=())
        shown = (*panels, ("on devices", "devices", "core"))
        for ax, (title, how, population), colour in zip(
            row[1:], shown, figure_style.COLOURS, strict=False
        ):
            times, units = example[how][population]
            ax.plot(1e3 * np.asarray(times), units, "|", color=colour, markersize=2.5)
            ax.set(title=title, xlabel="time [ms]")
        row[1].set_ylabel("unit")
    return figure  # type: ignore[no-any-return]
