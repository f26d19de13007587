"""Crossbars of limited size, behind wires, some time after writing: against the exact solver and
brute force.
"""

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.hardware import (
    ADC,
    BreakdownReRAM,
    Crossbar,
    Flicker,
    Polynomial,
    PulsedReRAM,
    Telegraph,
    Tile,
    Wires,
    output_currents,
)
from potentia.hardware.devices import presets
from potentia.learning import STDP
from potentia.models import IF, LIF, SpikeSource
from potentia.sim import (
    AllToAll,
    Explicit,
    FixedProbability,
    Ideal,
    Noise,
    Normal,
    Poisson,
    SpikeTrain,
)

N_PRE, N_POST, SHARE = 60, 25, 0.5
DT = 1e-3  # [s]
WIRES = Wires(r_word=2.0, r_bit=3.0)
CELL = BreakdownReRAM(read_noise=0.0)


def received(store, fired, *, weight=1e-3, seed=4, steps=1, **options):
    """What arrives at each of 25 integrators when the sources `fired` spike together; the
    projection; all tallies.

    They do not reach their threshold, so the potential is the sum of what arrived.
    """
    net = Network(seed=seed)
    source, target = (
        net.population(SpikeSource(), N_PRE),
        net.population(IF(threshold=1e3), N_POST, name="target"),
    )
    loop = net.connect(
        source, target, FixedProbability(SHARE), weight=weight, store=store, name="loop"
    )
    times = np.repeat(10e-3 + DT * np.arange(steps), len(fired))
    net.stimulate(source, SpikeTrain(times, np.tile(fired, steps)))
    net.probe(target, "v")
    simulator = Simulator(net, dt=DT, **{"dtype": "float64", **options})
    result = simulator.run(15e-3 + steps * DT)
    return result.trace("target", "v")[-1], simulator, loop, result.tallies


@pytest.fixture
def fired():
    return np.flatnonzero(np.random.default_rng(1).random(N_PRE) < 0.3)


def grids(simulator, loop, ideal):
    """The conductances of `plus` and `minus` as matrices (rows, columns) [S], from the weights
    without wires.
    """
    synapses = simulator.plan.synapses[loop.name]
    grid = np.zeros((N_PRE, N_POST))
    grid[synapses.sources(), synapses.targets] = ideal / 1e-3 * CELL.full
    return np.maximum(grid, 0.0), np.maximum(-grid, 0.0)


@pytest.mark.parametrize(
    "tile", [None, Tile(rows=16, columns=10), Tile(rows=128, columns=7), Tile(rows=9, columns=64)]
)
def test_wires_are_solved_exactly(fired, tile):
    """A step of several spikes receives what the solver finds for all of them together, whole tile
    by whole tile.
    """
    wired, simulator, loop, _ = received(Crossbar(CELL, adc=None, wires=WIRES, tile=tile), fired)
    _, plain, same, _ = received(Crossbar(CELL, adc=None), fired)
    expected = np.zeros(N_POST)
    rows, columns = (N_PRE, N_POST) if tile is None else (tile.rows, tile.columns)
    voltages = np.isin(np.arange(N_PRE), fired).astype(float)
    for sign, grid in zip((1.0, -1.0), grids(plain, same, plain.weights(same)), strict=True):
        for i in range(0, N_PRE, rows):
            for j in range(0, N_POST, columns):
                used = grid[i : i + rows, j : j + columns]
                whole, volts = np.zeros((rows, columns)), np.zeros(rows)
                whole[: used.shape[0], : used.shape[1]] = used
                volts[: used.shape[0]] = voltages[i : i + rows]
                part = output_currents(whole, volts, r_word=2.0, r_bit=3.0, tolerance=1e-12)
                expected[j : j + columns] += sign * part[: used.shape[1]]
    np.testing.assert_allclose(wired, expected * 1e-3 / CELL.full, rtol=1e-8)
    lost = (
        simulator.weights(loop)[plain.weights(same) != 0]
        / plain.weights(same)[plain.weights(same) != 0]
    )
    assert 0.5 < lost.mean() < 0.9999
    assert (lost < 1).all()


