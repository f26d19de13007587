"""Wunderlich and Pehle (2021), doi:10.1038/s41598-021-91786-z, on the yin-yang data of Kriener et al.
(2022), doi:10.1145/3517343.3517380: a network on no grid learns by exact gradients of its spike
times.

A point (x, y) is five spikes: at times in proportion to x, y, 1 - x and 1 - y, and one at a fixed
time. They reach 120 hidden units, these reach three outputs, and the class is the output that fires
first. Every unit fires once at most. Beside it: the same with delays that learn too (one of each
synapse); and, as control, a readout that learns behind hidden units that do not.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from potentia.experiments.datasets.yin_yang import CLASSES, yin_yang
from potentia.experiments.figures.yin_yang import overview
from potentia.experiments.framework.experiment import Context
from potentia.learning.readout import one_thread, pytorch
from potentia.models import CubaLIF, SpikeSource
from potentia.sim import AllToAll, Network, SpikeTrain
from potentia.sim.progress import Progress, meter

if TYPE_CHECKING:
    import torch

    from potentia.learning import EventProp, EventSpikes

LATEST: Final = 30e-3  # [s], the time of the spike for x = 1
BIAS: Final = 20e-3  # [s], the time of the fifth spike
DURATION: Final = 60e-3  # [s]
DELAY: Final = 1e-3  # [s], of all synapses at first
N_IN: Final = 5
MODEL: Final = CubaLIF(
    tau=20e-3,
    tau_excitatory=5e-3,
    threshold=1.0,  # potentials are in units of the threshold
    reset=0.0,
    refractory=1.0,  # [s], longer than a sample: one spike each
)
SHARPNESS: Final = 0.5e-3  # [s]: a spike that comes earlier by this much is e times as likely right
PULL: Final = (
    3e-3,
    10e-3,
)  # size, and time constant [s], of the loss that draws the right spike forward
SILENT: Final = 0.05  # the share of samples in which a unit that is needed may be silent
HIDDEN_RISE: Final = 0.02  # by which the weights onto a unit that is too silent rise after a batch
OUTPUT_RISE: Final = 0.01
VARIANTS: Final = ("weights", "delays", "frozen")
NAMES: Final = {"weights": "accuracy"}  # of metrics; those of others end with the variant
PUBLISHED: Final = "98.1 ± 0.2"  # [%], Wunderlich and Pehle (2021), 200 hidden units, 300 epochs
MAP: Final = 60  # points along a side of the map of decisions
SHOWN: Final = 3  # samples in the raster, one of each class


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**62, description="of the first network; the others follow")
    seeds: int = Field(1, ge=1, le=100, description="number of networks, each trained anew")
    hidden: int = Field(120, ge=1, le=10_000, description="hidden units")
    samples: int = Field(5000, ge=3, le=10**6, description="to train on")
    tests: int = Field(1000, ge=3, le=10**6, description="to test on")
    epochs: int = Field(40, ge=1, le=10_000, description="of training")
    batch: int = Field(150, ge=1, le=10_000, description="samples per step of training")
    rate: float = Field(5e-3, gt=0, description="of learning weights, in thresholds")
    delay_rate: float = Field(50e-6, gt=0, description="of learning delays [s]")
    decay: float = Field(0.93, gt=0, le=1, description="factor of the rates after every epoch")
    threads: int = Field(2, ge=1, le=256, description="among which samples are dealt")


@dataclass
class Sets:
    """The samples: spike times (n, 5) [s] and labels (n,) to train on, to test on."""

    train: tuple[torch.Tensor, torch.Tensor]
    test: tuple[torch.Tensor, torch.Tensor]


def run(settings: Settings, context: Context) -> dict[str, Any]:
    """Draw the data, train every variant on every network, compare, plot."""
    torch = pytorch()
    begin = time.perf_counter()
    sets = Sets(
        *(_encoded(*yin_yang(n, seed)) for n, seed in ((settings.samples, 1), (settings.tests, 2)))
    )
    study: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    total = len(VARIANTS) * settings.seeds * settings.epochs
    with one_thread(torch), meter(total, context.progress, "epochs") as tick:
        for seed in range(settings.seed, settings.seed + settings.seeds):
            for name in VARIANTS:
                study[name].append(_once(context, settings, sets, name, seed, tick))
    metrics = summarise(study)
    metrics["seconds"] = time.perf_counter() - begin
    report(context, metrics, study)
    context.keep("study.json", study)
    plot(context)
    return metrics


def network(settings: Settings, seed: int) -> Network:
    """Five sources, hidden units, three outputs, all to all; weights drawn by the seed."""
    rng = np.random.default_rng(seed)
    net = Network(seed=seed)
    source = net.population(SpikeSource(), N_IN, name="source")
    hidden = net.population(MODEL, settings.hidden, name="hidden")
    outputs = net.population(MODEL, len(CLASSES), name="outputs")
    # weights that let most hidden units fire, and outputs of some hidden units; the more of these
    # there are, the weaker
    few = 120 / settings.hidden
    weights = {
        "hidden": rng.normal(1.5, 0.8, N_IN * settings.hidden),
        "readout": rng.normal(0.3 * few, 0.3 * few, settings.hidden * len(CLASSES)),
    }
    for pre, post, name in ((source, hidden, "hidden"), (hidden, outputs, "readout")):
        options: dict[str, Any] = {"weight": weights[name], "delay": DELAY, "name": name}
        net.connect(pre, post, AllToAll(), receptor="excitatory", **options)
    net.stimulate(source, SpikeTrain(), name="points")
    return net


def train(
    settings: Settings, sets: Sets, name: str, seed: int, tick: Progress
) -> tuple[EventProp, dict[str, Any]]:
    """Train one variant; returns the network and the accuracy and loss after every epoch."""
    torch = pytorch()
    model, sets = _variant(settings, sets, name, seed)
    optimiser = torch.optim.Adam(
        [
            {"params": list(model.weights.values()), "lr": settings.rate},
            {"params": list(model.delays.values()), "lr": settings.delay_rate},
        ]
    )
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, settings.decay)
    shuffled = torch.Generator().manual_seed(seed)
    record: dict[str, Any] = {"accuracy": [], "loss": []}
    times, labels = sets.train
    for _ in range(settings.epochs):
        losses = []
        for batch in torch.randperm(len(times), generator=shuffled).split(settings.batch):
            spikes = model(times[batch])
            cost = loss(spikes.first("outputs"), labels[batch])
            optimiser.zero_grad()
            cost.backward()
            optimiser.step()
            wake(model, spikes, labels[batch])
            losses.append(cost.item())
        schedule.step()
        record["accuracy"].append(accuracy(model, *sets.test, settings.batch))
        record["loss"].append(float(np.mean(losses)))
        tick(1)
    return model, record


def loss(first: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the first spikes (n, 3) [s], the earlier the likelier, and a little that
    draws the right one forward, which keeps it from getting lost.
    """
    torch = pytorch()
    first = torch.where(torch.isinf(first), DURATION, first)
    right = first.gather(1, labels[:, None])
    pull = PULL[0] * (torch.exp(right / PULL[1]) - 1).mean()
    return torch.nn.functional.cross_entropy(-first / SHARPNESS, labels) + pull


