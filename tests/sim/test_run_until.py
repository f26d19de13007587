"""Running until a condition holds: the result is that of one run of this length, and nothing
happens where it fails.
"""

import math

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import NotReachedError, ParameterError
from potentia.learning import STDP
from potentia.models import LIF
from potentia.sim import Constant, FixedProbability, Poisson, Residual, SpikeCount
from potentia.tests.sim.test_broken_runs import breaks, same, state

WAYS = {
    "one thread": {"threads": 1, "chunk": 37},
    "two threads": {"threads": 2},
    "float64": {"dtype": "float64"},
    "reference": {"backend": "reference"},
    "event": {"engine": "event"},
}
every_way = pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)


def resting(drive=10e-3):
    """Three units that approach their drive, exponentially with 20 ms, and record themselves."""
    net = Network()
    cells = net.population(LIF(tau=20e-3), 3, name="cells")
    net.stimulate(cells, Constant([drive, drive / 2, 0.0]))
    net.probe(cells, "v", every=1e-3)
    net.probe(cells, "spikes")
    return net


def active(*, learns=True):
    net = Network(seed=5)
    cells = net.population(LIF(), 60, name="cells")
    rule = STDP() if learns else None
    net.connect(
        cells, cells, FixedProbability(0.2), weight=1e-3, delay=2e-3, rule=rule, name="joined"
    )
    net.stimulate(cells, Poisson(rate=900.0, weight=2e-3))
    net.probe(cells, "spikes")
    net.probe(cells, "v", every=1e-3)
    net.probe(cells, "counts", every=7e-3)
    net.probe(net.projections[0], "weights", every=5e-3)
    return net


@every_way
def test_a_residual_ends_where_the_closed_form_says(how):
    """The change over a piece from t on is d exp(-t / tau) (1 - exp(-piece / tau)), and it is per
    second.
    """
    simulator = Simulator(resting(), **how)
    result = simulator.run_until(Residual("cells", "v", below=0.01), most=1.0, every=5e-3)
    first = 10e-3 * (1 - math.exp(-5 / 20)) / 5e-3  # [V/s]
    # the first one that begins late enough
    pieces = math.floor(math.log(first / 0.01) / (5 / 20)) + 2
    assert result.stop == pytest.approx(pieces * 5e-3)
    assert simulator.time == pytest.approx(result.stop)
    same(result, Simulator(resting(), **how).run(result.stop))


@every_way
def test_a_count_of_spikes_ends_with_the_piece_that_reaches_it(how):
    simulator, other = Simulator(active(), **how), Simulator(active(), **how)
    for made in (simulator, other):
        made.run(10e-3)
    result = simulator.run_until(SpikeCount("cells", 25), most=1.0, every=2e-3)
    spikes = result.spikes("cells")
    assert len(spikes) >= 25 > np.count_nonzero(spikes.times <= result.stop - 2e-3 + 1e-9)
    same(result, other.run(result.stop - result.start))
    same(simulator.run(10e-3), other.run(10e-3))
    np.testing.assert_array_equal(simulator.weights("joined"), other.weights("joined"))


def test_a_function_of_a_piece():
    simulator, seen = Simulator(resting()), []

    def enough(piece):
        seen.append((piece.start, piece.stop))
        return piece.stop >= 35e-3 - 1e-9

    result = simulator.run_until(enough, most=1.0)
    assert np.array(seen) == pytest.approx(
        np.array([[k * 10e-3, (k + 1) * 10e-3] for k in range(4)])
    )
    assert len(result.samples("cells", "v").times) == 40


@every_way
def test_the_last_piece_is_as_long_as_is_left(how):
    simulator = Simulator(resting(), **how)
    result = simulator.run_until(lambda piece: piece.stop > 24.9e-3, most=25e-3, every=10e-3)
    assert (result.start, result.stop) == (0.0, pytest.approx(25e-3))


