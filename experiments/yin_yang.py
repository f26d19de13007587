"""Wunderlich and Pehle (2021), doi:10.1038/s41598-021-91786-z, on the yin-yang data of Kriener et al.
(2022), doi:10.1145/3517343.3517380: a network on no grid learns by exact gradients of its spike
times.

A point (x, y) is five spikes: at times in proportion to x, y, 1 - x and 1 - y, and one at a fixed
time. They reach 200 hidden units, these reach three outputs, and the class is the output that fires
first. Every unit fires once at most. Beside it: the same with delays that learn too, one of each
synapse; the same hidden units on a grid, which learn by surrogate gradients; and, as control, a
readout that learns behind hidden units that do not.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from potentia.experiments.datasets.yin_yang import CLASSES, yin_yang
from potentia.experiments.figures.yin_yang import overview
from potentia.experiments.framework.descent import MOST_RATE, check_descent
from potentia.experiments.framework.experiment import Context
from potentia.learning.readout import one_thread, pytorch
from potentia.models import CubaLIF, SpikeSource
from potentia.sim import AllToAll, ArcTan, Network, Population, Simulator, SpikeTrain
from potentia.sim.progress import Progress, meter

if TYPE_CHECKING:
    import torch

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
NEVER: Final = 1e6  # [thresholds], out of reach
SHARPNESS: Final = 0.5e-3  # [s]: an output that fires earlier by this much is e times as likely
# size and time constant [s] of the loss that draws the right spike forward, so that it is not lost
PULL: Final = 10e-3, 10e-3
LOOK: Final = 2.5e-3  # [s] between observations of the outputs' potentials
LIFT: Final = 20.0  # loss of a right output that is silent, for each threshold that it lacks
# longest gradients of weights [1/threshold] and of delays [1/s]; what is longer is cut to that
LONGEST: Final = {"weights": 1.0, "delays": 100.0}
IDLE: Final = 0.95  # the share of samples of a batch in which a hidden unit may be silent
RISE: Final = 0.02  # by which the weights onto it rise otherwise
VARIANTS: Final = ("weights", "delays", "surrogate", "frozen")
DRAWN: Final = ("weights", "delays")  # of which figures show more than accuracy
NAMES: Final = {"weights": "accuracy"}  # of metrics; those of others end with the variant
# of the network on a grid: steeper than by default, as most potentials are far from the threshold
SURROGATE: Final = ArcTan(slope=20.0)
PEAK: Final = 0.2  # an output whose potential rises higher by this share of the threshold is e times as likely
PUBLISHED: Final = "98.1 ± 0.2"  # [%], Wunderlich and Pehle (2021), 200 hidden units, 300 epochs
MAP: Final = 60  # points along a side of the map of decisions
SEEN: Final = 50  # samples that are looked at together at least, where nothing learns


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**62, description="of the first network; the others follow")
    seeds: int = Field(1, ge=1, le=100, description="number of networks, each trained anew")
    hidden: int = Field(200, ge=1, le=10_000, description="hidden units")
    samples: int = Field(5000, ge=3, le=10**6, description="to train on")
    tests: int = Field(1000, ge=3, le=10**6, description="to test on")
    epochs: int = Field(20, ge=1, le=10_000, description="of training")
    surrogate_epochs: int = Field(
        16, ge=1, le=10_000, description="of training by surrogate gradients, each slower"
    )
    surrogate_rate: float = Field(
        1e-2, gt=0, le=MOST_RATE, description="of learning by surrogate gradients, in thresholds"
    )
    step: float = Field(1e-3, ge=1e-5, le=1e-3, description="of the grid, a part of 1 ms [s]")
    batch: int = Field(50, ge=1, le=10_000, description="samples per step of training")
    rate: float = Field(1e-2, gt=0, le=MOST_RATE, description="of learning weights, in thresholds")
    delay_rate: float = Field(50e-6, gt=0, le=1, description="of learning delays [s]")
    fall: float = Field(0.05, gt=0, le=1, description="of the rates until the end, as a factor")
    threads: int = Field(2, ge=1, le=256, description="among which samples are dealt")

    @field_validator("step")
    @classmethod
    def _fits_the_delay(cls, value: float) -> float:
        parts = round(DELAY / value)
        if abs(DELAY / value - parts) > 1e-6:
            raise ValueError(f"must be 1 ms over a whole number, such as {DELAY / parts:.6g} s")
        return value


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
    total = settings.seeds * (3 * settings.epochs + settings.surrogate_epochs)
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


def network(settings: Settings, seed: int, *, fires: bool = True) -> Network:
    """Five sources, hidden units, three outputs, all to all; weights drawn by the seed.

    Most hidden units fire at first, and outputs with them: the more of these there are, the weaker.
    fires: whether outputs have a threshold that they can reach.
    """
    rng = np.random.default_rng(seed)
    net = Network(seed=seed)
    source = net.population(SpikeSource(), N_IN, name="source")
    hidden = net.population(MODEL, settings.hidden, name="hidden")
    model = MODEL if fires else replace(MODEL, threshold=NEVER)
    outputs = net.population(model, len(CLASSES), name="outputs")
    each = 36.0 / settings.hidden
    join(net, source, hidden, "first", rng.normal(1.5, 0.8, N_IN * hidden.n))
    join(net, hidden, outputs, "readout", rng.normal(each, each, hidden.n * outputs.n))
    net.stimulate(source, SpikeTrain(), name="points")
    return net


def join(net: Network, pre: Population, post: Population, name: str, weight: Any) -> None:
    """Synapses from all units to all."""
    net.connect(pre, post, AllToAll(), weight=weight, delay=DELAY, receptor="excitatory", name=name)


@dataclass
class Seen:
    """What the outputs did in a batch: first (n, 3) [s], the first spike of each, DURATION where it
    was silent; silent (n, 3); peak (n, 3), the highest potential observed, or None; idle (hidden,),
    the share of samples in which a hidden unit was silent, or None.
    """

    first: torch.Tensor
    silent: torch.Tensor
    peak: torch.Tensor | None = None
    idle: torch.Tensor | None = None


class OnEvents:
    """A network that learns by exact gradients on no grid."""

    fast: ClassVar = "rate"  # the setting that tells how fast

    def __init__(self, net: Network, settings: Settings, delays: tuple[str, ...] = ()) -> None:
        from potentia.learning import EventProp

        self.model = EventProp(
            net,
            DURATION,
            train_delays=delays,
            watch=["outputs"],
            watch_times=np.arange(LOOK, DURATION, LOOK),
            threads=settings.threads,
        )
        weights, moved = (list(own.values()) for own in (self.model.weights, self.model.delays))
        self.groups: list[dict[str, Any]] = [
            {"params": weights, "lr": settings.rate, "longest": LONGEST["weights"]},
            {"params": moved, "lr": settings.delay_rate, "longest": LONGEST["delays"]},
        ]

    def see(self, times: torch.Tensor) -> Seen:
        """Run a batch: spike times of the input (n, n_in) [s], inf where there is none."""
        torch, spikes = pytorch(), self.model(times)
        first = spikes.first("outputs")
        silent = torch.isinf(first)
        peak = spikes.potentials["outputs"].amax(1)
        idle = (spikes.counts("hidden") == 0).double().mean(0)
        return Seen(torch.where(silent, DURATION, first), silent, peak, idle)

    def wake(self, seen: Seen) -> None:
        """Raise the weights onto hidden units that are silent nearly always.

        Gradients know nothing of spikes that are missing.
        """
        if "first" in self.model.weights and seen.idle is not None:
            with pytorch().no_grad():
                self.model.weights["first"].view(N_IN, -1)[:, seen.idle > IDLE] += RISE


class OnGrid:
    """The same network in steps on tensors, which learns by surrogate gradients.

    In one step several outputs may fire, so they do not fire here: the class is the output whose
    potential rises highest, as is customary where surrogate gradients train.
    """

    fast: ClassVar = "surrogate_rate"

    def __init__(self, net: Network, settings: Settings) -> None:
        outputs = next(part for part in net.populations if part.name == "outputs")
        net.probe(outputs, "v")
        simulator = Simulator(net, dt=settings.step, backend="torch")
        self.module = simulator.module(["first", "readout"], surrogate=SURROGATE)
        self.step = settings.step
        self.steps = round(DURATION / settings.step)
        weights = list(self.module.parameters())
        self.groups: list[dict[str, Any]] = [
            {"params": weights, "lr": settings.surrogate_rate, "longest": LONGEST["weights"]}
        ]

    def see(self, times: torch.Tensor) -> Seen:
        """Run a batch: spike times of the input (n, n_in) [s].

        The higher a potential rises, the earlier the output counts as `first`.
        """
        torch = pytorch()
        n, n_in = times.shape
        spikes = torch.zeros(self.steps, n, n_in)
        step = (times / self.step).round().long().sub(1).clamp(min=0)
        spikes[step, torch.arange(n)[:, None], torch.arange(n_in)] = 1.0
        peak = self.module({"points": spikes})["outputs.v"].amax(0)
        first = -SHARPNESS / PEAK * peak
        return Seen(first, torch.zeros_like(first, dtype=torch.bool))

    def wake(self, seen: Seen) -> None:
        """Nothing: a surrogate reaches silent units."""


Learner = OnEvents | OnGrid


def train(
    settings: Settings, learner: Learner, sets: Sets, epochs: int, seed: int, tick: Progress
) -> dict[str, Any]:
    """Train a network; returns the accuracy and the loss after every epoch."""
    torch = pytorch()
    optimiser = torch.optim.Adam(learner.groups)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, settings.fall ** (1 / epochs))
    shuffled = torch.Generator().manual_seed(seed)
    record: dict[str, Any] = {"accuracy": [], "loss": []}
    times, labels = sets.train
    for _ in range(epochs):
        losses = []
        for batch in torch.randperm(len(times), generator=shuffled).split(settings.batch):
            seen = learner.see(times[batch])
            cost = loss(seen, labels[batch])
            optimiser.zero_grad()
            cost.backward()
            check_descent("yin-yang", learner.fast, learner.groups[0]["lr"], [cost])
            for group in learner.groups:
                torch.nn.utils.clip_grad_norm_(group["params"], group["longest"])
            optimiser.step()
            learner.wake(seen)
            losses.append(cost.item())
        schedule.step()
        record["accuracy"].append(accuracy(learner, *sets.test, settings.batch))
        record["loss"].append(float(np.mean(losses)))
        tick(1)
    return record


def loss(seen: Seen, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the first spikes, the earlier the likelier, and a little that draws the
    right one forward; where that is silent, how far its potential is from the threshold.
    """
    library = pytorch()
    own = labels[:, None]
    right = seen.first.gather(1, own)[:, 0]
    cost = library.nn.functional.cross_entropy(-seen.first / SHARPNESS, labels, reduction="none")
    cost = cost + PULL[0] * (library.exp(right / PULL[1]) - 1)
    if seen.peak is not None:
        missing = LIFT * (1 - seen.peak.gather(1, own)[:, 0])
        cost = library.where(seen.silent.gather(1, own)[:, 0], missing, cost)
    mean: torch.Tensor = cost.mean()
    return mean


