"""The figures of the experiment zero-shot, plotted from the study.json of a run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from potentia.experiments.framework.experiment import Context
from potentia.experiments.liquids.lsm_figures import sweep
from potentia.sim.results import figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


CHANCE: Final = {"seen": 1 / 7, "unseen": 1 / 2}  # of so many classes
FEW: Final = 20  # epochs, each of which gets a dot


def plot_study(context: Context) -> None:
    """Draw accuracies, their course over the epochs, and the common space."""
    study = context.kept("study.json")
    context.plot("accuracy", lambda: accuracies(study["metrics"], list(study["epochs"])))
    context.plot("epochs", lambda: epochs(study["epochs"]))
    context.plot("common_space", lambda: common_space(study["places"]))
    if study["sweep"]:
        names = ("software", "dealt", "untrained")
        levels = {name: study["metrics"][f"accuracy_seen_{name}"] for name in names}
        context.plot("sweep", lambda: sweep(study["sweep"], levels))


def accuracies(metrics: dict[str, Any], names: list[str]) -> Figure:
    """Seen and unseen classes, side by side, with chance."""
    with figure_style.style() as plt:
        figure, ax = plt.subplots(figsize=(1.0 * len(names) + 1.4, 3.0))
        for k, (part, chance) in enumerate(CHANCE.items()):
            means = np.array([100 * metrics[f"accuracy_{part}_{name}"] for name in names])
            spread = np.array([100 * metrics[f"accuracy_{part}_{name}_sd"] for name in names])
            places = np.arange(len(names)) + 0.38 * (k - 0.5)
            colour = figure_style.COLOURS[k]
            ax.bar(places, means, 0.36, color=colour, label=f"{part} classes", zorder=2)
            shown = np.where(spread > 0, spread, np.nan)  # one training has no spread
            ax.errorbar(
                places,
                means,
                shown,
                fmt="none",
                ecolor=figure_style.INK,
                elinewidth=0.8,
                capsize=2,
                zorder=3,
            )
            _chance(ax, chance, colour)
            for place, mean, sd in zip(places, means, spread, strict=True):
                ax.text(place, mean + sd + 1, f"{mean:.0f}", ha="center", va="bottom", fontsize=7.5)
        ax.set_xticks(range(len(names)), [_label(name).replace(" ", "\n") for name in names])
        ax.tick_params(axis="x", length=0)
        ax.set(ylabel="sound finds image [%]", ylim=(0, 112), yticks=range(0, 101, 20))
        ax.legend(loc="upper right", ncols=2)
    return figure  # type: ignore[no-any-return]


def epochs(runs: dict[str, list[dict[str, list[float]]]]) -> Figure:
    """Accuracy on seen and unseen classes over the epochs, a line per training, with chance."""
    shown = [name for name in ("rram_noisy", "dealt", "srnn") if name in runs]
    with figure_style.style() as plt:
        figure, grid = plt.subplots(
            1, len(shown), figsize=(2.6 * len(shown), 2.6), sharey=True, squeeze=False
        )
        for ax, name in zip(grid[0], shown, strict=True):
            for (part, chance), colour in zip(CHANCE.items(), figure_style.COLOURS, strict=False):
                for number, run in enumerate(runs[name]):
                    course = 100 * np.array(run[part])
                    ax.plot(
                        np.arange(1, len(course) + 1),
                        course,
                        color=colour,
                        linewidth=0.8,
                        marker="o" if len(course) <= FEW else None,
                        markersize=2.5,
                        label=None if number else f"{part} classes",
                    )
                _chance(ax, chance, colour, told=ax is grid[0][-1])
            ax.set(title=_label(name), xlabel="epoch", ylim=(0, 102))
            ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        grid[0][0].set(ylabel="sound finds image [%]")
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure  # type: ignore[no-any-return]


def _chance(ax: Axes, chance: float, colour: str, *, told: bool = True) -> None:
    """A dashed line at what guessing reaches, and beside it a word for it."""
    ax.axhline(100 * chance, color=colour, linestyle=(0, (4, 3)), linewidth=0.9, zorder=1)
    if told:
        place = ("axes fraction", "data"), "offset points"
        ax.annotate("chance", (1, 100 * chance), (3, 0), *place, va="center", color=colour)


def _label(name: str) -> str:
    """The name of an encoder or a training as a figure tells it."""
    return name.replace("rram", "RRAM").replace("srnn", "SRNN").replace("_", " ")


def common_space(places: dict[str, Any]) -> Figure:
    """The test samples on the two main axes of the common space.

    The axes are the principal components of the images.
    """
    image, sound = np.array(places["image"]), np.array(places["sound"])
    centre = image.mean(axis=0)
    axes = np.linalg.svd(image - centre, full_matrices=False)[2][:2].T
    with figure_style.style() as plt:
        figure, ax = plt.subplots(figsize=(4.6, 3.6))
        colours = plt.get_cmap("tab10")
        for digit in np.unique(places["image_class"]):
            colour = colours(int(digit) % 10)
            for what, kind, marker in ((image, "image_class", "o"), (sound, "sound_class", "x")):
                x, y = ((what[np.array(places[kind]) == digit] - centre) @ axes).T
                label = str(digit) if marker == "o" else None
                ax.scatter(
                    x, y, s=9, marker=marker, color=colour, linewidths=0.8, alpha=0.7, label=label
                )
        ax.set(
            xlabel="first axis",
            ylabel="second axis",
            title="dots: images, crosses: sounds; 8 and 9 never trained",
        )
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title="digit")
    return figure  # type: ignore[no-any-return]
