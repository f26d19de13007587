"""Potjans and Diesmann (2014), doi:10.1093/cercor/bhs358: a full-scale cortical microcircuit.

The 77,169 neurons under 1 mm^2 of early sensory cortex: an excitatory and an inhibitory population
in each of the layers 2/3, 4, 5 and 6, joined by 299 million synapses whose numbers come from
anatomy and physiology. All neurons and nearly all synapses are alike, and yet the rates differ
between populations as they do in vivo.

Sizes, connection probabilities, external in-degrees and parameters of neurons and synapses are
those of the paper's tables 4 and 5. Initial potentials and the stationary rates, which stand in for
lost input where the network is scaled down, are those of the authors' reference implementation,
github.com/INM-6/microcircuit-PD14-model. Scaling follows van Albada, Helias and Diesmann (2015),
doi:10.1371/journal.pcbi.1004490.
"""

from __future__ import annotations

import math
import sys
import time
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from potentia.experiments.figures import microcircuit as microcircuit_figure
from potentia.experiments.framework.experiment import Context
from potentia.models import CubaLIF
from potentia.sim import (
    Constant,
    FixedTotal,
    Ideal,
    Network,
    Normal,
    Poisson,
    Procedural,
    Result,
    Simulator,
    Stimulus,
    Store,
)
from potentia.sim import validation as check
from potentia.sim.results import statistics

POPULATIONS: Final = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
SIZES: Final = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])  # neurons
PROBABILITIES: Final = np.array(
    [  # of a connection to the population of the row, from that of the column
        [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0000, 0.0076, 0.0000],
        [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0000, 0.0042, 0.0000],
        [0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0000],
        [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0000, 0.1057, 0.0000],
        [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0000],
        [0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0000],
        [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
        [0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443],
    ]
)
# synapses from outside per neuron
EXTERNAL: Final = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])
EXTERNAL_RATE: Final = 8.0  # of each of them [Hz]
# full scale [Hz]
REFERENCE_RATES: Final = np.array([0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829])

TAU, TAU_SYNAPSE, CAPACITANCE = 10e-3, 0.5e-3, 250e-12  # [s], [s], [F]
REST, THRESHOLD, RESET, REFRACTORY = -65e-3, -50e-3, -65e-3, 2e-3  # [V], [V], [V], [s]
# [V]
START_MEAN: Final = (
    np.array([-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43]) * 1e-3
)
START_SD: Final = np.array([5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48]) * 1e-3  # [V]

# R * I [V]: 3.512 mV, a current whose potential peaks at 0.15 mV
WEIGHT: Final = 87.8e-12 * TAU / CAPACITANCE
G: Final = -4.0  # inhibitory weights over excitatory ones
WEIGHT_SPREAD: Final = 0.1  # standard deviation over mean
DEFAULT_BITS: Final = 8  # of a weight: 256 levels with the mean and variance of its distribution
DELAYS: Final = {"E": (1.5e-3, 0.75e-3), "I": (0.8e-3, 0.4e-3)}  # mean, standard deviation [s]

Matrix = NDArray[np.float64]
Counts = NDArray[np.int64]


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**64 - 1, description="of every random draw")
    scale_n: float = Field(1.0, gt=0, le=1, description="share of the neurons")
    scale_k: float = Field(1.0, gt=0, le=1, description="share of each neuron's synapses")
    drive: Literal["dc", "poisson"] | None = Field(
        None,
        description="what stands for the input from outside; None: dc, but poisson where scale_k < 1",
    )
    duration: float = Field(5.0, gt=0, description="simulated and recorded time [s]")
    transient: float = Field(0.5, ge=0, description="simulated time before the recording [s]")
    dt: float = Field(1e-4, gt=0, le=5e-4, description="step [s]")
    bits: int | None = Field(
        DEFAULT_BITS, ge=1, le=16, description="2**bits levels of weights; None stores floats"
    )
    procedural: bool = Field(
        False, description="draw synapses again whenever they are needed, and store none"
    )
    threads: int | None = Field(None, ge=1, description="all cores if None")


def synapse_numbers() -> Counts:
    """Synapses of the full network (8, 8), to the population of the row from that of the column.

    So many independent draws of a pair reach a share p of all pairs: K = ln(1 - p) / ln(1 - 1 /
    pairs).
    """
    pairs = np.outer(SIZES, SIZES).astype(float)
    return whole(np.log1p(-PROBABILITIES) / np.log1p(-1 / pairs))


def in_degrees() -> Matrix:
    """Synapses of the full network per neuron of the row's population, from the column's (8, 8)."""
    return np.asarray(synapse_numbers() / SIZES[:, None], np.float64)


