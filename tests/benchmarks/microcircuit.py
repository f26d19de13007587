"""The cortical microcircuit (Potjans and Diesmann 2014, doi:10.1093/cercor/bhs358): CPU seconds per
biological second.

The network of `potentia run microcircuit`, by default a tenth of its neurons with all their
synapses, 30 million. Cases: the spikes of every neuron written to HDF5 while it runs, and nothing
recorded; "recording_overhead" is the share of CPU time by which they differ. rtf is the real time
factor, wall time over simulated time. Brian2 (C++ standalone), if asked for, runs as many neurons
with the same in-degrees and the same distributions of weights and delays; as rates fluctuate,
compare events_per_s, synaptic events per CPU second. The ceiling is one addition at a random place
with a weight of its own per event, and one bare update of every neuron per step, on the cpu.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from potentia import Network, Simulator
from potentia.errors import ParameterError, UnsupportedError
from potentia.sim import Constant, Poisson

from . import _ceiling
from ._brian2 import Program
from ._case import Case
from ._measure import Measure, Row, activity, built, clocked, ratios, take_turns, timed

PEERS = ("brian2",)
DT = 1e-4  # [s]
LARGEST_PEER = 0.1  # of scale_n: Brian2 takes 84 bytes per synapse
WRITTEN, BARE, KEPT = (
    "potentia, spikes to HDF5",
    "potentia, not recorded",
    "potentia, spikes in memory",
)
EQUATIONS = """
dv/dt = (ge + gi - v + drive) / tau : volt (unless refractory)
dge/dt = -ge / tau_e : volt
dgi/dt = -gi / tau_i : volt
drive : volt (constant)
"""


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**64 - 1, description="of every random draw")
    scale_n: float = Field(0.1, gt=0, le=1, description="share of the neurons")
    scale_k: float = Field(1.0, gt=0, le=1, description="share of each neuron's synapses")
    duration: float = Field(2.0, gt=0, description="simulated time of one repeat [s]")
    warmup: float = Field(0.2, ge=1e-3, description="simulated before the clocks start [s]")
    backend: Literal["cpu", "gpu"] = Field("cpu", description="of Potentia")
    threads: int = Field(1, ge=1, description="of Potentia on the cpu")
    bits: int | None = Field(
        8, ge=1, le=16, description="2**bits levels of weights; None stores floats"
    )
    procedural: bool = Field(
        False, description="draw synapses again whenever they are needed, and store none"
    )
    record: bool = Field(True, description="write spikes to HDF5; false keeps them in memory")
    repeats: int = Field(3, ge=1, le=100, description="of every case, taking turns")


def run(settings: Settings, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    if "brian2" in peers and settings.scale_n > LARGEST_PEER:
        raise ParameterError(
            f"microcircuit --peers: scale_n must be at most {LARGEST_PEER} (got {settings.scale_n})"
        )
    with ExitStack() as stack:
        cases: dict[str, Measure] = {
            name: stack.enter_context(Case(ready, settings, case=name))
            for name in ((WRITTEN, BARE) if settings.record else (KEPT,))
        }
        if "brian2" in peers:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="potentia-bench-"))
            cases["brian2-float64"] = Program(__name__, settings, Path(folder))
        rows = take_turns(cases, settings.repeats)
    ours = rows[0]
    if settings.record:
        _complete(rows[1], ours)
    return {
        "bench": "microcircuit",
        "rows": rows,
        "ratios": ratios(rows, ours) | events_ratios(rows, ours),
        "ceiling_fraction": _arithmetic(ours) / ours["cpu_s"]
        if settings.backend == "cpu"
        else None,
    }


def _arithmetic(ours: Row) -> float:
    """What the bare additions and updates of a run take on this processor [s]."""
    additions = _ceiling.scatter(ours["neurons"], drawn=True) * ours["events"]
    return additions + _ceiling.update(ours["neurons"], "lif") * ours["neurons"] / DT


def events_ratios(rows: list[Row], ours: Row) -> dict[str, float]:
    """Events per CPU second of Potentia as multiples of every peer's."""
    return {
        f"{row['case'].split('-')[0]}/ours per event": ours["events_per_s"] / row["events_per_s"]
        for row in rows
        if not row["case"].startswith("potentia")
    }


def _complete(bare: Row, recorded: Row) -> None:
    """What is known of the run without records because it fires the same spikes."""
    for key in ("rate_hz", "events", "rates_hz"):
        bare[key] = recorded[key]
    bare["events_per_s"] = bare["events"] / bare["cpu_s"]
    recorded["recording_overhead"] = recorded["cpu_s"] / bare["cpu_s"] - 1


def network(settings: Settings, **changes: Any) -> Network:
    """The network of the experiment, nothing recorded."""
    try:
        from potentia.experiments import microcircuit
    except ImportError as error:
        raise UnsupportedError(
            f"microcircuit: the experiment cannot be imported: {error}"
        ) from None
    given = settings.model_dump(include={"seed", "scale_n", "scale_k", "bits", "procedural"})
    wanted = {key: value for key, value in (given | changes).items() if value not in (None, False)}
    known = microcircuit.Settings.model_fields
    for key, value in wanted.items():
        if key not in known:
            raise ParameterError(
                f"microcircuit: {key} is not available in this version (got {value})"
            )
    net = microcircuit.network(microcircuit.Settings(**wanted))
    net.probes = []
    return net


