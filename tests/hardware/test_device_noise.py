"""Readings: their spread is what `read_error` says, cell by cell, and telegraph noise has two
levels.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import signal, stats

from potentia.hardware import BreakdownReRAM, Flicker, Power, PulsedReRAM, Telegraph
from potentia.hardware.devices import presets
from potentia.kernels.cpu import device as kernels

N, KEY = 200_000, 99
TRAPS = Telegraph(share=0.3, median=0.1, sigma=0.5, occupancy=0.25)
FLICKER = Flicker(unit=10e-6, amplitude=Power(factor=0.01, exponent=-0.5), read_time=1e-6)


def test_a_reading_depends_on_its_key_alone():
    cell, g = replace(presets.pcm_nandakumar(), read_noise=0.01), np.linspace(0.0, 25e-6, 1000)
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
    # five standard errors of a law with tails of kurtosis 6
    assert spread == pytest.approx(expected, rel=0.02)


def test_a_cell_with_a_trap_has_two_levels():
    """2000 readings of single cells: two values, a g apart, the lower one in a quarter of them, g
    their mean.
    """
    cell, g = PulsedReRAM(telegraph=TRAPS), np.full(400, 10e-6)
    readings = np.array([cell.read(g, key) for key in range(2000)])
    amplitudes = TRAPS.amplitudes(400, 0)
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
    assert (
        Telegraph(share=1.0, median=0.9, sigma=1.0, occupancy=0.5).amplitudes(N, KEY).max() == 1.0
    )


def test_the_error_of_each_cell_is_the_spread_of_its_own_readings():
    """Cell by cell over 4000 readings.

    The standard error of a deviation is sqrt((k - 1) / 4 n) of it, with k = 3 of a normal law, 7/3
    of these two levels: five are 5.6 %, and less where both add up.
    """
    cell, g = PulsedReRAM(telegraph=TRAPS, read_noise=0.01), np.linspace(1e-6, 12e-6, 50)
    readings = np.array([cell.read(g, key, cells=5) for key in range(4000)])
    np.testing.assert_allclose(readings.std(axis=0), cell.read_error(g, cells=5), rtol=0.056)
    np.testing.assert_allclose(
        readings.mean(axis=0), g, atol=5 * cell.read_error(g, cells=5).max() / math.sqrt(4000)
    )


def test_other_cells_have_other_traps():
    cell, g = PulsedReRAM(telegraph=TRAPS), np.full(1000, 1e-6)
    assert not np.array_equal(cell.read_error(g, cells=1), cell.read_error(g, cells=2))
    np.testing.assert_array_equal(cell.read_error(g, cells=1), cell.read_error(g, cells=1))


def test_what_a_crossbar_takes_for_the_error_of_all():
    """`read_noise` itself where there is nothing else; else the spread of many cells in full,
    within 2 % as above.
    """
    assert BreakdownReRAM().relative_error() == 0.02
    cell = PulsedReRAM(read_noise=0.02, flicker=FLICKER, telegraph=TRAPS)
    g = np.full(N, cell.full)
    assert cell.relative_error(5.0) == pytest.approx((cell.read(g, KEY, 5.0) / g).std(), rel=0.02)


@pytest.mark.parametrize(
    ("median", "sigma"), [(0.2, 0.6), (0.5, 1.0), (1.0, 2.0), (1.0, 0.0), (0.03, 0.4), (1e-3, 5.0)]
)
def test_the_variance_of_all_traps_is_that_of_each(median, sigma):
    """Amplitudes end at 1, which the mean over all cells takes into account: 5 standard errors."""
    traps = Telegraph(share=0.4, median=median, sigma=sigma, occupancy=0.3)
    squares = traps.error(np.ones(400_000), KEY) ** 2
    assert squares.mean() == pytest.approx(
        traps.variance, abs=5 * squares.std() / math.sqrt(squares.size) + 1e-12
    )
    cell = PulsedReRAM(read_noise=0.02, flicker=FLICKER, telegraph=traps)
    errors = cell.read_error(np.full(400_000, cell.full), 5.0, cells=KEY) / cell.full
    assert (errors**2).mean() == pytest.approx(
        cell.relative_error(5.0) ** 2, abs=6 * squares.std() / 632
    )


# nothing but 1/f noise, 3.16 % of these 10 uS times the root of a logarithm
BARE = PulsedReRAM(flicker=FLICKER)
SLOW = Flicker(unit=10e-6, amplitude=Power(factor=0.01, exponent=-0.5), read_time=1e-3)


def course(flicker, times, n, key=KEY):
    """1/f errors (times, cells) in standard deviations."""
    return np.array([flicker.course(n, float(t), key) for t in times])


def test_at_any_moment_it_is_normal_with_the_published_spread():
    """Over cells, at moments from before the read time to a year; 5 standard errors."""
    g = np.full(20_000, 10e-6)
    for seconds in (1e-7, 1.1e-6, 1e-3, 1.0, 3e7):
        z = FLICKER.course(g.size, seconds, KEY)
        if seconds < FLICKER.read_time:
            np.testing.assert_array_equal(z, 0.0)
            np.testing.assert_array_equal(BARE.read(g, KEY, seconds), g)
            continue
        assert z.std() == pytest.approx(1.0, abs=5 / math.sqrt(2 * g.size))
        assert stats.kstest(z, "norm").pvalue > 1e-6
        expected = BARE.read_error(g, seconds) * FLICKER.course(g.size, seconds, 3)
        np.testing.assert_allclose(
            BARE.read(g, KEY, seconds, cells=3) - g, expected, rtol=1e-9, atol=1e-18
        )


def spectrum(flicker, apart, n=4096, cells=60):
    """Frequencies [Hz] and the mean power [1/Hz] of n readings of each of 60 cells, relative to the
    conductance.
    """
    cell, g = PulsedReRAM(flicker=flicker), np.full(cells, 10e-6)
    times = 1e5 + apart * np.arange(n)
    readings = np.array([cell.read(g, key, t, cells=8) for key, t in enumerate(times)])
    f, power = signal.welch(readings / g - 1.0, fs=1 / apart, nperseg=n // 2, axis=0)
    return f, power.mean(axis=1)


@pytest.mark.parametrize("read_time", [250e-9, 1e-3, 0.5])
def test_the_spectrum_of_successive_readings_falls_as_one_over_f(read_time):
    """Readings one after the other: over two decades the slope is -1, the power per factor in f
    that of the error.

    White noise has the slope 0. Power is known to 15 %, from 180 half-overlapping windows and 1/f's
    own leakage.
    """
    f, power = spectrum(replace(FLICKER, read_time=read_time), 2 * read_time)
    inside = (f > 4 / (4096 * read_time)) & (f < 0.05 / read_time)
    slope, _ = np.polyfit(np.log(f[inside]), np.log(power[inside]), 1)
    assert slope == pytest.approx(-1.0, abs=0.12)
    assert np.mean(power[inside] * f[inside]) == pytest.approx(0.01**2, rel=0.15)


@pytest.mark.parametrize(("apart", "read_time"), [(1.0, 1e-3), (0.01, 250e-9)])
def test_readings_far_apart_fold_what_is_faster_into_a_floor(apart, read_time):
    """The power expected of samples: of each time constant tau a geometric law with ratio
    exp(-apart / tau).
    """
    f, power = spectrum(replace(FLICKER, read_time=read_time), apart)
    taus = read_time / math.pi * np.exp(np.arange(0.005, math.log(1e5 / (2 * read_time)), 0.01))
    ratios = np.exp(-apart / taus)
    turn = np.cos(2 * np.pi * f[:, None] * apart)
    expected = (
        0.01**2
        * 0.01
        * 2
        * apart
        * ((1 - ratios**2) / (1 - 2 * ratios * turn + ratios**2)).sum(axis=1)
    )
    inside = f > 4 / (2048 * apart)
    for part in np.array_split(np.flatnonzero(inside), 4):
        assert power[part].mean() == pytest.approx(expected[part].mean(), rel=0.1)


def test_readings_a_moment_apart_agree_and_those_far_apart_do_not():
    """The correlation is that of the sum over time constants, worked out by itself."""
    n, t = 20_000, 1e4
    now = SLOW.course(n, t, KEY)
    # as good as all of them
    taus = 2e-3 / (2 * math.pi) * np.exp(np.arange(0.005, math.log((t + 1e-3) / 2e-3), 0.01))
    for lag in (1e-6, 0.1, 10.0, 1e3):
        later = SLOW.course(n, t + lag, KEY)
        grown = math.log((t + 1e-3) / 2e-3) / math.log((t + lag + 1e-3) / 2e-3)
        expected = np.exp(-lag / taus).mean() * math.sqrt(grown)
        assert np.corrcoef(now, later)[0, 1] == pytest.approx(expected, abs=0.03)
    assert np.corrcoef(now, SLOW.course(n, t, KEY + 1))[0, 1] == pytest.approx(
        0.0, abs=6 / math.sqrt(n)
    )


def test_the_course_does_not_depend_on_how_it_is_asked_for():
    """In any order, of any number of cells, by readings of any key; white noise comes anew."""
    times = np.array([3.0, 1.0, 2.0, 1e-3])
    whole, again = course(SLOW, times, 50), course(SLOW, np.sort(times), 10)
    np.testing.assert_array_equal(whole[np.argsort(times)][:, :10], again)
    cell, g = replace(BARE, read_noise=0.02), np.full(5000, 10e-6)
    one, other = (cell.read(g, key, 1.0, cells=4) - g for key in (1, 2))
    slow, white = BARE.read_error(g[:1], 1.0)[0] ** 2, (0.02 * 10e-6) ** 2
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(slow / (slow + white), abs=0.06)
    alone = [cell.read(g, 1, 1.0, cells=4, history=key) - g for key in (1, 2)]
    assert np.std(alone[0] - alone[1]) == pytest.approx(math.sqrt(2 * slow), rel=0.06)


def test_a_part_forgets_like_an_exponential():
    """Renewals of one time constant alone: the correlation is exp(-lag), whichever the time."""
    n, values = 40_000, [np.zeros(40_000) for _ in range(2)]
    for age in (0.0, 0.3, 1e6 + 0.9):
        for lag in (0.1, 1.0, 3.0):
            for column, now in zip(values, (age, age + lag), strict=True):
                kernels.fluctuate(np.uint64(5), np.ones(1), np.array([now]), column)
            assert np.corrcoef(*values)[0, 1] == pytest.approx(math.exp(-lag), abs=5 / math.sqrt(n))


def test_a_part_is_drawn_anew_like_radioactive_decay():
    """Seen on a fine grid, across the ends of units of time: waits are exponential and counts are
    Poisson's.
    """
    n, apart, begin = 3000, 1e-3, 7.37
    values = np.zeros((1500, n))
    for k, row in enumerate(values):
        kernels.fluctuate(np.uint64(6), np.ones(1), np.array([begin + apart * k]), row)
    changes = values[1:] != values[:-1]
    counts = np.bincount(changes.sum(axis=0), minlength=9)
    expected = n * stats.poisson(apart * len(changes)).pmf(np.arange(7))
    assert (
        stats.chisquare([*counts[:7], counts[7:].sum()], [*expected, n - expected.sum()]).pvalue
        > 1e-6
    )
    first = np.argmax(changes, axis=0)[changes.any(axis=0)]
    law = stats.truncexpon(b=apart * len(changes))
    assert (
        stats.kstest(apart * (first + np.random.default_rng(1).random(first.size)), law.cdf).pvalue
        > 1e-6
    )
    where = np.bincount(np.nonzero(changes)[0] // 75, minlength=20)[:19]  # no moment is preferred
    assert stats.chisquare(where).pvalue > 1e-6


def test_no_time_is_too_long():
    """Beyond what a float tells apart the parts stand still."""
    for seconds in (1e12, 1e50, 1e300):
        z = FLICKER.course(2000, seconds, KEY)
        assert stats.kstest(z, "norm").pvalue > 1e-6


def test_noise_has_an_error_at_any_time():
    """Up to the largest number that a time can be."""
    flicker = Flicker(amplitude=FLICKER.amplitude, unit=1e-5, read_time=1e-3)
    late = flicker.course(3, np.finfo(np.float64).max, key=1)
    assert np.isfinite(late).all()
