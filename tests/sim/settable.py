"""A network of which much can be set, and the ways to run it."""

import numpy as np
import pytest

from potentia import Network
from potentia.models import LIF, CubaLIF
from potentia.sim import (
    Constant,
    FixedOutDegree,
    FixedProbability,
    Poisson,
    Uniform,
)

WAYS = {
    "one thread": {"threads": 1, "chunk": 37},
    "two threads": {"threads": 2, "chunk": 37},
    "float64": {"dtype": "float64"},
    "whole numbers": {"deterministic": True},
    "reference": {"backend": "reference"},
    "event": {"engine": "event"},
}
every_way = pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)


def network(cells=None, others=None, initial=None, *, rule=None):
    """Two populations that excite and inhibit each other, driven by currents and trains, recorded
    in every way.
    """
    net = Network(seed=5)
    one = net.population(LIF() if cells is None else cells, 60, name="cells", initial=initial)
    two = net.population(CubaLIF() if others is None else others, 50, name="others")
    weight = Uniform(0, 2e-3)
    net.connect(
        one,
        two,
        FixedProbability(0.3),
        weight=weight,
        delay=Uniform(1e-3, 4e-3),
        rule=rule,
        name="there",
    )
    net.connect(two, one, FixedOutDegree(20), weight=-1e-3, delay=2e-3, name="back")
    net.stimulate(one, Poisson(rate=600.0, weight=2e-3), name="noise")
    net.stimulate(two, Constant(18e-3), name="drive")
    for part in (one, two):
        net.probe(part, "spikes")
    net.probe(one, "v", every=1e-3)
    net.probe(two, "counts", every=7e-3)
    return net


def everything(simulator, *, learns):
    """Set all that can be, on the way."""
    simulator.run(10e-3)
    simulator.set("cells", v=np.linspace(0, 10e-3, 60), threshold=12e-3)
    simulator.set("back", weights=-2e-3)
    if learns:
        simulator.set("there", weights=1e-3)
    simulator.run(5e-3)
    simulator.set("others", threshold=np.linspace(10e-3, 15e-3, 50))