def ready(settings: Settings, *, case: str) -> Measure:
    """One repeat: the run goes on for `duration`."""
    drive = {} if settings.scale_k < 1 else {"drive": "dc"}
    build = _builder(settings, case)
    simulator, construction = built(build, lambda: build(scale_k=1e-3 * settings.scale_k, **drive))

    def forward(seconds: float) -> tuple[Any, float, float]:
        with tempfile.TemporaryDirectory(prefix="potentia-bench-") as folder:
            options = {"record_to": Path(folder) / "run"} if case == WRITTEN else {}
            return clocked(lambda: simulator.run(seconds, progress=False, **options))

    def measure() -> Row:
        result, cpu, wall = forward(settings.duration)
        row = timed(settings.duration, cpu, wall)
        row |= {
            "rtf": row["wall_s"],
            "neurons": sum(part.n for part in simulator.network.populations),
        }
        row |= construction | activity(simulator, result, cpu)
        return row | {
            "rates_hz": {name: train.rate for name, train in result.spike_records.items()}
        }

    forward(settings.warmup)  # what writes files is imported and compiled too
    return measure


def _builder(settings: Settings, case: str) -> Callable[..., Simulator]:
    """A function that makes the network ready to run, with changes to the experiment's settings."""

    def build(**changes: Any) -> Simulator:
        net = network(settings, **changes)
        for population in net.populations if case != BARE else ():
            net.probe(population, "spikes")
        return Simulator(net, dt=DT, backend=settings.backend, threads=settings.threads)

    return build


def brian2_parts(b: Any, settings: Settings) -> list[Any]:
    """The same network in Brian2: one group of all neurons, one set of synapses of each sign."""
    net = network(settings)
    model: Any = net.populations[0].model
    names = {
        "tau": model.tau * b.second,
        "tau_e": model.tau_excitatory * b.second,
        "tau_i": model.tau_inhibitory * b.second,
        "threshold": model.threshold * b.volt,
        "reset": model.reset * b.volt,
    }
    begins = np.cumsum([0, *(population.n for population in net.populations)])
    where = {part.name: slice(*begins[k : k + 2]) for k, part in enumerate(net.populations)}
    group = b.NeuronGroup(
        int(begins[-1]),
        EQUATIONS,
        threshold="v > threshold",
        reset="v = reset",
        method="exact",
        refractory=model.refractory * b.second,
        namespace=names,
        name="group",
    )
    for key, part in enumerate(net.populations):
        group.v[where[part.name]] = part.initial["v"].sample(key, part.n) * b.volt
    inputs = []
    for given in net.inputs:
        inputs += _brian2_input(b, group, where[given.population.name], given.stimulus)
    rng = np.random.default_rng(settings.seed)
    synapses = [_brian2_synapses(b, group, net, where, rng, sign) for sign in ("excite", "inhibit")]
    return [group, *synapses, *inputs, b.SpikeMonitor(group, name="monitor")]


def _brian2_input(b: Any, group: Any, where: slice, stimulus: Any) -> list[Any]:
    """A constant sets `drive`; a Poisson train becomes the sum of a hundred slower ones."""
    if isinstance(stimulus, Constant):
        group.drive[where] = stimulus.value * b.volt
        return []
    if isinstance(stimulus, Poisson):
        rate, weight = stimulus.rate / 100 * b.Hz, stimulus.weight * b.volt
        return [b.PoissonInput(group[where], "ge", N=100, rate=rate, weight=weight)]
    raise ParameterError(
        f"microcircuit --peers: brian2 takes Constant and Poisson inputs (got {stimulus})"
    )


def _brian2_synapses(
    b: Any, group: Any, net: Network, where: dict[str, slice], rng: Any, sign: str
) -> Any:
    """All projections of one sign: as many random pairs as ours, weights and delays from the same
    distributions.
    """
    receptor = "ge" if sign == "excite" else "gi"
    parts: list[tuple[Any, ...]] = []
    for key, projection in enumerate(net.projections):
        weight, delay, n = projection.weight, projection.delay, projection.connectivity.n  # type: ignore[union-attr]
        if (weight.mean > 0) != (sign == "excite"):  # type: ignore[union-attr]
            continue
        pre, post = where[projection.pre.name], where[projection.post.name]
        pairs = (
            rng.integers(pre.start, pre.stop, n, np.int32),
            rng.integers(post.start, post.stop, n, np.int32),
        )
        parts.append((*pairs, weight.sample(key, n), delay.sample(key + 1000, n)))  # type: ignore[union-attr]
    i, j, weights, delays = (np.concatenate(column) for column in zip(*parts, strict=True))
    synapses = b.Synapses(group, group, "w : volt", on_pre=f"{receptor}_post += w", name=sign)
    synapses.connect(i=i, j=j)
    synapses.w, synapses.delay = weights * b.volt, delays * b.second
    return synapses
