"""Numbers that units send, and products with weights that a rule changes: every
room against NumPy.
"""

import numpy as np
import pytest

from .agreement import STEPS, assert_agrees, zeros

N_PRE, N_POST, LAGS = 9, 7, np.array([1, 2, 5])
DEPTH = 6


def given(dtype):
    """A ring of numbers, and synapses in order of (source, lag) with their reverse index."""
    rng = np.random.default_rng(2)
    segments = np.sort(rng.integers(0, N_PRE * LAGS.size, 60)).astype(np.uint32)
    targets = rng.integers(0, N_POST - 1, 60)  # the last target has none
    order = np.argsort(targets, kind="stable").astype(np.uint32)
    first = np.append(0, np.cumsum(np.bincount(targets, minlength=N_POST))).astype(np.uint32)
    return (
        {
            "sent": rng.normal(size=(DEPTH, N_PRE)).astype(dtype),
            "lags": LAGS,
            "first_post": first,
            "synapse_post": order,
            "segment_post": segments[order],
            "weights": rng.normal(size=60).astype(dtype),
            "low": 1,
            "high": N_POST,
            "receiving": zeros(N_POST, dtype),
            "arriving": zeros(N_PRE * LAGS.size, dtype),
        },
        segments,
        targets,
    )


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_with_weights_that_change(twin, dtype, narrow):
    """The same bits in every twin, and those of a loop over the synapses."""
    own, segments, targets = given(dtype)
    if narrow:
        own["segment_post"] = own["segment_post"].astype(np.uint16)
    seen = assert_agrees(twin, "plastic_product_step", own, dtype=dtype)
    expected = np.zeros(N_POST)
    for step in range(STEPS):
        row = (step - LAGS[segments % LAGS.size]) % DEPTH
        brought = own["weights"].astype(float) * own["sent"][row, segments // LAGS.size]
        expected += np.bincount(targets, brought, N_POST)
    expected[0] = 0
    tolerance = 1e-4 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(seen[-1]["receiving"], expected, rtol=tolerance, atol=tolerance)
    assert seen[-1]["receiving"][-1] == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_arrives(room, dtype):
    own, _, _ = given(dtype)
    seen = assert_agrees(room, "arriving_step", own, dtype=dtype)
    for step, arrays in enumerate(seen):
        expected = own["sent"][(step - LAGS) % DEPTH].T.reshape(-1)
        np.testing.assert_array_equal(arrays["arriving"], expected)


@pytest.mark.parametrize("levels", [1, 2, 256, 65536])
@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("n_post", [7, 64, 60_000])
def test_synapses_drawn_in_every_step(room, levels, skip, n_post):
    """In order on the processor, where sums have the same bits; and added to what receives them."""
    rng = np.random.default_rng(6)
    counts = rng.integers(0, 40, N_PRE * LAGS.size)
    sent = rng.normal(size=(DEPTH, N_PRE))
    sent[:, 4] = 0
    own = {
        "sent": sent,
        "lags": LAGS,
        "first": np.append(0, np.cumsum(counts)).astype(np.uint32),
        "row_seed": np.uint64(99),
        "skip": skip,
        "table": rng.normal(size=levels),
        "drawn": zeros(32, "uint32"),
        "sums": zeros(n_post),
    }
    seen = assert_agrees(room, "drawn_product_step", own, 1e-13 if room == "gpu" else 0.0)
    assert np.count_nonzero(seen[-1]["sums"]) > 5
    own = {"sums": seen[0]["sums"], "receiving": rng.normal(size=n_post)}
    added = assert_agrees(room, "add_step", own)
    np.testing.assert_array_equal(added[-1]["receiving"], own["receiving"] + own["sums"])
    assert not added[-1]["sums"].any()
