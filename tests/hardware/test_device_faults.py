"""Cells that are stuck, fail with use, or deviate from one another; one key is one
array of cells.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.hardware import (
    BreakdownReRAM,
    Crossbar,
    Endurance,
    MultilevelCell,
    Polynomial,
    PulsedReRAM,
    StuckAt,
)
from potentia.hardware.devices import presets
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import AllToAll, SpikeTrain

N, KEY = 200_000, 31
EXACT = MultilevelCell(
    g_min=1e-6, g_max=21e-6, programming=Polynomial(coefficients=(0.0,)), unit=1e-6
)
CELLS = [BreakdownReRAM(), PulsedReRAM(write_error=0.01), presets.pcm_nandakumar()]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: type(cell).__name__)
def test_shares_of_stuck_cells(cell):
    """Within five standard errors of sqrt(p q / n); what is not stuck is written as
    without faults.
    """
    target = np.full(N, 0.5 * cell.full)
    free = cell.write(target, KEY)
    stuck = replace(cell, faults=StuckAt(low=0.1, high=0.03))
    written = stuck.write(target, KEY)
    where = stuck.stuck(N, KEY)
    assert np.mean(where == -1) == pytest.approx(0.1, abs=5 * math.sqrt(0.09 / N))
    assert np.mean(where == 1) == pytest.approx(0.03, abs=5 * math.sqrt(0.0291 / N))
    np.testing.assert_array_equal(written[where == -1], cell.rest)
    np.testing.assert_array_equal(written[where == 1], cell.full)
    np.testing.assert_array_equal(written[where == 0], free[where == 0])


def test_a_cell_stays_stuck():
    """Whatever is written, in whichever cycle; more faults only add to those there are; other
    cells, other faults.
    """
    few, many = (replace(EXACT, faults=StuckAt(low=share, high=share)) for share in (0.05, 0.2))
    where = few.stuck(N, KEY)
    for cycle, level in enumerate((2e-6, 15e-6)):
        written = few.write(np.full(N, level), KEY, cycle)
        np.testing.assert_array_equal(written == level, where == 0)
    np.testing.assert_array_equal(many.stuck(N, KEY)[where != 0], where[where != 0])
    assert not np.array_equal(few.stuck(N, KEY + 1), where)


def test_a_cell_that_was_never_to_be_formed_can_be_shorted():
    g = BreakdownReRAM(faults=StuckAt(high=0.2)).write(np.zeros(N), KEY)
    assert np.mean(g > 0) == pytest.approx(0.2, abs=5 * math.sqrt(0.16 / N))


def test_cycles_differ_and_devices_stay():
    """Two writings of the same cells: the deviation of a cell is common to both, the error of
    writing is not.

    The variance of ln(g - g_min) within a cell is that of the error alone, and between cells that
    of the spread.
    """
    cell = replace(EXACT, device_spread=0.2, programming=Polynomial(coefficients=(0.1e-6,)))
    first, second = (cell.write(np.full(N, 11e-6), KEY, cycle) for cycle in (0, 1))
    np.testing.assert_array_equal(first, cell.write(np.full(N, 11e-6), KEY))
    assert (first - second).std() == pytest.approx(math.sqrt(2) * 0.1e-6, rel=5 / math.sqrt(2 * N))
    common = np.log((0.5 * (first + second) - 1e-6) / 10e-6)
    expected = math.hypot(0.2, 0.1 / 10 / math.sqrt(2))
    # and the log's second order
    assert common.std() == pytest.approx(expected, rel=5 / math.sqrt(2 * N) + 1e-3)
    assert np.corrcoef(first, second)[0, 1] > 0.99


def test_pulsed_cells_spread_inside_their_range():
    cell = PulsedReRAM(device_spread=0.1)
    g = cell.write(np.full(N, 5e-6), KEY)
    logs = np.log((g - cell.g_min) / (5e-6 - cell.g_min))
    assert logs.std() == pytest.approx(0.1, rel=5 / math.sqrt(2 * N))
    assert cell.write(np.full(N, cell.g_max), KEY).max() == cell.g_max


@pytest.mark.parametrize("fails_to", ["rest", "full"])
@pytest.mark.parametrize("cycles", [0.0, 1e4, 1e6, 1e9])
def test_endurance_is_weibull(cycles, fails_to):
    """1 - exp(-(c / 1e6)**0.7) of the cells have failed, within five standard errors, and stay
    where they failed.
    """
    cell = replace(EXACT, endurance=Endurance(cycles=1e6, shape=0.7, fails_to=fails_to))
    g = cell.worn(np.full(N, 10e-6), cycles, KEY)
    share = 1 - math.exp(-((cycles / 1e6) ** 0.7))
    value = cell.rest if fails_to == "rest" else cell.full
    assert np.mean(g == value) == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / N))
    assert ((g == value) | (g == 10e-6)).all()
    later = cell.worn(np.full(N, 10e-6), 10 * cycles, KEY)
    assert (later[g == value] == value).all()


def test_cells_without_a_law_do_not_wear():
    np.testing.assert_array_equal(EXACT.worn(np.full(5, 3e-6), 1e12, KEY), 3e-6)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: type(cell).__name__)
def test_an_array_is_a_function_of_its_key(cell):
    cell = replace(
        cell, faults=StuckAt(low=0.1), endurance=Endurance(cycles=1e6, shape=1.0, fails_to="rest")
    )
    targets = np.linspace(cell.rest, cell.full, 1000)

    def life(key):
        return cell.worn(cell.aged(cell.write(targets, key), 1e5, key), 1e5, key)

    np.testing.assert_array_equal(life(KEY), life(KEY))
    assert not np.array_equal(life(KEY), life(KEY + 1))
    # what was asked is left alone
    np.testing.assert_array_equal(targets, np.linspace(cell.rest, cell.full, 1000))


def test_stuck_devices_do_not_learn(saved):
    """Potentiation moves all pairs but those of which both devices are stuck; stuck ones stay where
    they are.
    """
    device = PulsedReRAM(faults=StuckAt(low=0.3, high=0.3))
    net = Network(seed=4)
    source, target = (
        net.population(SpikeSource(), 200),
        net.population(LIF(threshold=1.0, refractory=0.0), 1),
    )
    rule = STDP(a_plus=2e-4, a_minus=0.0, w_max=2e-3)
    learned = net.connect(
        source, target, AllToAll(), weight=1e-3, store=Crossbar(device), rule=rule, name="learned"
    )
    times = 0.1 * np.arange(1, 6)
    net.stimulate(source, SpikeTrain(np.repeat(times, 200) - 1e-3, np.tile(np.arange(200), 5)))
    net.stimulate(target, SpikeTrain(times + 5e-3, np.zeros(5, int), weight=10.0))
    simulator = Simulator(net, dt=1e-3, dtype="float64")
    before = simulator.weights(learned)
    simulator.run(0.6)
    after, cells = simulator.weights(learned), saved(simulator)
    memory = simulator.plan.memory()
    stuck = [memory[f"learned.stuck_{side}"] != 0 for side in ("plus", "minus")]
    for side, fixed in zip(("plus", "minus"), stuck, strict=True):
        held = cells[f"learned.{side}"]
        assert np.isin(held[fixed], [device.rest, device.full]).all()
        assert fixed.mean() == pytest.approx(0.6, abs=5 * math.sqrt(0.24 / 200))
    np.testing.assert_array_equal(after[stuck[0] & stuck[1]], before[stuck[0] & stuck[1]])
    assert (after[~stuck[0]] > before[~stuck[0]]).all()
