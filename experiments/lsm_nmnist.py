"""Lin et al. (2025), doi:10.1038/s43588-024-00751-z: N-MNIST through a fixed random liquid, in software and on RRAM.

A 256-200-10 network: a centre crop of 16 x 16 pixels of one polarity in 50 binary frames, 200 LIF units with fixed
random weights, a linear probe on their spike counts. Weights are normal ("software"), or pairs of cells that
broke down at random ("rram", "rram_noisy" with read noise and converters). Controls without a liquid: the same
probe on how often each pixel was active, in all ("control") and in a few time bins ("control_bins").
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from pydantic import Field

from potentia.experiments.experiment import Context
from potentia.experiments.liquid import N_MNIST
from potentia.experiments.lsm_figures import draw
from potentia.experiments.lsm_study import StudySettings, Task, study
from potentia.experiments.nmnist import Retina, load_nmnist
from potentia.experiments.probe import Probe, published_fold, stratified_folds

PUBLISHED: Final = {"software": 89.11, "rram": 89.66}  # [%], whole set, best epoch on the test set


class Settings(StudySettings):
    """What can be set."""

    neurons: int = Field(200, ge=1, le=100_000, description="of the liquid")
    polarity: int = Field(1, ge=0, le=1, description="of the events seen")
    most: int = Field(5000, ge=100, le=60_000, description="recordings of the training and of the test set, at most")
    small: bool = Field(False, description="take the subset even where the whole set is there")
    folds: int = Field(5, ge=2, le=100, description="of the cross-validation on the subset")
    epochs: int = Field(100, ge=1, le=10_000, description="of the readout 'adam'")


def run(settings: Settings, context: Context) -> dict[str, Any]:
    """Load, encode, judge, compare."""
    retina = Retina(polarity=settings.polarity, n_steps=N_MNIST.n_steps)
    frames = load_nmnist(context.data, retina, most=settings.most, small=settings.small)
    whole = "whole" in frames.source
    folds = published_fold(frames.is_test) if whole else stratified_folds(frames.label, settings.folds, settings.seed)
    caveat = "Published: all 60,000 + 10,000 recordings, the epoch that is best on the test set"
    ours = f"published split, at most {settings.most} of each set" if whole else f"{settings.folds} folds of a subset"
    task = Task(
        frames=frames, liquid=replace(N_MNIST, n_neurons=settings.neurons), folds=folds,
        probe=Probe(kind=settings.readout, rate=1e-4, epochs=settings.epochs, batch=100),
        published=PUBLISHED, caveat=f"{caveat}; here: {ours}, nothing chosen on test data.",
    )  # fmt: skip
    return study(settings, context, task)


def plot(context: Context) -> None:
    """Draw the figures of a run folder again."""
    draw(context)
