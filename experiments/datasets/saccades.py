"""Images into events: an event camera before a screen makes three saccades.

N-MNIST was recorded so. G. Orchard et al. (2015), doi:10.3389/fnins.2015.00437: a camera on a
moving mount looks at a still image on a screen; its three saccades go along the sides of a triangle
and take about 105 ms each. Here the image moves instead, and a pixel emits an event whenever the
logarithm of its brightness has changed by `threshold` since its last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from potentia.experiments.datasets.frames import Frames, Sample, gather
from potentia.experiments.datasets.images import load_images
from potentia.experiments.datasets.nmnist import N_DIGITS, WIDTH, Events, Retina
from potentia.sim import validation as check

BATCH: Final = 100  # images that move together

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, kw_only=True)
class Saccades:
    """How the image moves and when a pixel speaks.

    Corners of the path, the times of the movements and `threshold` were fitted by eye to the
    training part of an N-MNIST subset (mean position of events over time; 4,111 events per
    recording). There the edge in front of a moving digit has p = 0 and the one behind it p = 1, so
    here p is 1 where a pixel grows darker. What is not simulated: noise events, differences between
    pixels, their dead time and bandwidth, the flicker of the screen.
    """

    # x, y [pixels]
    corners: tuple[tuple[float, float], ...] = (
        (0.0, 1.0),
        (3.0, 6.0),
        (6.0, 0.5),
        (0.5, 1.0),
    )
    period: float = 105e-3  # of one saccade [s]
    moving: tuple[float, float] = (10e-3, 85e-3)  # start and end of the movement in it [s]
    tick: float = 1e-3  # [s] between two positions
    dark: float = 0.1  # brightness of the black screen, the white being 1 more
    threshold: float = 0.38  # of the change of the logarithm

    def __post_init__(self) -> None:
        check.finite_array(self, "corners", self.corners, ndim=2, least=0.0)
        check.keep(self, "period", check.within, above=0.0, unit="s")
        check.keep(self, "tick", check.within, above=0.0, most=self.period, unit="s")
        check.keep(self, "dark", check.within, above=0.0)
        check.keep(self, "threshold", check.within, above=0.0)
        if not 0.0 <= self.moving[0] < self.moving[1] <= self.period:
            raise check.fail(
                self, "moving", f"must ascend within 0 to {self.period:g} s", self.moving
            )

    def path(self) -> Array:
        """Position x, y of the image's corner [pixels] at every tick.

        The start is included: (n_ticks + 1, 2). Inside a saccade it goes as s - sin(2 pi s) / (2
        pi), at rest at both ends.
        """
        corners = np.asarray(self.corners)
        legs = len(corners) - 1
        time = np.arange(round(legs * self.period / self.tick) + 1) * self.tick
        leg = np.minimum((time / self.period).astype(int), legs - 1)
        begin, end = self.moving
        s = np.clip((time - leg * self.period - begin) / (end - begin), 0.0, 1.0)
        share = s - np.sin(2 * np.pi * s) / (2 * np.pi)
        return np.asarray(corners[leg] + share[:, None] * (corners[leg + 1] - corners[leg]))

    def events(self, images: ArrayLike) -> list[Events]:
        """The events of each of `images`, sorted by time.

        images (n, height, width), 0 to 255, at most 34 pixels a side.
        """
        shown = check.finite_array(self, "images", images, ndim=3, least=0.0) / 255.0
        if max(shown.shape[1:]) > WIDTH:
            raise check.fail(
                self,
                "images",
                f"must be at most {WIDTH} pixels a side",
                f"shape {np.shape(images)}",
            )
        path = self.path()
        level = np.log(self.dark + _shifted(shown, path[0]))
        known, found = level.copy(), []
        for tick, place in enumerate(path[1:]):
            before, level = level, np.log(self.dark + _shifted(shown, place))
            steps = np.trunc((level - known) / self.threshold).astype(np.int64)
            found.append(self._spoken(tick, steps, before, level, known))
            known += steps * self.threshold
        return _by_image(np.hstack(found), len(shown))

    def _spoken(
        self, tick: int, steps: Any, before: Array, level: Array, known: Array
    ) -> NDArray[np.int64]:
        """What pixels say in one tick, as rows image, y, x, polarity, time [us]: (5, n_events).

        The logarithm is taken for linear between two ticks, which gives each crossing its time.
        """
        image, y, x = np.nonzero(steps)
        count = np.abs(steps[image, y, x])
        image, y, x = (np.repeat(place, count) for place in (image, y, x))
        sign = np.sign(steps[image, y, x])
        number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + 1
        crossed = known[image, y, x] + sign * number * self.threshold
        start, stop = before[image, y, x], level[image, y, x]
        share = np.divide(
            crossed - start, stop - start, out=np.ones(len(crossed)), where=stop != start
        )
        time = (tick + np.clip(share, 0.0, 1.0)) * self.tick * 1e6
        return np.stack([image, y, x, (sign < 0).astype(np.int64), time.astype(np.int64)])


def load_moving_digits(
    data: str | Path | None,
    tick: Callable[[int], Any],
    *,
    sizes: tuple[int, int],
    seed: int,
    classes: tuple[int, ...] = tuple(range(N_DIGITS)),
    retina: Retina | None = None,
    saccades: Saccades | None = None,
) -> Frames:
    """MNIST made into events, in frames.

    They are (n_training, n_test) images of each of the digits `classes`, drawn by `seed`.

    Raises DataError if MNIST is missing or damaged (`load_images`), ParameterError if it holds too
    few.
    """
    retina, saccades = retina or Retina(), saccades or Saccades()
    images = load_images(data, "mnist").drawn(sizes, seed, classes)

    def samples() -> Iterator[Sample]:
        for first in range(0, len(images), BATCH):
            some = saccades.events(images.pixels[first : first + BATCH])
            for k, events in enumerate(some, first):
                yield Sample(retina.cells(events), int(images.label[k]), bool(images.is_test[k]))
            tick(len(some))

    return gather(
        samples(),
        source="MNIST in simulated saccades",
        n_steps=retina.n_steps,
        n_units=retina.n_units,
        n_classes=N_DIGITS,
    )


def _shifted(images: Array, place: Array) -> Array:
    """Images with their corner at `place` (x, y) of a dark field, bilinear.

    Images (n, h, w), the field (n, WIDTH, WIDTH).
    """
    height, width = images.shape[1:]
    (x, y), (fx, fy) = np.floor(place).astype(int), place % 1.0
    field = np.zeros((len(images), WIDTH + 2 + y + height, WIDTH + 2 + x + width))
    for dy, dx, share in (
        (0, 0, (1 - fy) * (1 - fx)),
        (0, 1, (1 - fy) * fx),
        (1, 0, fy * (1 - fx)),
        (1, 1, fy * fx),
    ):
        field[:, y + dy : y + dy + height, x + dx : x + dx + width] += share * images
    return field[:, :WIDTH, :WIDTH]


def _by_image(rows: NDArray[np.int64], n_images: int) -> list[Events]:
    """Rows image, y, x, polarity, time (5, n_events) as events sorted by time, for each image."""
    image, y, x, p, t = rows[:, np.lexsort((rows[4], rows[0]))]
    edges = np.searchsorted(image, np.arange(n_images + 1))
    return [Events(x[a:b], y[a:b], p[a:b], t[a:b]) for a, b in pairwise(edges)]
