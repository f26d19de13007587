"""A figure of a batch: how the recorded populations fire in every sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from .figure_style import style
from .records import Records, Spikes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS: Final = 100  # of the span of a sample
MOST_PANELS: Final = 6  # populations that are drawn


def rates_of_samples(samples: Sequence[Records]) -> Figure:
    """A panel per recorded population, at most MOST_PANELS.

    It shows its rate [Hz] over time, with a row for each sample.
    """
    names = list(samples[0].spike_records)[:MOST_PANELS] if samples else []
    with style() as plt:
        figure, grid = plt.subplots(
            max(len(names), 1), 1, figsize=(6.6, 0.4 + 2.0 * max(len(names), 1)), squeeze=False
        )
        for ax, name in zip(grid[:, 0], names, strict=False):
            rows = np.stack(
                [_rates(part.spike_records[name]) for part in samples if name in part.spike_records]
            )
            start, stop = samples[0].start, samples[0].stop
            extent = (start, stop if stop > start else start + 1.0, len(rows) - 0.5, -0.5)
            image = ax.imshow(rows, aspect="auto", interpolation="nearest", extent=extent, vmin=0.0)
            figure.colorbar(image, ax=ax, label="rate [Hz]")
            ax.set(xlabel="time [s]", ylabel="sample", title=name[:60].replace("$", r"\$"))
            ax.grid(visible=False)
        if not names:
            grid[0, 0].set_axis_off()
            grid[0, 0].text(0.5, 0.5, "no spikes were recorded", ha="center", va="center")
    return figure  # type: ignore[no-any-return]


def _rates(spikes: Spikes) -> NDArray[np.float64]:
    """The mean rate of the recorded units in each of BINS bins [Hz]."""
    span = spikes.stop - spikes.start
    if span <= 0 or not spikes.n_recorded:
        return np.zeros(BINS)
    counts, _ = np.histogram(spikes.times, bins=BINS, range=(spikes.start, spikes.stop))
    return np.asarray(counts / (spikes.n_recorded * span / BINS))
