"""The cells that `hardware.presets` names, plotted.

``python -m potentia.experiments.figures.devices FILE``.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import stats

from potentia.errors import PotentiaWarning
from potentia.hardware import MultilevelCell
from potentia.hardware.devices import presets
from potentia.sim.results import figure_style, figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MICRO: Final = 1e-6
CELLS: Final = 20_000
KEY: Final = 1
TIMES: Final = np.logspace(0, 7.5, 40)  # up to a year [s]
AGEING: Final = ("pcm-nandakumar", "pcm-hermes-1", "pcm-hermes-2", "hfox-neurram", "cmo-hfox")
NOISY: Final = ("pcm-nandakumar", "pcm-hermes-1", "pcm-hermes-2", "cmo-hfox")


def overview() -> Figure:
    """Four panels on published cells.

    Forming, errors of writing, what a year does to half of g_max, and how the error of a reading
    grows.
    """
    with figure_style.style() as plt:
        figure, ((formed, written), (aged, read)) = plt.subplots(2, 2, figsize=(9.0, 6.4))
        _formed(formed)
        _written(written)
        with warnings.catch_warnings():
            # the widening after two days was not measured
            warnings.simplefilter("ignore", PotentiaWarning)
            _aged(aged)
        _read(read)
        formed.legend(fontsize=7)
        figure.legend(*written.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    plotted: Figure = figure
    return plotted


def _formed(axes: Axes) -> None:
    g = presets.breakdown_taox().write(np.full(25 * CELLS, 1e-5), KEY) / MICRO
    grid = np.linspace(5.0, 22.0, 200)
    axes.hist(
        g[g > 0],
        bins=80,
        density=True,
        color=figure_style.COLOURS[0],
        alpha=0.5,
        label="broken down",
    )
    axes.plot(
        grid,
        stats.lognorm(0.149, scale=12.21).pdf(grid),
        color="k",
        label="lognormal, 12.21 µS, 0.149",
    )
    axes.set(
        xlabel="conductance [µS]",
        ylabel="density [1/µS]",
        title=f"breakdown-taox: {np.mean(g == 0):.3f} of the cells at 0",
    )


def _written(axes: Axes) -> None:
    for name in presets.NAMES:
        cell = presets.get(name)
        if isinstance(cell, MultilevelCell):
            g = np.linspace(cell.g_min, cell.g_max, 200)
            axes.plot(g / cell.g_max, 100 * cell.error(g) / cell.g_max, label=name, **_look(name))
    axes.set(xlabel="g / g_max", ylabel="sd [% of g_max]", yscale="log", title="error of writing")


def _aged(axes: Axes) -> None:
    for name in AGEING:
        cell = presets.get(name)
        start = np.full(CELLS, 0.5 * cell.g_max)
        later = np.array([cell.aged(start, seconds, KEY) / start for seconds in TIMES])
        axes.plot(TIMES, later.mean(axis=1), label=name, **_look(name))
        low, high = np.quantile(later, (0.16, 0.84), axis=1)
        axes.fill_between(TIMES, low, high, color=_look(name)["color"], alpha=0.15, linewidth=0)
    axes.set(
        xlabel="time [s]",
        ylabel="g / g written",
        xscale="log",
        title="ageing of g_max / 2, mean and 68 %",
    )


def _read(axes: Axes) -> None:
    for name in NOISY:
        cell = presets.get(name)
        g = np.array([0.5 * cell.g_max])
        axes.plot(
            TIMES,
            [100 * cell.read_error(g, seconds)[0] / g[0] for seconds in TIMES],
            label=name,
            **_look(name),
        )
    axes.set(
        xlabel="time [s]",
        ylabel="sd [% of g]",
        xscale="log",
        title="error of a reading of g_max / 2",
    )


def _look(name: str) -> dict[str, Any]:
    """The colour of a device in every panel; dashed and in front where another's line is."""
    number = [known for known in presets.NAMES if known != "breakdown-taox"].index(name)
    hidden = {"linestyle": (0, (3, 3)), "zorder": 3} if name == "pcm-joshi" else {}
    return {"color": f"C{number}", **hidden}


if __name__ == "__main__":
    figures.save(overview(), sys.argv[1])