@pytest.mark.parametrize("tile", [None, Tile(rows=20, columns=9)])
def test_cells_without_a_synapse_are_read_with_their_noise(fired, tile):
    """Behind wires a driven row reads all its cells, and 1/f noise and traps are in those at rest
    too.
    """
    flicker = Flicker(
        unit=1e-6, amplitude=Polynomial(coefficients=(2e-8,)), read_time=1e-6, relative=False
    )
    traps = Telegraph(share=1.0, median=0.04, sigma=0.0, occupancy=0.5)
    cell = PulsedReRAM(g_min=2e-6, g_max=40e-6, read_noise=0.01, flicker=flicker, telegraph=traps)
    store = Crossbar(cell, adc=None, wires=WIRES, tile=tile, age=100.0)
    _, simulator, _, _ = received(store, fired, weight=Normal(1e-3, 1e-3))
    synapses = simulator.plan.synapses["loop"]
    scope = simulator.plan.projections["loop"]
    cells, written = store._cells(scope), store._written(scope)
    expected = np.zeros((N_PRE, N_POST))
    rows, columns = (N_PRE, N_POST) if tile is None else (tile.rows, tile.columns)
    for side in written:
        grid = np.full((N_PRE, N_POST), cell.rest)
        grid[synapses.sources(), synapses.targets] = side
        for i in range(0, N_PRE, rows):
            for j in range(0, N_POST, columns):
                used, whole = (
                    grid[i : i + rows, j : j + columns],
                    np.full((rows, columns), cell.rest),
                )
                whole[: used.shape[0], : used.shape[1]] = used
                seen = WIRES.effective(whole)[: used.shape[0], : used.shape[1]]
                # every cell has the same traps
                error = cell.read_error(used.ravel(), 100.0).reshape(used.shape)
                expected[i : i + rows, j : j + columns] += (seen / used * error) ** 2
    variance = 0.01**2 * (cells.plus**2 + cells.minus**2) + cells.excess
    np.testing.assert_allclose(variance.reshape(N_PRE, N_POST), expected, rtol=1e-9)


ONE = PulsedReRAM(g_min=0.0, g_max=100e-6)  # 10 kohm


def share(place, tile, wires, backend="cpu"):
    """What a single cell of 100 uS at `place` (row, column) of its tile brings of its current
    without wires.
    """
    row, column = place
    arrived = []
    for behind in (None, wires):
        net = Network(seed=1)
        source, target = (
            net.population(SpikeSource(), row + 1),
            net.population(IF(threshold=1e3), column + 1, name="t"),
        )
        weights = np.zeros((row + 1, column + 1))
        weights[row, column] = 1e-3
        pairs = Explicit(*(ids.ravel() for ids in np.indices(weights.shape)))
        store = Crossbar(ONE, adc=None, wires=behind, tile=tile)
        net.connect(source, target, pairs, weight=weights.ravel(), delay=DT, store=store)
        net.stimulate(source, SpikeTrain([DT], [row]))
        net.probe(target, "v")
        simulator = Simulator(net, dt=DT, dtype="float64", backend=backend)
        arrived.append(simulator.run(5 * DT).trace("t", "v")[-1][column])
    return arrived[1] / arrived[0]


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_lines_have_the_length_of_the_tile(backend):
    """One cell of 10 kohm behind lines of 100 ohm a segment: word lines begin at the left, bit
    lines end below.
    """
    bit, word = Wires(r_word=0.0, r_bit=100.0), Wires(r_word=100.0, r_bit=0.0)
    assert share((0, 0), Tile(rows=100, columns=1), bit, backend) == pytest.approx(0.5, rel=1e-9)
    assert share((40, 0), Tile(rows=100, columns=1), bit, backend) == pytest.approx(
        1 / 1.6, rel=1e-9
    )
    assert share((0, 0), Tile(rows=100, columns=1), word, backend) == pytest.approx(
        1 / 1.01, rel=1e-9
    )
    assert share((2, 24), Tile(rows=7, columns=64), word, backend) == pytest.approx(
        1 / 1.25, rel=1e-9
    )
    assert share((0, 0), None, bit, backend) == pytest.approx(1 / 1.01, rel=1e-9)
    both = Wires(r_word=100.0, r_bit=100.0, r_source=300.0, r_sense=500.0)
    assert share((0, 3), Tile(rows=20, columns=9), both, backend) == pytest.approx(
        1 / (1 + 0.07 + 0.25), rel=1e-9
    )