def mean_weights() -> Matrix:
    """Mean weights of the full network (8, 8) [V], negative from inhibitory populations.

    L4E to L23E is doubled.
    """
    weights = np.tile(np.array([WEIGHT, G * WEIGHT]), (8, 4))
    weights[POPULATIONS.index("L23E"), POPULATIONS.index("L4E")] *= 2
    return weights


def sizes(settings: Settings) -> Counts:
    """Neurons of each population (8,), at least one."""
    return whole(np.maximum(settings.scale_n * SIZES, 1))


def scaled_numbers(settings: Settings) -> Counts:
    """Synapses (8, 8) that give every neuron `scale_k` of its in-degree from each population."""
    return whole(settings.scale_k * in_degrees() * sizes(settings)[:, None])


def drive_of(settings: Settings) -> str:
    """The drive, chosen if it was left open.

    With few strong synapses and a constant drive a pause ends the activity for good: the constant
    that replaces recurrent inhibition goes on while the rest of the input is gone. So a network
    with fewer synapses gets noise.
    """
    return settings.drive or ("dc" if settings.scale_k == 1 else "poisson")


def external_mean() -> Matrix:
    """Mean input from outside at full scale (8,), R * I [V].

    It is the rate times the integral of a current.
    """
    return EXTERNAL * EXTERNAL_RATE * WEIGHT * TAU_SYNAPSE


def recurrent_mean() -> Matrix:
    """Mean input from inside at full scale and the reference rates (8,), R * I [V]."""
    return np.asarray((in_degrees() * mean_weights()) @ REFERENCE_RATES * TAU_SYNAPSE)


def constant_input(settings: Settings) -> Matrix:
    """Constant current of each population (8,), R * I [V].

    Fewer synapses, `scale_k` of them, with weights larger by 1 / sqrt(scale_k) keep the variance of
    the input but only sqrt(scale_k) of its mean; what is missing comes as a constant, as does all
    that is from outside where the drive is constant.
    """
    missing = 1 - math.sqrt(settings.scale_k)
    outside = 1.0 if drive_of(settings) == "dc" else missing
    return outside * external_mean() + missing * recurrent_mean()


def store_of(settings: Settings) -> Store | None:
    """Where the weights of every projection live.

    None is the network's own choice, exact weights.
    """
    if settings.procedural:
        return Procedural(bits=settings.bits or DEFAULT_BITS)
    return None if settings.bits is None else Ideal(bits=settings.bits)


def network(settings: Settings) -> Network:
    """The microcircuit, without probes.

    Its populations are in the order of `POPULATIONS`, potentials measured from rest.
    """
    net = Network(seed=settings.seed)
    model = CubaLIF(
        tau=TAU,
        tau_excitatory=TAU_SYNAPSE,
        tau_inhibitory=TAU_SYNAPSE,
        threshold=THRESHOLD - REST,
        reset=RESET - REST,
        refractory=REFRACTORY,
    )
    constants = constant_input(settings)
    for k, (name, n) in enumerate(zip(POPULATIONS, sizes(settings).tolist(), strict=True)):
        start = {"v": Normal(float(START_MEAN[k] - REST), float(START_SD[k]))}
        population = net.population(model, n, name=name, initial=start)
        if constants[k]:
            net.stimulate(population, Constant(float(constants[k])), name=f"{name}_constant")
        if drive_of(settings) == "poisson":
            net.stimulate(population, poisson(settings, k), name=f"{name}_poisson")
    connect(net, settings)
    return net


def poisson(settings: Settings, k: int) -> Stimulus:
    """All external synapses of a neuron of population `k` as one Poisson train."""
    rate = settings.scale_k * float(EXTERNAL[k]) * EXTERNAL_RATE
    return Poisson(rate=rate, weight=WEIGHT / math.sqrt(settings.scale_k))


def connect(net: Network, settings: Settings) -> None:
    """Join the populations wherever there is at least one synapse.

    No weight changes its sign, no delay is below dt.
    """
    numbers, weights = scaled_numbers(settings), mean_weights() / math.sqrt(settings.scale_k)
    store = store_of(settings)
    for row, post in enumerate(net.populations):
        for column, pre in enumerate(net.populations):
            if not numbers[row, column]:
                continue
            mean = float(weights[row, column])
            low, high = (0.0, None) if mean > 0 else (None, 0.0)
            delay, spread = DELAYS[pre.name[-1]]
            net.connect(
                pre,
                post,
                FixedTotal(int(numbers[row, column])),
                store=store,
                weight=Normal(mean, WEIGHT_SPREAD * abs(mean), low=low, high=high),
                delay=Normal(delay, spread, low=settings.dt),
            )


