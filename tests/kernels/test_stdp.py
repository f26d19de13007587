"""The kernels of STDP in every room, changing weights at once and by way of proposals."""

from __future__ import annotations

import numpy as np
import pytest

from potentia.kernels.backend import Call, Clockwork
from potentia.kernels.printed.parts import Disposal
from potentia.learning import STDP
from potentia.sim.operators.operator import parameters
from potentia.tests.kernels.on_tensors import load

N_PRE, N_POST, STEPS, DEPTH = 9, 7, 60, 5
KERNELS = (
    ("trace_rescale_step", "x"),
    ("trace_rescale_step", "y"),
    ("trace_arrival_step", "x"),
    ("arrival", ""),
    ("trace_spike_step", "y"),
    ("spike", ""),
    ("program_step", ""),
)
TRACE = ("trace", "since", "rate", "span", "shrink", "jump", "keep")


def rule_kernels(direct):
    """The kernels that are printed for the rule."""
    disposal = Disposal.DIRECT if direct else Disposal.BLIND
    return STDP(a_plus=0.01, a_minus=0.02, w_max=0.9)._kernels(disposal, "in")


def given(dtype, direct, indices):
    """Random synapses of three lags, their reverse index, and spikes of both sides that come again
    and again.
    """
    rng = np.random.default_rng(3)
    lags = np.array([1, 2, 4])
    lengths = rng.integers(0, 4, N_PRE * lags.size)
    first = np.append(0, np.cumsum(lengths)).astype("uint32")
    n = int(first[-1])
    targets = rng.integers(0, N_POST, n)
    order = np.argsort(targets, kind="stable")
    segments = np.repeat(np.arange(lengths.size), lengths)
    weights = rng.uniform(0.2, 0.8, n).astype(dtype)
    room = {
        "synapse": np.zeros(2 * n, "uint32"),
        "change": np.zeros(2 * n, dtype),
        "proposed": np.zeros(1, np.int64),
    }
    return room | {
        "history": np.stack([rng.permutation(N_PRE) for _ in range(DEPTH)]).astype("uint32"),
        "history_count": rng.integers(0, 3, DEPTH),
        "lags": lags,
        "begin": first,
        "end": first[1:],
        "targets": targets.astype(indices),
        "fired_post": np.array([0, 3, 5, 0, 0, 0, 0], "uint32"),
        "count_post": np.array([3]),
        "portion": 0,
        "portions": 1,
        "first_post": np.append(0, np.cumsum(np.bincount(targets, minlength=N_POST))).astype(
            "uint32"
        ),
        "synapse_post": order.astype("uint32"),
        "segment_post": segments[order].astype(indices),
        "trace_x": np.zeros(lengths.size, dtype),
        "since_x": np.zeros(1, np.int64),
        "rate_x": 0.05,
        "span_x": 16,
        "shrink_x": float(np.exp(-0.8)),
        "trace_y": np.zeros(N_POST, dtype),
        "since_y": np.zeros(1, np.int64),
        "rate_y": 0.04,
        "span_y": 25,
        "shrink_y": float(np.exp(-1.0)),
        "jump_x": 1.0,
        "jump_y": 1.0,
        "own_a_plus": 0.01,
        "own_a_minus": 0.02,
        "keep_x": 1,
        "keep_y": 1,
        "low": 0.0,
        "high": 0.9,
        "direct": int(direct),
        "weights": weights,
    }


def learned(name, arguments):
    """Weights and traces after STEPS steps on a backend."""
    room = load(name)
    arrays = {
        key: value.copy() if isinstance(value, np.ndarray) else value
        for key, value in arguments.items()
    }
    calls, own_kernels = [], rule_kernels(arguments["direct"])
    for kernel, side in KERNELS[: 6 if arguments["direct"] else 7]:
        function = room.kernel(own_kernels.get(kernel, kernel))
        own = arrays | {key: arrays[f"{key}_{side}"] for key in TRACE if side}
        own |= {
            "fired": arrays["fired_post"],
            "count": arrays["count_post"],
            "upcoming": np.zeros(1, np.int64),
        }
        calls.append(
            Call(function, {key: own[key] for key in parameters(function) if key != "step"}, None)
        )
    clockwork = Clockwork(
        np.zeros(len(calls), np.int64), np.zeros(1, np.int64), np.zeros(8, np.uint8), 1 << 40
    )
    program = room.program(calls, clockwork, arrays["weights"].dtype.name)
    program.advance(0, STEPS)
    program.collect()
    return {
        key: arrays[key]
        for key in ("weights", "trace_x", "trace_y", "since_x", "since_y", "proposed")
    }


