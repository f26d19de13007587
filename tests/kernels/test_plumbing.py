"""Delivery, sending, probes: the kernels of every room do what the readable ones do, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

from potentia.kernels.backend import Exact
from potentia.tests.kernels.agreement import KEY, STEPS, N, assert_agrees, rounding, run, zeros


def synapses(rng, dtype):
    """A random segment layout of three lags with repeated targets, and a history ring in use."""
    lags = np.array([1, 3, 4])
    lengths = rng.integers(0, 4, N * lags.size)
    first = np.append(0, np.cumsum(lengths)).astype("uint32")
    targets = rng.integers(0, 5, first[-1]).astype("uint32")
    history = np.stack([rng.permutation(N) for _ in range(5)]).astype("uint32")
    return {
        "history": history,
        "history_count": rng.integers(0, 4, 5),
        "lags": lags,
        "first": first,
        "begin": first,
        "end": first[1:],
        "targets": targets,
        "weights": rng.normal(size=targets.size).astype(dtype),
        "receiving": zeros(5, dtype),
        "pending": zeros((2, 4), "uint32"),
        "drowsy": zeros(1, "int64"),
        "place": 0,
        "woken": zeros(1, "uint8"),
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("uniform", [False, True])
def test_deliver(twin, dtype, uniform):
    given = synapses(np.random.default_rng(1), dtype)
    if uniform:
        given["weights"] = 0.1
    seen = assert_agrees(twin, "deliver_step", given, tolerance=rounding(twin, dtype), dtype=dtype)
    assert seen[-1]["receiving"].any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_deliver_whole_numbers(room, dtype):
    """Sums of whole numbers do not depend on the order: every room gives the same bits."""
    given = synapses(np.random.default_rng(1), dtype)
    counted = given | {"scale": Exact(2.0**20), "receiving": zeros(5, "int64")}
    first = assert_agrees(room, "deliver_counted_step", counted, dtype=dtype)[-1]["receiving"]
    whole = np.rint(given["weights"].astype("float64") * 2.0**20).astype("int64")
    other = given | {"weights": whole, "receiving": zeros(5, "int64")}
    np.testing.assert_array_equal(
        assert_agrees(room, "deliver_step", other, dtype=dtype)[-1]["receiving"], first
    )


@pytest.mark.parametrize("draws", ["int8", "int16", "int32"])
@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_deliver_drawn(room, draws, dtype):
    """Synapses of two projections drawn again, as floats and as whole numbers."""
    given = drawn_again(draws, dtype, 9, 3)
    seen = assert_agrees(room, "deliver_drawn_step", given, tolerance=rounding(room, "float64"))
    assert np.flatnonzero(seen[-1]["receiving"]).tolist() == [*range(9), *range(10, 14)]


@pytest.mark.parametrize(("n_post", "mask"), [(3000, 65535), (4096, 65535), (40_000, 1023)])
@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_deliver_drawn_with_levels_of_their_own_words(room, dtype, n_post, mask):
    """So many targets and levels that one word does not make both, but for a power of two."""
    given = drawn_again("int8", dtype, n_post, mask)
    assert_agrees(room, "deliver_drawn_step", given, tolerance=rounding(room, "float64"))


def drawn_again(draws, dtype, n_post, mask):
    """Arguments for two projections, one on `n_post` targets with mask + 1 levels."""
    rng = np.random.default_rng(6)
    given = synapses(rng, "float64")
    begins = np.concatenate([np.zeros((N, 1, 2), int), rng.integers(0, 5, (N, 3, 2)).cumsum(1)], 1)
    shares = np.array([[0, 0], [20000, 25000], [40000, 40000], [65536, 65536]])
    given |= {
        "row_sizes": begins[:, -1].astype("uint32"),
        "shares": shares.astype("uint32"),
        "row_draws": (begins - (begins[:, -1:] * shares >> 16)).astype(draws),
        "row_seeds": np.array([KEY, KEY + np.uint64(1)]),
        "sizes": words(n_post, 4),
        "skips": words(1, 0),
        "places": words(0, n_post + 1),
        "codes": words(0, mask + 1),
        "masks": words(mask, 1),
        "shift": int(mask + 2).bit_length(),
        "table": (1000 * rng.normal(size=mask + 3)).astype(dtype),
        "drawn": zeros(600, "uint32"),
        "receiving": zeros(n_post + 5, dtype),
    }
    return given


def words(*numbers):
    return np.array(numbers, "uint32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shift", [0, 3])
def test_deliver_words(room, dtype, shift):
    """Words of target and code do what targets and weights do, in more segments than fit into
    `pending`.
    """
    rng = np.random.default_rng(5)
    given = synapses(rng, dtype)
    codes = rng.integers(0, 1 << shift, given["targets"].size).astype("uint32")
    table = rng.normal(size=1 << shift).astype(dtype)
    given |= {"words": given["targets"] << np.uint32(shift) | codes, "shift": shift, "table": table}
    tolerance = rounding(room, dtype)
    coded = assert_agrees(room, "deliver_coded_step", given, tolerance=tolerance, dtype=dtype)
    plain = assert_agrees(
        room, "deliver_step", given | {"weights": table[codes]}, tolerance=tolerance, dtype=dtype
    )
    np.testing.assert_array_equal(coded[-1]["receiving"], plain[-1]["receiving"])


def test_deliver_adds_each_weight_once(twin):
    """One spike through one segment, at its lag and at no other step."""
    given = {
        "history": np.array([[2], [0], [0], [0]], "uint32"),
        "history_count": np.array([1, 0, 0, 0]),
        "lags": np.array([2]),
        "begin": np.array([0, 0, 0], "uint32"),
        "end": np.array([0, 0, 3], "uint32"),
        "targets": np.array([1, 1, 4], "uint32"),
        "weights": np.array([1.0, 2.0, 4.0]),
        "receiving": zeros(5),
        "pending": zeros((2, 4), "uint32"),
        "drowsy": zeros(1, "int64"),
        "place": 0,
        "woken": zeros(1, "uint8"),
    }
    seen = assert_agrees(twin, "deliver_step", given)
    np.testing.assert_array_equal(seen[1]["receiving"], zeros(5))
    np.testing.assert_array_equal(seen[2]["receiving"], [0, 3, 0, 0, 4])
    np.testing.assert_array_equal(seen[5]["receiving"], [0, 3, 0, 0, 4])


def test_program_keeps_order_and_bounds(twin):
    rng = np.random.default_rng(2)
    given = {
        "synapse": rng.integers(0, 4, 20).astype("uint32"),
        "change": rng.normal(size=20),
        "proposed": zeros(1, "int64"),
        "low": -0.5,
        "high": 0.5,
        "weights": zeros(4),
    }

    def propose(step, arguments):
        arguments["proposed"][0] = step % 20

    seen = assert_agrees(twin, "program_step", given, each=propose)
    assert all(state["proposed"][0] == 0 for state in seen)
    assert np.abs(seen[-1]["weights"]).max() == 0.5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_shadow_moves_within_bounds_and_leaves_the_proposals(room, dtype):
    """Weights inside the bounds end where `program_step` leads them, to rounding; one above them is
    led back only, and by no more than is proposed.
    """
    rng = np.random.default_rng(2)
    given = {
        "synapse": rng.integers(0, 4, 300).astype("uint32"),
        "change": rng.normal(size=300).astype(dtype),
        "proposed": zeros(1, "int64"),
        "low": Exact(-0.5),
        "high": Exact(0.5),
        "shadow": zeros(4),
        "weights": zeros(4, dtype),
    }

    def propose(step, arguments):
        arguments["proposed"][0] = 7 * step

    seen = assert_agrees(room, "shadow_step", given, each=propose, dtype=dtype)
    programmed = assert_agrees(room, "program_step", given, each=propose, dtype=dtype)
    for step, (state, other) in enumerate(zip(seen, programmed, strict=True)):
        assert state["proposed"][0] == 7 * step
        np.testing.assert_allclose(state["shadow"], other["weights"], atol=1e-5)
    assert np.abs(seen[-1]["shadow"]).max() == pytest.approx(0.5, abs=1e-12)
    above = given | {"synapse": zeros(3, "uint32"), "shadow": zeros(4) + 0.8}
    above["change"] = np.array([0.1, -0.25, 0.1], dtype)

    def three(step, arguments):
        arguments["proposed"][0] = 3 * (step == 0)

    after = assert_agrees(room, "shadow_step", above, each=three, dtype=dtype)
    np.testing.assert_allclose(after[-1]["shadow"], [0.55, 0.8, 0.8, 0.8], atol=1e-7)


def firing(step, arguments):
    """A changing list of firing units, empty every third step."""
    chosen = np.flatnonzero(np.random.default_rng(step).random(N) < 0.3 * (step % 3 > 0))
    if "fired" in arguments:
        arguments["fired"][: chosen.size] = chosen
    arguments["count"][0] = chosen.size


def test_send(room):
    given = {
        "fired": zeros(N, "uint32"),
        "count": zeros(1, "int64"),
        "history": zeros((5, N), "uint32"),
        "history_count": zeros(5, "int64"),
        "signature": zeros(1, "uint64"),
    }
    seen = assert_agrees(room, "send_step", given, each=firing)
    signatures = [int(state["signature"][0]) for state in seen]
    # every spike counts
    assert len(set(signatures)) == 1 + sum(int(state["count"][0]) > 0 for state in seen)


def test_gather_joins_the_lists_of_shards(room):
    given = {
        "fired": np.array([1, 9, 9, 0, 2, 9, 1], "uint32"),
        "counts": np.array([1, 2, 0, 1]),
        "starts": np.array([0, 3, 5, 6]),
        "count": zeros(1, "int64"),
    }
    cpu, reference = (run(name, "gather_step", given)[0] for name in (room, "reference"))
    for state in (cpu, reference):
        assert state["count"][0] == 4
        np.testing.assert_array_equal(state["fired"][:4], [1, 3, 5, 7])


def test_relay_fires_whatever_arrives(twin):
    given = {
        "arrived": zeros(N),
        "fired": zeros(N, "uint32"),
        "merged": zeros(N, "int64"),
        "counted": 1,
    }

    def arrive(step, arguments):
        arguments["arrived"][[1, 2, step % N]] = [0.5, 3.0, -2.0]

    seen = assert_agrees(twin, "relay_step", given, each=arrive)
    assert not seen[-1]["arrived"].any()
    np.testing.assert_array_equal(seen[0]["fired"][:3], [0, 1, 2])
    assert seen[0]["merged"].tolist() == [0, 0, 2, *[0] * (N - 3)]


PROBES = {
    "record_spikes_step": {"row_steps": zeros(200, "int64"), "row_ids": zeros(200, "uint32")},
    "record_counts_step": {
        "every": 7,
        "tally": zeros(N, "uint32"),
        "samples": zeros((7, N), "uint32"),
    },
    "record_rate_step": {"every": 7, "total": zeros(1, "int64"), "samples": zeros((7, 1), "int64")},
}


def fired_in(step):
    """The units that `firing` lets fire in a step."""
    arguments = {"fired": zeros(N, "uint32"), "count": zeros(1, "int64")}
    firing(step, arguments)
    return arguments["fired"][: arguments["count"][0]].tolist()


@pytest.mark.parametrize("kernel", PROBES)
def test_spike_probes(room, kernel):
    """What is recorded is what fired: every spike in order, or its number in steps 0 to 6, 7 to 13,
    ... 28 to 34.
    """
    given = {
        "fired": zeros(N, "uint32"),
        "count": zeros(1, "int64"),
        "rows": zeros(1, "int64"),
        "pause": zeros(1, "int64"),
        "upcoming": zeros(1, "int64"),
        **PROBES[kernel],
    }
    last = assert_agrees(room, kernel, given, each=firing)[-1]
    spikes = [(step, unit) for step in range(STEPS) for unit in fired_in(step)]
    if kernel == "record_spikes_step":
        assert last["rows"][0] == len(spikes) > 20
        assert list(zip(last["row_steps"], last["row_ids"], strict=True))[: len(spikes)] == spikes
        return
    counts = np.zeros((STEPS // 7, N), int)
    for step, unit in spikes:
        if step < 35:
            counts[step // 7, unit] += 1
    expected = counts if kernel == "record_counts_step" else counts.sum(axis=1, keepdims=True)
    assert last["rows"][0] == len(expected) == 5
    np.testing.assert_array_equal(last["samples"][:5], expected)


def test_state_probe_and_pause(room):
    """Samples at the ends of steps 5, 10, ...; the loop is asked to pause when one more would not
    fit.
    """
    given = {
        "every": 5,
        "subset": np.array([3, 1], "uint32"),
        "variable": zeros(N),
        "rows": zeros(1, "int64"),
        "samples": zeros((8, 2)),
        "pause": zeros(1, "int64"),
        "upcoming": zeros(1, "int64"),
    }

    def move(step, arguments):
        arguments["variable"][:] = step + np.arange(N) / 100

    seen = assert_agrees(room, "record_state_step", given, each=move)
    np.testing.assert_allclose(seen[-1]["samples"][:8, 0], 4.03 + 5 * np.arange(8))
    assert [int(seen[step]["pause"][0]) for step in (33, 34, 39)] == [0, 0, 1]
    assert int(seen[0]["upcoming"][0]) == 4
