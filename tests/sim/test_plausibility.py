"""What is done as asked, but was probably not meant, is told once, with what was probably meant."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import PotentiaWarning
from potentia.models import (
    IF,
    LIF,
    AdaptiveLIF,
    AdEx,
    CobaLIF,
    CubaLIF,
    DiscreteLIF,
    Izhikevich,
    SpikeSource,
)
from potentia.sim import Constant, Events, NeuronModel, Poisson, SpikeTrain, Step

ENGINES = pytest.mark.parametrize("engine", ["clock", "event"])


@dataclass(frozen=True, kw_only=True)
class Own(NeuronModel):
    """A user's model with fields of the usual names."""

    tau_slow: float = 0.1
    threshold_high: float = 0.02

    kernel: ClassVar[str] = "relay_step"
    state: ClassVar[dict[str, str]] = {}
    receptors: ClassVar[tuple[str, ...]] = ("arrived",)

    def constants(self, dt):
        return {}


MEANT = {
    "tau": (lambda: LIF(tau=20), r"LIF.tau: times are in seconds.*\(got 20 s\)"),
    "one of several": (
        lambda: CubaLIF(tau_inhibitory=[5e-3, 10.5]),
        r"CubaLIF.tau_inhibitory: times.*10.5 s",
    ),
    "adaptation": (
        lambda: AdaptiveLIF(tau_adaptation=200),
        r"AdaptiveLIF.tau_adaptation: times.*200 s",
    ),
    "threshold": (lambda: IF(threshold=15), r"IF.threshold: potentials are in volts.*\(got 15 V\)"),
    "absolute": (lambda: CobaLIF(threshold=-50, reset=-60), r"CobaLIF.threshold: potentials.*50 V"),
    "peak": (lambda: Izhikevich(peak=30), r"Izhikevich.peak: potentials.*30 V"),
    "another peak": (lambda: AdEx(peak=20.0), r"AdEx.peak: potentials.*20 V"),
    "one's own time": (lambda: Own(tau_slow=100), r"Own.tau_slow: times.*100 s"),
    "one's own threshold": (
        lambda: Own(threshold_high=2.0),
        r"Own.threshold_high: potentials.*2 V",
    ),
}


@pytest.mark.parametrize("case", MEANT)
def test_milliseconds_and_millivolts(case):
    made, told = MEANT[case]
    with pytest.warns(PotentiaWarning, match=told) as caught:
        Network().population(made(), 2)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_what_is_meant_is_not_told():
    """Slow adaptation, a threshold of 1 V, one that keeps a unit silent, and one without a unit."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model in (
            LIF(),
            LIF(tau=10.0, threshold=1.0),
            LIF(threshold=1e4),
            AdEx(),
            Izhikevich(),
            CobaLIF(),
            Own(),
            DiscreteLIF(threshold=2.0),
        ):
            Network().population(model, 2)


def simulator(stimulus, engine, n=4):
    net = Network()
    cells = net.population(SpikeSource() if stimulus.goes == "receptor" else LIF(), n, name="cells")
    net.stimulate(cells, stimulus, name="in")
    return Simulator(net, engine=engine)


MICRO = np.array([1000, 250_000, 399_000])  # [us]
MISSED = {
    "microseconds": Events([0, 1, 0], [0, 0, 1], MICRO, width=2, height=2),
    "milliseconds": SpikeTrain([10.0, 20.0], [0, 1]),
    "a little late": SpikeTrain([0.4001], [3]),
    "current": Step([50.0, 100.0], [1e-3, 0.0]),
}


@ENGINES
@pytest.mark.parametrize("case", MISSED)
def test_a_stimulus_that_misses_the_run(case, engine):
    """Told once for each input, with where it begins; and the run goes on."""
    made = simulator(MISSED[case], engine)
    with pytest.warns(
        PotentiaWarning,
        match="nothing of input 'in' falls into this run, from 0 to 0.4 s: it begins",
    ):
        made.run(0.4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.run(1e-4 if case == "a little late" else 0.1)


@ENGINES
def test_a_replacement_that_is_past(engine):
    """Times count from the beginning of the simulation, in a batch after a run too."""
    made = simulator(SpikeTrain([0.05], [0]), engine)
    made.run(0.1)
    with pytest.warns(
        PotentiaWarning, match="'in' falls into this run, from 0.1 to 0.2 s: it ends at 0.09 s"
    ):
        made.run(0.1, inputs={"in": [SpikeTrain([0.15], [0]), SpikeTrain([0.01, 0.09], [0, 1])]})


@ENGINES
def test_what_falls_into_the_run_is_not_told(engine):
    """At its very end, in an earlier run, with nothing in it, or with no list of times."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = simulator(SpikeTrain([0.1, 0.3], [0, 1]), engine)
        for _ in range(5):
            made.run(0.1)
        made.run(0.0)
        for stimulus in (SpikeTrain(), Poisson(rate=0.0), Constant(0.0), Step([0.0], [1e-3])):
            made = simulator(stimulus, engine)
            made.run(0.05)
            made.run(0.05, batch=2)
            made.run(0.05, inputs={"in": [stimulus]})
