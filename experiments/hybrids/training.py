"""Training of hybrid networks, and what comes of it on tensors, event by event and on devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from potentia.experiments.datasets.images import Images
from potentia.experiments.framework.descent import check_descent
from potentia.experiments.hybrids import energy
from potentia.experiments.hybrids.core import (
    Heard,
    crossbar,
    described,
    hear,
    watch,
    weights_of,
)
from potentia.experiments.hybrids.design import Design
from potentia.experiments.hybrids.layers import Core, Hybrid, drawn, nearest, rectified
from potentia.experiments.hybrids.outcomes import ANN, FROZEN, Job, Outcome
from potentia.learning.readout import one_thread
from potentia.sim import Network

PIECE: Final = 250  # images that are looked at together where nothing is trained
TUNING: Final = 0.2  # of the rate of training, where the layers around the core are tuned


@final
@dataclass(frozen=True, eq=False)
class Task:
    """Images (n, 1, height, width) from 0 to 1 with labels (n,), to train on and to test on."""

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    n_classes: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of an image in pixels."""
        height, width = self.test.shape[2:]
        return height, width

    @classmethod
    def of(cls, images: Images) -> Task:
        pixels, labels = torch.from_numpy(images.shares())[:, None], torch.from_numpy(images.label)
        test = torch.from_numpy(images.is_test)
        return cls(pixels[~test], labels[~test], pixels[test], labels[test], len(images.classes))


def carry_out(job: Job, design: Design, images: Images, backend: str) -> Outcome:
    """Train one network and test it, on one thread."""
    with one_thread(torch), torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.seed)
        task = Task.of(images)
        if job.network == ANN:
            return _rectified(job, design, task)
        return _spiking(job, design, task, backend)


def _rectified(job: Job, design: Design, task: Task) -> Outcome:
    network = rectified(design, design.features(task.size), task.n_classes)
    fit(network, None, task, design, job.seed)
    joules = energy.around(design, task.size, task.n_classes)
    joules["core"] = energy.rectified_core(design, task.size)
    accuracy = _accuracy(_told(network, task.test), task)
    return Outcome(
        network=job.network, seed=job.seed, accuracies={"tensors": accuracy}, joules=joules
    )


def _spiking(job: Job, design: Design, task: Task, backend: str) -> Outcome:
    n_features = design.features(task.size)
    frozen = None
    if job.network == FROZEN:
        begin = nearest(drawn(n_features, design.neurons, job.seed)).double().numpy()
        frozen = design.weight(n_features) * begin
    core = Core(design, n_features, job.seed, frozen)
    network = Hybrid(design, core, task.n_classes)
    fit(network, core, task, design, job.seed)
    accuracy = _accuracy(_told(network, task.test), task)
    if job.network == FROZEN:
        return Outcome(network=job.network, seed=job.seed, accuracies={"tensors": accuracy})
    return _deployed(job, design, task, network, accuracy, backend)


def _deployed(
    job: Job, design: Design, task: Task, network: Hybrid, accuracy: float, backend: str
) -> Outcome:
    """The trained network event by event, then on devices, then with the layers around tuned."""
    pulses, rates = _sent(network, task.test)
    plain = network.core.network()
    exact = hear(plain, pulses, backend)
    store = crossbar(design, float(_sent(network, task.train[: 10 * PIECE])[0].mean()))
    formed = described(design, weights_of(plain), job.seed, store)
    real = hear(formed, pulses, backend)
    scores = _read(network, real)
    example = {"image": task.test[0, 0].tolist(), "label": int(task.test_labels[0])}
    for name, one in (("events", plain), ("devices", formed)):
        example[name] = watch(one, pulses[:, 0], backend)
    accuracies = {
        "tensors": accuracy,
        "events": _accuracy(_read(network, exact), task),
        "devices": _accuracy(scores, task),
    }
    measures = _measures(pulses, rates, exact, real, plain)
    tune(network, formed, design, task, job.seed)
    tuned = hear(formed, _sent(network, task.test)[0], backend)
    accuracies["tuned"] = _accuracy(_read(network, tuned), task)
    joules = energy.around(design, task.size, task.n_classes)
    joules |= {part.name: (part.joules or 0.0) / len(task.test) for part in real.parts}
    joules["core in memory"] = exact.joules / len(task.test)
    pairs = task.test_labels.numpy() * task.n_classes + scores.argmax(dim=1).numpy()
    confusion = np.bincount(pairs, minlength=task.n_classes**2).reshape(task.n_classes, -1)
    return Outcome(
        network=job.network,
        seed=job.seed,
        accuracies=accuracies,
        joules=joules,
        measures=measures,
        confusion=confusion.tolist(),
        example=example,
        hash=exact.hash + real.hash + tuned.hash,
    )


