"""Whatever compiled code takes for an index or a count is bounded before a saved state is taken
over.
"""

import numpy as np
import pytest

import potentia.models
from potentia import Network, Simulator
from potentia.errors import DataError, NetworkError, UnsupportedError
from potentia.hardware import BreakdownReRAM, Crossbar, Tile, Wires
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import (
    Constant,
    Events,
    FixedProbability,
    Ideal,
    NeuronModel,
    Poisson,
    SpikeTrain,
    Step,
    TimedArray,
)
from potentia.sim.description.currents import Noise
from potentia.sim.operators.build import Build
from potentia.sim.operators.signals import ANY, SAVED

MODELS = [
    part
    for part in vars(potentia.models).values()
    if isinstance(part, type) and issubclass(part, NeuronModel)
]
WIRED = Crossbar(
    BreakdownReRAM(), tile=Tile(rows=64, columns=2), wires=Wires(r_word=1.0, r_bit=1.0)
)
STORES = [Ideal(), Crossbar(BreakdownReRAM()), WIRED]


def network(model, n=60, *, event=False):
    """Units of a model under every stimulus, onto units that learn, with every
    probe that counts.
    """
    net = Network(seed=3)
    cells, post = net.population(model(), n, name="cells"), net.population(LIF(), 4, name="post")
    drive = [Step([0.0, 5e-3], [20e-3, 25e-3]), TimedArray(np.full((4, 1), 15e-3), interval=5e-3)]
    for stimulus in [*drive, Noise(std=1e-3, interval=1e-3 if event else None)]:
        net.stimulate(cells, stimulus)
    for stimulus in (Poisson(rate=300.0, weight=5e-3), SpikeTrain([1e-3, 9e-3], [0, 1], 20e-3)):
        net.stimulate(cells, stimulus)
    net.stimulate(post, Events(x=[0], y=[0], t=[1e-3], width=2, height=1))
    net.stimulate(post, Constant(20e-3))
    for k, store in enumerate(STORES):
        how = {"rule": STDP() if k < 2 else None, "store": store}
        if event or cells.model.sends is not None:
            how = {}
        net.connect(
            cells, post, FixedProbability(0.05), weight=1e-3, delay=1e-3, name=f"joined{k}", **how
        )
    for what in ("spikes", "counts", "rate"):
        net.probe(cells, what, **({} if what == "spikes" else {"every": 7e-3}))
    return net


def broken(engine, saved, name, value):
    """The sentence with which a state is refused in which one number of an array is another."""
    changed = {key: array.copy() for key, array in saved.items()}
    changed[name].flat[-1] = value
    with pytest.raises(DataError, match=f"{name}|spikes in flight") as caught:
        engine.restore(changed)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_the_clock_engine_bounds_every_whole_number(model):
    sim = Simulator(network(model), dt=5e-4)
    sim.run(20e-3)
    engine = sim._engine
    saved, signals = (
        engine.snapshot(),
        [signal for signal in engine.plan.signals if signal.region in SAVED],
    )
    assert {signal.name for signal in signals} | {"step", "wiring"} == set(saved)
    for signal in signals:
        array = saved[signal.name]
        if array.dtype.kind == "f":
            if signal.finite and array.size:
                broken(engine, saved, signal.name, np.nan)
                broken(engine, saved, signal.name, np.inf)
            continue
        assert signal.most is not None
        if array.size and (np.ndim(signal.most) or signal.most != ANY):
            broken(
                engine,
                saved,
                signal.name,
                int(np.broadcast_to(signal.most, array.shape).flat[-1]) + 1,
            )
            if array.dtype.kind == "i":
                broken(engine, saved, signal.name, -1)
    engine.restore(saved)


def test_units_are_counted_from_the_beginning_of_their_shard():
    """Of 2,100 units the second shard has the last 1,076; a unit beyond it would be written outside
    of all.
    """
    sim = Simulator(network(LIF, 2100), dt=1e-3)
    saved, shards = sim._engine.snapshot(), len(sim._engine.snapshot()["cells.counts"])
    assert shards == 2
    broken(sim._engine, saved, "cells.resting", 1076)
    saved["cells.resting"][0] = 1023
    sim._engine.restore(saved)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_the_event_engine_bounds_every_number(model):
    try:
        sim = Simulator(network(model, event=True), engine="event")
    except UnsupportedError:
        pytest.skip("has no exact solution between events")
    sim.run(20e-3)
    engine, saved = sim._engine, sim._engine.snapshot()
    assert set(engine.memory._bounds(0, saved)) == set(saved)
    for name, array in saved.items():
        low, high = engine.memory._bounds(int(saved["now"][0]), [name])[name]
        if array.size and array.dtype == np.int64:
            broken(engine, saved, name, max(int(low) - 1, -(1 << 63)))
            if high < (1 << 63) - 1:
                broken(engine, saved, name, int(high) + 1)
        elif array.size and array.dtype == np.float64:
            broken(engine, saved, name, np.nan)
    engine.restore(saved)


@pytest.mark.parametrize("engine", ["clock", "event"])
def test_a_state_that_would_have_much_to_catch_up_with_is_refused(engine):
    """A step of 4.8e11 is fine for what has no memory of time, but not for trains that stand at the
    beginning.
    """
    net = Network(seed=1)
    net.stimulate(net.population(SpikeSource(), 3, name="cells"), Poisson(rate=1000.0))
    sim = Simulator(net, **({"dt": 1e-3} if engine == "clock" else {"engine": "event"}))
    sim.run(10e-3)
    saved = sim._engine.snapshot()
    name = "step" if engine == "clock" else "now"
    saved[name][0] = 480_000_000_000 if engine == "clock" else 8_000 * 10**15
    with pytest.raises(DataError, match=r"before the saved step|must lie between"):
        sim._engine.restore(saved)


def test_spikes_in_flight_must_be_in_order():
    net = Network(seed=1)
    a, b = net.population(SpikeSource(), 5, name="a"), net.population(SpikeSource(), 5, name="b")
    net.connect(a, b, FixedProbability(1.0), weight=1.0, delay=5e-3)
    net.stimulate(a, SpikeTrain([1e-3, 2e-3, 3e-3], [0, 1, 2]))
    sim = Simulator(net, engine="event")
    sim.run(4e-3)
    saved = sim._engine.snapshot()
    assert saved["flight_times"].size > 1
    saved["flight_times"] = saved["flight_times"][::-1].copy()
    with pytest.raises(DataError, match="in order"):
        sim._engine.restore(saved)


def test_whole_numbers_without_a_bound_cannot_be_declared():
    plan = Simulator(network(LIF), dt=1e-3)._engine.plan
    build = Build(dt=1e-3, precision="float32", backend=plan.backend, shards={})
    for dtype in ("int32", "uint8", "int64"):
        with pytest.raises(NetworkError, match="needs most="):
            build.signal(f"mine.{dtype}", "flow", dtype, (3,))
    build.signal("mine.sum", "flow", "int64", (3,), most=ANY)
    build.signal("mine.room", "scratch", "int64", (3,))
