"""Rules on projections from units that send numbers: a delta rule, Oja's and one of spikes, against
plain loops; stores, threads, batches, files.
"""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.hardware import ADC, DAC, Crossbar, PulsedReRAM, Tile
from potentia.models import LeakyRate
from potentia.sim import Constant, FixedProbability, TimedArray

from .taught import DT, N_POST, N_PRE, STEPS, Delta, Oja, plain, taught

LAWS = {
    "delta": (Delta(), lambda w, x, y, error: 0.05 * error * x, 2.0),
    "bounded": (Delta(rate=0.5, most=0.9), lambda w, x, y, error: 0.5 * error * x, 0.9),
    "oja": (Oja(), lambda w, x, y, error: 0.05 * y * (x - y * w), np.inf),
}


@pytest.mark.parametrize("options", [{}, {"deterministic": True}], ids=str)
@pytest.mark.parametrize("case", LAWS)
def test_the_definition(case, processor, options):
    """Rates and weights are those of a plain loop over steps, to some hundred roundings."""
    rule, change, most = LAWS[case]
    net = taught(rule)
    simulator = Simulator(net, dt=DT, backend=processor, dtype="float64", **options)
    result = simulator.run(STEPS * DT)
    rates, weights = plain(net, result, change, low=-most, high=most)
    np.testing.assert_allclose(result.trace("post", "r"), rates, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(simulator.weights("learned"), weights, rtol=1e-10, atol=1e-12)
    before = Simulator(net, dt=DT, dtype="float64").weights("learned")
    assert np.abs(weights - before).min() > 1e-6
    if case == "bounded":
        assert (np.abs(weights) == 0.9).any()


@pytest.mark.parametrize("tile", [None, Tile(rows=5, columns=3)])
def test_on_a_crossbar(processor, tile):
    """Pulses round each change at random to multiples of a step of one in 2**40 of the range; of
    positive weights, as a change across 0 is cut short there.
    """
    cell = PulsedReRAM(
        g_min=1e-6,
        levels=2**40,
        nonlinearity_up=0.0,
        nonlinearity_down=0.0,
        cycle_noise=0.0,
        write_error=0.0,
    )
    start = np.linspace(0.8, 1.2, N_PRE * N_POST)
    net = taught(Delta(rate=0.01), Crossbar(cell, adc=None, tile=tile), weight=start)
    simulator = Simulator(net, dt=DT, backend=processor, dtype="float64")
    result = simulator.run(STEPS * DT)
    change = LAWS["delta"][1]
    rates, weights = plain(net, result, lambda *seen: change(*seen) / 5, low=-2.0, high=2.0)
    np.testing.assert_allclose(simulator.weights("learned"), weights, rtol=0, atol=1e-8)
    np.testing.assert_allclose(result.trace("post", "r"), rates, rtol=0, atol=1e-7)
    assert weights.min() > 0
    assert np.abs(weights - start).max() > 0.05
    assert result.tallies["learned.pulses"] > 1000


def outcomes(tmp_path, *, n_post, threads, dtype="float32", **how):
    """Records and weights of a run in two halves, the second one also from a file."""
    made = []
    simulator = Simulator(taught(n_post=n_post, **how), dt=DT, threads=threads, dtype=dtype)
    first = simulator.run(0.02).trace("post", "r").tobytes()
    simulator.save(tmp_path / "half")
    for other in (simulator, Simulator.load(tmp_path / "half", threads=3 - threads)):
        last = other.run(0.02).trace("post", "r").tobytes()
        made.append((first, last, other.weights("learned").tobytes()))
    whole = Simulator(taught(n_post=n_post, **how), dt=DT, threads=threads, dtype=dtype)
    rates = whole.run(0.04).trace("post", "r")
    made.append((rates[:20].tobytes(), rates[20:].tobytes(), whole.weights("learned").tobytes()))
    return made, simulator


@pytest.mark.parametrize("rule", [Delta(), Oja()], ids=["proposes", "direct"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_number_of_threads_and_cuts(rule, dtype, tmp_path):
    """The same bits, also where a run goes on from a file with another number of threads."""
    found = []
    for threads in (1, 2):
        made, simulator = outcomes(
            tmp_path,
            n_post=3000,
            threads=threads,
            dtype=dtype,
            rule=rule,
            connectivity=FixedProbability(0.5),
            weight=0.1,
        )
        found += made
        own = [part for part in simulator.plan.operators if part.name in ("delta_step", "oja_step")]
        assert {part.thread for part in own} == ({None} if threads == 1 else {0, 1})
    assert len(set(found)) == 1
    assert simulator.weights("learned").std() > 1e-3


def test_a_noisy_crossbar_changes_no_bit(tmp_path):
    """Converters, read noise and random pulses: cuts, files and threads."""
    cell = PulsedReRAM(read_noise=0.02)
    store = Crossbar(cell, adc=ADC(bits=7), dac=DAC(bits=6))
    found = []
    for threads in (1, 2):
        found += outcomes(tmp_path, n_post=N_POST, threads=threads, store=store)[0]
    assert len(set(found)) == 1


@pytest.mark.parametrize("learn", ["sum", "mean", "each"])
def test_batches(learn):
    """Samples learn as runs of their own do; their changes are added, or are dropped."""
    rng = np.random.default_rng(1)
    lessons = [TimedArray(rng.normal(size=(40, N_POST)), 5 * DT) for _ in range(3)]
    simulator = Simulator(taught(), dt=DT, dtype="float64")
    before, alone, rates = simulator.weights("learned"), [], []
    for lesson in lessons:
        own = Simulator(taught(), dt=DT, dtype="float64")
        own.stimulate("lesson", lesson)
        rates.append(own.run(0.03).trace("post", "r"))
        alone.append(own.weights("learned") - before)
    batch = simulator.run(0.03, inputs={"lesson": lessons}, batch=3, learn=learn)
    for sample, expected in zip(batch, rates, strict=True):
        np.testing.assert_array_equal(sample.trace("post", "r"), expected)
    changes = {"sum": np.sum(alone, axis=0), "mean": np.mean(alone, axis=0), "each": 0.0}[learn]
    np.testing.assert_allclose(simulator.weights("learned"), before + changes, rtol=1e-12)
    assert np.abs(alone[0] - alone[1]).max() > 1e-3


def test_learned_weights_can_be_set_probed_pickled_and_kept():
    net = taught()
    net.probe(net.projections[0], "weights", every=10 * DT)
    simulator = Simulator(net, dt=DT, dtype="float64")
    simulator.set("learned", weights=0.25)
    result = simulator.run(20 * DT)
    assert (result.trace("learned", "weights")[0] != 0.25).any()
    again = pickle.loads(pickle.dumps(simulator))
    np.testing.assert_array_equal(again.weights("learned"), simulator.weights("learned"))
    simulator.reset(keep="weights")
    np.testing.assert_array_equal(again.weights("learned"), simulator.weights("learned"))
    with pytest.raises(ParameterError, match=r"set weights: must be <= 2"):
        simulator.set("learned", weights=3.0)


@pytest.mark.parametrize("connectivity", [FixedProbability(0.0), FixedProbability(1.0)])
@pytest.mark.parametrize("rule", [Delta(), Oja()])
def test_none_and_one(connectivity, rule, processor):
    """No synapse at all, and a single one between two units."""
    net = Network(seed=1)
    source, target = (net.population(LeakyRate(), 1, name=name) for name in "st")
    net.stimulate(source, Constant(1.0))
    net.connect(source, target, connectivity, weight=0.5, delay=DT, rule=rule, name="learned")
    simulator = Simulator(net, dt=DT, backend=processor)
    simulator.run(0.05)
    changed = np.abs(simulator.weights("learned") - 0.5) > 1e-3
    assert changed.all() == (isinstance(rule, Oja) or not changed.size)


@pytest.mark.parametrize("store", [None, Crossbar(PulsedReRAM())], ids=["ideal", "crossbar"])
def test_an_interrupted_run_leaves_the_weights_as_they_were(store):
    simulator = Simulator(taught(store=store), dt=DT, chunk=5)
    simulator.run(0.01)
    before = simulator.weights("learned")
    left = iter(range(2))

    def tick(steps):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulator._session.single(0.04, tick, None)
    np.testing.assert_array_equal(simulator.weights("learned"), before)
    assert simulator.time == pytest.approx(0.01)
    again = Simulator(taught(store=store), dt=DT)
    again.run(0.01)
    expected = again.run(0.04).trace("post", "r")
    np.testing.assert_array_equal(simulator.run(0.04).trace("post", "r"), expected)
    assert (simulator.weights("learned") != before).any()
