"""Crossbars over random settings: closed forms, conservation of charge, and one physics with
`AnalogLinear`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from potentia import Network, Simulator
from potentia.errors import UnsupportedError
from potentia.hardware import ADC, Crossbar, PulsedReRAM, StuckAt, Telegraph, Tile, Wires
from potentia.hardware.array.array import reach
from potentia.hardware.array.design import ArrayDesign
from potentia.hardware.devices import presets
from potentia.models import IF, LIF, SpikeSource
from potentia.sim import Explicit, Poisson, SpikeTrain
from potentia.sim.seed import stream_key

DT = 1e-3  # [s]
SLOW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEEDS = st.integers(0, 2**32 - 1)
OHMS = st.sampled_from([0.0, 1e-3, 1.0, 30.0, 1e3])


@st.composite
def all_wires(draw):
    """Resistances from none to a tenth of the best cell's."""
    ends = st.sampled_from(["single", "double"])
    return Wires(
        r_word=draw(OHMS),
        r_bit=draw(OHMS),
        r_source=draw(OHMS),
        r_sense=draw(OHMS),
        driven=draw(ends),
        grounded=draw(ends),
    )


@st.composite
def graded_cells(draw, *, noise=False):
    """Cells that take any weight; with `noise` all that can be wrong with them."""
    g_min = draw(st.sampled_from([0.0, 1e-7, 2e-6]))
    cell = {"g_min": g_min, "g_max": g_min + draw(st.floats(1e-6, 1e-4))}
    if not noise:
        return PulsedReRAM(**cell)
    if draw(st.booleans()):
        traps = Telegraph(share=0.5, median=0.1, sigma=0.5, occupancy=0.3)
        known = draw(
            st.sampled_from([presets.pcm_nandakumar(), presets.cmo_hfox(), presets.pcm_hermes_1()])
        )
        return replace(
            known,
            telegraph=draw(st.sampled_from([None, traps])),
            read_noise=draw(st.floats(0.0, 0.1)),
        )
    low, high = draw(st.floats(0.0, 0.3)), draw(st.floats(0.0, 0.3))
    return PulsedReRAM(
        **cell,
        write_error=draw(st.floats(0.0, 0.2)),
        read_noise=draw(st.floats(0.0, 0.3)),
        device_spread=draw(st.floats(0.0, 0.5)),
        faults=StuckAt(low=low, high=high),
    )


@dataclass(frozen=True)
class Case:
    """A full matrix of weights (rows, columns) between sources and integrators, some of whose
    sources fire at once.
    """

    weights: np.ndarray
    fired: np.ndarray
    store: Crossbar

    def simulate(self, *, delays=None, **options):
        rows, columns = self.weights.shape
        net = Network(seed=3)
        source, target = (
            net.population(SpikeSource(), rows),
            net.population(IF(threshold=1e9), columns, name="target"),
        )
        sources, targets = (ids.ravel() for ids in np.indices(self.weights.shape))
        delay = DT if delays is None else np.repeat(delays, columns) * DT
        net.connect(
            source,
            target,
            Explicit(sources, targets),
            weight=self.weights.ravel(),
            delay=delay,
            store=self.store,
            name="loop",
        )
        net.stimulate(source, SpikeTrain(np.full(self.fired.size, DT), self.fired))
        net.probe(target, "v")
        return Simulator(net, dt=DT, dtype="float64", **options)

    def received(self, **options):
        """What arrives at each integrator."""
        return self.simulate(**options).run(12 * DT).trace("target", "v")[-1]


@st.composite
def cases(draw, cell, wires):
    rows, columns = draw(st.integers(1, 12)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(SEEDS))
    weights = rng.normal(0.0, 1e-3, (rows, columns)) * (
        rng.random((rows, columns)) < draw(st.sampled_from([0.3, 1.0]))
    )
    weights[rng.integers(rows), rng.integers(columns)] = draw(st.sampled_from([-2e-3, 2e-3]))
    tile = draw(st.none() | st.builds(Tile, rows=st.integers(1, 15), columns=st.integers(1, 15)))
    device = draw(cell)
    age = draw(st.sampled_from([1.0, 3600.0])) if device.ages else 1.0
    store = Crossbar(device, adc=None, wires=draw(wires), tile=tile, age=age)
    return Case(weights, np.flatnonzero(rng.random(rows) < 0.6).astype(np.uint32), store)


@SLOW
@given(cases(graded_cells(), st.none()), st.lists(st.integers(1, 5), min_size=12, max_size=12))
def test_without_wires_and_errors_spikes_bring_their_weights(case, delays):
    """Whatever the tile and the delays."""
    expected = case.weights[case.fired].sum(axis=0)
    np.testing.assert_allclose(
        case.received(delays=delays[: len(case.weights)]), expected, rtol=1e-9, atol=1e-15
    )


