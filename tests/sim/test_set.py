"""What is set on a running simulator acts from then on as in a network made so; reset goes back to
the beginning.
"""

import copy
import math
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import DataError, NetworkError, ParameterError
from potentia.learning import STDP
from potentia.models import LIF, AdaptiveLIF, CubaLIF
from potentia.sim import (
    Constant,
    Explicit,
    NeuronModel,
    Poisson,
    SpikeTrain,
    Uniform,
)
from potentia.tests.sim.own_model import leak_step
from potentia.tests.sim.settable import WAYS, every_way, everything, network
from potentia.tests.sim.test_broken_runs import Interrupt, same, state

THRESHOLDS = np.linspace(8e-3, 16e-3, 60)


@every_way
@pytest.mark.parametrize("threshold", [10e-3, THRESHOLDS], ids=["one", "per unit"])
def test_parameters_set_at_the_beginning_are_those_of_a_network_made_so(how, threshold):
    simulator = Simulator(network(), **how)
    simulator.set("cells", threshold=threshold, tau=15e-3)
    made = Simulator(network(cells=LIF(threshold=threshold, tau=15e-3)), **how)
    assert state(simulator) == state(made)
    result = simulator.run(30e-3)
    same(result, made.run(30e-3))
    assert len(result.spikes("cells")) > 0
    assert result.hash != Simulator(network(), **how).run(30e-3).hash


@every_way
def test_parameters_change_from_now_on(how):
    """Under a constant drive d the time between two spikes is refractory + tau log(d / (d -
    threshold)).
    """
    net = Network()
    cells = net.population(LIF(refractory=1e-3), 3, name="cells")
    net.stimulate(cells, Constant(30e-3))
    net.probe(cells, "spikes")
    simulator = Simulator(net, **how)
    simulator.run(50e-3)
    simulator.set(cells, threshold=[15e-3, 20e-3, 25e-3], refractory=2e-3)
    times = [train[1:] for train in simulator.run(0.2).spikes("cells").trains()]
    dt = 0.0 if "engine" in how else 1e-4
    for train, threshold in zip(times, (15e-3, 20e-3, 25e-3), strict=True):
        period = 2e-3 + 20e-3 * math.log(30e-3 / (30e-3 - threshold))
        assert np.diff(train) == pytest.approx(period, abs=1e-12 + 2 * dt)
    assert simulator.network.populations[0].model.refractory == 2e-3
    assert net.populations[0].model.refractory == 1e-3  # descriptions do not change
    # by the part that the user holds, which is described otherwise now
    simulator.set(cells, refractory=0.0)
    assert simulator.time == pytest.approx(0.25)


@every_way
@pytest.mark.parametrize(
    "v", [5e-3, np.linspace(0, 12e-3, 60), Uniform(0, 12e-3)], ids=["one", "per unit", "drawn"]
)
def test_states_set_at_the_beginning_are_initial_ones(how, v):
    simulator, made = Simulator(network(), **how), Simulator(network(initial={"v": v}), **how)
    simulator.set("cells", v=v)
    np.testing.assert_array_equal(simulator.state("cells", "v"), made.state("cells", "v"))
    same(simulator.run(20e-3), made.run(20e-3))


@every_way
def test_states_are_set_in_the_middle(how):
    simulator = Simulator(network(), **how)
    simulator.run(20e-3)
    before = simulator.state("cells", "v")
    values = np.linspace(-5e-3, 5e-3, 50)
    simulator.set("others", v=values)
    found = simulator.state("others", "v")
    free = found == values.astype(np.float64 if "engine" in how or "dtype" in how else np.float32)
    assert free.all() if "engine" not in how else free.mean() > 0.3
    assert not found[~free].any()  # refractory units of the event engine stay at their reset
    np.testing.assert_array_equal(simulator.state("cells", "v"), before)
    assert simulator.time == pytest.approx(20e-3)
    assert simulator.run(20e-3).start == pytest.approx(20e-3)