def tune(network: Hybrid, formed: Network, design: Design, task: Task, seed: int) -> None:
    """Train the layers around a core that is formed, through what its devices bring."""
    if not design.tuning:
        return
    n_features = design.features(task.size)
    network.core = Core(design, n_features, seed, weights_of(formed))
    less = design.model_copy(update={"epochs": design.tuning, "rate": TUNING * design.rate})
    fit(network, network.core, task, less, seed)


def fit(network: torch.nn.Module, core: Core | None, task: Task, design: Design, seed: int) -> None:
    """Minimise the cross-entropy, and leave the network as it is to be tested.

    Adam (Kingma and Ba 2014, arXiv:1412.6980), its rate rising and falling once (Smith and Topin
    2018, arXiv:1708.07120). Raises DivergenceError where that leads to what is no number.
    """
    trained = core is not None and core.trained
    hidden = [core.hidden] if core is not None and trained else []
    apart = {id(one) for one in (hidden and core.parameters())}  # type: ignore[union-attr]
    others = [one for one in network.parameters() if id(one) not in apart]
    optimiser: Any = torch.optim.Adam(
        [{"params": others, "lr": design.rate}, {"params": hidden, "lr": design.core_rate}]
    )
    n = len(task.train)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        [design.rate, design.core_rate],
        total_steps=design.epochs * -(-n // design.batch),
    )
    generator = torch.Generator().manual_seed(seed)
    network.train()
    for _ in range(design.epochs):
        for batch in torch.randperm(n, generator=generator).split(design.batch):
            optimiser.zero_grad()
            if core is not None and trained:
                core.write()
            scores = network(task.train[batch])
            loss = torch.nn.functional.cross_entropy(scores, task.train_labels[batch])
            loss.backward()
            check_descent("hybrid", "rate", design.rate, [loss])
            if core is not None and trained:
                core.pass_on()
            optimiser.step()
            schedule.step()
    check_descent("hybrid", "rate", design.rate, network.parameters())
    if core is not None and trained:
        core.write()
    network.eval()


@torch.no_grad()
def _told(network: torch.nn.Module, images: Tensor) -> Tensor:
    """Scores of images (n, n_classes)."""
    return torch.cat([network(piece) for piece in images.split(PIECE)])


@torch.no_grad()
def _sent(network: Hybrid, images: Tensor) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Pulses of images (steps, n, n_features), and the core's spikes on tensors (n, neurons)."""
    sent = [network.pulses(piece) for piece in images.split(PIECE)]
    counts = [(network.core(piece) * network.steps).round() for piece in sent]
    return torch.cat(sent, 1).numpy(), torch.cat(counts).to(torch.int64).numpy()


@torch.no_grad()
def _read(network: Hybrid, heard: Heard) -> Tensor:
    """What the readout tells of the spikes of a core."""
    rates = torch.from_numpy(heard.counts.astype(np.float32)) / network.steps
    scores: Tensor = network.readout(rates)
    return scores


def _accuracy(scores: Tensor, task: Task) -> float:
    return float((scores.argmax(dim=1) == task.test_labels).double().mean())


def _measures(
    pulses: NDArray[np.float32],
    counts: NDArray[np.int64],
    exact: Heard,
    real: Heard,
    network: Network,
) -> dict[str, float]:
    """How active the network is, and where runs differ."""
    n = len(counts)
    return {
        "differing": float((counts != exact.counts).any(axis=1).sum()),
        "pulses": float(pulses.sum()) / n,
        "spikes": float(exact.counts.sum()) / n,
        "spikes_devices": float(real.counts.sum()) / n,
        "formed": float((weights_of(network) != 0).mean()),
    }
