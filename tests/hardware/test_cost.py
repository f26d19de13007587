"""Joules counted by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import NetworkError, ParameterError
from potentia.hardware import (
    ADC,
    BreakdownReRAM,
    Crossbar,
    PulsedReRAM,
    Tile,
    digital_joules,
    gpu_joules,
    joules,
)
from potentia.hardware.cost import synaptic_events
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import Explicit, FixedOutDegree, Ideal, Procedural, SpikeTrain

SOURCES, TARGETS, DELAYS = [0, 0, 0, 1, 1], [0, 1, 2, 0, 1], [1e-3, 1e-3, 2e-3, 1e-3, 1e-3]


def tiny(store, rule=None, engine="clock", weight=1e-3):
    """Two sources, three targets, five synapses; source 0 fires twice, source 1 once, with the
    second.

    Rows driven: source 0 has two delays, so 2 * 2 + 1 = 5. Pairs read: 3 + 3 + 2 = 8. Columns
    converted: step by step 2 (source 0), 1 (its second delay), 2 (sources 0 and 1 together), 1,
    that is 6.
    """
    net = Network(seed=1)
    source, target = (
        net.population(SpikeSource(), 2, name="source"),
        net.population(LIF(), 3, name="target"),
    )
    projection = net.connect(
        source,
        target,
        Explicit(SOURCES, TARGETS),
        weight=weight,
        delay=DELAYS,
        store=store,
        rule=rule,
        name="wires",
    )
    net.stimulate(source, SpikeTrain([10e-3, 20e-3, 20e-3], [0, 0, 1]))
    net.probe(source, "spikes")
    how = {"dt": 1e-3, "dtype": "float64"} if engine == "clock" else {"engine": engine}
    simulator = Simulator(net, **how)
    return simulator, simulator.run(0.03), projection


def test_crossbar_by_hand():
    """Counts as listed above; cells take V^2 t times all conductances read, both devices of each
    pair.
    """
    store = Crossbar(PulsedReRAM(), read_voltage=0.3, read_time=50e-9)
    simulator, result, wires = tiny(store)
    cost = joules(simulator, result, wires)
    counts = {part.name: part.count for part in cost.parts}
    assert counts == {"row drivers": 5, "cell pairs": 8, "converters": 6}
    per_pair = store.device.g_max + store.device.g_min
    expected = 5 * 0.417e-12 + 0.3**2 * 50e-9 * 8 * per_pair + 6 * 1.67e-12
    assert cost.joules == pytest.approx(expected, rel=1e-12)
    assert all(part.source for part in cost.parts)
    assert "doi:" in str(cost)
    assert "neurons" in str(cost)


def test_reads_take_their_time():
    """Something arrives in four steps; a read waits for the columns that share a converter, one
    after the other.
    """
    store = Crossbar(
        PulsedReRAM(), read_time=50e-9, adc=ADC(columns_per_adc=3, conversion_time=2e-9)
    )
    cost = joules(*tiny(store))
    assert cost.reads == 4
    assert cost.seconds == pytest.approx(4 * (50e-9 + 3 * 2e-9), rel=1e-12)
    assert " s\n" in str(cost)
    for narrow in (
        replace(store, tile=Tile(rows=8, columns=1)),
        replace(store, tile=Tile(rows=2, columns=2)),
    ):
        assert joules(*tiny(narrow)).seconds == pytest.approx(
            4 * (50e-9 + narrow.tile.columns * 2e-9), rel=1e-12
        )
    unknown = joules(*tiny(Crossbar(PulsedReRAM())))
    assert unknown.seconds is None
    assert "time of a conversion" in unknown.unknown


def test_sensitivity_is_what_another_figure_would_give():
    """Twice the energy per conversion, and nothing else, moves the sum by the converters' share."""
    cost = joules(*tiny(Crossbar(PulsedReRAM())))
    for name, less, more in cost.sensitivity(2.0):
        part = next(part for part in cost.parts if part.name == name)
        assert more == pytest.approx(part.joules / cost.joules, rel=1e-12)
        assert less == pytest.approx(-more / 2, rel=1e-12)
    assert sum(more for _, _, more in cost.sensitivity(2.0)) == pytest.approx(1.0, rel=1e-12)
    with pytest.raises(ParameterError, match=r"Cost.sensitivity.factor: must be > 1 \(got 0.5\)"):
        cost.sensitivity(0.5)