@pytest.mark.parametrize("dt", [1e-4, 1e-5])
def test_both_engines_go_on_alike_from_what_is_set(dt):
    """Spike times come closer as dt shrinks."""
    net = Network()
    cells = net.population(CubaLIF(refractory=1e-3), 20, name="cells")
    net.stimulate(cells, Constant(np.linspace(16e-3, 30e-3, 20)))
    net.probe(cells, "spikes")
    found = []
    for simulator in (Simulator(net, dt=dt, dtype="float64"), Simulator(net, engine="event")):
        simulator.run(13.3e-3)
        variable = next(name for name in simulator._engine.variables(cells) if name != "v")
        simulator.set(
            cells, **{variable: np.linspace(0, 5e-3, 20), "v": np.linspace(-10e-3, 14e-3, 20)}
        )
        simulator.run(7e-3)
        simulator.set(cells, threshold=12e-3, tau=10e-3)
        found.append(simulator.run(30e-3).spikes("cells").trains())
    for clock, event in zip(*found, strict=True):
        np.testing.assert_allclose(clock[: event.size], event[: clock.size], atol=6 * dt)
        assert abs(clock.size - event.size) <= 1
    assert sum(train.size for train in found[0]) > 30


@every_way
def test_a_unit_set_above_its_threshold_fires_at_once(how):
    net = Network()
    cells = net.population(LIF(), 2, name="cells")
    net.probe(cells, "spikes")
    simulator = Simulator(net, **how)
    simulator.run(10e-3)
    simulator.set(cells, v=[0.0, 1.0])
    spikes = simulator.run(1e-3).spikes("cells")
    assert spikes.ids.tolist() == [1]
    assert 10e-3 < spikes.times[0] <= 10e-3 + 1.01e-4


@every_way
def test_what_was_set_is_saved_copied_and_pickled(how, tmp_path):
    learns = "deterministic" not in how
    simulator = Simulator(network(rule=STDP() if learns else None), **how)
    everything(simulator, learns=learns)
    simulator.save(tmp_path / "saved")
    twins = [
        Simulator.load(tmp_path / "saved"),
        copy.deepcopy(simulator),
        pickle.loads(pickle.dumps(simulator)),
    ]
    simulator.set("cells", threshold=15e-3)
    expected = simulator.run(20e-3)
    for twin in twins:
        twin.set("cells", threshold=15e-3)  # by name: of the loaded ones there is no part at hand
        same(twin.run(20e-3), expected)


