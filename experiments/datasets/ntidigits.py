"""N-TIDIGITS: spoken digits heard by a silicon cochlea of 64 channels.

And FSDD through our own cochlea instead. J. Anumula et al. (2018), doi:10.3389/fnins.2018.00023.
The file ``ntidigits/n-tidigits.hdf5`` (or ``n-tidigits.hdf5`` in the data folder itself) holds, for
each set in train and test:

- ``<set>_labels``: names (n,) such as b"man-ae-1"; what follows the last dash is what was said, a
  digit or several, with z for zero and o for oh;
- ``<set>_timestamps/<name>`` [s] and ``<set>_addresses/<name>``: the spikes of a recording,
  (n_spikes,) each.

This layout is ASSUMED from published readers of the file, not from a description by its authors.
Only recordings of one digit are used. What stands before the first digit of the name is taken for
the speaker.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from potentia.errors import DataError
from potentia.experiments.datasets.frames import Frames, Sample, active_cells, gather
from potentia.experiments.datasets.speech import N_DIGITS, Recordings
from potentia.sim import Cochlea
from potentia.sim import validation as check
from potentia.sim.hdf5 import hdf5
from potentia.sim.hdf5.format import Group

N_CHANNELS: Final = 64
N_STEPS: Final = 129
PLACES: Final = (Path("ntidigits") / "n-tidigits.hdf5", Path("n-tidigits.hdf5"))
WORDS: Final = {**{str(digit): digit for digit in range(10)}, "z": 0, "o": 10}
TICK: Final = 1e-3  # [s], of which a frame is a whole number
LAYOUT: Final = (
    "get n-tidigits.hdf5 (Anumula et al. 2018, doi:10.3389/fnins.2018.00023) and put it into ntidigits/ there; it "
    "holds train_labels, train_timestamps/<label>, train_addresses/<label> and the same for test"
)
# chosen among four by cross-validation on a quarter of the training recordings of FSDD
COCHLEA: Final = Cochlea(n_channels=N_CHANNELS, thresholds=(0.3,), gain=400.0)


def find_ntidigits(data: str | Path | None) -> Path | None:
    """The file in the data folder, if it is there."""
    return (
        next((Path(data) / place for place in PLACES if (Path(data) / place).is_file()), None)
        if data
        else None
    )


def load_ntidigits(
    data: str | Path | None, *, n_steps: int = N_STEPS, most: int | None = None
) -> Frames:
    """The single digits of N-TIDIGITS in frames, 11 classes.

    most: of either set, at most so many.

    Raises DataError in one sentence if the file is missing or damaged.
    """
    path = find_ntidigits(data)
    if path is None:
        where = data if data is not None else "any folder (--data was not given)"
        raise DataError(f"load_ntidigits: no N-TIDIGITS in {where}; {LAYOUT}")
    samples = _read(path, n_steps, most)
    return gather(
        samples,
        n_steps=n_steps,
        n_units=N_CHANNELS,
        n_classes=11,
        source="N-TIDIGITS, single digits",
    )


def hear(
    recordings: Recordings,
    tick: Any,
    *,
    which: ArrayLike | None = None,
    n_steps: int = N_STEPS,
    cochlea: Cochlea = COCHLEA,
) -> Frames:
    """Spoken digits through `cochlea` in frames, 10 classes, grouped by speaker.

    `tick(1)` is called after each. which (n,): the recordings to hear, all if None.
    """

    def samples() -> Iterator[Sample]:
        for k in range(len(recordings)) if which is None else np.asarray(which, int).tolist():
            train = cochlea.spikes(recordings.audio(k), recordings.rate)
            cells = chunked(train.times, train.ids, n_steps=n_steps, n_units=cochlea.n_units)
            yield Sample(
                cells,
                int(recordings.label[k]),
                bool(recordings.is_test[k]),
                int(recordings.speaker[k]),
            )
            tick(1)

    sizes = {"n_steps": n_steps, "n_units": cochlea.n_units, "n_classes": N_DIGITS}
    return gather(
        samples(), source=f"FSDD through a cochlea of {cochlea.n_units} channels", **sizes
    )


def chunked(
    times: ArrayLike, units: ArrayLike, *, n_steps: int, n_units: int
) -> NDArray[np.uint32]:
    """Active cells of spikes at `times` [s], in frames of whole ticks of 1 ms.

    They are cut as the seed cuts them (Lin et al. 2025). A recording of D = ceil(last spike in ms)
    + 1 ticks becomes at most `n_steps` frames of ceil(D / n_steps) ticks each, so that long and
    short words fill about the same frames; what is active in a frame at all counts once.
    """
    ticks = np.asarray(times, np.float64) / TICK
    if not ticks.size:
        return np.zeros(0, np.uint32)
    width = -(-(int(np.ceil(ticks.max())) + 1) // n_steps)
    return active_cells(ticks.astype(np.int64) // width, units, n_units=n_units)


def _read(path: Path, n_steps: int, most: int | None) -> Iterator[Sample]:
    speakers: dict[str, int] = {}
    with hdf5.reading(path, path) as file:
        for part in ("train", "test"):
            names = [bytes(name).decode() for name in _labels(file, part)]
            single = [name for name in names if name.rpartition("-")[2] in WORDS][:most]
            if not single:
                raise DataError(f"{part}_labels names no recording of a single digit")
            for name in single:
                speaker, _, word = name.rpartition("-")
                yield Sample(
                    chunked(*_spikes(file, part, name), n_steps=n_steps, n_units=N_CHANNELS),
                    WORDS[word],
                    part == "test",
                    speakers.setdefault(speaker, len(speakers)),
                )


def _labels(file: Group, part: str) -> Any:
    return hdf5.array(file, f"{part}_labels", "S", 1)


def _spikes(file: Group, part: str, name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Times [s] and channels of one recording, checked."""
    found = []
    for kind, letters in (("timestamps", "f"), ("addresses", "iuf")):
        found.append(hdf5.array(hdf5.group(file, f"{part}_{kind}"), name, letters, 1))
    times, channels = (np.asarray(values) for values in found)
    if times.shape != channels.shape or (times < 0).any() or not np.isfinite(times).all():
        raise DataError(f"the spikes of {part} {name!r:.60} do not fit together")
    return times, check.index_array(
        "N-TIDIGITS", f"{part} {name:.60}", channels.astype(np.int64), below=N_CHANNELS
    )
