"""What is larger than the machine is refused before it is drawn, in one sentence
with the way out.
"""

from __future__ import annotations

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import CapacityError, ParameterError
from potentia.hardware import PulsedReRAM
from potentia.models import LIF, LeakyRate
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
    SumPool2d,
    Uniform,
    free_memory,
)
from potentia.sim.engines.event_memory import EventMemory
from potentia.sim.plan import capacity


def wired(connectivity, store=None, weight=1e-5):
    net = Network()
    cells = net.population(LIF(), 1000, name="cells")
    net.connect(cells, cells, connectivity, weight=weight, store=store)
    return net


@pytest.mark.parametrize(
    ("connectivity", "store", "weight", "words"),
    [
        (
            FixedTotal(300_000),
            None,
            1e-5,
            r"3e\+05 synapses need 0.0 GB.*store=Procedural\(\) draws them again",
        ),
        (
            FixedTotal(300_000),
            Ideal(bits=8),
            Normal(1e-5, 1e-6),
            r"store=Procedural\(\) draws them again",
        ),
        (
            FixedProbability(0.3),
            None,
            1e-5,
            r"FixedTotal or FixedOutDegree with store=Procedural\(\) keeps none",
        ),
    ],
)
def test_too_many_synapses_for_memory(monkeypatch, connectivity, store, weight, words):
    """With a megabyte free: named are the bytes needed and free, the projection, and a way that
    needs none.
    """
    monkeypatch.setattr(free_memory, "free_bytes", lambda: 1e6)
    with pytest.raises(
        CapacityError,
        match=rf"^Network: .*0.0 GB are free; most by cells->cells; .*{words}|{words}",
    ):
        Simulator(wired(connectivity, store, weight))


def test_procedural_needs_none(monkeypatch):
    monkeypatch.setattr(free_memory, "free_bytes", lambda: 1e6)
    assert (
        Simulator(wired(FixedTotal(300_000), Procedural())).plan.synapses["cells->cells"].n
        == 300_000
    )


@pytest.mark.parametrize("engine", ["clock", "event"])
@pytest.mark.parametrize(
    ("n", "options", "words"),
    [
        (
            30_000,
            {},
            r"3e\+04 neurons with 0 synapses need 0.0 GB.*most by cells; take fewer units",
        ),
        (2_000, {"probe": True}, r"most by cells\.v; record fewer units"),
        (10**9, {}, r"1e\+09 neurons"),
        (10**12, {}, r"must be at most 2147483647 in one population \(got 1000000000000\)"),
    ],
)
def test_too_many_neurons_or_records_for_memory(monkeypatch, engine, n, options, words):
    """With a megabyte free, what is too large is refused before anything of its size is made."""
    monkeypatch.setattr(free_memory, "free_bytes", lambda: 1e6)

    def simulate() -> None:
        net = Network()
        cells = net.population(LIF(), n, name="cells")
        if options:
            net.probe(cells, "v")
        Simulator(net, engine=engine)

    with pytest.raises(CapacityError, match=words):
        simulate()


def test_histories_of_long_delays_count(monkeypatch):
    """Spikes are kept for as long as the longest delay: 100,000 steps of 100 units are 40 MB."""
    monkeypatch.setattr(free_memory, "free_bytes", lambda: 1e6)
    net = Network()
    cells = net.population(LIF(), 100, name="cells")
    net.connect(cells, cells, FixedTotal(10), weight=1e-5, delay=10.0)
    with pytest.raises(CapacityError, match="most by cells; take fewer units or shorter delays"):
        Simulator(net, dt=1e-4)


def test_event_synapses_count(monkeypatch):
    """On the event engine every synapse is spelled out, so there its store does not help."""
    monkeypatch.setattr(free_memory, "free_bytes", lambda: 3e6)
    Simulator(wired(FixedTotal(100_000)))
    with pytest.raises(
        CapacityError, match=r"1e\+05 synapses need 0.0 GB.*most by cells->cells; engine='clock'"
    ):
        Simulator(wired(FixedTotal(100_000)), engine="event")


