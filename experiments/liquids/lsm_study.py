"""What the experiments lsm-* share.

One liquid in software and on devices stands beside controls without a liquid.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final, Literal, final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from potentia.experiments.datasets.frames import Frames
from potentia.experiments.framework.experiment import Context
from potentia.experiments.liquids.linear_classifier import Fold, LinearClassifier
from potentia.experiments.liquids.liquid import (
    DT,
    READ_TIME,
    DeviceSettings,
    Echo,
    Imperfections,
    Liquid,
    echo,
    network,
    sweep_points,
    watch,
)
from potentia.experiments.liquids.lsm_figures import plot_study
from potentia.hardware import Cost, gpu_joules
from potentia.sim.progress import meter

CONTROLS: Final = ("control", "control_bins")


class StudySettings(DeviceSettings):
    """Settings that the experiments share."""

    seed: int = Field(1, ge=0, le=2**63, description="of the first liquid; the others follow")
    seeds: int = Field(5, ge=1, le=100, description="number of liquids")
    readout: Literal["convex", "adam"] = Field(
        "convex", description="to the optimum, or by the published schedule"
    )
    control_bins: int = Field(5, ge=1, le=50, description="time bins of the harder control")
    sweep: bool = Field(False, description="also accuracy over each imperfection")
    sweep_seeds: int = Field(2, ge=1, le=100, description="number of liquids in a sweep")


@final
@dataclass(frozen=True, kw_only=True)
class Task:
    """What a study is about.

    The data, the liquid that hears them, how they are judged, and what was published (in percent).
    """

    frames: Frames
    liquid: Liquid
    folds: list[Fold]
    classifier: LinearClassifier
    published: dict[str, float]
    caveat: str  # how the data or the measure differ from the published ones

    def judge(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Accuracies (n_folds,) of a classifier on features (n, n_features)."""
        return self.classifier.accuracies(
            features, self.frames.label, self.folds, self.frames.n_classes
        )

    def judge_echo(self, heard: Echo) -> NDArray[np.float64]:
        """The same on a liquid's spikes per step."""
        return self.judge(heard.counts / self.liquid.n_steps)


def study(settings: StudySettings, context: Context, task: Task) -> dict[str, Any]:
    """Encode, judge, compare, report; return the metrics."""
    begin = time.perf_counter()
    variants, seeds = settings.liquids, range(settings.seed, settings.seed + settings.seeds)
    points = list(sweep_points()) if settings.sweep else []
    scores: dict[str, list[NDArray[np.float64]]] = {name: [] for name in variants}
    heard: dict[str, list[Echo]] = {name: [] for name in variants}
    rounds = len(variants) * len(seeds) + len(points) * settings.sweep_seeds
    with meter(len(task.frames) * rounds, context.progress, "samples") as tick:
        for seed in seeds:
            for name, imperfections in variants.items():
                net = network(task.liquid, seed, imperfections)
                heard[name].append(echo(context, task.liquid, net, task.frames, tick))
                scores[name].append(task.judge_echo(heard[name][-1]))
        swept = [(*point[:2], _swept(settings, context, task, point[2], tick)) for point in points]
    for name, bins in zip(CONTROLS, (1, settings.control_bins), strict=True):
        # shares of frames
        scores[name] = [task.judge(task.frames.counts(bins) * (bins / task.liquid.n_steps))]
    metrics = summarise(scores, heard, task)
    metrics["seconds"] = time.perf_counter() - begin
    report(context, metrics, heard, task)
    _keep(settings, context, task, metrics, heard, swept)
    plot_study(context)
    return metrics


def summarise(
    scores: dict[str, list[NDArray[np.float64]]], heard: dict[str, list[Echo]], task: Task
) -> dict[str, Any]:
    """Accuracies with their spread over folds and over liquids; what a sample takes."""
    metrics: dict[str, Any] = {}
    for name, each in scores.items():
        table = np.array(each)  # (n_seeds, n_folds)
        metrics[f"accuracy_{name}"] = float(table.mean())
        metrics[f"accuracy_{name}_fold_sd"] = _sd(table.mean(axis=0))
        metrics[f"accuracy_{name}_seed_sd"] = _sd(table.mean(axis=1))
    software = np.array(scores["software"])
    for name in ("rram", "rram_noisy", "rram_wired"):
        apart = 100 * (np.array(scores[name]) - software).mean(axis=1)  # per seed
        metrics[f"points_{name}_minus_software"] = float(apart.mean())
        metrics[f"points_{name}_minus_software_se"] = _sd(apart) / np.sqrt(len(apart))
    n = len(task.frames)
    metrics["samples"], metrics["classes"] = n, task.frames.n_classes
    metrics["input_activity"] = task.frames.activity
    for name, runs in heard.items():
        metrics[f"spikes_per_sample_{name}"] = sum(run.spikes for run in runs) / (len(runs) * n)
        metrics[f"events_per_sample_{name}"] = sum(run.events for run in runs) / (len(runs) * n)
        metrics[f"joules_per_sample_{name}"] = sum(run.joules for run in runs) / (len(runs) * n)
    metrics["joules_per_sample_gpu"] = gpu_joules("dense", task.liquid.dense_macs).joules
    for part in heard["rram_noisy"][0].parts:
        metrics[f"joules_per_sample_{part.name.replace(' ', '_')}"] = (part.joules or 0.0) / n
    metrics["latency_bound_us"] = 1e6 * task.liquid.n_steps * READ_TIME
    return metrics


