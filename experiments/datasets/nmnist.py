"""N-MNIST: handwritten digits seen by an event camera in three saccades.

It is read as published, or its small subset. G. Orchard et al. (2015),
doi:10.3389/fnins.2015.00437: 60,000 + 10,000 recordings, 34 x 34 pixels, two polarities. Found in
the data folder, the first that is there:

- ``NMNIST/`` (or ``N-MNIST/``, ``nmnist/``) with ``Train/<digit>/*.bin`` and
  ``Test/<digit>/*.bin``, as published;
- ``nmnist_small/nmnist_small.npz``: arrays ``<set>_x, _y, _p, _t, _offsets, _label`` for the sets
  train and test.

A .bin file holds 40 bits per event, most significant first: x 8, y 8, polarity 1, time 23 [us]. An
event with y = 240 marks an overflow: all later times are 2**13 us later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from potentia.errors import DataError
from potentia.experiments.datasets.archive import read_arrays
from potentia.experiments.datasets.frames import Frames, Sample, active_cells, gather
from potentia.sim import validation as check

WIDTH: Final = 34  # pixels of the recorded square
N_DIGITS: Final = 10
OVERFLOW_ROW: Final = 240  # y of a mark
OVERFLOW: Final = 1 << 13  # what it adds to the time [us]
FOLDERS: Final = ("NMNIST", "N-MNIST", "nmnist")
SMALL: Final = Path("nmnist_small") / "nmnist_small.npz"
MOST_BYTES: Final = 1 << 30  # of all arrays of nmnist_small.npz together
KINDS: Final = {"x": "u", "y": "u", "p": "u", "t": "iu", "offsets": "iu", "label": "iu"}
LAYOUT: Final = (
    "get N-MNIST (doi:10.3389/fnins.2015.00437, https://www.garrickorchard.com/datasets/n-mnist) and unpack it so that "
    "NMNIST/Train/0/*.bin to NMNIST/Test/9/*.bin lie there, or give a folder that holds nmnist_small/nmnist_small.npz"
)


class Events(NamedTuple):
    """Events of one recording, all (n_events,): pixel x, y; polarity p, 0 or 1; time t [us]."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    p: NDArray[np.int64]
    t: NDArray[np.int64]


@final
@dataclass(frozen=True, kw_only=True)
class Retina:
    """How events become frames.

    A centre crop, one polarity, equal time bins; several events in a cell count once. The seed of
    these experiments (Lin et al. 2025, doi:10.1038/s43588-024-00751-z) crops 16 x 16 and uses one
    polarity and 50 steps; which polarity and how the time is cut is not published. N-MNIST ends by
    315 ms.
    """

    size: int = 16  # side of the crop [pixels]
    polarity: int = 1
    n_steps: int = 50
    window: float = 0.315  # [s]; later events are left out

    def __post_init__(self) -> None:
        check.keep(self, "size", check.whole, least=1, most=WIDTH)
        check.keep(self, "polarity", check.whole, most=1)
        check.keep(self, "n_steps", check.whole, least=1, most=10_000)
        check.keep(self, "window", check.within, above=0.0, unit="s")

    @property
    def n_units(self) -> int:
        """Pixels of the crop."""
        return self.size**2

    def cells(self, events: Events) -> NDArray[np.uint32]:
        """The active cells of a recording, see `Frames`; unit ``y * size + x`` of the crop."""
        first = (WIDTH - self.size) // 2
        x, y = events.x - first, events.y - first
        step = events.t * self.n_steps // round(self.window * 1e6)
        seen = (events.p == self.polarity) & (x >= 0) & (x < self.size) & (y >= 0) & (y < self.size)
        seen &= step < self.n_steps
        return active_cells(step[seen], y[seen] * self.size + x[seen], n_units=self.n_units)


def load_nmnist(
    data: str | Path | None,
    retina: Retina | None = None,
    *,
    most: int | None = None,
    small: bool = False,
) -> Frames:
    """N-MNIST in frames from the folder `data`.

    most: of either set, at most so many; small: the subset only.

    Raises DataError in one sentence if there is none, or if a file is damaged.
    """
    retina = Retina() if retina is None else retina
    folder = Path(data) if data is not None else None
    whole = None if folder is None or small else find_whole(folder)
    if whole is not None:
        samples, source = _whole(whole, retina, most), f"N-MNIST, whole ({whole.name})"
    elif folder is not None and (folder / SMALL).is_file():
        samples, source = _small(folder / SMALL, retina, most), "N-MNIST, subset"
    else:
        where = folder if folder is not None else "any folder (--data was not given)"
        raise DataError(f"load_nmnist: no N-MNIST in {where}; {LAYOUT}")
    sizes = {"n_steps": retina.n_steps, "n_units": retina.n_units, "n_classes": N_DIGITS}
    return gather(samples, source=source, **sizes)


