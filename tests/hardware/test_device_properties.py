"""Devices over random settings: what has no error is its closed form, and what has stays a cell."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from potentia.hardware import (
    BreakdownReRAM,
    Flicker,
    Logarithm,
    LogarithmicRelaxation,
    MultilevelCell,
    Polynomial,
    Power,
    PowerDrift,
    PulsedReRAM,
    StuckAt,
    Telegraph,
    Widening,
)

FEW = settings(max_examples=40, deadline=None)
KEYS = st.integers(0, 2**64 - 1)
SIZES = st.sampled_from([0, 1, 2, 57])
MICRO = 1e-6


def flat(value):
    return Polynomial(coefficients=(value,))


LAWS = st.sampled_from(
    [
        PowerDrift(t0=20.0, unit=MICRO, mean=flat(0.05), sd=flat(0.02)),
        PowerDrift(
            t0=1.0, unit=MICRO, mean=Logarithm(offset=0.03, slope=-0.01, low=0.0), sd=flat(0.0)
        ),
        LogarithmicRelaxation(t0=1.0, shift=-0.1 * MICRO, sd=0.2 * MICRO, sd_growth=0.05 * MICRO),
        Widening(times=(1.0, 1e5), unit=MICRO, sds=(flat(0.0), flat(0.5 * MICRO))),
    ]
)
FLICKERS = st.builds(
    Flicker,
    unit=st.just(MICRO),
    amplitude=st.builds(Power, factor=st.floats(0.0, 0.1), exponent=st.floats(-0.5, 0.5)),
    read_time=st.sampled_from([1e-7, 1e-3]),
    relative=st.booleans(),
)
TRAPS = st.builds(
    Telegraph,
    share=st.floats(0.0, 1.0),
    median=st.floats(0.01, 1.0),
    sigma=st.floats(0.0, 1.0),
    occupancy=st.floats(0.0, 1.0),
)


@st.composite
def cells(draw, *, exact=False):
    """A graded cell with every part that there is; `exact`: none of those that draw."""
    g_min = draw(st.sampled_from([0.0, 0.25 * MICRO]))
    common = {"g_min": g_min, "g_max": g_min + draw(st.floats(1.0, 50.0)) * MICRO}
    if exact:
        kind = draw(st.booleans())
        return (
            PulsedReRAM(**common)
            if kind
            else MultilevelCell(**common, programming=flat(0.0), unit=MICRO)
        )
    common |= {
        "faults": StuckAt(low=draw(st.floats(0.0, 0.4)), high=draw(st.floats(0.0, 0.4))),
        "ageing": tuple(draw(st.lists(LAWS, max_size=2))),
        "flicker": draw(st.none() | FLICKERS),
        "telegraph": draw(st.none() | TRAPS),
        "read_noise": draw(st.floats(0.0, 0.2)),
        "device_spread": draw(st.floats(0.0, 0.5)),
    }
    if draw(st.booleans()):
        return PulsedReRAM(**common, write_error=draw(st.floats(0.0, 0.2)))
    return MultilevelCell(**common, programming=flat(draw(st.floats(0.0, 1.0)) * MICRO), unit=MICRO)


def targets_of(cell, n):
    return np.linspace(cell.g_min, cell.g_max, n)


@FEW
@given(cells(exact=True), SIZES, KEYS, st.floats(0.0, 1e8))
def test_without_errors_a_cell_is_read_as_it_was_written(cell, n, key, seconds):
    targets = targets_of(cell, n)
    written = cell.write(targets, key)
    for found in (
        written,
        cell.aged(written, seconds, key),
        cell.read(written, key, seconds),
        cell.worn(written, 1e9, key),
    ):
        np.testing.assert_array_equal(found, targets)
    np.testing.assert_array_equal(cell.read_error(written, seconds), 0.0)
    assert not cell.stuck(n, key).any()


@FEW
@given(cells(), SIZES, KEYS, st.sampled_from([0.0, 1.0, 1e3, 1e7]))
def test_a_cell_stays_a_cell(cell, n, key, seconds):
    """Conductances are >= 0 and finite, inside the range where writing verifies; the same call
    gives the same bits.
    """
    targets = targets_of(cell, n)
    written = cell.write(targets, key)
    aged = cell.aged(written, seconds, key)
    for g in (written, aged):
        assert g.shape == (n,)
        assert np.isfinite(g).all()
        assert (g >= 0.0).all()
    if isinstance(cell, PulsedReRAM):
        assert (written >= cell.g_min).all()
        assert (written <= cell.g_max * (1 + 1e-12)).all()
    np.testing.assert_array_equal(targets, targets_of(cell, n))  # what is handed over is left alone

    def read(g):
        return cell.read(cell.aged(cell.write(g, key), seconds, key), key, seconds, cells=key)

    np.testing.assert_array_equal(read(targets), cell.read(aged, key, seconds, cells=key))
    few = targets[: n // 2]  # whoever is beside them
    np.testing.assert_array_equal(cell.write(few, key), written[: n // 2])
    np.testing.assert_array_equal(read(few), read(targets)[: n // 2])


@FEW
@given(cells(), KEYS, st.integers(0, 100))
def test_a_stuck_cell_answers_no_writing(cell, key, cycle):
    n = 200
    stuck = cell.stuck(n, key)
    for target in (cell.g_min, cell.g_max):
        written = cell.write(np.full(n, target), key, cycle)
        np.testing.assert_array_equal(written[stuck < 0], cell.rest)
        np.testing.assert_array_equal(written[stuck > 0], cell.full)
    more = StuckAt(low=cell.faults.low, high=min(cell.faults.high + 0.1, 0.99 - cell.faults.low))
    assert (more.where(n, key)[stuck > 0] == 1).all()


@FEW
@given(cells(), KEYS, st.sampled_from([0.0, 1e-4, 1.0, 1e7]))
def test_errors_of_reading_add_in_squares(cell, key, seconds):
    """Each part by its own closed form."""
    g = targets_of(cell, 50)
    expected = (cell.read_noise * g) ** 2
    if cell.flicker is not None:
        law, span = cell.flicker, (seconds + cell.flicker.read_time) / (2 * cell.flicker.read_time)
        size = (
            law.amplitude.factor
            * np.maximum(g / MICRO, 1e-7) ** law.amplitude.exponent
            * (g if law.relative else 1.0)
        )
        expected += size**2 * max(math.log(span), 0.0)
    if cell.telegraph is not None:
        p = cell.telegraph.occupancy
        expected += (cell.telegraph.amplitudes(50, key) * g) ** 2 * p * (1 - p)
    np.testing.assert_allclose(
        cell.read_error(g, seconds, cells=key) ** 2, expected, rtol=1e-9, atol=1e-30
    )


@FEW
@given(st.floats(0.0, 0.2), st.floats(0.1, 100.0), st.floats(0.0, 1e9), KEYS)
def test_laws_of_time_without_spread_are_their_formulas(nu, t0, seconds, key):
    g = np.linspace(0.0, 20.0, 30) * MICRO
    drift = PowerDrift(t0=t0, unit=MICRO, mean=flat(nu), sd=flat(0.0))
    since = max(seconds / t0, 1.0)
    np.testing.assert_allclose(drift.aged(g, seconds, key), g * since**-nu, rtol=1e-9)
    shift = -0.1 * MICRO
    relaxed = LogarithmicRelaxation(t0=t0, shift=shift, sd=0.0, sd_growth=0.0).aged(g, seconds, key)
    expected = np.where(g > 0, np.maximum(g + shift * math.log(since), 0.0), 0.0)
    np.testing.assert_allclose(relaxed, expected, rtol=1e-9, atol=1e-20)


@FEW
@given(st.floats(3.0, 3.9), st.floats(0.0, 0.5), KEYS)
def test_forming_breaks_the_cells_it_is_sent_to(voltage, sigma, key):
    """A share of them within 6 standard errors, once for all cycles; the others
    stay as they were.
    """
    cell, n = BreakdownReRAM(forming_voltage=voltage, sigma=sigma, g_pristine=1e-7), 4000
    targets = np.where(np.arange(n) % 2, cell.full, cell.rest)
    if n / 2 * cell.broken_share < 1:
        return
    formed = cell.write(targets, key)
    np.testing.assert_array_equal(formed, cell.write(targets, key, cycle=3))
    np.testing.assert_array_equal(formed[::2], cell.rest)
    broken = formed[1::2] != cell.rest
    spread = math.sqrt(cell.broken_share * (1 - cell.broken_share) / (n / 2))
    assert abs(broken.mean() - cell.broken_share) <= 6 * spread + 1e-12