def run(settings: Settings, context: Context) -> dict[str, Any]:
    """Build, let the start fade, record, measure, plot."""
    for name in ("duration", "transient"):
        if getattr(settings, name):
            check.steps("microcircuit", name, getattr(settings, name), settings.dt)
    begin = time.perf_counter()
    net = network(settings)
    for population in net.populations:
        net.probe(population, "spikes")
    simulator = Simulator(net, dt=settings.dt, backend=context.backend, threads=settings.threads)
    metrics: dict[str, Any] = {"construction_seconds": time.perf_counter() - begin}
    simulator.run(settings.transient, progress=context.progress)
    begin, began = time.perf_counter(), time.process_time()
    result = simulator.run(
        settings.duration,
        progress=context.progress,
        record_to=context.folder,
        resume=context.resume,
    )
    metrics["seconds"], metrics["cpu_s"] = time.perf_counter() - begin, time.process_time() - began
    metrics["real_time_factor"] = None if context.resume else metrics["seconds"] / settings.duration
    context.record(result)
    metrics |= size(settings, simulator, result) | activity(result)
    report(context, metrics)
    plot(context, result)
    return metrics


def size(settings: Settings, simulator: Simulator, result: Result) -> dict[str, Any]:
    """How large the network is, and how much happens in it.

    Neurons, synapses, bytes per synapse that the simulation keeps, and events: spikes that reach a
    synapse. Events are spikes times the mean out-degree of their population.
    """
    neurons, numbers = sizes(settings), scaled_numbers(settings)
    spikes, synapses = (
        np.array([len(result.spikes(name)) for name in POPULATIONS]),
        int(numbers.sum()),
    )
    return {
        "neurons": int(neurons.sum()),
        "synapses": synapses,
        "bytes_per_synapse": simulator.plan.synapse_bytes / max(synapses, 1),
        "spikes": int(spikes.sum()),
        "events": round(float(spikes @ (numbers.sum(axis=0) / neurons))),
        "peak_rss_mb": peak_rss_mb(),
    }


def activity(result: Result) -> dict[str, Any]:
    """What every population does.

    Its rate [Hz], that rate's deviation from the reference, irregularity, correlation and
    synchrony.
    """
    metrics: dict[str, Any] = {}
    for name, reference in zip(POPULATIONS, REFERENCE_RATES.tolist(), strict=True):
        spikes = result.spikes(name)
        metrics[f"rate_{name}"] = spikes.rate
        metrics[f"deviation_{name}"] = spikes.rate / reference - 1
        metrics[f"cv_{name}"] = mean(spikes.isi_cv())
        metrics[f"correlation_{name}"] = mean(statistics.correlations(spikes))
        metrics[f"synchrony_{name}"] = mean(statistics.synchrony(spikes))
    return metrics


def report(context: Context, metrics: dict[str, Any]) -> None:
    """Print the activity of each population beside the reference, and what the run took."""
    context.table(
        [
            (
                name,
                metrics[f"rate_{name}"],
                reference,
                f"{100 * metrics[f'deviation_{name}']:+.1f} %",
                *(show(metrics[f"{what}_{name}"]) for what in ("cv", "correlation", "synchrony")),
            )
            for name, reference in zip(POPULATIONS, REFERENCE_RATES.tolist(), strict=True)
        ],
        header=(
            "population",
            "rate [Hz]",
            "published",
            "deviation",
            "CV",
            "correlation",
            "synchrony",
        ),
    )
    memory = "" if metrics["peak_rss_mb"] is None else f", {metrics['peak_rss_mb']:,.0f} MB at most"
    factor = metrics["real_time_factor"]
    pace = " since the run was resumed" if factor is None else f"; real-time factor {factor:.2f}"
    context.say(
        f"\n{metrics['neurons']:,} neurons, {metrics['synapses']:,} synapses of {metrics['bytes_per_synapse']:.1f} "
        f"bytes, built in {metrics['construction_seconds']:.1f} s{memory}\n{metrics['events']:,} synaptic events in "
        f"{metrics['seconds']:.1f} s, {metrics['cpu_s']:.1f} s of CPU{pace}"
    )


def plot(context: Context, result: Result | None = None) -> None:
    """Draw the figure of a run folder."""
    shown = Result.load(context.folder) if result is None else result
    references = dict(zip(POPULATIONS, REFERENCE_RATES.tolist(), strict=True))
    context.plot(
        "microcircuit", lambda: microcircuit_figure.overview(shown.spike_records, references)
    )


def whole(values: Matrix) -> Counts:
    """The nearest whole numbers."""
    return np.asarray(np.rint(values), np.int64)


def mean(values: float | Matrix) -> float | None:
    """The mean of all finite numbers, None where there are none."""
    known = np.ravel(values)[np.isfinite(np.ravel(values))]
    return float(known.mean()) if known.size else None


def show(value: float | None) -> str:
    """A statistic as text."""
    return "-" if value is None else f"{value:.4f}"


def peak_rss_mb() -> float | None:
    """The most memory this process ever held [MB], None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
