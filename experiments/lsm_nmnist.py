"""Lin et al. (2025): N-MNIST through a fixed random liquid, in software and on RRAM.

doi:10.1038/s43588-024-00751-z. A 256-200-10 network: a centre crop of 16 x 16 pixels of one
polarity in 50 binary frames, 200 LIF units with fixed random weights, a linear classifier on their
spike counts. Weights are normal ("software"), or pairs of cells that broke down at random ("rram",
"rram_noisy" with read noise and converters). Controls without a liquid: the same classifier on how
often each pixel was active, in all ("control") and in a few time bins ("control_bins"). The data
are N-MNIST, its small subset in folds, or, with `simulated`, MNIST made into events.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from pydantic import Field

from potentia.experiments.datasets.frames import Frames
from potentia.experiments.datasets.nmnist import N_DIGITS, Retina, load_nmnist
from potentia.experiments.datasets.saccades import load_moving_digits
from potentia.experiments.framework.experiment import Context
from potentia.experiments.liquids.linear_classifier import (
    LinearClassifier,
    published_fold,
    stratified_folds,
)
from potentia.experiments.liquids.liquid import N_MNIST
from potentia.experiments.liquids.lsm_figures import plot_study
from potentia.experiments.liquids.lsm_study import StudySettings, Task, study
from potentia.sim.progress import meter

PUBLISHED: Final = {"software": 89.11, "rram": 89.66}  # [%], whole set, best epoch on the test set


class Settings(StudySettings):
    """What can be set."""

    neurons: int = Field(200, ge=1, le=100_000, description="of the liquid")
    polarity: int = Field(1, ge=0, le=1, description="of the events seen")
    most: int = Field(
        5000,
        ge=100,
        le=60_000,
        description="recordings of the training and of the test set, at most",
    )
    small: bool = Field(False, description="take the subset even where the whole set is there")
    simulated: int = Field(
        0,
        ge=0,
        le=5340,
        description="images of each digit in simulated saccades, instead of N-MNIST; 0 for none",
    )
    folds: int = Field(5, ge=2, le=100, description="of the cross-validation on the subset")
    epochs: int = Field(100, ge=1, le=10_000, description="of the readout 'adam'")


def run(settings: Settings, context: Context) -> dict[str, Any]:
    """Load, encode, judge, compare."""
    frames, published_split = see(settings, context)
    if published_split:
        folds, ours = (
            published_fold(frames.is_test),
            f"{frames.is_test.sum()} of them, never trained on, for test",
        )
    else:
        folds, ours = (
            stratified_folds(frames.label, settings.folds, settings.seed),
            f"{settings.folds} folds",
        )
    caveat = (
        "Published: N-MNIST, 60,000 recordings for training and 10,000 for test, at the epoch that is best on the test "
        f"set; here: {frames.source}, {len(frames)} recordings, {ours}, nothing chosen on test data."
    )
    task = Task(
        frames=frames,
        liquid=replace(N_MNIST, n_neurons=settings.neurons),
        folds=folds,
        classifier=LinearClassifier(
            kind=settings.readout, rate=1e-4, epochs=settings.epochs, batch=100
        ),
        published=PUBLISHED,
        caveat=caveat,
    )
    return study(settings, context, task)


def see(settings: Settings, context: Context) -> tuple[Frames, bool]:
    """The recordings in frames, and whether they come with a test set large enough to be used."""
    retina = Retina(polarity=settings.polarity, n_steps=N_MNIST.n_steps)
    if settings.simulated:
        sizes = settings.simulated, max(settings.simulated // 6, 1)
        with meter(N_DIGITS * sum(sizes), context.progress, "images") as tick:
            return load_moving_digits(
                context.data, tick, sizes=sizes, seed=settings.seed, retina=retina
            ), True
    frames = load_nmnist(context.data, retina, most=settings.most, small=settings.small)
    return frames, "whole" in frames.source


def plot(context: Context) -> None:
    """Draw the figures of a run folder again."""
    plot_study(context)
