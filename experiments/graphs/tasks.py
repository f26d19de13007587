"""What recurrent networks learn: to tell strings of the Reber grammar, and spoken digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from potentia.errors import ParameterError
from potentia.experiments.datasets.reber import reber_strings
from potentia.experiments.datasets.speech import N_DIGITS, load_speech
from potentia.experiments.graphs.design import STEPS, Design
from potentia.sim import Cochlea, SpikeTrain
from potentia.sim import validation as check

FRAMES: Final = 30  # of the end of a word; nine words in ten are not longer
EAR: Final = Cochlea(gain=50.0)  # few of its fibres spike more than once in a frame
INPUT_GAIN: Final = {"reber": 1.0, "digits": 0.3}  # standard deviation of the input's weights


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """Spikes and what they mean; all samples end together.

    spikes (n_steps, n_samples, n_inputs) uint8: 0 or 1; labels (n_samples,) of `n_classes` classes;
    is_test (n_samples,); dt: the time of a step [s]; gain: standard deviation of the weights that
    the input begins with, in units of the threshold.
    """

    name: str
    spikes: NDArray[np.uint8]
    labels: NDArray[np.int64]
    is_test: NDArray[np.bool_]
    n_classes: int
    dt: float
    gain: float

    @property
    def n_inputs(self) -> int:
        return int(self.spikes.shape[2])

    @property
    def train(self) -> NDArray[np.int64]:
        """The samples to train on."""
        return np.flatnonzero(~self.is_test)

    @property
    def test(self) -> NDArray[np.int64]:
        """The samples to test on."""
        return np.flatnonzero(self.is_test)

    def trains(self, samples: Sequence[int]) -> list[SpikeTrain]:
        """Samples as spikes: those of step s arrive at its end, ``(s + 1) * dt`` [s]."""
        found = (np.nonzero(self.spikes[:, sample]) for sample in samples)
        return [SpikeTrain((steps + 1.0) * self.dt, units) for steps, units in found]


def load_task(name: str, design: Design, data: Path | None, seed: int, tick: Any) -> Task:
    """A task by its name; the seed draws strings, or which words are for training."""
    return reber(design, seed) if name == "reber" else digits(design, data, seed, tick)


def reber(design: Design, seed: int) -> Task:
    """Is a string of the grammar, or wrong in one symbol? No string is in both sets."""
    n = design.strings + design.test_strings
    try:
        strings = reber_strings(n, seed, longest=design.longest, embedded=design.embedded)
    except ParameterError:
        rule = "must be more, or strings and test_strings fewer, since they are "
        rule += f"{n} together and there are not so many different ones that short"
        raise check.fail("random-graphs", "longest", rule, design.longest) from None
    order = np.random.default_rng(seed).permutation(n)  # short ones are found first
    return Task(
        name="reber",
        spikes=strings.one_hot()[:, order].astype(np.uint8),
        labels=strings.grammatical[order].astype(np.int64),
        is_test=np.arange(n) >= design.strings,
        n_classes=2,
        dt=STEPS["reber"],
        gain=INPUT_GAIN["reber"],
    )


def digits(design: Design, data: Path | None, seed: int, tick: Any) -> Task:
    """Which digit is spoken? All words of the test set, and some to train on."""
    recordings = load_speech(data)
    known = np.flatnonzero(~recordings.is_test)
    known = np.sort(np.random.default_rng(seed).permutation(known)[: design.words])
    which = np.concatenate([known, np.flatnonzero(recordings.is_test)])
    spikes = np.zeros((FRAMES, which.size, EAR.n_units), np.uint8)
    for number, word in enumerate(which.tolist()):
        train = EAR.spikes(recordings.audio(word), recordings.rate)
        frames = (np.asarray(train.times) / STEPS["digits"]).astype(np.int64)
        frames += FRAMES - 1 - frames.max(initial=0)
        late = frames >= 0
        spikes[frames[late], number, np.asarray(train.ids)[late]] = 1
        tick(1)
    return Task(
        name="digits",
        spikes=spikes,
        labels=recordings.label[which],
        is_test=recordings.is_test[which],
        n_classes=N_DIGITS,
        dt=STEPS["digits"],
        gain=INPUT_GAIN["digits"],
    )