def decide(learner: Learner, times: torch.Tensor, batch: int) -> torch.Tensor:
    """Which output fires first in every sample (n,), -1 where none does."""
    library = pytorch()
    with library.no_grad():
        parts = times.split(max(batch, SEEN))
        first = library.cat([learner.see(part).first for part in parts])
    early, which = first.min(1)
    chosen: torch.Tensor = library.where(early < DURATION, which, -1)
    return chosen


def accuracy(learner: Learner, times: torch.Tensor, labels: torch.Tensor, batch: int) -> float:
    """The share of samples in which the right output fires first."""
    return float((decide(learner, times, batch) == labels).double().mean())


def _encoded(points: NDArray[np.float64], labels: NDArray[np.int64]) -> Any:
    """Points as spike times (n, 5) [s], and labels, as tensors."""
    torch = pytorch()
    times = np.column_stack([LATEST * points, LATEST * (1 - points), np.full(len(points), BIAS)])
    return torch.from_numpy(times), torch.from_numpy(labels)


def learner_of(settings: Settings, sets: Sets, name: str, seed: int) -> tuple[Learner, Sets]:
    """The network of a variant, and the samples in its own input."""
    if name == "surrogate":
        return OnGrid(network(settings, seed, fires=False), settings), sets
    net = network(settings, seed)
    if name != "frozen":
        return OnEvents(net, settings, ("first", "readout") if name == "delays" else ()), sets
    # what frozen hidden units do is simulated once and is then the input of the readout
    whole = OnEvents(net, settings).model
    with pytorch().no_grad():
        seen = [(whole(times).first("hidden"), labels) for times, labels in (sets.train, sets.test)]
    behind = Network(seed=seed)
    hidden = behind.population(SpikeSource(), settings.hidden, name="hidden")
    outputs = behind.population(MODEL, len(CLASSES), name="outputs")
    join(behind, hidden, outputs, "readout", net.projections[1].weight)
    behind.stimulate(hidden, SpikeTrain(), name="points")
    return OnEvents(behind, settings), Sets(*seen)


