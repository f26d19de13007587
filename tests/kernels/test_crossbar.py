"""Reading crossbars and converting columns: Numba against NumPy, and both against a plain matrix
product.
"""

import numpy as np
import pytest
from scipy import stats

from potentia.kernels import backend as backends
from potentia.kernels.reference.connectivity import layout

N_PRE, N_POST, DEPTH = 30, 12, 6
LAGS = np.array([1, 3, 5])
IDEAL = np.zeros((0, 0))  # converters
ALONE = np.arange(64, dtype=np.uint32)  # the converter of each column
KEY, SAMPLE = np.uint64(77), np.zeros(1, np.int64)
COLUMNS = ("column_plus", "column_minus", "variance", "listed", "touched", "touched_count")
TOTALS = ("activations", "events", "conducted", "conversions", "clipped", "reads")


PROCESSORS = ("cpu", "reference")  # the gpu has no kernels for devices


@pytest.fixture(scope="module", params=PROCESSORS)
def backend(request):
    return backends.load(request.param)


@pytest.fixture
def array():
    """A crossbar (full: every source to every target at a random lag) and a history of spikes, by
    name.
    """
    rng = np.random.default_rng(3)
    sources, targets = (ids.ravel().astype(np.uint32) for ids in np.indices((N_PRE, N_POST)))
    group = rng.integers(0, LAGS.size, sources.size)
    first, order = layout(sources, group, N_PRE, LAGS.size)
    counts = rng.integers(0, 9, DEPTH)
    history = np.array([rng.choice(N_PRE, N_PRE, replace=False) for _ in range(DEPTH)], np.uint32)
    return {
        "history": history,
        "history_count": counts,
        "lags": LAGS,
        "first": first,
        "begin": first[:-1],
        "end": first[1:],
        "targets": targets[order],
        "plus": rng.uniform(1e-6, 20e-6, order.size),
        "minus": rng.uniform(1e-6, 20e-6, order.size),
        "excess": np.zeros(0),
        "noise": 0.0,
        "sources": sources[order],
        "group": group[order],
    }


def columns():
    """Empty columns and totals."""
    made = {name: np.zeros(N_POST) for name in COLUMNS[:3]}
    made |= {"listed": np.zeros(N_POST, np.uint8), "touched": np.zeros(N_POST, np.uint32)}
    made |= {name: np.zeros(1, np.float64 if name == "conducted" else np.int64) for name in TOTALS}
    return made | {"touched_count": np.zeros(1, np.int64)}


def read(backend, array, state, step=20):
    """Call the reading kernel with what it asks for."""
    names = (
        "history",
        "history_count",
        "lags",
        "begin",
        "end",
        "first",
        "targets",
        "plus",
        "minus",
        "excess",
        "noise",
    )
    names += (*COLUMNS, "activations", "events")
    everything = {**array, **state}
    return backend.crossbar_read_step(step, *(everything[name] for name in names))


def convert(
    backend,
    state,
    step=20,
    *,
    lsb=0.0,
    lowest=0,
    highest=0,
    edges=IDEAL,
    sharing=ALONE,
    scale=1.0,
    n_post=N_POST,
):
    """Call the converting kernel; return what it adds to the receptor."""
    receiving = np.zeros(n_post)
    backend.convert_step(
        step,
        KEY,
        SAMPLE,
        *(state[name] for name in COLUMNS),
        lsb,
        lowest,
        highest,
        edges,
        sharing,
        scale,
        receiving,
        state["conversions"],
        state["clipped"],
        state["reads"],
        state["conducted"],
    )
    return receiving


def arrived(array, step=20):
    """Which synapses the kernel must read: those whose source fired one lag ago
    (n_synapses,) bool.
    """
    on = np.zeros((LAGS.size, N_PRE), bool)
    for g, lag in enumerate(LAGS):
        slot = (step - lag) % DEPTH
        on[g, array["history"][slot, : array["history_count"][slot]]] = True
    return on[array["group"], array["sources"]]


def test_reading_is_a_matrix_product(backend, array):
    """Columns, variances and totals are sums over the synapses of arriving spikes; only their
    columns count.
    """
    state, on = columns(), arrived(array)
    array |= {"noise": 0.5, "excess": np.linspace(0, 1e-12, array["plus"].size)}
    spikes = read(backend, array, state)
    plus, minus, targets = array["plus"][on], array["minus"][on], array["targets"][on]
    assert spikes == sum(array["history_count"][(20 - lag) % DEPTH] for lag in LAGS) > 0
    np.testing.assert_allclose(state["column_plus"], np.bincount(targets, plus, N_POST), rtol=1e-12)
    variance = 0.25 * (plus**2 + minus**2) + array["excess"][on]
    np.testing.assert_allclose(
        state["variance"], np.bincount(targets, variance, N_POST), rtol=1e-12
    )
    assert state["events"][0] == on.sum()
    assert state["activations"][0] == np.unique(array["sources"][on] * 10 + array["group"][on]).size
    touched = state["touched"][: state["touched_count"][0]]
    np.testing.assert_array_equal(np.sort(touched), np.unique(targets))


def test_backends_agree(array):
    """The same columns and the same noisy, quantised numbers, to rounding."""
    outcomes = []
    for name in PROCESSORS:
        backend, state = backends.load(name), columns()
        read(backend, array | {"noise": 0.02}, state)
        values = convert(backend, state, scale=3.0)
        outcomes.append([values, *(state[total] for total in TOTALS)])
    for cpu, reference in zip(*outcomes, strict=True):
        np.testing.assert_allclose(cpu, reference, rtol=1e-12, atol=1e-18)