def test_layers_count(monkeypatch):
    analog = pytest.importorskip("potentia.hardware.analog_layer.layer")
    cell = PulsedReRAM()
    monkeypatch.setattr(free_memory, "free_bytes", lambda: 1e9)
    with pytest.raises(
        CapacityError, match=r"AnalogLinear: needs 40000.0 GB.*\(got 1000000 x 1000000\)"
    ):
        analog.AnalogLinear(10**6, 10**6, device=cell)
    analog.AnalogLinear(100, 100, device=cell)


@pytest.mark.parametrize("size", [3, 30_001])
def test_what_a_wide_window_meets_counts(monkeypatch, size):
    """A window over all of a long row has few places, but each meets many of the row."""
    monkeypatch.setattr(free_memory, "free_bytes", lambda: 1e8)
    net = Network()
    pre, post = (net.population(LIF(), 20_000, name=name) for name in ("pre", "post"))
    pool = SumPool2d((1, size), input_shape=(1, 1, 20_000), stride=1, padding=(0, size // 2))
    net.connect(pre, post, pool, delay=1e-3)
    if size == 3:
        assert Simulator(net, dt=1e-3)
        return
    with pytest.raises(CapacityError, match="most by pre->post; take a smaller kernel"):
        Simulator(net, dt=1e-3)


def test_memory_that_runs_out_is_one_sentence():
    with (
        pytest.raises(CapacityError, match=r"^Owner\.part: does not fit into memory"),
        free_memory.memory_told("Owner.part"),
    ):
        raise MemoryError("no\nroom")


def test_the_limit_of_a_container_counts(tmp_path, monkeypatch):
    """Free is what the system has or what the container may still take, whichever is less."""
    limit, used = tmp_path / "limit", tmp_path / "used"
    monkeypatch.setattr(free_memory, "GROUPS", ((str(limit), str(used)),))
    before = free_memory.free_bytes()
    limit.write_text("3000000\n")
    used.write_text("1000000\n")
    assert free_memory.free_bytes() == 2e6
    limit.write_text("max\n")
    assert before is None or free_memory.free_bytes() == pytest.approx(before, rel=0.5)


def test_a_system_that_does_not_tell_is_believed(monkeypatch):
    monkeypatch.setattr(free_memory, "free_bytes", lambda: None)
    Simulator(wired(FixedTotal(1000)))


def test_free_memory_is_a_number_of_bytes():
    free = free_memory.free_bytes()
    assert free is None or 1e6 < free < 1e15


def test_too_many_synapses_for_a_number():
    """2**31 - 1 of one projection: the limit and the count are named before memory is asked for."""
    with pytest.raises(
        ParameterError,
        match=r"number of synapses: must be at most 2147483647 .* \(got 3000000000\)",
    ):
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
        (
            wired(FixedTotal(10**9), Procedural()),
            "cells->cells",
        ),  # which this engine spells out as well
        (wired(FixedProbability(1.0), weight=Normal(1e-5, 1e-6)), "cells->cells"),
        (cells_of(10**9), "cells"),
        (
            cells_of(10**5, Poisson(rate=1.0), Constant(1.0)),
            "cells",
        ),  # which fit without their input, see below
        (cells_of(10, Constant(1.0), SpikeTrain([1.0] * 10**6, [3] * 10**6)), "input1"),
    ],
)
def test_too_much_for_the_event_engine(monkeypatch, net, culprit):
    """Neurons, synapses and inputs, before anything is drawn: a billion synapses are refused at
    once.
    """
    monkeypatch.setattr(free_memory, "free_bytes", lambda: 40e6)
    with pytest.raises(
        CapacityError, match=rf"^Network: .* but 0.0 GB are free; most by {culprit}; "
    ):
        Simulator(net, engine="event")
    Simulator(cells_of(10**5, Constant(1.0)), engine="event")


