"""Counter-based random numbers: the same bits on every backend, uniform, and independent across
counters.

All keys are fixed, so a test passes always or never. Each statistical bound was chosen before
looking, with a false-alarm rate of 1e-6 per test (p > 1e-6, or 4.9 standard errors).
"""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from scipy import special, stats

from potentia.kernels.cpu import random as cpu
from potentia.kernels.reference import random as reference
from potentia.kernels.reference import ziggurat

ALARM = 1e-6
SIGMAS = 4.9  # two-sided 1e-6 of a normal law
N = 1 << 18
KEYS = [np.uint64(k) for k in (0, 1, 2**63, 2**64 - 1)]


@njit
def fill_bits(key, step, out):
    for i in range(out.size):
        out[i] = cpu.bits(key, step, i)


@njit
def fill_floats(key, step, uniforms, normals):
    for i in range(uniforms.size):
        uniforms[i] = cpu.uniform(key, step, i)
        normals[i] = cpu.normal(key, step, i)


def correlation(a, b):
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("step", [0, 1, 2**31, 2**40])
def test_backends_draw_the_same_bits(key, step):
    drawn = np.empty(1000, np.uint64)
    fill_bits(key, step, drawn)
    np.testing.assert_array_equal(drawn, reference.bits(key, step, np.arange(1000)))


def test_backends_agree_on_floats():
    """Uniforms to the bit; normals to a few rounding errors, as log differs between libraries."""
    uniforms, normals = np.empty(1000), np.empty(1000)
    fill_floats(KEYS[2], 7, uniforms, normals)
    np.testing.assert_array_equal(uniforms, reference.uniform(KEYS[2], 7, np.arange(1000)))
    np.testing.assert_allclose(
        normals, reference.normal(KEYS[2], 7, np.arange(1000)), rtol=0, atol=1e-14
    )


def test_a_draw_depends_on_its_counters_alone():
    whole = reference.bits(KEYS[1], 3, np.arange(100))
    assert all(whole[i] == reference.bits(KEYS[1], 3, i) for i in (0, 17, 99))


@pytest.mark.parametrize("key", KEYS)
def test_uniform_passes_chi_square_and_kolmogorov_smirnov(key):
    values = reference.uniform(key, 0, np.arange(N))
    assert values.min() > 0
    assert values.max() < 1
    assert stats.chisquare(np.bincount((values * 256).astype(int), minlength=256)).pvalue > ALARM
    assert stats.kstest(values, "uniform").pvalue > ALARM


@pytest.mark.parametrize("shift", [0, 8, 16, 24, 32, 40, 48, 56])
def test_every_byte_is_uniform(shift):
    """The low bits too, which floats never show."""
    part = (reference.bits(KEYS[1], 5, np.arange(N)) >> np.uint64(shift)) & np.uint64(255)
    assert stats.chisquare(np.bincount(part.astype(int), minlength=256)).pvalue > ALARM


@pytest.mark.parametrize(
    ("first", "second"),
    [((9, 0), (10, 0)), ((9, 0), (9, 1)), ((9, 0), (9 ^ 2**63, 0)), ((9, 41), (9, 42))],
    ids=["neighbouring key", "neighbouring step", "one high bit", "later step"],
)
def test_neighbouring_streams_are_independent(first, second):
    """Pairs of draws fill a 32 x 32 table evenly, also with the second stream shifted by one."""
    index = np.arange(N)
    a, b = (reference.uniform(np.uint64(key), step, index) for key, step in (first, second))
    for other in (b, np.roll(b, 1)):
        table = np.bincount((a * 32).astype(int) * 32 + (other * 32).astype(int), minlength=1024)
        assert stats.chisquare(table).pvalue > ALARM
        assert abs(correlation(a, other)) < SIGMAS / np.sqrt(N)


def test_steps_of_one_index_are_independent():
    """What one neuron draws step after step."""
    values = reference.uniform(KEYS[0], np.arange(N), 12)
    assert stats.kstest(values, "uniform").pvalue > ALARM
    assert abs(correlation(values[1:], values[:-1])) < SIGMAS / np.sqrt(N)


def test_one_changed_input_bit_moves_half_of_the_output():
    """64 x 64 flips, 1000 each: every output bit changes with probability 1/2 (8 sigma for 4096
    bounds).
    """
    x = reference.bits(KEYS[3], 1, np.arange(1000))
    for bit in range(64):
        moved = reference.mix(x) ^ reference.mix(x ^ np.uint64(1 << bit))
        flips = np.unpackbits(moved.view(np.uint8).reshape(-1, 8), axis=1).mean(axis=0)
        assert np.abs(flips - 0.5).max() < 8 * 0.5 / np.sqrt(1000)


def test_normal_law():
    """Kolmogorov-Smirnov, and four moments within the error of N draws: variances
    1, 2, 15 and 96.
    """
    values = reference.normal(KEYS[1], 4, np.arange(N))
    assert stats.kstest(values, "norm").pvalue > ALARM
    moments = [values.mean(), (values**2).mean() - 1, (values**3).mean(), (values**4).mean() - 3]
    for moment, variance in zip(moments, (1, 2, 15, 96), strict=True):
        assert abs(moment) < SIGMAS * np.sqrt(variance / N)
    assert abs(correlation(values[::2], values[1::2])) < SIGMAS / np.sqrt(N / 2)


def test_layers_of_the_ziggurat_have_equal_areas():
    """Every rectangle, and the bottom layer with its tail, to the digits that the two constants are
    given with.
    """
    rectangles = ziggurat.EDGE[1:-1] * np.diff(ziggurat.HEIGHT[1:])
    tail = np.sqrt(np.pi / 2) * special.erfc(ziggurat.TAIL / np.sqrt(2))
    np.testing.assert_allclose(rectangles, ziggurat.AREA, rtol=1e-8)
    assert ziggurat.TAIL * ziggurat.HEIGHT[1] + tail == pytest.approx(ziggurat.AREA, rel=1e-9)


def test_tails_of_the_normal_law():
    """Values beyond 3 and beyond the ziggurat's bottom layer, on both sides, within the error of
    their numbers.
    """
    values = np.concatenate([reference.normal(KEYS[2], step, np.arange(N)) for step in range(16)])
    for bound in (3.0, ziggurat.TAIL):
        expected = 16 * N * special.ndtr(-bound)
        for beyond in (values > bound, values < -bound):
            assert abs(np.count_nonzero(beyond) - expected) < SIGMAS * np.sqrt(expected)
    tail = np.abs(values[np.abs(values) > ziggurat.TAIL])
    assert (
        stats.kstest(tail, lambda x: 1 - special.ndtr(-x) / special.ndtr(-ziggurat.TAIL)).pvalue
        > ALARM
    )