@every_way
def test_what_is_not_reached_leaves_no_trace(how):
    simulator, once = (
        Simulator(active(learns="engine" not in how), **how),
        Simulator(active(learns="engine" not in how), **how),
    )
    for made in (simulator, once):
        made.run(5e-3)
    before = state(simulator)
    with pytest.raises(
        NotReachedError, match=r"does not hold within 0.02 s; cells has fired \d+ spikes"
    ):
        simulator.run_until(SpikeCount("cells", 10**6), most=20e-3)
    with pytest.raises(TimeoutError, match=r"v of cells changes by .* per second"):
        simulator.run_until(Residual("cells", "v", below=1e-9), most=20e-3)
    assert state(simulator) == before
    same(simulator.run(10e-3), once.run(10e-3))


@pytest.mark.parametrize("how", [WAYS["one thread"], {"threads": 2, "chunk": 37}], ids=str)
def test_an_interrupt_leaves_no_trace(how, monkeypatch):
    simulator, once = Simulator(active(), **how), Simulator(active(), **how)
    for made in (simulator, once):
        made.run(5e-3)
    before = state(simulator)
    with monkeypatch.context() as patch:
        breaks(patch, 3)
        with pytest.raises(KeyboardInterrupt):
            simulator.run_until(SpikeCount("cells", 10**6), most=50e-3)
    assert state(simulator) == before
    same(simulator.run(20e-3), once.run(20e-3))


def test_on_a_gpu(gpu):
    simulator = Simulator(resting(30e-3), backend=gpu)
    result = simulator.run_until(SpikeCount("cells", 2), most=0.1, every=5e-3)
    same(result, Simulator(resting(30e-3), backend=gpu).run(result.stop))
    assert len(result.spikes("cells")) >= 2


def test_it_can_be_saved_and_reset(tmp_path):
    simulator = Simulator(active())
    result = simulator.run_until(SpikeCount("cells", 20), most=1.0)
    simulator.save(tmp_path / "saved")
    same(Simulator.load(tmp_path / "saved").run(10e-3), simulator.run(10e-3))
    simulator.reset()
    same(simulator.run_until(SpikeCount("cells", 20), most=1.0), result)


def test_bad_input_is_told():
    simulator = Simulator(resting())
    before = state(simulator)
    for condition, given, told in (
        (
            Residual("cels", "v", below=1.0),
            {"most": 1.0},
            r"Residual.population: .*did you mean 'cells'",
        ),
        (Residual("cells", "u", below=1.0), {"most": 1.0}, r"Residual.variable: must be one of v"),
        (
            SpikeCount("cels", 1),
            {"most": 1.0},
            r"SpikeCount.population: must be .*recorded, by net.probe.*; did you mean 'cells'",
        ),
        (7, {"most": 1.0}, "Simulator.run_until condition: must be a condition"),
        (Residual, {"most": 1.0}, "Simulator.run_until condition: must be a condition"),
        (lambda piece: 1.0, {"most": 1.0}, "must be True or False"),
        (
            len,
            {"most": 1.0},
            r"must take a Result and return True or False \(got .TypeError: object of type",
        ),
        (SpikeCount("cells", 1), {"most": 0.0}, "run_until most: must be > 0"),
        (SpikeCount("cells", 1), {"most": 1e-3, "every": 2e-3}, "run_until every: must be"),
        (
            SpikeCount("cells", 1),
            {"most": 1.0, "every": 1.5e-4},
            "run_until every: .* multiple of dt",
        ),
        (SpikeCount("cells", 1), {"most": 1.5e-4}, "run_until most: must be a multiple of dt"),
    ):
        with pytest.raises(ParameterError, match=told):
            simulator.run_until(condition, **given)
    with pytest.raises(ParameterError, match=r"Residual.below: must be > 0"):
        Residual("cells", "v", below=0.0)
    with pytest.raises(ParameterError, match=r"SpikeCount.least: must be a whole number >= 1"):
        SpikeCount("cells", 0)
    assert state(simulator) == before