def test_a_graphics_card():
    """153.5 million operations, MUTAG in the source: 73.8 uJ."""
    assert gpu_joules("x", 153.5e6).joules == pytest.approx(73.8e-6, rel=0.01)


def test_a_single_read_costs_what_the_table_says():
    """0.2 V, 12.35 uS, 100 ns: 49 fJ, to the two digits of the source."""
    store = Crossbar(BreakdownReRAM())
    assert store.read_voltage**2 * 12.35e-6 * store.read_time == pytest.approx(49e-15, rel=0.02)


@pytest.mark.parametrize("engine", ["clock", "event"])
@pytest.mark.parametrize("weight", [1e-3, np.linspace(-1e-3, 1e-3, 5)])
def test_ideal_weights_are_charged_as_digital_memory(engine, weight):
    """8 events, each half a 64-bit access to 8 KB of SRAM and one 32-bit addition, on a grid or on
    none.
    """
    simulator, result, wires = tiny(Ideal(), engine=engine, weight=weight)
    cost = joules(simulator, result, wires)
    assert {part.name: part.count for part in cost.parts} == {"weight reads": 8, "additions": 8}
    assert cost.joules == pytest.approx(8 * (5e-12 + 0.9e-12), rel=1e-12)


@pytest.mark.parametrize("engine", ["clock", "event"])
@pytest.mark.parametrize("store", [Ideal(), Procedural()])
def test_events_of_drawn_synapses(engine, store):
    """Every source reaches 7 targets: 7 events a spike, of one run or of a batch, by the synapses
    of each source.
    """
    net = Network(seed=2)
    source, target = (
        net.population(SpikeSource(), 5, name="source"),
        net.population(LIF(), 3, name="target"),
    )
    wires = net.connect(source, target, FixedOutDegree(7), weight=1e-5, store=store)
    net.stimulate(source, SpikeTrain([0.01, 0.02, 0.02], [4, 4, 0]))
    net.probe(source, "spikes")
    simulator = Simulator(net, engine=engine)
    assert synaptic_events(simulator, simulator.run(0.05, batch=2), wires) == 42
    assert synaptic_events(simulator, simulator.run(0.05), wires) == 21
    sources = simulator.plan.synapses[wires.name].sources()
    assert np.bincount(sources).tolist() == [7] * 5


@pytest.mark.parametrize(
    ("synapses", "access"), [(2048, 10e-12), (2049, 20e-12), (200_000, 100e-12), (10**6, 1.3e-9)]
)
def test_larger_memories_cost_more(synapses, access):
    assert digital_joules("x", 10, synapses).joules == pytest.approx(
        10 * (access / 2 + 0.9e-12), rel=1e-12
    )


def test_what_has_no_source_is_unknown():
    """11-bit conversions and programming pulses have no figure: listed, never guessed."""
    simulator, result, wires = tiny(Crossbar(PulsedReRAM(), adc=ADC(bits=11)), rule=STDP())
    parts = {part.name: part for part in joules(simulator, result, wires).parts}
    assert parts["converters"].joules is None
    assert parts["pulses"].joules is None
    assert "unknown" in str(joules(simulator, result, wires))
    known = sum(part.joules for part in parts.values() if part.joules is not None)
    assert joules(simulator, result, wires).joules == pytest.approx(known)


def test_batches_add_up():
    simulator, result, wires = tiny(Crossbar(PulsedReRAM()))
    fresh = Simulator(simulator.network, dt=1e-3, dtype="float64")
    batch = fresh.run(0.03, batch=3)
    assert joules(fresh, batch, wires).joules == pytest.approx(
        3 * joules(simulator, result, wires).joules, rel=1e-12
    )