def wake(model: EventProp, spikes: EventSpikes, labels: torch.Tensor) -> None:
    """Raise the weights onto units that are too silent: gradients know nothing of spikes that are
    missing.
    """
    torch = pytorch()
    with torch.no_grad():
        wanted = torch.nn.functional.one_hot(labels, len(CLASSES)).bool()
        lost = (wanted & (spikes.counts("outputs") == 0)).double().mean(0) > SILENT
        model.weights["readout"].view(-1, len(CLASSES))[:, lost] += OUTPUT_RISE
        if "hidden" in model.weights:
            idle = (spikes.counts("hidden") > 0).double().mean(0) < SILENT
            model.weights["hidden"].view(N_IN, -1)[:, idle] += HIDDEN_RISE


def decide(model: EventProp, times: torch.Tensor, batch: int) -> torch.Tensor:
    """Which output fires first in every sample (n,), -1 where none does."""
    torch = pytorch()
    with torch.no_grad():
        first = torch.cat([model(part).first("outputs") for part in times.split(batch)])
    early, which = first.min(1)
    return torch.where(torch.isinf(early), -1, which)


def accuracy(model: EventProp, times: torch.Tensor, labels: torch.Tensor, batch: int) -> float:
    """The share of samples in which the right output fires first."""
    return float((decide(model, times, batch) == labels).double().mean())


