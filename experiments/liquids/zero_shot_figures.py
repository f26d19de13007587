"""The figures of the experiment zero-shot, plotted from the study.json of a run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from potentia.experiments.framework.experiment import Context
from potentia.experiments.liquids.lsm_figures import sweep
from potentia.sim.results import figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    with figures.style() as plt:
        figure, ax = plt.subplots(figsize=(1.0 * len(names) + 1.4, 3.0))
        for k, (part, chance) in enumerate((("seen", 1 / 7), ("unseen", 1 / 2))):
            means = np.array([100 * metrics[f"accuracy_{part}_{name}"] for name in names])
            spread = np.array([100 * metrics[f"accuracy_{part}_{name}_sd"] for name in names])
            places = np.arange(len(names)) + 0.38 * (k - 0.5)
            colour = figures.COLOURS[k]
            ax.bar(places, means, 0.36, color=colour, label=f"{part} classes", zorder=2)
            shown = np.where(spread > 0, spread, np.nan)  # one training has no spread
            ax.errorbar(
                places,
                means,
                shown,
                fmt="none",
                ecolor=figures.INK,
                elinewidth=0.8,
                capsize=2,
                zorder=3,
            )
            ax.axhline(100 * chance, color=colour, linestyle=(0, (4, 3)), linewidth=0.9, zorder=1)
            for place, mean, sd in zip(places, means, spread, strict=True):
                ax.text(place, mean + sd + 1, f"{mean:.0f}", ha="center", va="bottom", fontsize=7.5)
        ax.set_xticks(range(len(names)), [name.replace("_", "\n") for name in names])
        ax.tick_params(axis="x", length=0)
        ax.set(ylabel="sound finds image [%]", ylim=(0, 112), yticks=range(0, 101, 20))
        ax.legend(loc="upper right", ncols=2)
    return figure  # type: ignore[no-any-return]


def epochs(runs: dict[str, list[dict[str, list[float]]]]) -> Figure:
    """Accuracy on unseen classes over the epochs, a line per training."""
    shown = [name for name in ("rram_noisy", "dealt", "srnn") if name in runs]
    with figures.style() as plt:
        figure, grid = plt.subplots(
            1, len(shown), figsize=(2.6 * len(shown), 2.4), sharey=True, squeeze=False
        )
        for ax, name in zip(grid[0], shown, strict=True):
            for part, colour in (("seen", figures.COLOURS[0]), ("unseen", figures.COLOURS[1])):
                for number, run in enumerate(runs[name]):
                    course = 100 * np.array(run[part])
                    label = part if not number else None
                    ax.plot(
                        np.arange(1, len(course) + 1),
                        course,
                        color=colour,
                        linewidth=0.8,
                        label=label,
                    )
            ax.axhline(50, color=figures.COLOURS[1], linestyle=(0, (4, 3)), linewidth=0.9)
            ax.set(title=name.replace("_", " "), xlabel="epoch", ylim=(0, 102))
        grid[0][0].set(ylabel="sound finds image [%]")
        grid[0][0].legend(loc="lower right")
    return figure  # type: ignore[no-any-return]


def common_space(places: dict[str, Any]) -> Figure:
    """The test samples on the two main axes of the common space (principal components of the
    images).
    """
    image, sound = np.array(places["image"]), np.array(places["sound"])
    centre = image.mean(axis=0)
    axes = np.linalg.svd(image - centre, full_matrices=False)[2][:2].T
    with figures.style() as plt:
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