def test_without_resistance_wires_change_nothing(fired):
    """Every cell of the array is driven, yet what arrives is the same."""
    wired, _, _, tallies = received(
        Crossbar(CELL, adc=None, wires=Wires(r_word=0.0, r_bit=0.0)), fired
    )
    plain, _, _, _ = received(Crossbar(CELL, adc=None), fired)
    np.testing.assert_allclose(wired, plain, rtol=1e-12, atol=1e-18)
    assert tallies["loop.events"] == fired.size * N_POST


def test_tiles_convert_on_their_own(fired):
    """Each tile below another has converters of its own; with fine ones the sum is the same."""
    whole, _, _, one = received(Crossbar(CELL, adc=ADC(bits=16)), fired)
    tiled, _, _, many = received(
        Crossbar(CELL, adc=ADC(bits=16), tile=Tile(rows=16, columns=8)), fired
    )
    np.testing.assert_allclose(tiled, whole, atol=1e-3 * 2.0**-10)
    assert many["loop.conversions"] > 3 * one["loop.conversions"] > 0
    assert many["loop.events"] == one["loop.events"]
    coarse, _, _, _ = received(
        Crossbar(CELL, adc=ADC(bits=3), tile=Tile(rows=16, columns=8)), fired
    )
    assert np.abs(coarse - whole).max() > np.abs(tiled - whole).max()


@pytest.mark.parametrize("wires", [None, WIRES])
def test_backends_agree(fired, wires):
    store = Crossbar(
        BreakdownReRAM(), adc=ADC(bits=6), wires=wires, tile=Tile(rows=16, columns=10), pairs="both"
    )
    here, there = (received(store, fired, backend=backend)[0] for backend in ("cpu", "reference"))
    np.testing.assert_array_equal(here, there)
    assert here.any()


def test_what_is_read_later_has_drifted():
    """Phase-change cells a day after writing: weights are lower, each by its own exponent."""
    cell = presets.get("pcm-nandakumar")
    fresh, aged = (
        received(Crossbar(cell, adc=None, age=age), [0], weight=Normal(0.0, 1e-3))
        for age in (20.0, 86400.0)
    )
    before, after = fresh[1].weights(fresh[2]), aged[1].weights(aged[2])
    strong = np.abs(before) > 1e-3
    share = after[strong] / before[strong]
    assert 0.3 < share.mean() < 0.9
    assert share.std() > 0.01


def test_reading_errors_of_each_cell_reach_the_column():
    """1/f noise depends on the conductance: columns scatter as the sum of all cells' errors does.

    4000 readings: the standard deviation is known to 1.1 %, so 5 standard errors are 5.6 %.
    """
    cell, n = presets.get("pcm-nandakumar"), 4000
    store = Crossbar(cell, adc=None, age=1e4)
    fired = np.arange(N_PRE)
    net = Network(seed=4)
    source, target = (
        net.population(SpikeSource(), N_PRE),
        net.population(IF(threshold=1e9), N_POST, name="target"),
    )
    loop = net.connect(
        source, target, AllToAll(), weight=Normal(0.0, 1e-3), store=store, name="loop"
    )
    net.stimulate(source, SpikeTrain(np.repeat(DT * np.arange(1, n + 1), N_PRE), np.tile(fired, n)))
    net.probe(target, "v")
    simulator = Simulator(net, dt=DT, dtype="float64")
    steps = np.diff(simulator.run(DT * (n + 3)).trace("target", "v"), axis=0)
    drawn = steps[np.abs(steps).sum(1) > 0][:n].std(0)
    memory = simulator.plan.memory()  # nothing learns: cells keep what was written
    plus, minus = (memory[f"loop.{side}"] for side in ("plus", "minus"))
    scale = np.abs(simulator.weights(loop)).max() / np.abs(plus - minus).max()
    errors = sum(cell.read_error(g, 1e4) ** 2 for g in (plus, minus))
    targets = simulator.plan.synapses["loop"].targets
    expected = scale * np.sqrt(np.bincount(targets, errors, N_POST))
    np.testing.assert_allclose(drawn, expected, rtol=5 / np.sqrt(2 * n))


