"""Darji (2021), arXiv:2407.20601: recurrent networks on random graphs, here of spiking neurons.

The recurrent synapses of a network follow a graph of Erdos and Renyi, of Watts and Strogatz, or of
Barabasi and Albert, or are those that are largest after half of a training with all ("pruned"). Two
tasks: is a string of the Reber grammar or wrong in one symbol, and which digit is spoken. Spiking
networks are trained on tensors through surrogate gradients and tested on the clock engine.
Controls: the same with recurrent weights frozen as they were drawn, and tanh and rectified units
that do not spike, on the same graphs from the same weights. The rank correlations tell what the
accuracy goes along with: density, path length, clustering or the spread of degrees.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from pydantic import Field

from potentia.experiments.framework.experiment import Context
from potentia.experiments.framework.workers import working_for
from potentia.experiments.graphs.correlations import Correlation, correlations
from potentia.experiments.graphs.design import GRAPHS, SPIKING, Design
from potentia.experiments.graphs.graph_figures import LABELS, plot_study
from potentia.experiments.graphs.outcomes import Job, Outcome, jobs
from potentia.experiments.graphs.tasks import Task, load_task
from potentia.learning.readout import pytorch
from potentia.sim.engines.choose import cores
from potentia.sim.progress import meter

KEPT = "outcomes.json"


class Settings(Design):
    """What can be set."""

    seed: int = Field(
        1, ge=0, le=2**62, description="of the tasks and of the first graphs; the others follow"
    )
    seeds: int = Field(5, ge=1, le=100, description="graphs of a kind and density, and trainings")


def run(settings: Settings, context: Context) -> dict[str, Any]:
    """Train and test everything, then compare and correlate."""
    pytorch()  # a missing torch is told before anything runs
    begin = time.perf_counter()
    with meter(settings.words, context.progress, "words") as tick:
        tasks: dict[str, Task] = {
            name: load_task(name, settings, context.data, settings.seed, tick)
            for name in settings.tasks
        }
    outcomes = list(trainings(settings, context, tasks))
    for one in outcomes:
        context.record(one)
    found = correlations(outcomes, settings.seed)
    metrics = summarise(outcomes, found, tasks)
    metrics["seconds"] = time.perf_counter() - begin
    report(context, settings, outcomes, found)
    study = {
        "metrics": metrics,
        "outcomes": [asdict(one) for one in outcomes],
        "correlations": [asdict(one) for one in found],
        "chance": {name: 1 / task.n_classes for name, task in tasks.items()},
    }
    context.keep("study.json", study)
    plot_study(context)
    return metrics


def trainings(settings: Settings, context: Context, tasks: dict[str, Task]) -> Iterator[Outcome]:
    """All outcomes, job by job, on as many processes as there are cores.

    Those of a run that was broken off are taken from its folder.
    """
    from joblib import Parallel, delayed, parallel_config

    wanted = jobs(settings, range(settings.seed, settings.seed + settings.seeds))
    done = _kept(context, len(wanted))
    design = Design(**settings.model_dump(include=set(Design.model_fields)))
    waiting = [
        delayed(_work)(job, design, tasks[job.task], context.backend, os.getpid())
        for job in wanted[len(done) :]
    ]
    with (
        meter(len(wanted), context.progress, "trainings") as tick,
        parallel_config("loky", inner_max_num_threads=1),
    ):
        tick(len(done))
        workers = min(cores(), len(waiting) or 1)
        for outcomes in Parallel(n_jobs=workers, return_as="generator", batch_size=1)(waiting):
            done.append(outcomes)
            context.keep(KEPT, [[asdict(one) for one in each] for each in done])
            tick(1)
    for outcomes in done:
        yield from outcomes


def _work(job: Job, design: Design, task: Task, backend: str, parent: int) -> list[Outcome]:
    from potentia.experiments.graphs.training import carry_out

    with working_for(parent):
        return carry_out(job, design, task, backend)


def _kept(context: Context, most: int) -> list[list[Outcome]]:
    """What the jobs of a run that was broken off led to, in order."""
    if not (context.resume and (context.folder / KEPT).is_file()):
        return []
    return [[Outcome(**one) for one in each] for each in context.kept(KEPT)[:most]]


def summarise(
    outcomes: Sequence[Outcome], found: Sequence[Correlation], tasks: dict[str, Task]
) -> dict[str, Any]:
    """Accuracies over all densities with their spread over seeds, and the rank correlations.

    Without a task in its name, an accuracy is the mean over tasks; without a kind of units, it is
    that of spiking ones.
    """
    metrics: dict[str, Any] = {f"chance_{name}": 1 / task.n_classes for name, task in tasks.items()}
    for unit in dict.fromkeys(one.unit for one in outcomes):
        for graph in GRAPHS:
            own = [one for one in outcomes if (one.unit, one.graph) == (unit, graph)]
            name = f"accuracy_{graph}" if unit == SPIKING else f"accuracy_{unit}_{graph}"
            for ending, part in (
                ("", own),
                *((f"_{task}", [one for one in own if one.task == task]) for task in tasks),
            ):
                if part:
                    metrics[f"{name}{ending}"], metrics[f"{name}{ending}_sd"] = over_seeds(part)
    for one in found:
        if one.unit == SPIKING:
            name = f"spearman_{one.measure}_{one.task}"
            metrics |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
    return metrics


def over_seeds(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """Mean and standard deviation over seeds of the mean accuracy of each seed."""
    seeds = sorted({one.seed for one in outcomes})
    means = [np.mean([one.accuracy for one in outcomes if one.seed == seed]) for seed in seeds]
    return float(np.mean(means)), float(np.std(means, ddof=1)) if len(means) > 1 else 0.0


def report(
    context: Context,
    settings: Settings,
    outcomes: Sequence[Outcome],
    found: Sequence[Correlation],
) -> None:
    """Print accuracies over density, and the rank correlations."""
    for task in settings.tasks:
        rows = []
        for unit in settings.units:
            for graph in GRAPHS:
                own = [o for o in outcomes if (o.task, o.unit, o.graph) == (task, unit, graph)]
                cells = (
                    over_seeds([one for one in own if one.density == density])
                    for density in settings.densities
                    if own
                )
                if own:
                    shown = (f"{100 * mean:.1f} ± {100 * sd:.1f}" for mean, sd in cells)
                    rows.append((unit, LABELS[graph], *shown))
        header = ("units", "graph", *(f"density {density:g}" for density in settings.densities))
        context.table(rows, header=header, title=f"Accuracy on {task} [%], {settings.seeds} seeds")
    context.table(
        [
            (
                one.task,
                one.unit,
                one.measure.replace("_", " "),
                one.points,
                _range(one.value, one.low, one.high),
                _range(one.given_density, one.given_density_low, one.given_density_high),
            )
            for one in found
        ],
        header=("task", "units", "measure", "networks", "Spearman (95 %)", "given the density"),
        title="Rank correlation with the accuracy",
    )


def _range(value: float, low: float, high: float) -> str:
    if not np.isfinite(value):
        return "-"
    return f"{value:+.2f}" + (f" ({low:+.2f} to {high:+.2f})" if np.isfinite(low) else "")


def plot(context: Context) -> None:
    """Draw the figures of a run folder again."""
    plot_study(context)