@pytest.mark.parametrize("indices", ["uint16", "uint32"])
@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rooms_agree(twin, dtype, direct, indices):
    """To a hundred roundings: the libraries' `exp` may differ in its last bit."""
    arguments = given(dtype, direct, indices)
    here, there = (learned(name, arguments) for name in (twin, "reference"))
    assert np.unique(there["weights"]).size > 5
    assert (there["weights"] != arguments["weights"]).any()
    assert there["proposed"][0] == 0
    for key, expected in there.items():
        np.testing.assert_allclose(
            here[key], expected, rtol=100 * np.finfo(dtype).eps, atol=1e-30, err_msg=key
        )


def test_both_ways_are_one():
    """Weights changed at once, or by proposals carried out in order, are the same."""
    at_once, proposed = (
        learned("cpu", given("float64", direct, "uint32"))["weights"] for direct in (True, False)
    )
    np.testing.assert_array_equal(at_once, proposed)


@pytest.mark.parametrize("direct", [False, True])
def test_portions_are_the_whole(room, direct):
    """Every synapse of a unit that fires belongs to one portion, also where there are more portions
    than synapses.
    """
    arguments = given("float64", direct, "uint32")
    arguments["trace_x"] += np.linspace(0.01, 0.1, arguments["trace_x"].size)
    kernel = load(room).kernel(rule_kernels(direct)["spike"])

    def spike(portions):
        own = {key: np.copy(arguments[key]) for key in ("weights", "synapse", "change", "proposed")}
        for portion in range(portions):
            now = arguments | own | {"portion": portion, "portions": portions}
            call = Call(
                kernel, {key: now[key] for key in parameters(kernel) if key != "step"}, None
            )
            clockwork = Clockwork(
                np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(8, np.uint8), 1 << 40
            )
            program = load(room).program([call], clockwork, "float64")
            program.advance(7, 8)
            program.collect()
        count = int(own["proposed"][0])
        order = np.argsort(own["synapse"][:count], kind="stable")
        return own["weights"], own["synapse"][:count][order], own["change"][:count][order]

    whole = spike(1)
    assert (whole[0] != arguments["weights"]).any() if direct else whole[1].size
    for portions in (2, 3, 50):
        for one, other in zip(spike(portions), whole, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("direct", [False, True])
def test_weights_that_are_fetched_in_advance(direct):
    """A projection beyond the second-level cache, whose targets have no, few and many synapses,
    learns as that of the reference does.
    """
    rng = np.random.default_rng(5)
    lengths = np.array([0, 1, 63, 64, 65, 300_000, 0, 300_000])  # around the distance, and beyond
    n = int(lengths.sum())
    first = np.append(0, np.cumsum(lengths)).astype("uint32")
    outcomes = []
    order, weights = rng.permutation(n).astype("uint32"), rng.uniform(0.2, 0.8, n)
    segments, trace = rng.integers(0, 50, n).astype("uint16"), rng.uniform(0.0, 0.3, 50)
    for name in ("cpu", "reference"):
        room = {"synapse": np.zeros(2 * n, "uint32"), "change": np.zeros(2 * n)}
        own = room | {"proposed": np.zeros(1, np.int64), "weights": weights.copy()}
        kernel = load(name).kernel(rule_kernels(direct)["spike"])
        arguments = own | {
            "fired_post": np.arange(lengths.size, dtype="uint32"),
            "count_post": np.array([lengths.size]),
            "portion": 0,
            "portions": 1,
            "first_post": first,
            "synapse_post": order,
            "segment_post": segments,
            "trace_x": trace,
            "rate_x": 0.05,
            "span_x": 16,
            "low": 0.0,
            "high": 0.9,
            "own_a_plus": 0.01,
        }
        call = {key: arguments[key] for key in parameters(kernel) if key != "step"}
        clockwork = Clockwork(
            np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(8, np.uint8), 1 << 40
        )
        load(name).program([Call(kernel, call, None)], clockwork, "float64").advance(7, 8)
        outcomes.append(own)
    assert (outcomes[0]["weights"] != weights).any() == direct
    for key, array in outcomes[0].items():
        np.testing.assert_allclose(array, outcomes[1][key], rtol=1e-14, err_msg=key)