def test_converting_empties_the_columns(backend, array):
    """Without noise and steps the receptor gets scale * column; the columns are ready for the next
    step.
    """
    state = columns()
    read(backend, array, state)
    sums, touched = state["column_plus"] - state["column_minus"], int(state["touched_count"][0])
    conducted = (state["column_plus"] + state["column_minus"]).sum()
    np.testing.assert_array_equal(convert(backend, state, scale=2.0), 2.0 * sums)
    assert state["conversions"][0] == touched
    assert state["conducted"][0] == pytest.approx(conducted, rel=1e-12)
    for name in ("column_plus", "column_minus", "variance", "listed", "touched_count"):
        assert not state[name].any()


@pytest.mark.parametrize(("lowest", "highest"), [(-128, 127), (0, 255), (0, 1), (-1, 0)])
def test_quantisation(backend, lowest, highest):
    """Inside the range the error is at most half a step and codes ascend by one;
    outside it clips.
    """
    lsb = 2.0**-22  # [S], a power of two: codes come back without rounding
    grid = np.linspace((lowest - 3) * lsb, (highest + 3) * lsb, 997)
    codes, clipped = [], 0
    for chunk in np.array_split(grid, -(-grid.size // N_POST)):
        state = columns()
        state["column_plus"][: chunk.size] = chunk
        state["touched"][: chunk.size] = np.arange(chunk.size)
        state["touched_count"][0] = chunk.size
        codes.append(
            convert(backend, state, lsb=lsb, lowest=lowest, highest=highest)[: chunk.size] / lsb
        )
        clipped += int(state["clipped"][0])
    codes = np.concatenate(codes)
    inside = (grid >= (lowest - 0.5) * lsb) & (grid <= (highest + 0.5) * lsb)
    assert np.abs(codes - grid / lsb)[inside].max() <= 0.5 + 1e-9
    # no code left out, none repeated: INL and DNL 0
    assert set(np.round(np.diff(codes)) + 0.0) == {
        0.0,
        1.0,
    }
    np.testing.assert_array_equal(codes, np.round(codes))
    assert (codes.min(), codes.max()) == (lowest, highest)
    assert clipped == np.count_nonzero(
        (np.rint(grid / lsb) < lowest) | (np.rint(grid / lsb) > highest)
    )


def test_read_noise_is_that_of_the_devices(array):
    """One normal error per column has the law of the sum of all devices' errors, drawn one by one.

    4000 steps on each side: the standard deviations agree within five standard errors of their
    ratio, sqrt(1 / 4000), and a Kolmogorov-Smirnov test against the normal law holds at 1e-6.
    """
    backend, rng, n, noise = backends.load("cpu"), np.random.default_rng(9), 4000, 0.02
    on = arrived(array)
    plus, minus, targets = array["plus"][on], array["minus"][on], array["targets"][on]
    exact = np.bincount(targets, plus - minus, N_POST)
    drawn, brute = np.empty((n, N_POST)), np.empty((n, N_POST))
    for k in range(n):
        state, step = columns(), 20 + k * DEPTH * 15  # the same slots of the ring
        read(backend, array | {"noise": noise}, state, step)
        drawn[k] = convert(backend, state, step) - exact
        noisy = [g * (1 + noise * rng.standard_normal(g.size)) for g in (plus, minus)]
        brute[k] = np.bincount(targets, noisy[0] - noisy[1], N_POST) - exact
    expected = noise * np.sqrt(np.bincount(targets, plus**2 + minus**2, N_POST))
    np.testing.assert_allclose(drawn.std(0), expected, rtol=5 / np.sqrt(2 * n))
    np.testing.assert_allclose(drawn.std(0), brute.std(0), rtol=5 / np.sqrt(n))
    errors = drawn[:, expected > 0] / expected[expected > 0]
    assert stats.kstest(errors.ravel(), "norm").pvalue > 1e-6
    assert np.abs(np.corrcoef(errors.T) - np.eye(errors.shape[1])).max() < 5 / np.sqrt(n)


def test_arrays_below_each_other_are_converted_one_by_one(array):
    """Columns beyond n_post belong to further arrays; what they are converted to adds up, alike in
    every room.
    """
    received = []
    for name in PROCESSORS:
        backend, state = backends.load(name), columns()
        read(backend, array, state)
        sums, touched = state["column_plus"] - state["column_minus"], int(state["touched_count"][0])
        received.append(
            convert(backend, state, lsb=2.0**-20, lowest=-128, highest=127, n_post=N_POST // 3)
        )
        expected = (np.rint(sums * 2.0**20) / 2.0**20).reshape(3, -1).sum(0)
        np.testing.assert_allclose(received[-1], expected, rtol=1e-12)
        assert state["conversions"][0] == touched > N_POST // 3
    np.testing.assert_array_equal(*received)


def test_converters_with_edges_of_their_own(array):
    """A code per edge that the sum has reached, ends included; two columns share a converter; alike
    in every room.
    """
    lsb, lowest, highest = 2.0**-18, -8, 7
    edges = np.sort(
        np.random.default_rng(5).uniform(-8, 7, (N_POST // 2, highest - lowest)), axis=1
    )
    received = []
    for name in PROCESSORS:
        backend, state = backends.load(name), columns()
        read(backend, array, state)
        sums = state["column_plus"] - state["column_minus"]
        received.append(
            convert(
                backend,
                state,
                lsb=lsb,
                lowest=lowest,
                highest=highest,
                edges=edges,
                sharing=ALONE // 2,
            )
        )
        reached = (edges[np.arange(N_POST) // 2] <= sums[:, None] / lsb).sum(1)
        touched = sums != 0
        np.testing.assert_array_equal(received[-1][touched], ((lowest + reached) * lsb)[touched])
    np.testing.assert_array_equal(*received)
    assert np.unique(received[0]).size > 4
