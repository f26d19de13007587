"""Spoken digits: the packaged 600 recordings, or all 3,000 of the Free Spoken Digit Dataset.

Z. Jackson et al., Free Spoken Digit Dataset,
https://github.com/Jakobovski/free-spoken-digit-dataset (CC BY-SA 4.0): the digits 0-9, 6 speakers,
50 recordings each, 8 kHz mono.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from potentia.errors import DataError
from potentia.experiments.datasets.archive import read_arrays
from potentia.sim import validation as check

PACKAGED = Path(__file__).parents[1] / "data" / "spoken_digits.npz"
MU = 255.0  # of the mu-law, ITU-T G.711
N_DIGITS = 10
MOST_BYTES = 200_000_000  # of all arrays of a file together
KINDS = {"audio": "iu", "offsets": "iu", "label": "iu", "speaker": "iu", "recording": "iu"}
KINDS |= {"is_test": "b", "speaker_names": "U", "rate": "iu"}


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Recordings:
    """Labelled recordings, kept end to end in one array.

    samples (n_samples,) in [-1, 1]; recording k is ``samples[offsets[k]:offsets[k + 1]]``, says the
    digit ``label[k]``, by ``speaker_names[speaker[k]]``, is number ``recording[k]`` of that speaker
    and digit, and belongs to the test set where ``is_test[k]``.
    """

    samples: NDArray[np.float32]
    offsets: NDArray[np.int64]  # (n + 1,)
    label: NDArray[np.int64]  # (n,)
    speaker: NDArray[np.int64]  # (n,)
    recording: NDArray[np.int64]  # (n,)
    is_test: NDArray[np.bool_]  # (n,)
    speaker_names: tuple[str, ...]
    rate: float  # [Hz]

    def __len__(self) -> int:
        return len(self.label)

    def audio(self, k: int) -> NDArray[np.float32]:
        """The samples (n_samples,) of recording `k`."""
        return self.samples[self.offsets[k] : self.offsets[k + 1]]

    @property
    def durations(self) -> NDArray[np.float64]:
        """Length of every recording (n,) [s]."""
        return np.diff(self.offsets) / self.rate


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Indices of the recordings to train on and of those to test on."""

    name: str
    train: NDArray[np.int64]
    test: NDArray[np.int64]


def splits(recordings: Recordings, split: str = "official") -> list[Split]:
    """The ways to divide `recordings`.

    There is one for "official", and one per speaker left out for "speaker".
    """
    check.one_of("splits", "split", split, ("official", "speaker"))
    if split == "official":
        held_out = {"official": recordings.is_test}
    else:
        held_out = {
            name: recordings.speaker == k for k, name in enumerate(recordings.speaker_names)
        }
    return [
        Split(name=name, train=np.flatnonzero(~test), test=np.flatnonzero(test))
        for name, test in held_out.items()
    ]


def load_speech(data: str | Path | None = None) -> Recordings:
    """The packaged 600 recordings, or all 3,000.

    All are in fsdd/fsdd.npz of the folder `data`, if it is given.
    """
    path = PACKAGED if data is None else Path(data) / "fsdd" / "fsdd.npz"
    if not path.is_file():
        link = "https://github.com/Jakobovski/free-spoken-digit-dataset"
        hint = f"give the folder that holds fsdd/fsdd.npz ({link}), or none for the packaged part"
        hint = "reinstall the package" if data is None else hint
        raise DataError(f"load_speech: {path} does not exist; {hint}.")
    arrays = _read(path)
    _check(path, arrays)
    audio = arrays["audio"]
    samples = (
        decode_mu_law(audio) if audio.dtype == np.int8 else (audio / 32768.0).astype(np.float32)
    )
    return Recordings(
        samples=samples,
        is_test=arrays["is_test"],
        speaker_names=tuple(arrays["speaker_names"].tolist()),
        rate=float(arrays["rate"]),
        **{
            name: arrays[name].astype(np.int64)
            for name in ("offsets", "label", "speaker", "recording")
        },
    )


def encode_mu_law(samples: ArrayLike) -> NDArray[np.int8]:
    """Codes -127 to 127 of samples in [-1, 1], by the mu-law.

    It is the continuous one of ITU-T G.711; silence is 0.
    """
    x = np.clip(np.asarray(samples, np.float64), -1.0, 1.0)
    level = np.sign(x) * np.log1p(MU * np.abs(x)) / np.log1p(MU)
    return np.asarray(np.round(127.0 * level), np.int8)


def decode_mu_law(codes: ArrayLike) -> NDArray[np.float32]:
    """Samples in [-1, 1] of mu-law codes -127 to 127."""
    y = np.asarray(codes, np.float64) / 127.0
    return np.asarray(np.sign(y) * np.expm1(np.abs(y) * np.log1p(MU)) / MU, np.float32)


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file; pickled objects are refused, damage is named."""
    try:
        return read_arrays(path, KINDS, most=MOST_BYTES)
    except Exception as error:  # a damaged file can fail in any layer: zip, deflate, header, memory
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"load_speech: {path} is damaged or no speech file: {reason}.") from None


def _check(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Raise one sentence if the arrays do not fit each other."""
    offsets, audio, speaker = arrays["offsets"], arrays["audio"], arrays["speaker"]
    shape = (arrays["label"].size,)
    per_recording = ("label", "speaker", "recording", "is_test")
    rules: dict[str, Callable[[], Any]] = {
        "the kind of an array": lambda: all(
            arrays[name].dtype.kind in kind for name, kind in KINDS.items()
        ),
        "the number of recordings": lambda: (
            shape[0] and all(arrays[k].shape == shape for k in per_recording)
        ),
        "audio": lambda: audio.ndim == 1 and audio.dtype in (np.int8, np.int16),
        "offsets": lambda: (
            offsets.shape == (shape[0] + 1,) and (offsets[0], offsets[-1]) == (0, audio.size)
        ),
        "the length of a recording": lambda: bool(np.all(np.diff(offsets.astype(np.int64)) > 0)),
        "label": lambda: arrays["label"].min() >= 0 and arrays["label"].max() < N_DIGITS,
        "speaker_names": lambda: arrays["speaker_names"].ndim == 1,
        "speaker": lambda: speaker.min() >= 0 and speaker.max() < arrays["speaker_names"].size,
        "rate": lambda: arrays["rate"].shape == () and arrays["rate"] > 0,
    }
    for what, holds in rules.items():  # in this order: each rule relies on those before it
        if not holds():
            raise DataError(f"load_speech: {path} is damaged: {what} is wrong.")
