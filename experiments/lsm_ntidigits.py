"""Lin et al. (2025): spoken digits through a fixed random liquid, in software and RRAM.

doi:10.1038/s43588-024-00751-z. A 64-200-11 network: 64 cochlea channels in 129 binary frames, 200
LIF units with fixed random weights, a linear classifier on their spike counts. Where N-TIDIGITS
(Anumula et al. 2018, doi:10.3389/fnins.2018.00023) is missing, the Free Spoken Digit Dataset
through our own cochlea takes its place, with 10 classes, and the figures published for N-TIDIGITS
are no measure for it. Variants and controls are those of lsm-nmnist.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
from pydantic import Field

from potentia.errors import DataError
from potentia.experiments.datasets.frames import Frames
from potentia.experiments.datasets.ntidigits import LAYOUT, find_ntidigits, hear, load_ntidigits
from potentia.experiments.datasets.speech import load_speech
from potentia.experiments.framework.experiment import Context
from potentia.experiments.liquids.linear_classifier import Fold, LinearClassifier, published_fold
from potentia.experiments.liquids.liquid import N_TIDIGITS
from potentia.experiments.liquids.lsm_figures import plot_study
from potentia.experiments.liquids.lsm_study import StudySettings, Task, study
from potentia.sim.progress import meter

PUBLISHED: Final = {"software": 70.79, "rram": 70.11}  # [%], N-TIDIGITS, best epoch on the test set


class Settings(StudySettings):
    """What can be set."""

    seeds: int = Field(3, ge=1, le=100, description="number of liquids")
    neurons: int = Field(200, ge=1, le=100_000, description="of the liquid")
    split: Literal["official", "speaker"] = Field(
        "official", description="test set: as published, or each speaker in turn"
    )
    most: int = Field(
        3000, ge=20, le=100_000, description="recordings of N-TIDIGITS, of either set, at most"
    )
    epochs: int = Field(100, ge=1, le=10_000, description="of the readout 'adam'")


def run(settings: Settings, context: Context) -> dict[str, Any]:
    """Load or hear, encode, judge, compare."""
    if find_ntidigits(context.data) is not None:
        frames = load_ntidigits(context.data, most=settings.most)
        caveat = (
            "Published: the epoch that is best on the test set; here: at most "
            f"{settings.most} of each set, last epoch."
        )
        published = PUBLISHED
    else:
        if context.data is not None and not (context.data / "fsdd" / "fsdd.npz").is_file():
            raise DataError(
                f"lsm-ntidigits: {context.data} holds neither N-TIDIGITS nor fsdd/fsdd.npz; {LAYOUT}"
            )
        recordings = load_speech(context.data)
        with meter(len(recordings), context.progress, "words") as tick:
            frames = hear(recordings, tick)
        caveat = (
            "N-TIDIGITS (published: 70.79 % software, 70.11 % RRAM, 11 classes) is not there: "
            "these are other data."
        )
        published = {}
    task = Task(
        frames=frames,
        liquid=replace(N_TIDIGITS, n_neurons=settings.neurons),
        folds=divide(frames, settings.split),
        classifier=LinearClassifier(
            kind=settings.readout, rate=6e-4, epochs=settings.epochs, batch=256
        ),
        published=published,
        caveat=caveat,
    )
    return study(settings, context, task)


def divide(frames: Frames, split: str) -> list[Fold]:
    """The published split, or one fold per speaker left out."""
    if split == "official":
        return published_fold(frames.is_test)
    return [
        Fold(
            train=np.flatnonzero(frames.group != speaker),
            test=np.flatnonzero(frames.group == speaker),
        )
        for speaker in np.unique(frames.group)
    ]


def plot(context: Context) -> None:
    """Draw the figures of a run folder again."""
    plot_study(context)
