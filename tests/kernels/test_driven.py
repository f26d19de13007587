"""Crossbars that are driven with numbers: every room against NumPy, and drivers
against their law.
"""

import numpy as np
import pytest

from potentia.kernels.reference.random import mix, normal

from .agreement import STEPS, assert_agrees, zeros

N_PRE, N_POST, BELOW, LAGS, DEPTH = 11, 6, 2, np.array([1, 4]), 5
KEY = np.uint64(77)
LISTS = {"touched", "touched_count"}  # which a device keeps otherwise


def cells(dtype):
    """A ring of numbers with a silent step, rows of 0 to 6 cells, in two arrays
    below each other.
    """
    rng = np.random.default_rng(8)
    rows = N_PRE * LAGS.size
    lengths = rng.integers(0, N_POST + 1, rows)
    lengths[3] = 0
    picks = [np.sort(rng.choice(N_POST, n, replace=False)) for n in lengths]
    below = np.repeat(np.arange(rows) // (rows // BELOW), lengths)
    n, columns = int(lengths.sum()), BELOW * N_POST
    sent = rng.normal(size=(DEPTH, N_PRE)).astype(dtype)
    sent[2] = 0
    made = {
        "sent": sent,
        "lags": LAGS,
        "first": np.append(0, np.cumsum(lengths)).astype(np.uint32),
        "targets": (np.concatenate(picks) + below * N_POST).astype(np.uint32),
        "plus": rng.uniform(1, 20, n).astype(dtype),
        "minus": rng.uniform(1, 20, n).astype(dtype),
        "excess": np.zeros(0),
        "noise": 0.0,
        "full": zeros(1),
        "shares": zeros(rows),
        "strips": np.zeros(0, np.uint32),
        "listed": zeros(columns, "uint8"),
        "touched": zeros(columns, "uint32"),
        "touched_count": zeros(1, "int64"),
        "conducted": zeros(1),
        "driven": zeros(1),
    }
    made |= {name: zeros(columns, dtype) for name in ("column_plus", "column_minus", "variance")}
    totals = ("activations", "events", "conversions", "clipped", "reads")
    return made | {name: zeros(1, "int64") for name in totals}


DRIVERS = {
    "any voltage": (0.0, 0, 0, 0.0),
    "codes": (0.0, -7, 7, 0.0),
    "a range": (0.75, -7, 7, 0.0),
    "unsigned": (0.75, 0, 15, 0.0),
    "errors": (0.0, -7, 7, 0.3),
    "a range with errors": (0.75, -7, 7, 0.3),
}


@pytest.mark.parametrize("beside", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", DRIVERS)
def test_shares_of_the_voltage(room, case, dtype, beside):
    """The same bits in every room, and those of a loop over rows, of one array or of several beside
    each other.
    """
    full_scale, lowest, highest, error = DRIVERS[case]
    own, levels = cells(dtype), highest - lowest + 1
    rows = own["shares"].size
    own["shares"] = zeros(rows * beside)
    errors = np.random.default_rng(1).normal(0, error, (rows * beside, levels))
    own |= {"full_scale": full_scale, "lowest_level": lowest, "highest_level": highest}
    own["errors"] = errors if error else np.zeros((0, 0))
    seen = assert_agrees(room, "drive_step", own, dtype=dtype)
    used, full_scale = (
        np.diff(own["first"].astype(int)) > 0,
        float(np.dtype(dtype).type(full_scale)),
    )
    for step in range(STEPS):
        numbers = own["sent"][(step - LAGS) % DEPTH].T.reshape(-1).astype(float)
        most = full_scale or np.abs(numbers[used]).max()
        assert seen[step]["full"][0] == most
        for driver, share in enumerate(seen[step]["shares"]):
            row = driver % rows
            expected = numbers[row] / most if most else 0.0
            if highest:
                code = np.clip(np.rint(expected * highest), lowest, highest)
                off = errors[driver, int(code - lowest)] if error else 0.0
                expected = (code + off) / highest
            expected = expected if used[row] and most else 0.0
            assert share == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("excess", "beside"), [(False, 1), (True, 1), (True, 3)])
def test_sums_of_the_columns(room, dtype, excess, beside):
    """Of what rows bring, in arrays beside each other by drivers of their own; the threads of a
    device add them in any order.
    """
    own = cells(dtype)
    rng = np.random.default_rng(3)
    used = np.diff(own["first"].astype(int)) > 0
    shares = rng.normal(size=(beside, used.size)) * used
    shares[0, 5] = shares[-1, 8] = 0.0
    strips = np.tile(np.arange(N_POST) // (N_POST // beside), BELOW).astype(np.uint32)
    own["shares"], own["strips"] = shares.reshape(-1), strips if beside > 1 else strips[:0]
    own["noise"] = 0.25
    if excess:
        own["excess"] = rng.uniform(0, 1, own["plus"].size)

    def clear(step, arrays):
        for name in ("column_plus", "column_minus", "variance", "listed", "touched_count"):
            arrays[name][:] = 0

    seen = assert_agrees(
        room,
        "crossbar_product_step",
        own,
        100 * np.finfo(dtype).eps,
        dtype=dtype,
        each=clear,
        aside=LISTS,
    )[-1]
    rows = np.repeat(np.arange(used.size), np.diff(own["first"].astype(int)))
    u = shares[strips[own["targets"]], rows]
    plus, minus = own["plus"].astype(float), own["minus"].astype(float)
    error = u**2 * (0.0625 * (plus**2 + minus**2) + (own["excess"] if excess else 0.0))
    for name, values in (
        ("column_plus", u * plus),
        ("column_minus", u * minus),
        ("variance", error),
    ):
        expected = np.bincount(own["targets"], values, BELOW * N_POST)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(seen[name], expected, rtol=1e-5, atol=1e-6 * scale)
    assert seen["driven"][0] == pytest.approx(STEPS * (u**2 @ (plus + minus)), rel=1e-6)
    assert seen["events"][0] == STEPS * np.count_nonzero(u)
    assert seen["activations"][0] == STEPS * np.unique(rows[u != 0]).size


CONVERTERS = {"none": (0.0, False), "ideal": (2.0, False), "edges": (2.0, True)}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CONVERTERS)
def test_columns_become_numbers(room, case, dtype):
    """The same numbers and totals in every room, noise included; arrays below each other add up."""
    lsb, edged = CONVERTERS[case]
    own, rng, columns = cells(dtype), np.random.default_rng(4), BELOW * N_POST
    plus, minus = rng.uniform(0, 50, (2, STEPS, columns))
    variance = rng.uniform(0, 9, (STEPS, columns))
    read = rng.random((STEPS, columns)) < 0.7
    read[5] = False
    edges = np.sort(rng.uniform(-8, 7, (3, 15)), axis=1) if edged else np.zeros((0, 0))
    own |= {"key": KEY, "sample": np.array([2]), "lsb": lsb, "lowest": -8, "highest": 7}
    own |= {"edges": edges, "sharing": (np.arange(columns) % 3).astype(np.uint32), "scale": 3.0}
    own["receiving"] = zeros(N_POST)

    def fill(step, arrays):
        arrays["column_plus"][:] = plus[step] * read[step]
        arrays["column_minus"][:] = minus[step] * read[step]
        arrays["variance"][:] = variance[step] * read[step]
        arrays["listed"][:] = read[step]
        found = np.flatnonzero(read[step])
        arrays["touched"][: found.size] = found
        arrays["touched_count"][0] = found.size

    tolerance = 100 * np.finfo(dtype).eps
    seen = assert_agrees(
        room, "convert_step", own, tolerance, dtype=dtype, each=fill, aside={"touched"}
    )[-1]
    assert seen["conversions"][0] == read.sum()
    assert seen["reads"][0] == STEPS - 1
    assert (seen["clipped"][0] > 0) == (lsb > 0)
    assert not seen["column_plus"].any()
    if case == "none":
        with np.errstate(over="ignore"):
            stream = mix(KEY + np.uint64(2))
        draws = [normal(stream, step, np.arange(columns)) for step in range(STEPS)]
        values = (plus - minus + np.sqrt(variance) * draws) * read
        expected = 3 * values.sum(axis=0).reshape(BELOW, N_POST).sum(axis=0)
        np.testing.assert_allclose(seen["receiving"], expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_was_read_is_scaled(room, dtype):
    rng = np.random.default_rng(5)
    own = {"full": np.array([0.7]), "product": rng.normal(size=N_POST)}
    own["receiving"] = rng.normal(size=N_POST).astype(dtype)
    seen = assert_agrees(room, "rescale_step", own, dtype=dtype)
    expected = own["receiving"] + 0.7 * own["product"]
    np.testing.assert_allclose(seen[-1]["receiving"], expected, rtol=1e-6)
    assert not seen[-1]["product"].any()