def find_whole(data: Path) -> Path | None:
    """The folder that holds the published Train and Test, if there is one in `data`."""
    for name in FOLDERS:
        if all((data / name / part).is_dir() for part in ("Train", "Test")):
            return data / name
    return None


def read_bin(path: str | Path) -> Events:
    """The events of one published .bin file.

    Raises DataError if it is no whole number of events.
    """
    try:
        raw = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"read_bin: {path} cannot be read: {error.strerror or error}") from None
    if raw.size % 5:
        raise DataError(
            f"read_bin: {path} is damaged: {raw.size} bytes are no whole number of events of 5 bytes"
        )
    x, y, first, second, third = raw.reshape(-1, 5).T.astype(np.int64)
    marks = y == OVERFLOW_ROW
    time = ((first & 0x7F) << 16 | second << 8 | third) + OVERFLOW * np.cumsum(marks)
    events = Events(x[~marks], y[~marks], first[~marks] >> 7, time[~marks])
    if events.x.size and max(int(events.x.max()), int(events.y.max())) >= WIDTH:
        raise DataError(f"read_bin: {path} is damaged: pixels must lie within {WIDTH} x {WIDTH}")
    return events


def bin_reader() -> Callable[[str], Events]:
    """What reads .bin files: the package tonic where it is installed, else `read_bin`."""
    try:
        from tonic.io import read_mnist_file
    except ImportError:
        return read_bin
    kinds = np.dtype([("x", np.int64), ("y", np.int64), ("t", np.int64), ("p", np.int64)])

    def read(path: str) -> Events:
        made = read_mnist_file(path, dtype=kinds)
        return Events(*(np.asarray(made[name], np.int64) for name in ("x", "y", "p", "t")))

    return read


def _whole(folder: Path, retina: Retina, most: int | None) -> Iterator[Sample]:
    """Every recording below Train and Test, digit by digit in the order of file names."""
    read = bin_reader()
    for part in ("Train", "Test"):
        for digit in range(N_DIGITS):
            files = sorted((folder / part / str(digit)).glob("*.bin"))
            if not files:
                raise DataError(
                    f"load_nmnist: {folder / part / str(digit)} holds no .bin file; {LAYOUT}"
                )
            for file in files[: None if most is None else -(-most // N_DIGITS)]:
                yield Sample(retina.cells(read(str(file))), digit, part == "Test")


def _small(path: Path, retina: Retina, most: int | None) -> Iterator[Sample]:
    arrays = _arrays(path)
    for part in ("train", "test"):
        x, y, p, t, offsets, label = (arrays[f"{part}_{name}"] for name in KINDS)
        for k in range(len(label) if most is None else min(len(label), most)):
            inside = slice(offsets[k], offsets[k + 1])
            events = Events(*(array[inside].astype(np.int64) for array in (x, y, p, t)))
            yield Sample(retina.cells(events), int(label[k]), part == "test")


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of the subset, checked against each other."""
    names = [f"{part}_{name}" for part in ("train", "test") for name in KINDS]
    try:
        arrays = read_arrays(path, names, most=MOST_BYTES)
        for part in ("train", "test"):
            _fit(part, arrays)
    except Exception as error:  # a damaged file can fail in any layer: zip, deflate, header, memory
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"load_nmnist: {path} is damaged or no N-MNIST: {reason}.") from None
    return arrays


def _fit(part: str, arrays: dict[str, NDArray[Any]]) -> None:
    """Raise DataError unless the arrays of a set fit each other."""
    events, offsets, label = (
        arrays[f"{part}_x"].size,
        arrays[f"{part}_offsets"],
        arrays[f"{part}_label"],
    )
    for name, kind in KINDS.items():
        array = arrays[f"{part}_{name}"]
        if (
            array.ndim != 1
            or array.dtype.kind not in kind
            or (name in "xypt" and array.size != events)
        ):
            raise DataError(f"{part}_{name} has a wrong shape or type")
    spans = offsets.astype(np.int64)
    if (
        len(spans) != len(label) + 1
        or spans[0] != 0
        or spans[-1] != events
        or (np.diff(spans) < 0).any()
    ):
        raise DataError(f"{part}_offsets does not divide the events")
    if label.size and (label.min() < 0 or label.max() >= N_DIGITS):
        raise DataError(f"{part}_label must lie between 0 and {N_DIGITS - 1}")
