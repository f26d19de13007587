"""The spiking recurrent network: inputs, leaky integrate-and-fire units on a graph, a readout."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from potentia.experiments.graphs.design import Design
from potentia.experiments.graphs.tasks import Task
from potentia.models import LIF, LeakyRate, SpikeSource
from potentia.sim import (
    AllToAll,
    Connectivity,
    FromSparse,
    GraphMeasures,
    Network,
    Normal,
    Simulator,
    SpikeTrain,
)
from potentia.sim.operators.graph import measure

IN, RECURRENT, OUT = "from_inputs", "recurrent", "to_readout"
LAG: Final = 2  # steps from an input's spike to what the readout makes of it
GAIN: Final = 1.0  # standard deviation of what a unit gets where all others spike once
ROOM: Final = 250  # samples that a simulator tests at a time


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """The weights of a network as matrices (n_pre, n_post), the recurrent one sparse."""

    inputs: NDArray[np.float64]
    recurrent: Any  # scipy.sparse.csr_array; every stored entry is a synapse
    readout: NDArray[np.float64]

    def measures(self) -> GraphMeasures:
        """What the graph of the recurrent synapses is like."""
        table = self.recurrent.tocoo()
        return measure(table.row.astype(np.int64), table.col.astype(np.int64), table.shape[0])


def described(
    design: Design, task: Task, wiring: Connectivity, seed: int, given: Weights | None = None
) -> Network:
    """The network with drawn weights, or with those that are given, in units of the threshold.

    The potential of a unit leaks with `tau`, and every spike that arrives changes it by a weight.
    The readout sums the spikes of all units and leaks with `tau_readout`.
    """
    n = design.neurons
    net = Network(seed=seed)
    inputs = net.population(SpikeSource(), task.n_inputs, name="inputs")
    model = LIF(tau=design.tau, threshold=1.0, reset=0.0, refractory=0.0)
    units = net.population(model, n, name="units")
    leaky = LeakyRate(tau=design.tau_readout, activation="linear")
    readout = net.population(leaky, task.n_classes, name="readout")
    net.stimulate(inputs, SpikeTrain(), name="spikes")
    spread = GAIN / math.sqrt(max(wiring.expected(n, n) / n, 1.0))
    laws: dict[str, Any] = {
        IN: Normal(0.0, task.gain),
        RECURRENT: Normal(0.0, spread),
        OUT: Normal(0.0, 1.0 / math.sqrt(n)),
    }
    if given is not None:
        wiring = FromSparse(given.recurrent)
        laws = {IN: given.inputs.ravel(), RECURRENT: None, OUT: given.readout.ravel()}
    for name, pre, post, joined in (
        (IN, inputs, units, AllToAll()),
        (RECURRENT, units, units, wiring),
        (OUT, units, readout, AllToAll()),
    ):
        net.connect(pre, post, joined, weight=laws[name], delay=task.dt, name=name)
    net.probe(readout, "r")
    return net


def weights_of(network: Network, task: Task) -> Weights:
    """The weights as they are drawn or given."""
    simulator = Simulator(network, dt=task.dt, threads=1)
    inputs, recurrent, readout = (
        simulator.synapses(name).matrix() for name in (IN, RECURRENT, OUT)
    )
    return Weights(inputs=inputs.toarray(), recurrent=recurrent, readout=readout.toarray())


def pruned(weights: Weights, design: Design, density: float) -> Weights:
    """Only the largest of the recurrent weights, so many that the graph has this density."""
    from scipy.sparse import csr_array

    n, table = design.neurons, weights.recurrent.tocoo()
    kept = np.argsort(-np.abs(table.data), kind="stable")[: round(density * n * (n - 1))]
    pairs = table.row[kept], table.col[kept]
    return replace(weights, recurrent=csr_array((table.data[kept], pairs), shape=(n, n)))


def accuracy_on_clock(network: Network, task: Task, backend: str) -> tuple[float, str]:
    """The accuracy on the test set, and the hash of all spikes, run on the clock engine."""
    simulator = Simulator(network, dt=task.dt, backend=backend, threads=1)
    duration = (len(task.spikes) + LAG) * task.dt
    right, hashes = 0, []
    for first in range(0, len(task.test), ROOM):
        samples = task.test[first : first + ROOM].tolist()
        batch = simulator.run(duration, inputs={"spikes": task.trains(samples)}, progress=False)
        last = [one.samples("readout", "r").values[-1] for one in batch.samples]
        right += int((np.argmax(last, axis=1) == task.labels[samples]).sum())
        hashes.append(batch.hash)
    return right / len(task.test), "".join(hashes)
