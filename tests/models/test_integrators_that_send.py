"""Units without a threshold, which send their potential: closed forms, and every backend."""

import math

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.models import LIF, CubaLI, DiscreteCubaLI, DiscreteLI, Integral, SpikeSource
from potentia.sim import AllToAll, Constant, OneToOne, SpikeTrain

DT = 1e-4
KINDS = [
    (CubaLI(tau=np.array([4e-3, 9e-3, 20e-3]), tau_current=3e-3), 4e-3),
    (Integral(), 4e-3),
    (DiscreteLI(decay=np.array([0.0, 0.9, 1.0]), offset=1e-4), 4e-3),
    (DiscreteCubaLI(moved_by="old", response=0.5), 4e-3),
    (DiscreteCubaLI(moved_by="new"), 4e-3),
]


def joined(model, weight):
    """Sources, the units, onto themselves, and neurons that they drive; all after random spikes."""
    net = Network(seed=2)
    source = net.population(SpikeSource(), 3, name="source")
    units = net.population(model, 3, name="units", initial={"v": 2e-3})
    cells = net.population(LIF(), 4, name="cells")
    rng = np.random.default_rng(1)
    net.stimulate(source, SpikeTrain(rng.integers(1, 300, 40) * DT, rng.integers(0, 3, 40)))
    net.stimulate(units, Constant(1e-3))
    net.connect(source, units, OneToOne(), weight=weight, delay=DT)
    net.connect(units, units, OneToOne(), weight=-0.01, delay=2 * DT)
    net.connect(units, cells, AllToAll(), weight=3.0, delay=DT)
    net.probe(units, "v")
    net.probe(cells, "spikes")
    return net


def outcome(net, **options):
    result = Simulator(net, dt=DT, **options).run(40e-3)
    return result.samples("units", "v").values, result.spikes("cells")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("model", "weight"), KINDS, ids=lambda part: type(part).__name__)
def test_every_backend_agrees(room, dtype, model, weight):
    net = joined(model, weight)
    values, spikes = outcome(net, dtype=dtype, backend="reference")
    others, fired = outcome(net, dtype=dtype, backend=room)
    # products of weights and numbers may be added in another order
    assert others == pytest.approx(values, rel=1e-12 if dtype == "float64" else 1e-4, abs=1e-9)
    assert fired.times.size == spikes.times.size > 0
    if room == "cpu":
        again, _ = outcome(net, dtype=dtype, threads=2)
        assert np.array_equal(again, others)


def test_a_second_run_goes_on_and_a_saved_one_too(tmp_path):
    for model, weight in KINDS:
        net = joined(model, weight)
        whole, _ = outcome(net, dtype="float64")
        simulator = Simulator(net, dt=DT, dtype="float64")
        first = simulator.run(15e-3).samples("units", "v").values
        simulator.save(tmp_path / "half")
        rest = Simulator.load(tmp_path / "half").run(25e-3).samples("units", "v").values
        assert np.array_equal(np.concatenate([first, rest]), whole)


def test_a_current_through_a_membrane_is_its_closed_form():
    net = Network()
    source = net.population(SpikeSource(), 1, name="source")
    cells = net.population(CubaLI(tau=9e-3, tau_current=4e-3), 1, name="cells")
    net.stimulate(source, SpikeTrain([1e-3], [0]))
    net.stimulate(cells, Constant(5e-3))
    net.connect(source, cells, OneToOne(), weight=2e-3, delay=DT)
    net.probe(cells, "v")
    v = Simulator(net, dt=DT, dtype="float64").run(30e-3).samples("cells", "v")
    since = np.maximum(v.times - 1e-3 - DT, 0)
    kernel = 2e-3 * 4e-3 / (4e-3 - 9e-3) * (np.exp(-since / 4e-3) - np.exp(-since / 9e-3))
    rest = 5e-3 * (1 - np.exp(-v.times / 9e-3))
    assert np.abs(v.values[:, 0] - kernel - rest).max() < 1e-15  # volts, and some hundred roundings


def test_an_integral_is_the_sum_of_what_it_got():
    net = Network()
    units = net.population(Integral(), 1, name="units")
    net.stimulate(units, Constant(0.3))
    net.probe(units, "v")
    v = Simulator(net, dt=DT, dtype="float64").run(1.0).samples("units", "v")
    assert v.values[-1, 0] == pytest.approx(0.3, rel=1e-15)
    assert not math.isnan(v.values.sum())


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: CubaLI(tau=0.0), "CubaLI.tau: must be > 0 s"),
        (lambda: CubaLI(tau_current=-1e-3), "CubaLI.tau_current: must be > 0 s"),
        (lambda: DiscreteLI(decay=1.5), "DiscreteLI.decay: must be <= 1"),
        (lambda: DiscreteLI(gain=math.nan), "DiscreteLI.gain: must be a finite number"),
        (lambda: DiscreteCubaLI(moved_by="newer"), "did you mean 'new'"),
        (lambda: DiscreteCubaLI(decay_current=-0.1), "decay_current: must be >= 0"),
    ],
)
def test_bad_input(make, told):
    with pytest.raises(ParameterError, match=told.replace(".", r"\.")):
        make()