@pytest.mark.parametrize("how", [WAYS["two threads"], WAYS["event"]], ids=str)
def test_an_interrupt_anywhere_sets_nothing(how):
    """Or it comes too late, and all is set."""
    simulator = Simulator(network(), **how)
    simulator.run(10e-3)

    def change(made):
        made.set("cells", v=2e-3, threshold=12e-3)

    change(copy.deepcopy(simulator))  # what is kept after a first time passes other places
    with Interrupt() as count:
        change(copy.deepcopy(simulator))
    before, interrupted = state(simulator), 0
    for place in np.linspace(1, count.passed // 2, 40).astype(int):
        try:
            with Interrupt(place):
                change(simulator)
        except KeyboardInterrupt:
            interrupted += 1
            assert state(simulator) == before
            assert simulator.network.populations[0].model.threshold == 15e-3
        else:
            break
    assert interrupted > 5  # how many places there are depends on what is kept from before
    change(simulator)
    twin = Simulator(network(), **how)
    twin.run(10e-3)
    change(twin)
    same(simulator.run(20e-3), twin.run(20e-3))


def test_a_broken_run_is_taken_up_only_where_the_same_was_set(tmp_path, monkeypatch):
    from potentia.sim.runs import sections

    monkeypatch.setattr(sections, "MOST_SECONDS", 0.0)
    monkeypatch.setattr(sections, "CHECKPOINT_SECONDS", 0.0)

    def made(v):
        simulator = Simulator(network(), chunk=37)
        if v is not None:
            simulator.set("cells", v=v)
        return simulator

    expected = made(5e-3).run(40e-3)
    simulator = made(5e-3)
    advance, calls = simulator._engine._advance, []

    def broken(program, memory, step, stop, recording, tick):
        def ticking(n):
            calls.append(n)
            if len(calls) == 6:
                raise KeyboardInterrupt
            tick(n)

        return advance(program, memory, step, stop, recording, ticking)

    simulator._engine._advance = broken
    with pytest.raises(KeyboardInterrupt):
        simulator.run(40e-3, record_to=tmp_path / "run")
    for v in (None, 6e-3):
        with pytest.raises(DataError, match="of another simulation"):
            made(v).run(40e-3, record_to=tmp_path / "run", resume=True)
    same(made(5e-3).run(40e-3, record_to=tmp_path / "run", resume=True), expected)


@pytest.mark.parametrize("how", [WAYS["two threads"], WAYS["event"]], ids=str)
def test_batches_start_from_what_is_set(how):
    simulator, made = (
        Simulator(network(), **how),
        Simulator(network(cells=LIF(threshold=10e-3)), **how),
    )
    simulator.set("cells", threshold=10e-3)
    stimuli = {"noise": [Poisson(rate=500.0, weight=2e-3), Poisson(rate=900.0, weight=2e-3)]}
    assert simulator.run(20e-3, inputs=stimuli).hash == made.run(20e-3, inputs=stimuli).hash


@dataclass(frozen=True, kw_only=True, eq=False)
class Own(NeuronModel):
    """A model of a user's own with a parameter, one number or one per unit."""

    keeps: Any = 0.99

    kernel = leak_step
    state = {"v": "float"}  # noqa: RUF012
    receptors = ("jump",)

    def constants(self, dt):
        return {"keeps": self.keeps}


def test_a_model_of_ones_own(processor):
    def made(keeps):
        net = Network()
        cells = net.population(Own(keeps=keeps), 5, name="cells")
        net.stimulate(cells, Poisson(rate=2000.0, weight=0.3))
        net.probe(cells, "spikes")
        return Simulator(net, backend=processor)

    simulator = made(0.99)
    simulator.set("cells", keeps=0.95)
    same(simulator.run(50e-3), made(0.95).run(50e-3))
    simulator.set("cells", v=0.0)
    assert not simulator.state("cells", "v").any()
    with pytest.raises(
        ParameterError, match=r"'keep' is unknown; did you mean 'keeps'\?; Own has the v, keeps"
    ):
        simulator.set("cells", keep=0.5)


@pytest.mark.parametrize("how", [WAYS["two threads"], WAYS["event"]], ids=str)
def test_parameters_that_were_drawn_stay_and_others_are_drawn(how):
    """By the seed, as in a network made so; also where the description holds a distribution."""
    simulator = Simulator(network(cells=LIF(tau=Uniform(15e-3, 25e-3))), **how)
    made = Simulator(
        network(cells=LIF(tau=Uniform(15e-3, 25e-3), threshold=Uniform(8e-3, 15e-3))), **how
    )
    simulator.set("cells", threshold=Uniform(8e-3, 15e-3), v=1e-3)
    made.set(made.network.populations[0], v=1e-3)
    twin = copy.deepcopy(simulator)
    expected = made.run(20e-3)
    same(simulator.run(20e-3), expected)
    same(twin.run(20e-3), expected)
    simulator.stimulate("drive", Constant(Uniform(15e-3, 20e-3)))
    simulator.run(5e-3)


def test_one_unit_and_no_synapse():
    net = Network()
    cell = net.population(LIF(), 1, name="cell")
    net.connect(cell, cell, Explicit([], []), weight=1e-3, name="none")
    for how in ({}, {"engine": "event"}):
        simulator = Simulator(net, **how)
        simulator.set("none", weights=np.zeros(0))
        simulator.set("none", weights=1e-3)
        simulator.set(cell, v=[5e-3])
        simulator.run(1e-3)
        simulator.reset()
        assert simulator.state(cell, "v").tolist() == [0.0]


@every_way
def test_what_is_unknown_is_told_with_the_nearest(how):
    net = network()
    simulator = Simulator(net, **how)
    before = state(simulator)
    for part, values, error, told in (
        (
            "cells",
            {"treshold": 1e-3},
            ParameterError,
            "'treshold' is unknown; did you mean 'threshold'",
        ),
        ("cells", {}, ParameterError, "needs what to set"),
        (
            "cells",
            {"v": np.zeros(3)},
            ParameterError,
            r"set v: must be one number or one per unit \(60\)",
        ),
        ("cells", {"v": math.inf}, ParameterError, "set v: must be a finite number"),
        ("cells", {"tau": -1.0}, ParameterError, "LIF.tau"),
        ("cells", {"tau": np.full(3, 0.01)}, ParameterError, "LIF.tau"),
        ("there", {"weight": 1.0}, ParameterError, "'weight' is unknown; did you mean 'weights'"),
        ("cels", {"v": 0.0}, NetworkError, "no part is called 'cels'; did you mean 'cells'"),
        (Network().population(LIF(), 2), {"v": 0.0}, NetworkError, "is not a part of this network"),
        (7, {"v": 0.0}, NetworkError, "7 is not a part of this network"),
    ):
        with pytest.raises(error, match=told):
            simulator.set(part, **values)
    with pytest.raises(
        ParameterError, match=r"Simulator.reset keep: must be one of nothing, weights; did you mean"
    ):
        simulator.reset(keep="weight")
    with pytest.raises(ParameterError, match=r"Simulator.state variable: must be one of v"):
        simulator.state("cells", "u")
    assert state(simulator) == before


def test_both_values_of_one_call_are_set_or_none():
    simulator = Simulator(network())
    before = state(simulator)
    with pytest.raises(ParameterError, match="set v"):
        simulator.set("cells", threshold=10e-3, v=np.zeros(2))
    assert state(simulator) == before
    assert simulator.network.populations[0].model.threshold == 15e-3


@pytest.mark.parametrize("how", [{"dt": 1e-4, "dtype": "float64"}, {"engine": "event"}], ids=str)
def test_a_refractory_unit_goes_on_from_the_reset_of_now(how):
    """Fired at 5 ms and refractory to 7 ms: another reset acts at 6 ms, and at 7 ms any potential
    can be set.
    """
    model = AdaptiveLIF(refractory=2e-3, reset=[0.0, 1e-3, 2e-3])
    for changes, at, first in (
        ({"reset": [-3e-3, 0.0, 4e-3]}, 6e-3, [-3e-3, 0.0, 4e-3]),
        ({"tau": 10e-3}, 6e-3, [0.0, 1e-3, 2e-3]),
        ({"reset": -3e-3, "v": 4e-3}, 6e-3, [-3e-3] * 3),
        ({"v": 4e-3}, 7e-3, [4e-3] * 3),
        ({"v": 4e-3, "reset": -3e-3}, 7e-3, [4e-3] * 3),
    ):
        net = Network()
        cells = net.population(model, 3, name="cells")
        net.stimulate(cells, SpikeTrain([5e-3] * 3, range(3), weight=20e-3))
        simulator = Simulator(net, **how)
        simulator.run(at)
        simulator.set("cells", **changes)
        simulator.run(8e-3 - at)
        kept = math.exp(-1e-3 / changes.get("tau", model.tau))
        np.testing.assert_allclose(
            simulator.state("cells", "v"), kept * np.array(first), rtol=0, atol=1e-15
        )
