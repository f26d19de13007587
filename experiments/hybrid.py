"""Hybrid networks: convolution, a spiking core on resistive memory, a readout (Fashion-MNIST).

The front end turns an image into pulses, the core is a layer of leaky integrate-and-fire units
whose weights are -w, 0 or w, and the readout sees how often each has fired. All of it is trained
end to end on tensors, through surrogate gradients. The trained core then runs event by event, and
on pairs of breakdown cells (Wang et al. 2023, doi:10.1038/s42256-023-00609-5), behind wires, with
noise and converters; there also after the layers around it were tuned to the cells as they came out
("tuned"). Controls: a core that keeps its first weights ("frozen"), and the same layers with
rectified units and weights of any size ("ann").
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from pydantic import Field

from potentia.errors import DataError
from potentia.experiments.datasets.images import Images, load_images
from potentia.experiments.framework.experiment import Context
from potentia.experiments.framework.workers import working_for
from potentia.experiments.hybrids.design import Design
from potentia.experiments.hybrids.hybrid_figures import plot_study
from potentia.experiments.hybrids.outcomes import ANN, FROZEN, HYBRID, Outcome, jobs
from potentia.hardware import BreakdownReRAM
from potentia.learning.readout import pytorch
from potentia.sim import validation as check
from potentia.sim.engines.choose import cores
from potentia.sim.progress import meter

KEPT: Final = "outcomes.json"
CROSSBAR: Final = ("row drivers", "cell pairs", "converters")
ACCURACIES: Final = {  # metric -> network, and how it was run
    "accuracy_tensors": (HYBRID, "tensors"),
    "accuracy_events": (HYBRID, "events"),
    "accuracy_devices": (HYBRID, "devices"),
    "accuracy_tuned": (HYBRID, "tuned"),
    "accuracy_frozen": (FROZEN, "tensors"),
    "accuracy_ann": (ANN, "tensors"),
}
UNKNOWN: Final = (
    "Not counted: neurons, making pulses, features and images in memory, forming, control."
)


class Settings(Design):
    """What can be set."""

    seed: int = Field(
        1, ge=0, le=2**62, description="of the images and the first networks; the others follow"
    )
    seeds: int = Field(3, ge=1, le=100, description="trainings of each network")
    images: int = Field(600, ge=1, le=6000, description="of each class to train on")
    test_images: int = Field(200, ge=1, le=1000, description="of each class to test on")


def run(settings: Settings, context: Context) -> dict[str, Any]:
    """Train, run on events and on devices, compare."""
    pytorch()  # a missing torch is told before anything runs
    begin = time.perf_counter()
    sizes = settings.images, settings.test_images
    found = load_images(context.data, "fashion-mnist")
    check_fit(settings, found)
    images = found.drawn(sizes, seed=settings.seed)
    outcomes = list(trainings(settings, context, images))
    for one in outcomes:
        context.record(one)
    metrics = summarise(outcomes)
    metrics["seconds"] = time.perf_counter() - begin
    report(context, settings, outcomes, metrics)
    study = {
        "metrics": metrics,
        "outcomes": [asdict(one) for one in outcomes],
        "classes": images.classes,
    }
    context.keep("study.json", study)
    plot_study(context)
    return metrics


def check_fit(settings: Settings, images: Images) -> None:
    """Raise DataError or ParameterError where these images, settings and devices do not agree."""
    n_features = settings.features(images.pixels.shape[1:])
    if not n_features:
        raise DataError(f"hybrid: {images.source} must have images of 3 x 3 pixels or more")
    for name, test in (("images", False), ("test_images", True)):
        own = images.label[images.is_test == test]
        most = int(np.bincount(own, minlength=len(images.classes)).min())
        if not most:
            raise DataError(f"hybrid: {images.source} must have {name} of every class")
        check.whole("hybrid", name, getattr(settings, name), least=1, most=most)
    pairs = n_features * settings.neurons
    share = BreakdownReRAM(forming_voltage=settings.forming_voltage).broken_share
    if pairs * share < 1.0:
        rule = f"must be higher, since it breaks down not one of {pairs} pairs of cells"
        raise check.fail("hybrid", "forming_voltage", rule, settings.forming_voltage)


def trainings(settings: Settings, context: Context, images: Images) -> Iterator[Outcome]:
    """All outcomes, job by job, on as many processes as there are cores.

    Those of a run that was broken off are taken from its folder.
    """
    from joblib import Parallel, delayed, parallel_config

    wanted = jobs(range(settings.seed, settings.seed + settings.seeds))
    done = _kept(context, len(wanted))
    design = Design(**settings.model_dump(include=set(Design.model_fields)))
    waiting = [
        delayed(_work)(job, design, images, context.backend, os.getpid())
        for job in wanted[len(done) :]
    ]
    with (
        meter(len(wanted), context.progress, "trainings") as tick,
        parallel_config("loky", inner_max_num_threads=1),
    ):
        tick(len(done))
        workers = min(cores(), len(waiting) or 1)
        for outcome in Parallel(n_jobs=workers, return_as="generator", batch_size=1)(waiting):
            done.append(outcome)
            context.keep(KEPT, [asdict(one) for one in done])
            tick(1)
    yield from done


def _work(job: Any, design: Design, images: Images, backend: str, parent: int) -> Outcome:
    from potentia.experiments.hybrids.training import carry_out

    with working_for(parent):
        return carry_out(job, design, images, backend)


def _kept(context: Context, most: int) -> list[Outcome]:
    """What the jobs of a run that was broken off led to, in order."""
    if not (context.resume and (context.folder / KEPT).is_file()):
        return []
    return [Outcome(**one) for one in context.kept(KEPT)[:most]]


def summarise(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Accuracies with their spread over seeds, joules of an image, and how active the core is."""
    metrics: dict[str, Any] = {"seeds": len({one.seed for one in outcomes})}
    for name, (network, how) in ACCURACIES.items():
        found = [one.accuracies[how] for one in outcomes if one.network == network]
        metrics[name], metrics[f"{name}_sd"] = spread(found)
    parts = {name: energies(outcomes, name) for name in (HYBRID, ANN)}
    own = parts[HYBRID]
    around = own["front end"] + own["readout"]
    core = sum(own[name] for name in CROSSBAR)
    metrics |= {
        "joules_per_sample": around + core,
        "joules_per_sample_core": core,
        "joules_per_sample_core_in_memory": own["core in memory"],
        "joules_per_sample_ann": sum(parts[ANN].values()),
        "joules_per_sample_ann_core": parts[ANN]["core"],
    }
    hybrids = [one for one in outcomes if one.network == HYBRID]
    metrics["samples_differing"] = int(sum(one.measures["differing"] for one in hybrids))
    for name in ("pulses", "spikes", "spikes_devices"):
        metrics[f"{name}_per_sample"] = float(np.mean([one.measures[name] for one in hybrids]))
    metrics["share_formed"] = float(np.mean([one.measures["formed"] for one in hybrids]))
    return metrics


