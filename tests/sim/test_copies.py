"""Simulators can be copied and pickled, for other processes too; what cannot says so in one
sentence.
"""

import copy
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import UnsupportedError
from potentia.hardware import Crossbar, PulsedReRAM
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import FixedOutDegree, Normal, Poisson, SpikeTrain, Uniform
from potentia.tests.sim.own_model import Leak

WAYS = {
    "one thread": {"threads": 1},
    "two threads": {"threads": 2, "chunk": 13},
    "float64": {"dtype": "float64", "dt": 2e-4},
    "reference": {"backend": "reference"},
    "whole numbers": {"deterministic": True},
    "event": {"engine": "event"},
}
COPIES = {
    "pickle": lambda it: pickle.loads(pickle.dumps(it)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


def network(how):
    """With weights that learn and a user's own model where the engine takes them."""
    clock = how.get("engine") != "event"
    net = Network(seed=9)
    source, cells = (
        net.population(SpikeSource(), 30, name="source"),
        net.population(LIF(), 40, name="cells"),
    )
    rule = STDP() if clock and not how.get("deterministic") else None
    net.connect(
        source,
        cells,
        FixedOutDegree(9),
        weight=3e-3,
        delay=Uniform(1e-3, 4e-3),
        rule=rule,
        name="in",
    )
    net.connect(
        cells, cells, FixedOutDegree(9), weight=Normal(0.5e-3, 1e-4), delay=2e-3, name="loop"
    )
    rng = np.random.default_rng(3)
    net.stimulate(source, SpikeTrain(np.sort(rng.uniform(0, 0.1, 400)), rng.integers(0, 30, 400)))
    net.stimulate(cells, Poisson(rate=500.0, weight=3e-3), name="noise")
    if clock:
        own = net.population(Leak(), 20, name="own")
        net.connect(cells, own, FixedOutDegree(5), weight=0.6, name="out")
        net.probe(own, "spikes")
    net.probe(cells, "spikes")
    net.probe(cells, "v")
    return net


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_a_copy_goes_on_bit_for_bit(how, copied):
    """From the middle of a run, and independently: what one does, the other does not see."""
    simulator = Simulator(network(how), **how)
    simulator.run(20e-3)
    twin = copied(simulator)
    assert twin.time == simulator.time
    one, other = simulator.run(30e-3), twin.run(30e-3)
    assert one.hash == other.hash
    assert len(one.spikes("cells")) > 10
    np.testing.assert_array_equal(one.trace("cells", "v"), other.trace("cells", "v"))
    for part, same in zip(simulator.network.projections, twin.network.projections, strict=True):
        np.testing.assert_array_equal(simulator.weights(part), twin.weights(same))
    before = twin.time
    simulator.run(5e-3)
    assert twin.time == before
    assert simulator.run(1e-3).hash != twin.run(1e-3).hash


def test_a_copy_on_a_gpu_goes_on(gpu):
    net = Network(seed=2)
    cells = net.population(LIF(), 50)
    net.stimulate(cells, Poisson(rate=800.0, weight=4e-3))
    simulator = Simulator(net, backend=gpu)
    simulator.run(10e-3)
    assert copy.deepcopy(simulator).run(20e-3).hash == simulator.run(20e-3).hash


def test_a_copy_of_devices_goes_on():
    """Those that pulses have changed."""
    net = Network(seed=2)
    source, cells = net.population(SpikeSource(), 20), net.population(LIF(), 20)
    net.stimulate(source, Poisson(rate=300.0))
    store = Crossbar(device=PulsedReRAM())
    loop = net.connect(source, cells, FixedOutDegree(8), weight=4e-3, store=store, rule=STDP())
    simulator = Simulator(net)
    first = simulator.weights(loop)
    simulator.run(50e-3)
    twin = pickle.loads(pickle.dumps(simulator))
    np.testing.assert_array_equal(
        twin.weights(twin.network.projections[0]), simulator.weights(loop)
    )
    assert (simulator.weights(loop) != first).any()
    assert twin.run(20e-3).hash == simulator.run(20e-3).hash


@pytest.mark.parametrize("how", [WAYS["two threads"], WAYS["event"]], ids=str)
def test_another_process_goes_on(how, tmp_path):
    """One that shares nothing with this one, as the workers of `multiprocessing` with "spawn"."""
    simulator = Simulator(network(how), **how)
    simulator.run(20e-3)
    (tmp_path / "simulator").write_bytes(pickle.dumps(simulator))
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).run(30e-3).hash)"
    shown = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "simulator")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.strip() == simulator.run(30e-3).hash


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_results_and_networks_are_copied(copied):
    net = network({})
    again = copied(net)
    assert str(again) == str(net)
    assert Simulator(again).run(10e-3).hash == Simulator(net).run(10e-3).hash
    again.population(LIF(), 1, name="more")
    assert len(net.populations) == len(again.populations) - 1
    result = Simulator(network({"engine": "event"}), engine="event").run(10e-3, batch=2)
    for sample in range(2):
        np.testing.assert_array_equal(
            copied(result)[sample].trace("cells", "v"), result[sample].trace("cells", "v")
        )


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("how", [{}, {"engine": "event"}], ids=str)
def test_what_holds_addresses_says_so(how, copied):
    plan = Simulator(network(how), **how).plan
    with pytest.raises(
        UnsupportedError, match=r"^Plan: cannot be copied or pickled.*do so with the Simulator$"
    ):
        copied(plan)


def test_a_simulator_that_runs_is_not_copied(monkeypatch):
    simulator, inside, go_on = Simulator(network({})), threading.Event(), threading.Event()
    run = simulator._engine.run
    monkeypatch.setattr(
        simulator._engine, "run", lambda *given: (inside.set(), go_on.wait(30), run(*given))[2]
    )
    worker = threading.Thread(target=simulator.run, args=(1e-3,))
    worker.start()
    assert inside.wait(30)
    for copied in COPIES.values():
        with pytest.raises(
            UnsupportedError, match=r"Simulator.pickle: must wait until Simulator.run is over"
        ):
            copied(simulator)
    go_on.set()
    worker.join()
    assert copy.copy(simulator).time == simulator.time


def test_later_parts_of_a_network_do_not_reach_a_simulator():
    net = network({})
    simulator = Simulator(net)
    net.population(LIF(), 3, name="later")
    assert [part.name for part in simulator.network.populations] == ["source", "cells", "own"]