def report(
    context: Context, metrics: dict[str, Any], heard: dict[str, list[Echo]], task: Task
) -> None:
    """Print the accuracies beside the published ones, and what a sample takes."""
    names = (*heard, *CONTROLS)
    context.table(
        [
            (
                name,
                f"{100 * metrics[f'accuracy_{name}']:.2f}",
                f"{100 * metrics[f'accuracy_{name}_fold_sd']:.2f}",
                f"{100 * metrics[f'accuracy_{name}_seed_sd']:.2f}",
                task.published.get(name, "-"),
            )
            for name in names
        ],
        header=("variant", "accuracy [%]", "sd of folds", "sd of liquids", "published [%]"),
        title=f"{task.frames.source}: {len(task.frames)} recordings, {len(task.folds)} fold(s)",
    )
    context.note(task.caveat)
    best = max(CONTROLS, key=lambda name: float(metrics[f"accuracy_{name}"]))
    apart = 100 * (metrics["accuracy_rram_noisy"] - metrics[f"accuracy_{best}"])
    context.note(
        f"rram_noisy is {abs(apart):.1f} points {'above' if apart > 0 else 'below'} {best}, without a liquid"
    )
    _report_energy(context, metrics, heard, task)


def _report_energy(
    context: Context, metrics: dict[str, Any], heard: dict[str, list[Echo]], task: Task
) -> None:
    """Print what the synapses of a sample take, part by part."""
    for name, runs in heard.items():
        n = len(task.frames)
        context.table(
            [
                (part.name, part.count / n, shown(part.each), shown(part.joules, n), part.source)
                for part in runs[0].parts
            ],
            header=("part", "per sample", "each", "per sample", "source"),
            title=f"\nEnergy of the synapses of a sample, {name}",
        )
    whole = Cost(projection="rram_wired", parts=tuple(heard["rram_wired"][0].parts), unknown=())
    context.table(
        [
            (name, f"{100 * less:+.0f} %", f"{100 * more:+.0f} %")
            for name, less, more in whole.sensitivity(2.0)
        ],
        header=("figure", "halved", "doubled"),
        title="\nHow the energy of rram_wired moves with each figure",
    )
    context.note(
        f"{1e9 * metrics['joules_per_sample_rram_noisy']:.1f} nJ on crossbars, "
        f"{1e6 * metrics['joules_per_sample_software']:.1f} uJ in digital memory at 45 nm, event by event, and "
        f"{1e6 * metrics['joules_per_sample_gpu']:.2f} uJ for {task.liquid.dense_macs / 1e6:.2f} M dense operations at "
        f"0.481 pJ; neurons, readout and control are not counted. Latency: the readings of {task.liquid.n_steps} steps "
        f"alone take {metrics['latency_bound_us']:.1f} us; that of converters and neurons is unknown."
    )


def shown(joules: float | None, n: int = 1) -> str:
    """An energy, of one of `n`, with a unit that suits it; "unknown" for None."""
    if joules is None:
        return "unknown"
    return f"{1e9 * joules / n:.4g} nJ" if joules / n > 1e-10 else f"{1e12 * joules / n:.3g} pJ"


def _swept(
    settings: StudySettings, context: Context, task: Task, imperfections: Imperfections, tick: Any
) -> NDArray[np.float64]:
    """Accuracies (n_liquids * n_folds,) with `imperfections`.

    The classifier is trained on what they leave.
    """
    nets = [
        network(task.liquid, settings.seed + k, imperfections) for k in range(settings.sweep_seeds)
    ]
    return np.concatenate(
        [task.judge_echo(echo(context, task.liquid, net, task.frames, tick)) for net in nets]
    )


def _keep(
    settings: StudySettings,
    context: Context,
    task: Task,
    metrics: dict[str, Any],
    heard: dict[str, list[Echo]],
    swept: list[tuple[str, float, NDArray[np.float64]]],
) -> None:
    """Save what the figures need.

    That is study.json, and one recording in the noisy liquid as results.h5.
    """
    taken = {name: _taken(runs, len(task.frames)) for name, runs in heard.items()}
    net = network(task.liquid, settings.seed, settings.liquids["rram_noisy"])
    watch(context, net, task.liquid, task.frames.train(0, DT)).save(
        context.folder, overwrite=context.resume
    )
    record = {
        "metrics": metrics,
        "published": task.published,
        "source": task.frames.source,
        "energy": {
            name: {part: float(np.mean(each)) for part, each in parts.items()}
            for name, parts in taken.items()
        },
        "energy_sd": {
            name: {part: _sd(each) for part, each in parts.items()} for name, parts in taken.items()
        },
        "sweep": [
            {"axis": axis, "value": value, "accuracy": float(each.mean()), "sd": _sd(each)}
            for axis, value, each in swept
        ],
    }
    context.keep("study.json", record)


def _taken(runs: list[Echo], n: int) -> dict[str, NDArray[np.float64]]:
    """What each part takes of a sample, the mean of n of them, in every liquid (n_liquids,) [J].

    Parts of one name whose figures have several sources are one.
    """
    taken: dict[str, NDArray[np.float64]] = {}
    for k, run in enumerate(runs):
        for part in run.parts:
            each = taken.setdefault(part.name, np.zeros(len(runs)))
            each[k] += (part.joules or 0.0) / n
    return taken


def _sd(values: NDArray[np.float64]) -> float:
    """Standard deviation; 0 for one value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