def energies(outcomes: Sequence[Outcome], network: str) -> dict[str, float]:
    """Joules of an image, part by part, the mean over seeds."""
    own = [one.joules for one in outcomes if one.network == network]
    return {name: float(np.mean([one[name] for one in own])) for name in own[0]}


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def report(
    context: Context, settings: Settings, outcomes: Sequence[Outcome], metrics: dict[str, Any]
) -> None:
    """Print accuracies and energies."""
    told = {
        "accuracy_tensors": "hybrid, on tensors",
        "accuracy_events": "hybrid, event by event",
        "accuracy_devices": "hybrid, on devices",
        "accuracy_tuned": "hybrid, on devices, tuned",
        "accuracy_frozen": "hybrid with a frozen core, on tensors",
        "accuracy_ann": "the same layers without spikes",
    }
    context.table(
        [
            (label, f"{100 * metrics[name]:.1f} ± {100 * metrics[f'{name}_sd']:.1f}")
            for name, label in told.items()
        ],
        header=("network", "accuracy [%]"),
        title=f"{10 * settings.test_images} images of the test set, {settings.seeds} seeds",
    )
    context.note(
        f"{metrics['samples_differing']} of {10 * settings.test_images * settings.seeds} images make other spikes "
        "event by event than on tensors."
    )
    rows = []
    for network in (HYBRID, ANN):
        for part, value in energies(outcomes, network).items():
            name = f"core, {part}" if part in CROSSBAR else part
            rows.append((network, name, 1e9 * value))
    context.table(
        rows, header=("network", "part", "nJ"), title="Energy of an image; one core counts"
    )
    context.note(UNKNOWN)


def plot(context: Context) -> None:
    """Draw the figures of a run folder again."""
    plot_study(context)
