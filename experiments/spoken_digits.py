"""Maass, Natschlaeger and Markram (2002): spoken digits heard by a spiking liquid.

doi:10.1162/089976602760407955. A cochlea turns each recording into spikes; a liquid of adaptive LIF
neurons with fixed random weights echoes them; counts of its spikes in a few time bins feed a
trained readout. Three variants: weights on crossbars of breakdown ReRAM, as in Lin et al. (2025),
doi:10.1038/s43588-024-00751-z, random by which cells break down, read with noise and through
converters; ideal weights on the same wiring; and, as control, the same readout on the energies of
the filter bank, pooled over time, without a liquid. Two harder controls: "power" compresses the
energies like the cochlea, and "ear" reads the cochlea's spikes in the liquid's time bins.
"""

from __future__ import annotations

import time
import warnings
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from potentia.errors import PotentiaWarning
from potentia.experiments.datasets.speech import N_DIGITS, Recordings, load_speech, splits
from potentia.experiments.framework.experiment import Context
from potentia.hardware import BreakdownReRAM, Crossbar, joules
from potentia.hardware.cost import Part
from potentia.learning import Readout
from potentia.models import AdaptiveLIF, SpikeSource
from potentia.sim import (
    Choice,
    Cochlea,
    Explicit,
    FixedProbability,
    Network,
    Population,
    Result,
    Simulator,
    SpikeTrain,
)
from potentia.sim.progress import meter
from potentia.sim.results import figures

THRESHOLD = 15e-3  # [V]
BATCH = 50  # recordings of about one length that run together
COCHLEA = Cochlea()
DEVICE = BreakdownReRAM()
VARIANTS = ("ideal", "crossbar", "control", "power", "ear")
Wiring = dict[str, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**63, description="of the first liquid; the others follow")
    seeds: int = Field(3, ge=1, le=100, description="number of liquids")
    split: Literal["official", "speaker"] = Field(
        "official", description="test set: as published, or each speaker in turn"
    )
    neurons: int = Field(
        500, ge=10, le=100_000, description="of the liquid, four fifths excitatory"
    )
    connections: float = Field(
        0.1, gt=0, le=0.45, description="probability of a connection inside the liquid"
    )
    bins: int = Field(5, ge=1, le=100, description="time bins of the readout")
    weight_decay: float = Field(0.01, ge=0, description="of the readout")
    dt: float = Field(1e-3, gt=0, le=2e-3, description="step [s]")


@dataclass
class Heard:
    """What one liquid made of all recordings, and what it took.

    counts (n_words, n_bins, n_neurons).
    """

    counts: NDArray[np.float64]
    spikes: int = 0
    parts: list[Part] = field(default_factory=list)
    wiring: Wiring = field(default_factory=dict)


def liquid(settings: Settings, seed: int, wiring: Wiring | None = None) -> Network:
    """Cochlea -> 400 excitatory and 100 inhibitory neurons.

    Every projection has one magnitude of weight. On crossbars only the cells that break down
    conduct, so more of them are formed than connections are wanted. With `wiring`, what such a
    liquid came to be, the weights are ideal: the same connections, each of exact strength.
    """
    net = Network(seed=seed)
    n_exc = round(0.8 * settings.neurons)
    model = AdaptiveLIF(
        tau=40e-3, tau_adaptation=100e-3, increment=0.05 * THRESHOLD, threshold=THRESHOLD
    )
    ear = net.population(SpikeSource(), COCHLEA.n_units, name="ear")
    exc = net.population(model, n_exc, name="exc")
    inh = net.population(model, settings.neurons - n_exc, name="inh")
    net.stimulate(ear, SpikeTrain(), name="speech")

    def connect(pre: Population, post: Population, p: float, *weights: float) -> None:
        if wiring is None:
            candidates = FixedProbability(p / DEVICE.broken_share, autapses=False)
            weight = Choice(tuple(THRESHOLD * weight for weight in weights))
            net.connect(
                pre, post, candidates, weight=weight, delay=settings.dt, store=Crossbar(DEVICE)
            )
        else:
            sources, targets, signs = wiring[f"{pre.name}->{post.name}"]
            exact = signs * THRESHOLD * abs(weights[0])
            net.connect(pre, post, Explicit(sources, targets), weight=exact, delay=settings.dt)

    for post in (exc, inh):
        connect(ear, post, 0.06, 0.5, -0.5)
        connect(exc, post, settings.connections, 0.05)
        connect(inh, post, settings.connections, -0.3)
        net.probe(post, "spikes")
    net.probe(ear, "spikes")
    return net


