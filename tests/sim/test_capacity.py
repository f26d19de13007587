"""What is larger than the machine is refused before it is drawn, in one sentence with the way out."""

from __future__ import annotations

import pytest

from potentia import Network, Simulator
from potentia.errors import CapacityError, ParameterError
from potentia.models import LIF
from potentia.sim import (
    Constant,
    FixedProbability,
    FixedTotal,
    Ideal,
    Normal,
    OneToOne,
    Poisson,
    Procedural,
    SpikeTrain,
    Uniform,
    capacity,
)


def wired(connectivity, store=None, weight=1e-5):
    net = Network()
    cells = net.population(LIF(), 1000, name="cells")
    net.connect(cells, cells, connectivity, weight=weight, store=store)
    return net


@pytest.mark.parametrize(
    ("connectivity", "store", "weight", "words"),
    [
        (FixedTotal(300_000), None, 1e-5, r"3e\+05 synapses need 0.0 GB.*store=Procedural\(\) draws them again"),
        (FixedTotal(300_000), Ideal(bits=8), Normal(1e-5, 1e-6), r"store=Procedural\(\) draws them again"),
        (FixedProbability(0.3), None, 1e-5, r"FixedTotal or FixedOutDegree with store=Procedural\(\) keeps none"),
    ],
)
def test_too_many_synapses_for_memory(monkeypatch, connectivity, store, weight, words):
    """With a megabyte free: named are the bytes needed and free, the projection, and a way that needs none."""
    monkeypatch.setattr(capacity, "free_bytes", lambda: 1e6)
    with pytest.raises(CapacityError, match=rf"^Network: .*0.0 GB are free; most by cells->cells; .*{words}|{words}"):
        Simulator(wired(connectivity, store, weight))


def test_procedural_needs_none(monkeypatch):
    monkeypatch.setattr(capacity, "free_bytes", lambda: 1e6)
    assert Simulator(wired(FixedTotal(300_000), Procedural())).plan.synapses["cells->cells"].n == 300_000


def test_a_system_that_does_not_tell_is_believed(monkeypatch):
    monkeypatch.setattr(capacity, "free_bytes", lambda: None)
    Simulator(wired(FixedTotal(1000)))


def test_free_memory_is_a_number_of_bytes():
    free = capacity.free_bytes()
    assert free is None or 1e6 < free < 1e15


def test_too_many_synapses_for_a_number():
    """2**31 - 1 of one projection: the limit and the count are named before memory is asked for."""
    with pytest.raises(ParameterError, match=r"number of synapses: must be at most 2147483647 .* \(got 3000000000\)"):
        Simulator(wired(FixedTotal(3_000_000_000), Procedural()))


def cells_of(n, *stimuli):
    net = Network()
    cells = net.population(LIF(), n, name="cells")
    for k, stimulus in enumerate(stimuli):
        net.stimulate(cells, stimulus, name=f"input{k}")
    return net


@pytest.mark.parametrize(
    ("net", "culprit"),
    [
        (wired(FixedTotal(10**9)), "cells->cells"),
        (wired(FixedTotal(10**9), Procedural()), "cells->cells"),  # which this engine spells out as well
        (wired(FixedProbability(1.0), weight=Normal(1e-5, 1e-6)), "cells->cells"),
        (cells_of(10**9), "cells"),
        (cells_of(10**5, Poisson(rate=1.0), Constant(1.0)), "cells"),  # which fit without their input, see below
        (cells_of(10, Constant(1.0), SpikeTrain([1.0] * 10**6, [3] * 10**6)), "input1"),
    ],
)
def test_too_much_for_the_event_engine(monkeypatch, net, culprit):
    """Neurons, synapses and inputs, before anything is drawn: a billion synapses are refused at once."""
    monkeypatch.setattr(capacity, "free_bytes", lambda: 40e6)
    with pytest.raises(CapacityError, match=rf"^Network: .* but 0.0 GB are free; most by {culprit}; "):
        Simulator(net, engine="event")
    Simulator(cells_of(10**5, Constant(1.0)), engine="event")


def test_what_the_event_engine_takes_is_known(monkeypatch):
    """The estimate is of the size of the arrays that are made, from half of them to three times as much."""
    net = wired(FixedTotal(400_000), weight=Normal(1e-5, 1e-6))
    net.connect(net.populations[0], net.populations[0], OneToOne(), weight=1.0, delay=Uniform(1e-3, 2e-3))
    net.stimulate(net.populations[0], Poisson(rate=1.0))
    net.stimulate(net.populations[0], SpikeTrain([1.0] * 10**5, [3] * 10**5))
    memory = Simulator(net, engine="event")._engine.memory
    groups = (memory.units, memory.inputs, memory.plan.wires)
    taken = sum(array.nbytes for group in groups for array in group if hasattr(array, "nbytes"))
    for free, fits in ((3 * taken * 1.5, True), (0.5 * taken, False)):
        monkeypatch.setattr(capacity, "free_bytes", lambda free=free: free)
        if fits:
            Simulator(net, engine="event")
        else:
            with pytest.raises(CapacityError):
                Simulator(net, engine="event")


@pytest.mark.parametrize("engine", ["clock", "event"])
@pytest.mark.parametrize("what", ["v", "counts", "rate"])
def test_samples_that_would_fill_the_memory(monkeypatch, tmp_path, engine, what):
    """Refused before the first step, with the probe; not where they go to a file, nor those of a shorter run."""
    net = cells_of(100)
    net.probe(net.populations[0], what, every=1e-4, ids=range(50))
    simulator = Simulator(net, engine=engine)
    needed = 8 * 10_000 * (2 if what == "rate" else 51)
    monkeypatch.setattr(capacity, "free_bytes", lambda: needed * 0.9)
    told = rf"1e\+04 samples of \d+ numbers by the probe cells.{what} every 0.0001 s, 50 units"
    words = rf"^Simulator.run: needs .* GB, but .*{told}"
    with pytest.raises(CapacityError, match=words):
        simulator.run(1.0)
    assert simulator.time == 0.0
    assert len(simulator.run(0.5).samples("cells", what).times) == 5000
    simulator.run(1.0, record_to=tmp_path / "run")
    assert simulator.time == pytest.approx(1.5)


def test_no_number_of_samples_is_waited_for():
    """A sample every femtosecond is no hour of work but a sentence."""
    net = cells_of(1)
    net.probe(net.populations[0], "v", every=1e-15)
    with pytest.raises(CapacityError, match=r"1e\+15 samples of 1 numbers"):
        Simulator(net, engine="event").run(1.0)
