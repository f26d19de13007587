"""Training of recurrent networks on random graphs, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from potentia.experiments.framework.descent import check_descent
from potentia.experiments.graphs.design import FROZEN, PRUNED, RATES, Design
from potentia.experiments.graphs.outcomes import Job, Outcome
from potentia.experiments.graphs.rate_network import RateNetwork, leak
from potentia.experiments.graphs.spiking_network import (
    IN,
    LAG,
    OUT,
    RECURRENT,
    Weights,
    accuracy_on_clock,
    described,
    pruned,
    weights_of,
)
from potentia.experiments.graphs.tasks import Task
from potentia.learning.readout import one_thread
from potentia.sim import AllToAll, Connectivity, Network, Simulator

MOST_GRADIENT: Final = 1.0  # norm to which gradients are cut
RATE_SHARE: Final = 0.1  # of the rate of learning, for units that do not spike


def carry_out(job: Job, design: Design, task: Task, backend: str) -> list[Outcome]:
    """Train and test at every density, on one thread."""
    with one_thread(torch):
        return [
            Outcome(
                task=job.task,
                unit=job.unit,
                graph=job.graph,
                seed=job.seed,
                density=density,
                accuracy=accuracy,
                measures=measures,
                hash=digest,
            )
            for density, accuracy, measures, digest in _trained(job, design, task, backend)
        ]


def _trained(
    job: Job, design: Design, task: Task, backend: str
) -> Iterator[tuple[float, float, dict[str, float], str]]:
    """Density, accuracy, measures of the graph and hash, one density after the other.

    A network that is pruned has all recurrent weights for half of the epochs, and those that are
    left for the other half.
    """
    whole, learn = job.graph == PRUNED, _rate if job.unit in RATES else _spiking
    half = design.epochs // 2
    if whole:
        _, dense, _ = learn(job, design, task, AllToAll(autapses=False), None, half, "")
    for density in design.densities:
        if whole:
            start, epochs = pruned(dense, design, density), design.epochs - half
            wiring: Connectivity = AllToAll()
        else:
            start, epochs, wiring = None, design.epochs, design.wiring(job.graph, density)
        accuracy, after, digest = learn(job, design, task, wiring, start, epochs, backend)
        yield density, accuracy, asdict(after.measures()), digest


def _spiking(
    job: Job,
    design: Design,
    task: Task,
    wiring: Connectivity,
    start: Weights | None,
    epochs: int,
    backend: str,
) -> tuple[float, Weights, str]:
    """Train a spiking network on tensors, then test it on the clock engine (without one: not)."""
    network = described(design, task, wiring, job.seed, start)
    train = [IN, OUT] if job.unit == FROZEN else [IN, RECURRENT, OUT]
    simulator = Simulator(network, dt=task.dt, backend="torch", dtype="float32")
    module = simulator.module(train=train)
    silent = np.zeros((LAG, *task.spikes.shape[1:]), np.float32)
    spikes = torch.from_numpy(np.concatenate([task.spikes.astype(np.float32), silent]))

    def told(samples: Tensor) -> Tensor:
        readout: Tensor = module({"spikes": spikes[:, samples]})["readout.r"][-1]
        return readout

    fit(module, told, task, design, epochs, design.rate, job.seed)
    trained: Network = module.network()
    accuracy, digest = accuracy_on_clock(trained, task, backend) if backend else (float("nan"), "")
    return accuracy, weights_of(trained, task), digest


def _rate(
    job: Job,
    design: Design,
    task: Task,
    wiring: Connectivity,
    start: Weights | None,
    epochs: int,
    backend: str,
) -> tuple[float, Weights, str]:
    """Train and test units that do not spike, from the same weights on the same graph."""
    if start is None:
        start = weights_of(described(design, task, wiring, job.seed), task)
    network = RateNetwork(start, job.unit, leak(task.dt, design.tau_readout))
    spikes = torch.from_numpy(task.spikes.astype(np.float32))

    def told(samples: Tensor) -> Tensor:
        readout: Tensor = network(spikes[:, samples])
        return readout

    fit(network, told, task, design, epochs, RATE_SHARE * design.rate, job.seed)
    with torch.no_grad():
        heard = told(torch.from_numpy(task.test)).argmax(dim=1).numpy()
    return float((heard == task.labels[task.test]).mean()), network.weights(), ""


def fit(
    network: torch.nn.Module,
    told: Callable[[Tensor], Tensor],
    task: Task,
    design: Design,
    epochs: int,
    rate: float,
    seed: int,
) -> None:
    """Minimise the cross-entropy of what `told` says of samples (n,): scores (n, n_classes).

    Adam (Kingma and Ba 2014, arXiv:1412.6980), its rate rising and falling once (Smith and Topin
    2018, arXiv:1708.07120). Raises DivergenceError where that leads to what is no number.
    """
    parameters = list(network.parameters())
    samples, labels = torch.from_numpy(task.train), torch.from_numpy(task.labels)
    generator = torch.Generator().manual_seed(seed)
    steps = epochs * -(-len(samples) // design.batch)
    optimiser: Any = torch.optim.Adam(parameters, lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps)
    for _ in range(epochs):
        order = samples[torch.randperm(len(samples), generator=generator)]
        for batch in order.split(design.batch):
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(told(batch), labels[batch])
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(parameters, MOST_GRADIENT)
            check_descent("random-graphs", "rate", design.rate, (loss, norm))
            optimiser.step()
            schedule.step()
    check_descent("random-graphs", "rate", design.rate, parameters)