def solved(wires, grid, tile, rest, volts):
    """Column currents (columns,) [A] of whole tiles, by iteration instead of elimination, and what
    sources send in.
    """
    rows, columns = grid.shape
    total = np.zeros(columns)
    for i in range(0, rows, tile.rows):
        for j in range(0, columns, tile.columns):
            part = grid[i : i + tile.rows, j : j + tile.columns]
            whole, drive = np.full((tile.rows, tile.columns), rest), np.zeros(tile.rows)
            whole[: part.shape[0], : part.shape[1]], drive[: part.shape[0]] = (
                part,
                volts[i : i + tile.rows],
            )
            total[j : j + tile.columns] += wires.currents(whole, drive, tolerance=1e-12)[
                : part.shape[1]
            ]
    return total


@SLOW
@given(cases(graded_cells(), all_wires()))
def test_behind_wires_a_step_brings_what_the_solver_finds(case):
    """For all rows that fire together, in both sides' arrays, of the tile's size even where it is
    not full.
    """
    device, store, (rows, columns) = case.store.device, case.store, case.weights.shape
    largest = np.abs(case.weights).max()
    span, volts = device.g_max - device.g_min, np.isin(np.arange(rows), case.fired).astype(float)
    expected = np.zeros(columns)
    for sign in (1.0, -1.0):
        grid = device.g_min + np.maximum(sign * case.weights, 0.0) / largest * span
        tile = store.tile or Tile(rows=rows, columns=columns)
        expected += sign * solved(store.wires, grid, tile, device.rest, volts)
    np.testing.assert_allclose(
        case.received(), expected * largest / span, rtol=1e-6, atol=1e-8 * largest
    )


@SLOW
@given(all_wires(), st.integers(1, 12), st.integers(1, 12), SEEDS)
def test_what_flows_in_flows_out(wires, rows, columns, seed):
    """The sum of the columns' currents is that of all cells, and no row of H is larger than its
    cells.
    """
    rng = np.random.default_rng(seed)
    g, v = (
        rng.uniform(0.0, 1e-4, (rows, columns)) * (rng.random((rows, columns)) < 0.8),
        rng.uniform(-1, 1, rows),
    )
    out = wires.currents(g, v, tolerance=1e-12)
    word, bit = wires.potentials(g, v, tolerance=1e-12)
    scale = np.abs(g * (word - bit)).sum()
    np.testing.assert_allclose(out.sum(), (g * (word - bit)).sum(), atol=1e-8 * max(scale, 1e-12))
    effective = wires.effective(g)
    assert effective.min() >= 0.0
    assert (effective.sum(axis=1) <= g.sum(axis=1) * (1 + 1e-9) + 1e-18).all()
    np.testing.assert_allclose(v @ effective, out, rtol=1e-6, atol=1e-9 * max(scale, 1e-12))


torch = pytest.importorskip("torch")
from potentia.hardware import AnalogLinear  # noqa: E402


def twin(case, simulator):
    """The layer that holds what the crossbar's devices were written to."""
    store, scope, (rows, columns) = (
        case.store,
        simulator.plan.projections["loop"],
        case.weights.shape,
    )
    layer = AnalogLinear(
        rows,
        columns,
        bias=False,
        device=store.device,
        adc=None,
        dac=None,
        wires=store.wires,
        tile=store.tile,
        dtype=torch.float64,
    ).eval()
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(case.weights.T))
        layer.program()
        for side, written in zip((layer.plus, layer.minus), store._written(scope), strict=True):
            side[0] = torch.from_numpy(written.reshape(rows, columns))
    return layer


# a cell that conducts 4e-11 S, behind which its column finds more by way of the other cells
FAINT = Case(
    np.array([[2e-3, 1e-3], [1e-3, 2e-9]]),
    np.zeros(1, np.uint32),
    Crossbar(
        PulsedReRAM(g_min=0.0, g_max=4e-5, read_noise=0.25),
        adc=None,
        wires=Wires(r_word=0.0, r_bit=0.0, r_source=1e3, r_sense=1e3),
    ),
)


@SLOW
@example(FAINT)
@given(cases(graded_cells(noise=True), st.none() | all_wires()))
def test_crossbar_and_layer_read_one_array_alike(case):
    """The same written devices, with all their errors, at the same age: the same weights and
    variances of readings.
    """
    simulator = case.simulate()
    layer, store, scope = twin(case, simulator), case.store, simulator.plan.projections["loop"]
    keys = tuple(stream_key(scope.synapses.key, side) for side in ("plus", "minus"))
    with torch.no_grad(), patch.object(AnalogLinear, "_keys", lambda _: [keys]):
        layer.seconds.fill_(store.age)
        ready = layer._as_written()
    (plus, minus), (one, other) = (
        [side.numpy() for side in pair[0]] for pair in (ready.effective, ready.variances)
    )
    found = simulator.weights(simulator.network.projections[0]).reshape(case.weights.shape)
    tiny = 1e-12 * np.abs(case.weights).max()
    np.testing.assert_allclose(found, float(ready.scale) * (plus - minus), rtol=1e-9, atol=tiny)
    cells = store._cells(scope)
    places = np.arange(case.weights.size) if cells.places is None else cells.places
    variance = store.device.read_noise**2 * (cells.plus**2 + cells.minus**2)[places]
    variance += cells.excess[places] if cells.excess.size else 0.0
    written = [side.numpy() for side in ready.devices[0]]
    # A crossbar takes its relative error of all that a column finds at a cell, h. In the layer no
    # cell has more than its own error, of g; where h > g, the rest came past it through others.
    past = sum(np.maximum(h**2 - g**2, 0.0) for h, g in zip((plus, minus), written, strict=True))
    expected = (one + other + store.device.read_noise**2 * past).ravel()
    np.testing.assert_allclose(
        variance, expected, rtol=1e-6, atol=1e-12 * variance.max(initial=0.0)
    )