def _encoded(points: NDArray[np.float64], labels: NDArray[np.int64]) -> Any:
    """Points as spike times (n, 5) [s], and labels, as tensors."""
    torch = pytorch()
    times = np.column_stack([LATEST * points, LATEST * (1 - points), np.full(len(points), BIAS)])
    return torch.from_numpy(times), torch.from_numpy(labels)


def _variant(settings: Settings, sets: Sets, name: str, seed: int) -> tuple[EventProp, Sets]:
    """The network to train, and the samples in its own input.

    Behind frozen hidden units these need not be simulated again and again: their spikes are the
    input of the readout.
    """
    from potentia.learning import EventProp

    net = network(settings, seed)
    options: dict[str, Any] = {"threads": settings.threads}
    if name != "frozen":
        delays = ["hidden", "readout"] if name == "delays" else []
        return EventProp(net, DURATION, train_delays=delays, **options), sets
    whole = EventProp(net, DURATION, train=[], **options)
    behind = Network(seed=seed)
    hidden = behind.population(SpikeSource(), settings.hidden, name="hidden")
    outputs = behind.population(MODEL, len(CLASSES), name="outputs")
    weight = net.projections[1].weight
    options_of_readout: dict[str, Any] = {"weight": weight, "delay": DELAY, "name": "readout"}
    behind.connect(hidden, outputs, AllToAll(), receptor="excitatory", **options_of_readout)
    behind.stimulate(hidden, SpikeTrain(), name="points")
    seen = ((whole(times).first("hidden"), labels) for times, labels in (sets.train, sets.test))
    return EventProp(behind, DURATION, **options), Sets(*seen)


def _once(
    context: Context, settings: Settings, sets: Sets, name: str, seed: int, tick: Progress
) -> dict[str, Any]:
    """The record of one training; of a run that broke off, those that were done are kept."""
    kept = f"{name}-{seed}.json"
    if context.resume and (context.folder / kept).exists():
        tick(settings.epochs)
        record: dict[str, Any] = context.kept(kept)
        return record
    model, record = train(settings, sets, name, seed, tick)
    if name != "frozen" and seed == settings.seed:
        record |= _drawing(model, sets, settings.batch)
    context.keep(kept, record)
    return record


def _drawing(model: EventProp, sets: Sets, batch: int) -> dict[str, Any]:
    """What figures show of a trained network: its decisions over the square, and spikes."""
    torch = pytorch()
    grid = (np.arange(MAP) + 0.5) / MAP
    points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    chosen = decide(model, _encoded(points, np.zeros(len(points), np.int64))[0], batch)
    times, labels = sets.test
    shown = [int(torch.nonzero(labels == k)[0]) for k in range(len(CLASSES))]
    with torch.no_grad():
        spikes = model(times[shown])
    # JSON knows no infinity
    rasters = {
        name: [[None if np.isinf(t) else t for t in row] for row in spikes.first(name).tolist()]
        for name in ("source", "hidden", "outputs")
    }
    return {"map": chosen.view(MAP, MAP).tolist(), "rasters": rasters}


def summarise(study: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Accuracies after the last epoch, and their spread over networks."""
    metrics: dict[str, Any] = {}
    for name, records in study.items():
        last = np.array([record["accuracy"][-1] for record in records])
        own = NAMES.get(name, f"accuracy_{name}")
        metrics[own] = float(last.mean())
        metrics[f"{own}_sd"] = float(last.std(ddof=1)) if len(last) > 1 else 0.0
    return metrics


def report(
    context: Context, metrics: dict[str, Any], study: dict[str, list[dict[str, Any]]]
) -> None:
    """Print the accuracies beside the published one."""
    rows = []
    for name, records in study.items():
        own = NAMES.get(name, f"accuracy_{name}")
        shown = f"{100 * metrics[own]:.1f} ± {100 * metrics[f'{own}_sd']:.1f}"
        rows.append((name, shown, len(records), PUBLISHED if name == "weights" else "-"))
    context.table(
        rows,
        header=("what learns", "test [%]", "networks", "published [%]"),
        title="The first of three outputs; chance is 33.3 %",
    )


def plot(context: Context) -> None:
    """Draw the figure of a run folder again."""
    study = context.kept("study.json")
    context.plot("overview", lambda: overview(study))