def test_what_the_event_engine_takes_is_known(monkeypatch):
    """The estimate is of the size of the arrays that are made, from half of them to three times as
    much.
    """
    net = wired(FixedTotal(400_000), weight=Normal(1e-5, 1e-6))
    net.connect(
        net.populations[0], net.populations[0], OneToOne(), weight=1.0, delay=Uniform(1e-3, 2e-3)
    )
    net.stimulate(net.populations[0], Poisson(rate=1.0))
    net.stimulate(net.populations[0], SpikeTrain([1.0] * 10**5, [3] * 10**5))
    memory = EventMemory(Simulator(net, engine="event").plan)
    groups = (memory.units, memory.inputs, memory.plan.wires)
    taken = sum(array.nbytes for group in groups for array in group if hasattr(array, "nbytes"))
    for free, fits in ((3 * taken * 1.5, True), (0.5 * taken, False)):
        monkeypatch.setattr(free_memory, "free_bytes", lambda free=free: free)
        if fits:
            Simulator(net, engine="event")
        else:
            with pytest.raises(CapacityError):
                Simulator(net, engine="event")


@pytest.mark.parametrize("engine", ["clock", "event"])
@pytest.mark.parametrize("what", ["v", "counts", "rate"])
def test_samples_that_would_fill_the_memory(monkeypatch, tmp_path, engine, what):
    """Refused before the first step, with the probe; not where they go to a file, nor those of a
    shorter run.
    """
    net = cells_of(100)
    net.probe(net.populations[0], what, every=1e-4, ids=range(50))
    simulator = Simulator(net, engine=engine)
    needed = 8 * 10_000 * (2 if what == "rate" else 51)
    monkeypatch.setattr(free_memory, "free_bytes", lambda: needed * 0.9)
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


SENT = {
    "one weight": (FixedProbability(0.3), None, 1e-5),
    "weights": (FixedProbability(0.3), None, Normal(1e-5, 1e-6)),
    "levels": (FixedTotal(30_000), Ideal(bits=8), Normal(1e-5, 1e-6)),
    "none": (FixedTotal(30_000), Procedural(), Normal(1e-5, 1e-6)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", SENT)
def test_what_numbers_take_is_known(case, dtype):
    """Of synapses from units that send numbers: the arrays of the plan and what else is kept, to a
    twentieth, which is for the units.
    """
    connectivity, store, weight = SENT[case]
    net = Network()
    rates = net.population(LeakyRate(), 300, name="rates")
    net.connect(rates, rates, connectivity, weight=weight, delay=1e-3, store=store, name="p")
    simulator = Simulator(net, dtype=dtype)
    plan, memory = simulator.plan, simulator._engine.memory
    taken = {}
    for signal in plan.signals:
        if signal.name.startswith("p."):
            for array in (signal.initial, memory[signal]):
                if isinstance(array, np.ndarray):
                    taken[array.ctypes.data] = array.nbytes
    listing = plan.synapses["p"]._listing
    taken |= (
        {} if listing is None else {id(array): array.nbytes for array in vars(listing).values()}
    )
    number = np.dtype(dtype).itemsize
    n = plan.synapses["p"].n
    each = capacity._stays(net.projections[0], number)
    assert each == (0 if case == "none" else 8 + number)
    assert each * n <= sum(taken.values()) <= each * n * 1.05 + 9000


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_are_refused_where_they_do_not_fit(monkeypatch, dtype):
    """With less free than the arrays take, and not with a little more than is
    needed to make them.
    """
    net = Network()
    rates = net.population(LeakyRate(), 300, name="rates")
    net.connect(rates, rates, FixedProbability(1.0), weight=0.1, delay=1e-3, name="p")
    each = 8 + np.dtype(dtype).itemsize
    monkeypatch.setattr(free_memory, "free_bytes", lambda: 90_000 * each)
    with pytest.raises(CapacityError, match="most by p; "):
        Simulator(net, dtype=dtype)
    room = 90_000 * (each + capacity.DRAWING) + 100_000
    monkeypatch.setattr(free_memory, "free_bytes", lambda: room)
    Simulator(net, dtype=dtype)
