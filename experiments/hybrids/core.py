"""The spiking core of a hybrid network: on tensors, event by event, and on a crossbar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from potentia.experiments.hybrids.design import DT, Design
from potentia.hardware import ADC, BreakdownReRAM, Crossbar, Macro40nm, Wires, joules
from potentia.hardware.cost import Part
from potentia.models import LIF, SpikeSource
from potentia.sim import AllToAll, Ideal, Network, Simulator, SpikeTrain, Store

FEATURES, CORE, PULSES = "features", "core", "pulses"
SYNAPSES: Final = "synapses"
LAG: Final = 1  # steps from a spike of a feature to what the core makes of it
ROOM: Final = 250  # samples that a simulator runs at a time
FEWEST: Final = 1e-3  # share of active rows that the range of a converter is made for, at least


def described(
    design: Design, weights: NDArray[np.float64], seed: int, store: Store | None = None
) -> Network:
    """The core with weights (n_features, neurons), in units of the threshold.

    The potential of a unit leaks with `tau`, and every spike that arrives changes it by a weight.
    """
    net = Network(seed=seed)
    features = net.population(SpikeSource(), weights.shape[0], name=FEATURES)
    model = LIF(tau=design.tau, threshold=1.0, reset=0.0, refractory=0.0)
    core = net.population(model, weights.shape[1], name=CORE)
    net.stimulate(features, SpikeTrain(), name=PULSES)
    net.connect(
        features,
        core,
        AllToAll(),
        weight=weights.ravel(),
        delay=DT,
        store=Ideal() if store is None else store,
        name=SYNAPSES,
    )
    net.probe(features, "spikes")
    net.probe(core, "spikes")
    return net


def crossbar(design: Design, activity: float) -> Crossbar:
    """Pairs of breakdown cells, of which the sign of a weight says which is formed.

    activity: share of the rows that are driven in a step.
    """
    device = BreakdownReRAM(forming_voltage=design.forming_voltage, read_noise=design.read_noise)
    return Macro40nm(device=device).store(
        pairs="one",
        adc=ADC(bits=design.adc_bits),
        activity=max(activity, FEWEST),
        wires=Wires(r_word=design.r_wire, r_bit=design.r_wire) if design.r_wire else None,
    )


def weights_of(network: Network) -> NDArray[np.float64]:
    """The weights (n_features, neurons) that spikes meet, on a crossbar those of its devices."""
    simulator = Simulator(network, dt=DT, threads=1)
    joined = simulator.projection(SYNAPSES)
    weights: NDArray[np.float64] = simulator.weights(SYNAPSES).reshape(joined.pre.n, joined.post.n)
    return weights


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Heard:
    """What a core made of samples, and what its synapses took for all of them together."""

    counts: NDArray[np.int64]  # (n, neurons) spikes
    parts: tuple[Part, ...]
    hash: str  # of all spikes

    @property
    def joules(self) -> float:
        """All that has a figure [J]."""
        return sum(part.joules or 0.0 for part in self.parts)


def hear(
    network: Network,
    pulses: NDArray[np.float32],
    backend: str,
    tick: Callable[[int], None] = lambda n: None,
) -> Heard:
    """Run a core on samples, pulses (steps, n, n_features) of 0 and 1; `tick(n)` after n of them."""
    simulator = Simulator(network, dt=DT, backend=backend, threads=1)
    duration, n = (len(pulses) + LAG) * DT, pulses.shape[1]
    counts, hashes = [], []
    totals: dict[tuple[str, str], tuple[float, float]] = {}
    for first in range(0, n, ROOM):
        trains = [train(pulses[:, k]) for k in range(first, min(first + ROOM, n))]
        batch = simulator.run(duration, inputs={PULSES: trains}, first=first, progress=False)
        counts += [sample.spikes(CORE).counts() for sample in batch.samples]
        for part in joules(simulator, batch, SYNAPSES).parts:
            count, energy = totals.get((part.name, part.source), (0.0, 0.0))
            totals[part.name, part.source] = (
                count + part.count,
                energy + (part.joules or 0.0),
            )
        hashes.append(batch.hash)
        tick(len(trains))
    parts = (
        Part(name=name, count=count, each=energy / max(count, 1.0), source=source)
        for (name, source), (count, energy) in totals.items()
    )
    return Heard(counts=np.array(counts), parts=tuple(parts), hash="".join(hashes))


def train(pulses: NDArray[np.float32]) -> SpikeTrain:
    """One sample (steps, n_features) as a stimulus."""
    steps, units = np.nonzero(pulses)
    return SpikeTrain((steps + 1) * DT, units)


def watch(
    network: Network, pulses: NDArray[np.float32], backend: str
) -> dict[str, list[list[float]]]:
    """One sample (steps, n_features): times [s] and units of the spikes of each population."""
    simulator = Simulator(network, dt=DT, backend=backend, threads=1)
    duration = (len(pulses) + LAG) * DT
    seen = simulator.run(duration, inputs={PULSES: [train(pulses)]}, progress=False)[0]
    records = {name: seen.spikes(name) for name in (FEATURES, CORE)}
    return {name: [one.times.tolist(), one.ids.tolist()] for name, one in records.items()}
