"""A crossbar that numbers drive."""

import numpy as np

from potentia import Network, Simulator
from potentia.hardware import PulsedReRAM, Wires
from potentia.models import LeakyRate
from potentia.sim import AllToAll

N_PRE, N_POST, DT = 9, 5, 1e-3
CELL = PulsedReRAM(g_min=1e-6, g_max=20e-6, write_error=0.01)
WIRES = Wires(r_word=5.0, r_bit=5.0)
RNG = np.random.default_rng(7)
X, Z = RNG.normal(size=(3, N_PRE)), RNG.normal(size=(3, N_POST))


def simulate(
    store,
    *,
    backend="cpu",
    weight=None,
    delay=2e-3,
    connectivity=None,
    dtype="float64",
    start=None,
    rule=None,
    **how,
):
    """Rate units that hold what they start with, onto units whose first step tells what reached
    them.
    """
    net = Network(seed=3)
    hold = 1e6  # [s], so that nothing of the start is lost
    pre = net.population(
        LeakyRate(activation="linear", tau=hold), N_PRE, name="pre", initial={"r": X[0]}
    )
    if start is not None:
        pre = net.population(
            LeakyRate(activation="linear", tau=hold), N_PRE, name="own", initial={"r": start}
        )
    post = net.population(LeakyRate(activation="linear", tau=DT), N_POST, name="post")
    weight = np.linspace(-1, 1, N_PRE * N_POST) ** 3 if weight is None else weight
    connectivity = connectivity or AllToAll()
    net.connect(
        pre, post, connectivity, weight=weight, delay=delay, store=store, rule=rule, name="p"
    )
    net.probe(post, "r")
    return Simulator(net, dt=DT, dtype=dtype, backend=backend, **how)


def arrived(simulator, steps=1):
    """What reached the targets in each step (steps, N_POST)."""
    rates = simulator.run(steps * DT).trace("post", "r")
    decay = np.exp(-1.0)
    before = np.vstack([np.zeros(N_POST), rates[:-1]])
    return (rates - before * decay) / (1 - decay)