@dataclass(frozen=True)
class Loop:
    """A noisy recurrent network of units that differ, on crossbars behind converters."""

    store: Crossbar
    seed: int
    n: int = 30

    def simulator(self, **options):
        rng = np.random.default_rng(self.seed)
        net = Network(seed=self.seed % 1000)
        source = net.population(SpikeSource(), 20, name="source")
        model = LIF(
            tau=rng.uniform(5e-3, 30e-3, self.n),
            threshold=rng.uniform(5e-3, 20e-3, self.n),
            reset=rng.uniform(-2e-3, 2e-3, self.n),
            refractory=rng.integers(0, 4, self.n) * 1e-3,
        )
        cells = net.population(model, self.n, name="cells")
        net.stimulate(source, Poisson(rate=rng.uniform(50.0, 200.0)), name="drive")
        for pre, scale in ((source, 4e-3), (cells, 1e-3)):
            pairs = np.indices((pre.n, self.n)).reshape(2, -1)
            kept = pairs[:, rng.random(pairs.shape[1]) < 0.5]
            weights, delays = (
                rng.normal(0.2 * scale, scale, kept.shape[1]),
                rng.integers(1, 6, kept.shape[1]) * DT,
            )
            net.connect(pre, cells, Explicit(*kept), weight=weights, delay=delays, store=self.store)
        net.probe(cells, "spikes")
        return Simulator(net, dt=DT, **options)


@st.composite
def loops(draw):
    adc = draw(st.none() | st.builds(ADC, bits=st.integers(3, 10), inl=st.sampled_from([0.0, 0.5])))
    tile = draw(st.none() | st.builds(Tile, rows=st.integers(5, 60), columns=st.integers(5, 60)))
    store = Crossbar(
        draw(graded_cells(noise=True)), adc=adc, wires=draw(st.none() | all_wires()), tile=tile
    )
    return Loop(store, draw(SEEDS))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(loops())
def test_a_crossbar_does_not_care_how_it_is_run(tmp_path_factory, loop):
    """On either backend, two threads, in pieces, from a snapshot, as a sample of a batch: the same
    spikes.
    """
    whole = loop.simulator()
    expected = whole.run(0.12)
    for options in ({"backend": "reference"}, {"threads": 2}, {"chunk": 7}):
        assert loop.simulator(**options).run(0.12).hash == expected.hash
    broken = loop.simulator()
    broken.run(0.05)
    path = tmp_path_factory.mktemp("kept") / "half.snapshot"
    broken.save(path)
    rest = broken.run(0.07)
    assert rest.hash == expected.hash
    loaded = Simulator.load(path)
    again = loaded.run(0.07)
    assert again.hash == expected.hash
    np.testing.assert_array_equal(again.spikes("cells").times, rest.spikes("cells").times)
    batch = loop.simulator().run(0.12, batch=3)
    assert batch[0].hash == expected.hash
    assert len({sample.hash for sample in batch.samples}) > 1 or not len(expected.spikes("cells"))
    second = [simulator.run(0.05).hash for simulator in (whole, loaded)]
    assert second[0] == second[1]


def test_the_event_engine_says_that_it_cannot_read_a_crossbar():
    net = Network()
    cells = net.population(IF(), 3)
    net.connect(
        cells, cells, Explicit([0], [1]), weight=1e-3, delay=DT, store=Crossbar(PulsedReRAM())
    )
    with pytest.raises(
        UnsupportedError, match="has its weights in Crossbar, which the event engine cannot read"
    ):
        Simulator(net, engine="event")


def test_no_more_than_its_own_error_reaches_a_column():
    """Against the change of a column's current with each cell, by central differences; also of
    cells that are off.
    """
    wires = Wires(r_word=100.0, r_bit=100.0, r_source=50.0, r_sense=20.0)
    design = ArrayDesign(device=PulsedReRAM(), wires=wires)
    cells = np.random.default_rng(4).uniform(2e-5, 1e-4, (6, 5))
    cells[1, 2], cells[3, 4], cells[5, 0] = 1e-21, 0.0, 1e-9
    shares = reach(design, cells, design.effective(cells))
    for i, j in np.ndindex(*cells.shape):
        step = 1e-7
        more, less = cells.copy(), cells.copy()
        more[i, j] += step
        less[i, j] = max(cells[i, j] - step, 0.0)
        change = (wires.effective(more)[i, j] - wires.effective(less)[i, j]) / (
            more[i, j] - less[i, j]
        )
        assert 0.5 * change <= shares[i, j] <= 1.0  # the share leaves out what goes other ways