def _once(
    context: Context, settings: Settings, sets: Sets, name: str, seed: int, tick: Progress
) -> dict[str, Any]:
    """The record of one training; of a run that broke off, those that were done are kept."""
    kept = f"{name}-{seed}.json"
    epochs = settings.surrogate_epochs if name == "surrogate" else settings.epochs
    if context.resume and (context.folder / kept).exists():
        tick(epochs)
        record: dict[str, Any] = context.kept(kept)
        return record
    learner, own = learner_of(settings, sets, name, seed)
    record = train(settings, learner, own, epochs, seed, tick)
    if name in DRAWN and seed == settings.seed and isinstance(learner, OnEvents):
        record |= _drawing(learner, own, settings.batch)
    context.keep(kept, record)
    return record


def _drawing(learner: OnEvents, sets: Sets, batch: int) -> dict[str, Any]:
    """What figures show of a trained network: its decisions over the square, and spikes."""
    torch = pytorch()
    grid = (np.arange(MAP) + 0.5) / MAP
    points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    chosen = decide(learner, _encoded(points, np.zeros(len(points), np.int64))[0], batch)
    times, labels = sets.test
    shown = [int(torch.nonzero(labels == k)[0]) for k in range(len(CLASSES))]
    with torch.no_grad():
        spikes = learner.model(times[shown])
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
