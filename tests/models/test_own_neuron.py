"""A user's own neuron: a dataclass and a function, on every processor, with no change to the
library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import NetworkError, PotentiaError
from potentia.models import LIF
from potentia.sim import Constant, FixedProbability, NeuronModel, Poisson

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


def resonate_step(step, x, y, kick, drive, fired, cosine, sine, threshold):
    """A rotation by one step; fires where x crosses the threshold from below while rising."""
    count = 0
    for i in range(x.shape[0]):
        before = x[i]
        x[i], y[i] = (
            cosine[i] * x[i] - sine[i] * y[i] + kick[i] + drive[i],
            sine[i] * x[i] + cosine[i] * y[i],
        )
        kick[i] = 0
        if before < threshold <= x[i] and step > 0:
            fired[count] = i
            count += 1
    return count


@dataclass(frozen=True, kw_only=True, eq=False)
class Resonator(NeuronModel):
    """z' = (i omega - damping) z, z = x + i y; fires as x rises through the threshold.

    Izhikevich (2001).
    """

    omega: object = 300.0  # [rad/s], one number per unit
    damping: float = 5.0  # [1/s]
    threshold: float = 1.0

    kernel = resonate_step
    state = {"x": "float", "y": "float"}  # noqa: RUF012
    receptors = ("kick",)

    def constants(self, dt):
        turn = np.exp((1j * np.asarray(self.omega) - self.damping) * dt)
        return {"cosine": turn.real.copy(), "sine": turn.imag.copy(), "threshold": self.threshold}


def test_own_model_in_a_network():
    """It connects to itself and to a model of the library, with the same spikes on both backends.

    Its state follows the closed form where no input comes; the tolerance is the rounding of 1000
    steps.
    """
    omega = np.linspace(200.0, 400.0, 20)
    net = Network(seed=2)
    own = net.population(Resonator(omega=omega), 20, name="own", initial={"x": 0.5})
    lif = net.population(LIF(), 5, name="lif")
    silent = net.population(Resonator(omega=omega), 20, name="silent", initial={"x": 0.5})
    net.stimulate(own, Poisson(rate=200.0, weight=0.3))
    net.connect(own, lif, FixedProbability(0.5), weight=4e-3)
    net.connect(lif, own, FixedProbability(0.5), weight=-0.2)
    for part, what in ((own, "spikes"), (lif, "spikes"), (silent, "x")):
        net.probe(part, what)
    cpu, reference = (
        Simulator(net, dtype="float64", backend=name).run(0.1) for name in ("cpu", "reference")
    )
    assert cpu.hash == reference.hash
    assert len(cpu.spikes("own")) > 20
    assert len(cpu.spikes("lif")) > 5
    times = cpu.times[:, None]
    expected = 0.5 * np.exp(-5.0 * times) * np.cos(omega * times)
    for result in (cpu, reference):
        np.testing.assert_allclose(result.trace("silent", "x"), expected, rtol=0, atol=1e-12)


def test_page_is_true(processor, capsys):
    """The examples of docs/models.md run as they stand, one after the other; a neuron of one's own
    fires as it must.
    """
    scope = {"__name__": "page"}
    page = PAGE.read_text().replace("dt=1e-4", f"dt=1e-4, backend={processor!r}")
    for code in re.findall(r"```python\n(.*?)```", page, re.S):
        exec(compile(code, "models.md", "exec", dont_inherit=True), scope)
        said = capsys.readouterr().out
        if "class" in code and "result" in code and "cells" in code and said:
            spikes = scope["result"].spikes("cells")
            first = int(np.ceil(10e-3 * np.log(30 / 15) / 1e-4))
            assert round(spikes.times[0] / 1e-4) == first
            assert float(said) == pytest.approx(spikes.rate)
            assert len(spikes) >= 100 * (1000 // first - 1)
            return
    pytest.fail("the page shows no neuron of one's own")


def test_kernel_must_ask_for_what_exists():
    """A parameter that nobody offers is named, beside those on offer."""

    def lost_step(v, fired, volume):
        return 0

    parts = {"kernel": lost_step, "state": {"v": "float"}, "receptors": ("jump",)}
    model = type("Lost", (NeuronModel,), {**parts, "constants": lambda self, dt: {}})
    net = Network()
    net.population(model(), 1, name="lost")
    with pytest.raises(
        NetworkError, match=r"lost: kernel lost_step has the parameter 'volume', which is none of"
    ):
        Simulator(net)


def test_constants_must_be_per_unit():
    net = Network()
    net.population(Resonator(omega=[1.0, 2.0]), 3)
    with pytest.raises(
        PotentiaError, match=r"constants cosine: must be one number or one per unit \(3\)"
    ):
        Simulator(net)


def test_own_model_takes_a_drive(processor):
    net = Network()
    cells = net.population(Resonator(omega=np.array([300.0])), 1, name="cells")
    net.stimulate(cells, Constant(0.01))
    net.probe(cells, "x")
    assert Simulator(net, backend=processor).run(0.01).trace("cells", "x").max() > 0.01


@pytest.mark.parametrize("tau", [-5, 0.0, np.array([1e-2, 1e-2, -2.0])])
def test_a_time_constant_below_zero_is_refused_by_name(tau):
    """In a user's own model, before anything grows; what grows all the same is blamed on the model
    too.
    """
    net = Network()
    with pytest.raises(
        PotentiaError, match=r"Growing.tau_slow: must be > 0 s, as a time constant \(got"
    ):
        net.population(Growing(tau_slow=tau), 3)
    net.population(Growing(tau_slow=2e-3), 3, name="p", initial={"v": 1.0})
    with pytest.raises(
        PotentiaError, match=r"p.v of unit 0 is inf by .*a parameter of Growing lets it grow"
    ):
        Simulator(net, dt=1e-3).run(1.0)


def growing_step(v, kick, drive, fired, factor):
    """Away from 0."""
    for i in range(v.shape[0]):
        v[i] = factor * v[i]
        kick[i] = 0
    return 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Growing(NeuronModel):
    """v grows by e in `tau_slow` [s]."""

    tau_slow: object = 1.0
    kernel = growing_step
    state = {"v": "float"}  # noqa: RUF012
    receptors = ("kick",)

    def constants(self, dt):
        return {"factor": float(np.exp(dt / self.tau_slow))}
