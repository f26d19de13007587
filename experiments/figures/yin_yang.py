"""The figure of the yin-yang study: what a network decides, when its units fire, how it learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from potentia.experiments.datasets.yin_yang import CLASSES, OUTSIDE, RADIUS, label_of
from potentia.sim.results import figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Study = Mapping[str, Sequence[Mapping[str, Any]]]

SHADES: Final = figure_style.COLOURS[:3]  # of the classes
LABELS: Final = {
    "weights": "weights learn",
    "delays": "delays too",
    "surrogate": "surrogate, grid",
    "frozen": "readout alone",
}
FINE: Final = 400  # points along a side, for the true borders
APART: Final = 1.3  # factor between the heights of two labels, on the logarithmic scale
PALER: Final = 0.4  # of the colours in a map, between as they are and white


def overview(study: Study) -> Figure:
    """Maps of decisions with weights and with delays that learned, rasters of a sample of each
    class, and the error over epochs.
    """
    with figure_style.style() as plt:
        figure: Figure = plt.figure(figsize=(7.4, 5.0))
        grid = figure.add_gridspec(2, 1)
        maps, lower = (grid[k, 0].subgridspec(1, 3) for k in range(2))
        for k, name in enumerate(("weights", "delays")):
            _map(figure.add_subplot(maps[k]), study[name][0]["map"], LABELS[name])
        _curves(figure.add_subplot(maps[2]), study)
        rasters, shared = study["weights"][0]["rasters"], None
        for k, name in enumerate(CLASSES):
            axes = figure.add_subplot(lower[k], sharex=shared)
            shared = shared or axes
            _raster(axes, {part: rows[k] for part, rows in rasters.items()}, name, SHADES[k])
        figure.axes[3].set_ylabel("unit, by time")
        return figure


def _map(axes: Axes, chosen: Any, title: str) -> None:
    """What a network decides over the square, with the borders of the truth."""
    side, decided = 2 * RADIUS, np.asarray(chosen)
    shades = np.array([_rgb(shade) for shade in SHADES] + [(1.0, 1.0, 1.0)])
    image = PALER + (1 - PALER) * shades[decided]
    image[_truth(len(decided)) == OUTSIDE] = 1.0
    axes.imshow(image, origin="lower", extent=(0, side, 0, side), interpolation="nearest")
    grid, truth = side * (np.arange(FINE) + 0.5) / FINE, _truth(FINE)
    for k in (OUTSIDE, *range(len(CLASSES))):
        axes.contour(grid, grid, truth == k, levels=[0.5], colors=figure_style.INK, linewidths=0.6)
    missing = np.mean(decided[_truth(len(decided)) != OUTSIDE] < 0)
    if missing:
        title = f"{title} (white: none fires)"
    axes.set(title=title, xlabel="x", ylabel="y", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))


def _truth(n: int) -> Any:
    """The classes over the square, n points along a side (n, n)."""
    grid = 2 * RADIUS * (np.arange(n) + 0.5) / n
    return label_of(np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)).reshape(n, n)


def _rgb(shade: str) -> tuple[float, ...]:
    return tuple(int(shade[k : k + 2], 16) / 255 for k in (1, 3, 5))


def _raster(axes: Axes, rows: Mapping[str, Sequence[float | None]], name: str, shade: str) -> None:
    """The spikes of one sample, population by population, each in order of time."""
    height = 0
    for part in ("source", "hidden", "outputs"):
        fired = sorted((t, k) for k, t in enumerate(rows[part]) if t is not None)
        place = height + np.arange(len(fired))
        times = 1e3 * np.array([t for t, _ in fired])
        colours = [SHADES[k] for _, k in fired] if part == "outputs" else figure_style.INK
        size = 5 if part == "hidden" else 22
        axes.scatter(times, place, s=size, c=colours, linewidths=0)
        height += len(fired) + 6
    axes.set(title=f"a point of {name}", xlabel="time [ms]", yticks=[])
    axes.title.set_color(shade)


def _curves(axes: Axes, study: Study) -> None:
    """The error on the test set after every epoch: of each network, and the mean."""
    shades, ends = dict(zip(LABELS, figure_style.COLOURS, strict=False)), {}
    for name, records in study.items():
        error = 100 * (1 - np.array([record["accuracy"] for record in records]))
        epochs = np.arange(1, error.shape[1] + 1)
        for own in error:
            axes.plot(epochs, own, color=shades[name], alpha=0.3, linewidth=0.7)
        axes.plot(epochs, error.mean(0), color=shades[name])
        ends[name] = float(error.mean(0)[-1])
    axes.set(title="error on the test set", xlabel="epoch", ylabel="[%]", yscale="log")
    axes.set_yticks(ticks := (1, 2, 5, 10, 20, 50), labels=[str(tick) for tick in ticks])
    axes.minorticks_off()
    place = 0.0
    for name, end in sorted(ends.items(), key=lambda pair: pair[1]):
        place = max(end, place * APART)
        look: Any = {"color": shades[name], "fontsize": 7.5, "va": "center"}
        axes.annotate(LABELS[name], (1.03, place), xycoords=axes.get_yaxis_transform(), **look)