def test_a_liquid_behind_wires_runs_on():
    """A recurrent network with noise, converters and wires; less arrives than without wires, so it
    fires less.
    """
    rates = []
    for wires in (None, Wires(r_word=5.0, r_bit=5.0)):
        net = Network(seed=6)
        source, cells = net.population(SpikeSource(), 40), net.population(LIF(), 80, name="cells")
        net.stimulate(source, Poisson(rate=80.0))
        net.stimulate(cells, Noise(mean=12e-3, std=3e-3, interval=1e-3))
        store = Crossbar(BreakdownReRAM(), wires=wires)
        net.connect(source, cells, FixedProbability(0.4), weight=2.5e-3, store=store)
        net.connect(cells, cells, FixedProbability(0.2), weight=0.2e-3, delay=1e-3, store=store)
        net.probe(cells, "spikes")
        rates.append(Simulator(net, dt=1e-4).run(0.3).spikes("cells").rate)
    assert rates[0] > rates[1] > 0


def test_converters_have_errors_of_their_own(fired):
    """Offsets move columns by whole steps, each its own; columns that share a converter move
    together.
    """
    ideal, simulator, _, _ = received(Crossbar(CELL, adc=ADC(bits=6)), fired)
    lsb = (
        simulator.plan.network.projections[0]
        .store.converter(simulator.plan.projections["loop"], listed_cells(simulator))
        .lsb
    )
    step = lsb * 1e-3 / CELL.full
    off, _, _, _ = received(Crossbar(CELL, adc=ADC(bits=6, offset=2.0)), fired)
    moved = (off - ideal) / step
    np.testing.assert_allclose(moved, np.rint(moved), atol=1e-6)
    assert moved.std() > 1.0
    shared, _, _, _ = received(
        Crossbar(CELL, adc=ADC(bits=6, offset=2.0, columns_per_adc=N_POST)), fired
    )
    assert np.ptp((shared - ideal) / step) <= 1.0 + 1e-6


@pytest.mark.parametrize(("width", "share"), [(3, 2), (5, 3), (N_POST + 5, 4), (4, N_POST)])
def test_arrays_share_no_converter(fired, width, share):
    """Offsets of steps by the hundred: each converter of each array, beside and below, has one of
    its own.
    """
    store = Crossbar(
        CELL,
        adc=ADC(bits=12, offset=300.0, columns_per_adc=share),
        tile=Tile(rows=2, columns=width),
    )
    _, simulator, _, _ = received(store, fired)
    scope = simulator.plan.projections["loop"]
    cells = listed_cells(simulator)
    edges, sharing = store._converters(store.converter(scope, cells), scope, cells.n_columns)
    owners = [
        (k // N_POST, k % N_POST // width, k % N_POST % width // share)
        for k in range(cells.n_columns)
    ]
    assert cells.n_columns > N_POST
    assert len(set(owners)) == len(set(sharing.tolist())) == len(edges) == sharing.max() + 1
    assert len(set(zip(owners, sharing.tolist(), strict=True))) == len(edges)


def listed_cells(simulator):
    """The cells of the projection "loop" as its converters are made for them."""
    return simulator.plan.network.projections[0].store._cells(simulator.plan.projections["loop"])


def test_what_wires_cannot_do(fired):
    """Learning, and two synapses in one cell."""
    net = Network(seed=1)
    cells = net.population(LIF(), 5)
    net.connect(
        cells,
        cells,
        AllToAll(),
        weight=1e-3,
        delay=DT,
        rule=STDP(),
        store=Crossbar(PulsedReRAM(), wires=WIRES),
    )
    with pytest.raises(ParameterError, match="wires: must be None where a rule learns"):
        Simulator(net, dt=DT)
    net = Network(seed=1)
    cells = net.population(LIF(), 5)
    twice = Explicit([0, 0], [1, 1])
    net.connect(cells, cells, twice, weight=1e-3, delay=DT, store=Crossbar(CELL, wires=WIRES))
    with pytest.raises(ParameterError, match="several synapses between two units with one delay"):
        Simulator(net, dt=DT)
    assert received(Ideal(), fired)[0].any()
