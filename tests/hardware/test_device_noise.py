"""Readings: their spread is what `read_error` says, cell by cell, and telegraph noise has two levels."""

import math

import numpy as np
import pytest
from scipy import stats

from potentia.hardware import BreakdownReRAM, Flicker, Power, PulsedReRAM, Telegraph, presets
from potentia.sim.seed import stream_key

N, KEY = 200_000, 99
TRAPS = Telegraph(share=0.3, median=0.1, sigma=0.5, occupancy=0.25)
FLICKER = Flicker(unit=10e-6, amplitude=Power(factor=0.01, exponent=-0.5), read_time=1e-6)


def test_a_reading_depends_on_its_key_alone():
    cell, g = presets.pcm_nandakumar(), np.linspace(0.0, 25e-6, 1000)
    np.testing.assert_array_equal(cell.read(g, KEY, 1.0), cell.read(g, KEY, 1.0))
    assert not np.array_equal(cell.read(g, KEY, 1.0), cell.read(g, KEY + 1, 1.0))
    np.testing.assert_array_equal(cell.read(g, KEY, 1.0)[:10], cell.read(g[:10], KEY, 1.0))


def test_reading_leaves_the_cells_alone():
    g = np.full(10, 10e-6)
    BreakdownReRAM(telegraph=TRAPS).read(g, KEY)
    np.testing.assert_array_equal(g, 10e-6)


def test_cells_without_noise_read_as_they_are():
    g = np.linspace(1e-6, 10e-6, 100)
    np.testing.assert_array_equal(PulsedReRAM().read(g, KEY, 100.0), g)
    np.testing.assert_array_equal(PulsedReRAM().read_error(g, 100.0), 0.0)


def test_independent_errors_add_in_squares():
    """White, 1/f and telegraph noise together: over cells of one conductance, and against 3-4-5."""
    g = np.full(N, 10e-6)
    cell = PulsedReRAM(read_noise=0.03, flicker=FLICKER)
    seconds = 1e-6 * (2 * math.exp(16.0) - 1)  # where the root of the logarithm is 4
    np.testing.assert_allclose(cell.read_error(g[:2], seconds), 0.05 * 10e-6, rtol=1e-9)
    full = PulsedReRAM(read_noise=0.03, flicker=FLICKER, telegraph=TRAPS)
    expected = np.sqrt(np.mean(full.read_error(g, seconds) ** 2))
    spread = (full.read(g, KEY, seconds) - g).std()
    assert spread == pytest.approx(expected, rel=0.02)  # five standard errors of a law with tails of kurtosis 6


def test_a_cell_with_a_trap_has_two_levels():
    """2000 readings of single cells: two values, a g apart, the lower one in a quarter of them, g their mean."""
    cell, g = PulsedReRAM(telegraph=TRAPS), np.full(400, 10e-6)
    readings = np.array([cell.read(g, key) for key in range(2000)])
    amplitudes = TRAPS.amplitudes(400, stream_key(0, "traps"))
    trapped = amplitudes > 0
    assert trapped.mean() == pytest.approx(0.3, abs=5 * math.sqrt(0.21 / 400))
    np.testing.assert_array_equal(readings[:, ~trapped], 10e-6)
    for column, a in zip(readings.T[trapped], amplitudes[trapped], strict=True):
        low, high = np.unique(column)
        assert high - low == pytest.approx(a * 10e-6, rel=1e-9)
        assert 0.25 * low + 0.75 * high == pytest.approx(10e-6, rel=1e-12)
        assert np.mean(column == low) == pytest.approx(0.25, abs=5 * math.sqrt(0.1875 / 2000))


def test_amplitudes_are_lognormal():
    amplitudes = TRAPS.amplitudes(N, KEY)
    logs = np.log(amplitudes[amplitudes > 0] / 0.1)
    assert stats.kstest(logs / 0.5, "norm").pvalue > 1e-6
    assert Telegraph(share=1.0, median=0.9, sigma=1.0, occupancy=0.5).amplitudes(N, KEY).max() == 1.0


def test_the_error_of_each_cell_is_the_spread_of_its_own_readings():
    """Cell by cell over 4000 readings.

    The standard error of a deviation is sqrt((k - 1) / 4 n) of it, with k = 3 of a normal law, 7/3 of these two
    levels: five are 5.6 %, and less where both add up.
    """
    cell, g = PulsedReRAM(telegraph=TRAPS, read_noise=0.01), np.linspace(1e-6, 12e-6, 50)
    readings = np.array([cell.read(g, key, cells=5) for key in range(4000)])
    np.testing.assert_allclose(readings.std(axis=0), cell.read_error(g, cells=5), rtol=0.056)
    np.testing.assert_allclose(readings.mean(axis=0), g, atol=5 * cell.read_error(g, cells=5).max() / math.sqrt(4000))


def test_other_cells_have_other_traps():
    cell, g = PulsedReRAM(telegraph=TRAPS), np.full(1000, 1e-6)
    assert not np.array_equal(cell.read_error(g, cells=1), cell.read_error(g, cells=2))
    np.testing.assert_array_equal(cell.read_error(g, cells=1), cell.read_error(g, cells=1))


def test_what_a_crossbar_takes_for_the_error_of_all():
    """`read_noise` itself where there is nothing else; else the spread of many cells in full, within 2 % as above."""
    assert BreakdownReRAM().relative_error() == 0.02
    cell = PulsedReRAM(read_noise=0.02, flicker=FLICKER, telegraph=TRAPS)
    g = np.full(N, cell.full)
    assert cell.relative_error(5.0) == pytest.approx((cell.read(g, KEY, 5.0) / g).std(), rel=0.02)