def test_tallies_start_at_zero_in_every_run():
    """A silent stretch after the spikes counts nothing."""
    simulator, first, _ = tiny(Crossbar(PulsedReRAM()))
    assert first.tallies["wires.activations"] == 5
    assert set(simulator.run(0.1).tallies.values()) == {0}


def test_strangers_are_refused():
    simulator, result, _ = tiny(Ideal())
    _, _, stranger = tiny(Ideal())
    for ask in (joules, synaptic_events):
        with pytest.raises(NetworkError, match=r"name='wires'.* is not a projection of"):
            ask(simulator, result, stranger)
        with pytest.raises(NetworkError, match="no projection is called 'wire'; did you mean"):
            ask(simulator, result, "wire")
        with pytest.raises(ParameterError, match=f"{ask.__name__}.projection: must be"):
            ask(simulator, result, 3)


@pytest.mark.parametrize("engine", ["clock", "event"])
def test_parts_may_have_been_set(engine, tmp_path):
    """A projection counts as it was described, as it is now, and by its name: 8 events before and
    after its target, its source's spikes and its weights were changed; of a loaded simulator too.
    """
    simulator, result, wires = tiny(Ideal(), engine=engine)
    simulator.reset()
    simulator.set("target", threshold=20e-3)
    simulator.set("wires", weights=np.linspace(1e-3, 2e-3, 5))
    now = simulator.network.projections[0]
    assert now is not wires
    assert simulator.projection(wires) is simulator.projection("wires") is now
    later = simulator.run(0.03)
    for projection in (wires, now, "wires"):
        for one in (result, later):
            assert synaptic_events(simulator, one, projection) == 8
            assert str(joules(simulator, one, projection)) == str(joules(simulator, one, wires))
    simulator.save(tmp_path / "saved")
    assert synaptic_events(Simulator.load(tmp_path / "saved"), later, "wires") == 8


def test_crossbars_may_have_been_set():
    """Rows, cells and converters are those of the store that the projection has now."""
    simulator, result, wires = tiny(Crossbar(PulsedReRAM()))
    before = joules(simulator, result, wires)
    simulator.reset()
    simulator.set("target", threshold=20e-3)
    simulator.set(wires, weights=2e-3)
    later = simulator.run(0.03)
    for projection in (wires, "wires", simulator.network.projections[0]):
        assert joules(simulator, later, projection).joules == pytest.approx(before.joules)


@pytest.mark.parametrize("engine", ["clock", "event"])
@pytest.mark.parametrize("ids", [None, [1, 2]])
def test_unrecorded_spikes_are_asked_for(engine, ids):
    """Those of sources with synapses: unit 0, but neither 1 nor 2."""
    net = Network()
    cells = net.population(LIF(), 3, name="cells")
    loop = net.connect(cells, cells, Explicit([0], [1]), weight=math.pi, name="loop")
    if ids is not None:
        net.probe(cells, "spikes", ids=ids)
    simulator = Simulator(net, engine=engine)
    words = r"events of 'loop' are counted by the spikes of 'cells', of which 1 units .* add probe\(cells, 'spikes'\)"
    for result in (simulator.run(0.01), simulator.run(0.01, batch=2)):
        with pytest.raises(ParameterError, match=words):
            joules(simulator, result, loop)


def test_spikes_of_the_sources_are_enough():
    net = Network()
    cells = net.population(SpikeSource(), 3, name="cells")
    loop = net.connect(cells, cells, Explicit([1], [2]), weight=1.0, name="loop")
    net.stimulate(cells, SpikeTrain([1e-3, 1e-3], [0, 1]))
    net.probe(cells, "spikes", ids=[1])
    simulator = Simulator(net, dt=1e-3)
    assert synaptic_events(simulator, simulator.run(0.01), loop) == 1
