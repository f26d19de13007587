"""Vogels and Abbott (2005): a balanced network that keeps firing.

doi:10.1523/JNEUROSCI.3508-05.2005. The current-based version of Brette et al. (2007),
doi:10.1007/s10827-007-0038-6, benchmark 2: 3200 excitatory and 800 inhibitory neurons, 2 % of all
connections, self-sustained irregular activity after a random start. Potentials are measured from
the reset, -60 mV: threshold 10 mV, leak potential 11 mV.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from potentia.experiments.framework.experiment import Context
from potentia.models import CubaLIF
from potentia.sim import Constant, FixedProbability, Network, Result, Simulator, Uniform

LEAK = 11e-3  # [V]: -49 mV from the reset
EXCITATORY, INHIBITORY = 1.62e-3, -9e-3  # weights [V]


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**64 - 1, description="of every random draw")
    neurons: int = Field(4000, ge=10, le=1_000_000, description="four fifths excitatory")
    probability: float = Field(0.02, gt=0, le=1, description="of a connection")
    duration: float = Field(1.0, gt=0, description="simulated time [s]")
    dt: float = Field(1e-4, gt=0, description="step [s]")


def network(settings: Settings) -> Network:
    """The network, its potentials spread evenly between reset and threshold."""
    net = Network(seed=settings.seed)
    n_excitatory = round(0.8 * settings.neurons)
    start = {"v": Uniform(0.0, 10e-3)}
    exc = net.population(CubaLIF(), n_excitatory, name="exc", initial=start)
    inh = net.population(CubaLIF(), settings.neurons - n_excitatory, name="inh", initial=start)
    # the same mean input at any size
    scale = 4000 * 0.02 / (settings.neurons * settings.probability)
    for source, weight in ((exc, EXCITATORY), (inh, INHIBITORY)):
        for target in (exc, inh):
            connectivity = FixedProbability(settings.probability)
            net.connect(source, target, connectivity, weight=weight * scale, delay=settings.dt)
    for population in (exc, inh):
        net.stimulate(population, Constant(LEAK))
        net.probe(population, "spikes")
    net.probe(exc, "v", ids=[0, 1, 2])
    return net


def run(settings: Settings, context: Context) -> dict[str, Any]:
    """Simulate, measure rates and irregularity, plot the overview."""
    simulator = Simulator(network(settings), dt=settings.dt, backend=context.backend)
    begin = time.perf_counter()
    result = simulator.run(
        settings.duration,
        progress=context.progress,
        record_to=context.folder,
        resume=context.resume,
    )
    seconds = time.perf_counter() - begin
    context.record(result)
    plot(context)
    exc, inh = result.spikes("exc"), result.spikes("inh")
    metrics = {
        "rate_excitatory": exc.rate,
        "rate_inhibitory": inh.rate,
        "spikes": len(exc) + len(inh),
        "isi_cv": _mean(exc.isi_cv()),
        "seconds": seconds,
    }
    units = {"rate_excitatory": "Hz", "rate_inhibitory": "Hz", "seconds": "s"}
    context.table([(name, value, units.get(name, "")) for name, value in metrics.items()])
    return metrics


def plot(context: Context) -> None:
    """Draw the results in the run folder."""
    context.plot("overview", lambda: Result.load(context.folder).plot())


def _mean(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None