def wiring_of(simulator: Simulator) -> Wiring:
    """Sources, targets and signs of the connections that conduct, per projection."""
    wiring = {}
    for projection in simulator.network.projections:
        synapses = simulator.synapses(projection)
        kept = synapses.weights != 0
        wiring[projection.name] = (
            synapses.sources[kept],
            synapses.targets[kept],
            np.sign(synapses.weights[kept]),
        )
    return wiring


def listen(
    context: Context, settings: Settings, network: Network, trains: list[SpikeTrain], tick: Any
) -> Heard:
    """Run all recordings through one liquid.

    The short ones come first, so that a batch has about one length.
    """
    simulator = Simulator(network, dt=settings.dt, backend=context.backend)
    order = np.argsort([train.duration for train in trains], kind="stable")
    heard = Heard(np.zeros((len(trains), settings.bins, settings.neurons)))
    costs: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for words in np.array_split(order, max(len(trains) // BATCH, 1)):
        with warnings.catch_warnings():
            # a few of a word
            warnings.filterwarnings("ignore", "Simulator.run: .* came in one step", PotentiaWarning)
            batch = simulator.run(
                {"speech": [trains[word] for word in words]}, batch=len(words), progress=False
            )
        context.record(batch)
        for word, sample in zip(words, batch.samples, strict=True):
            edges = bin_edges(trains[word], settings.bins)
            spikes = [sample.spikes(name) for name in ("exc", "inh")]
            heard.counts[word] = np.hstack(
                [binned(train.times, train.ids, train.n, edges) for train in spikes]
            )
            heard.spikes += sum(map(len, spikes))
        for projection in simulator.network.projections:
            for part in joules(simulator, batch, projection).parts:
                total = costs[part.name, part.source]
                total[0] += part.count
                total[1] += part.joules or 0.0
        tick(len(words))
    heard.wiring = wiring_of(simulator)
    heard.parts = [
        Part(name=name, count=count, each=energy / count if count else 0.0, source=source)
        for (name, source), (count, energy) in costs.items()
    ]
    return heard


def bin_edges(train: SpikeTrain, bins: int) -> NDArray[np.float64]:
    """Inner edges (bins - 1,) [s] of bins that hold equal numbers of the cochlea's spikes.

    So time is warped by loudness.
    """
    times = np.asarray(train.times)
    return np.quantile(times, np.arange(1, bins) / bins) if times.size else np.zeros(bins - 1)


def binned(times: Any, ids: Any, n: int, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spikes per bin and unit (len(edges) + 1, n)."""
    rows = np.searchsorted(edges, times, side="right")
    return np.bincount(rows * n + ids, minlength=(len(edges) + 1) * n).reshape(-1, n).astype(float)


def ear_counts(settings: Settings, trains: list[SpikeTrain]) -> NDArray[np.float64]:
    """Spikes of the cochlea per bin and fibre (n_words, n_bins, n_fibres).

    They are what the liquid adds to.
    """
    return np.array(
        [
            binned(
                train.times, np.asarray(train.ids), COCHLEA.n_units, bin_edges(train, settings.bins)
            )
            for train in trains
        ]
    )


def pooled_energies(recordings: Recordings) -> dict[str, NDArray[np.float64]]:
    """The controls' features.

    Mean and deviation over time of each band's energy, as logarithm and as a power.
    """
    rows: dict[str, list[NDArray[np.float64]]] = {"control": [], "power": []}
    for word in range(len(recordings)):
        energies = COCHLEA.energies(recordings.audio(word), recordings.rate)
        for name, levels in (
            ("control", np.log(energies + 1e-6)),
            ("power", energies ** (COCHLEA.exponent / 2)),
        ):
            rows[name].append(np.concatenate([levels.mean(axis=0), levels.std(axis=0)]))
    return {name: np.array(each) for name, each in rows.items()}


def features(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Square roots of counts, which makes their variances alike: (n_words, n_bins * n_units)."""
    return np.sqrt(counts.reshape(len(counts), -1))


def score(
    settings: Settings, recordings: Recordings, features: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Train and test the readout on every split.

    Returns the sum of the confusion matrices (digit said, digit heard).
    """
    matrix = np.zeros((N_DIGITS, N_DIGITS), np.int64)
    readout = Readout(weight_decay=settings.weight_decay)
    for split in splits(recordings, settings.split):
        trained = readout.fit(
            features[split.train], recordings.label[split.train], n_classes=N_DIGITS
        )
        matrix += trained.confusion(features[split.test], recordings.label[split.test])
    return matrix


def run(settings: Settings, context: Context) -> dict[str, Any]:
    """Hear, echo, read out; compare the three variants over the seeds."""
    begin = time.perf_counter()
    recordings = load_speech(context.data)
    words = len(recordings)
    trains = [COCHLEA.spikes(recordings.audio(word), recordings.rate) for word in range(words)]
    heard: dict[str, list[Heard]] = {"crossbar": [], "ideal": []}
    with meter(words * settings.seeds * len(heard), context.progress, unit="words") as tick:
        for seed in range(settings.seed, settings.seed + settings.seeds):
            wiring = None
            for runs in heard.values():
                runs.append(listen(context, settings, liquid(settings, seed, wiring), trains, tick))
                wiring = runs[-1].wiring
    matrices = {
        name: [score(settings, recordings, features(run.counts)) for run in heard[name]]
        for name in heard
    }
    controls = pooled_energies(recordings) | {"ear": features(ear_counts(settings, trains))}
    for name, values in controls.items():
        matrices[name] = [score(settings, recordings, values)]
    totals = {name: np.sum(each, axis=0) for name, each in matrices.items()}
    context.keep("confusion.json", {name: total.tolist() for name, total in totals.items()})
    example(settings, context, trains, int(np.flatnonzero(recordings.is_test)[0]))
    metrics = summarise(matrices, heard, words)
    metrics["seconds"] = time.perf_counter() - begin
    report(context, metrics, heard, words)
    plot(context, metrics)
    return metrics


def example(settings: Settings, context: Context, trains: list[SpikeTrain], word: int) -> None:
    """Save what the liquid on crossbars does with one word of the test set."""
    simulator = Simulator(liquid(settings, settings.seed), dt=settings.dt, backend=context.backend)
    simulator.run({"speech": [trains[word]]}, batch=1)[0].save(
        context.folder, overwrite=context.resume
    )


def summarise(
    matrices: dict[str, list[NDArray[np.int64]]], heard: dict[str, list[Heard]], words: int
) -> dict[str, Any]:
    """The metrics.

    Mean and standard deviation of the accuracies over the seeds, spikes and joules per word.
    """
    metrics: dict[str, Any] = {}
    for name in VARIANTS:
        accuracies = [matrix.trace() / matrix.sum() for matrix in matrices[name]]
        metrics[f"accuracy_{name}"] = float(np.mean(accuracies))
        metrics[f"accuracy_{name}_sd"] = (
            float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else 0.0
        )
    runs = heard["crossbar"]
    metrics["spikes_per_word"] = sum(run.spikes for run in runs) / (len(runs) * words)
    metrics["joules_per_word"] = sum(part.joules or 0.0 for run in runs for part in run.parts) / (
        len(runs) * words
    )
    return metrics


def report(
    context: Context, metrics: dict[str, Any], heard: dict[str, list[Heard]], words: int
) -> None:
    """Print accuracies, spikes, and the energy of a word.

    The energy is told part by part, with the source of each constant.
    """
    context.table(
        [
            (
                name,
                f"{100 * metrics[f'accuracy_{name}']:.2f} ± {100 * metrics[f'accuracy_{name}_sd']:.2f} %",
                f"{sum(run.spikes for run in heard[name]) / len(heard[name]) / words:.0f}"
                if name in heard
                else "-",
            )
            for name in VARIANTS
        ],
        header=("variant", "accuracy", "spikes/word"),
        title="Spoken digits, test set",
    )
    for name, title in (
        ("crossbar", "crossbar (analogue)"),
        ("ideal", "ideal weights (digital memory)"),
    ):
        run = heard[name][0]
        context.table(
            [
                (
                    part.name,
                    f"{part.count / words:.0f}",
                    f"{1e12 * (part.each or 0):.3g} pJ",
                    f"{1e9 * (part.joules or 0) / words:.3g} nJ",
                    part.source,
                )
                for part in run.parts
            ],
            header=("part", "per word", "each", "per word", "source"),
            title=f"\nEnergy of the synapses of a word, {title}",
        )
    context.say(
        f"\n{metrics['joules_per_word'] * 1e9:.1f} nJ per word on crossbars; {metrics['seconds']:.1f} s in all"
    )


def plot(context: Context, metrics: dict[str, Any] | None = None) -> None:
    """Draw the figures of a run folder.

    One word's raster, the confusion matrices, the accuracies.
    """
    if metrics is None:
        metrics = context.kept("run.json")["metrics"]
    crossbar = context.kept("confusion.json")["crossbar"]
    result = Result.load(context.folder)
    context.plot("raster", result.plot)
    context.plot("confusion", lambda: figures.confusion(crossbar, labels=range(N_DIGITS)))
    means = {name: metrics[f"accuracy_{name}"] for name in VARIANTS}
    spread = {name: metrics[f"accuracy_{name}_sd"] for name in VARIANTS}
    context.plot(
        "accuracy", lambda: figures.accuracy_bars(means, spread=spread, chance=1 / N_DIGITS)
    )
