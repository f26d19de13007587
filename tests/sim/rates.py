"""Networks of leaky rate units, and of other units that send numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from potentia import Network, Simulator
from potentia.models import LIF, LeakyRate
from potentia.sim import (
    AllToAll,
    Constant,
    NeuronModel,
    OneToOne,
    Store,
)

N, DT, STEPS = 7, 1e-3, 60
TAU = np.linspace(4e-3, 30e-3, N)
LAWS = {
    "linear": lambda u: u,
    "rectified": lambda u: np.maximum(u, 0),
    "logistic": lambda u: 1 / (1 + np.exp(-u)),
}


def network(*, activation="linear", delays=None, seed=3):
    """N units with recurrent weights of both signs, drives and starts of their own."""
    net, rng = Network(seed=seed), np.random.default_rng(seed)
    model = LeakyRate(
        tau=TAU, gain=rng.uniform(0.5, 1.5, N), offset=rng.normal(0, 0.1, N), activation=activation
    )
    units = net.population(model, N, name="units", initial={"r": rng.normal(size=N)})
    net.stimulate(units, Constant(rng.normal(size=N)), name="bias")
    delay = DT if delays is None else DT * rng.choice(delays, N * N)
    net.connect(
        units, units, AllToAll(), weight=rng.normal(0, 0.3, N * N), delay=delay, name="loop"
    )
    net.probe(units, "r")
    return net


def recursion(net, steps):
    """The rates (steps, N) step by step, from what `Simulator.synapses` tells."""
    simulator = Simulator(net, dt=DT, dtype="float64")
    found, model = simulator.synapses("loop"), net.populations[0].model
    lags = np.rint(found.delays / DT).astype(int)
    rates = [np.array(net.populations[0].initial["r"])] * (lags.max() + 1)
    bias, decay = net.inputs[0].stimulus.value, np.exp(-DT / model.tau)
    for _ in range(steps):
        drive = bias.copy()
        np.add.at(drive, found.targets, found.weights * np.array(rates)[-lags, found.sources])
        goal = LAWS[model.activation](model.gain * (drive - model.offset))
        rates.append(goal + (rates[-1] - goal) * decay)
    return np.array(rates[-steps:])


def squash_step(x, memory, extra, fired):
    for i in range(x.shape[0]):
        memory[i] = 0.5 * memory[i] + extra[i]
        extra[i] = 0
        x[i] = memory[i] / (1 + abs(memory[i]))
    return 0


@final
@dataclass(frozen=True, kw_only=True)
class Squash(NeuronModel):
    """A user's own unit, with a receptor for numbers and no drive."""

    kernel: ClassVar[Any] = squash_step
    state: ClassVar[Mapping[str, str]] = {"memory": "float", "x": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("extra",)
    sends: ClassVar[str] = "x"

    def constants(self, dt: float) -> Mapping[str, float]:
        return {}


@final
@dataclass(frozen=True, kw_only=True)
class Mute(NeuronModel):
    kernel: ClassVar[Any] = squash_step
    state: ClassVar[Mapping[str, str]] = {"memory": "float", "x": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("extra",)
    sends: ClassVar[str] = "y"

    def constants(self, dt: float) -> Mapping[str, float]:
        return {}


class Silent(Store):
    """A user's store that cannot multiply."""

    def prepare(self, projection):
        return {}

    def read(self, projection, scope): ...

    def program(self, projection, scope, proposals): ...

    def weights(self, projection, memory):
        return np.zeros(projection.synapses.n)


def joined(post=None, connectivity=None, *, dt=1e-3, **how):
    net, rule = Network(), connectivity or OneToOne()
    source, target = (
        net.population(LeakyRate(), 2, name="source"),
        net.population(post or LIF(), 2, name="target"),
    )
    net.connect(source, target, rule, **({"weight": 1.0, "delay": 1e-3} | how))
    return Simulator(net, dt=dt)
