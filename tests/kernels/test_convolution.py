"""Convolutions whose synapses are stored nowhere: every room against NumPy, and against a list."""

import numpy as np
import pytest

from potentia.sim import Conv2d, SumPool2d

from .agreement import STEPS, WAKING, assert_agrees, rounding, run, zeros

DEPTH = 6
IMAGES = {
    "padded": Conv2d(np.arange(1.0, 55).reshape(3, 2, 3, 3), input_shape=(2, 5, 6), padding=1),
    "strided": Conv2d(
        np.arange(1.0, 73).reshape(4, 1, 3, 6),
        input_shape=(2, 8, 9),
        stride=(3, 2),
        padding=(2, 1),
        groups=2,
    ),
    "dilated": Conv2d(
        np.arange(1.0, 17).reshape(2, 2, 2, 2), input_shape=(2, 7, 6), dilation=(2, 3), stride=2
    ),
    "one pixel": Conv2d(np.ones((1, 1, 1, 1)), input_shape=(1, 1, 1), padding=2, stride=2),
    "whole image": Conv2d(np.arange(1.0, 41).reshape(5, 1, 2, 4), input_shape=(1, 2, 4)),
    "wide window": SumPool2d((9, 3), input_shape=(2, 2, 3), padding=(8, 4), stride=(5, 2)),
    "strides beyond": Conv2d(np.ones((1, 1, 2, 2)), input_shape=(1, 3, 3), stride=9),
}


def tables(connectivity, dtype, arrays):
    own = connectivity.convolution
    size = own.kernel.shape[2] * own.kernel.shape[3]
    room = {"met": zeros((2, size), "uint32"), "line": zeros(own.output_shape[2])}
    arrays = arrays | {"weights": np.ascontiguousarray(arrays["weights"], dtype)}
    return (
        arrays
        | room
        | {
            "lags": np.array([2]),
            "groups": own.groups,
            "low": 0,
            "high": own.n_post,
            "receiving": zeros(own.n_post, dtype),
        }
    )


def spikes(connectivity, dtype):
    """A ring of spikes, a few in each step, and what kernels ask for."""
    own, rng = connectivity.convolution, np.random.default_rng(4)
    history, count = zeros((DEPTH, own.n_pre), "uint32"), rng.integers(0, own.n_pre + 1, DEPTH)
    for row, n in zip(history, count, strict=True):
        row[:n] = np.sort(rng.permutation(own.n_pre)[:n])
    given = tables(connectivity, dtype, own.delivery())
    rows, columns = own.output_shape[1:]
    return given | WAKING | {"history": history, "history_count": count, "plane": rows * columns}


def listed(connectivity):
    """The matrix of the synapses (n_pre, n_post), from their list."""
    own = connectivity.convolution
    edges, matrix = own.edges(), np.zeros((own.n_pre, own.n_post))
    matrix[edges.sources, edges.targets] = edges.weights
    return matrix


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", IMAGES)
def test_spikes(twin, name, dtype):
    """The same in every twin, and what a list of the synapses brings."""
    given = spikes(IMAGES[name], dtype)
    seen = assert_agrees(twin, "deliver_convolved_step", given, rounding(twin, dtype), dtype=dtype)
    fired = np.zeros((DEPTH, IMAGES[name].convolution.n_pre))
    for row, units, n in zip(fired, given["history"], given["history_count"], strict=True):
        row[units[:n]] = 1
    brought = fired @ listed(IMAGES[name])
    expected = sum(brought[(step - 2) % DEPTH] for step in range(STEPS))
    np.testing.assert_array_equal(seen[-1]["receiving"], expected)  # whole numbers: exact


@pytest.mark.parametrize("name", IMAGES)
def test_whole_numbers(room, name):
    given = spikes(IMAGES[name], "float64")
    given |= {name: given[name].astype(np.int64) for name in ("weights", "receiving")}
    seen = assert_agrees(room, "deliver_convolved_step", given)
    assert seen[-1]["receiving"].any()


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("kernel", ["deliver_convolved_step", "convolved_product_step"])
def test_threads_share_the_targets(processor, name, kernel):
    """Wherever the targets are cut, the parts make the whole, and no thread reaches another's."""
    given = (spikes if kernel.startswith("deliver") else numbers)(IMAGES[name], "float64")
    n = given["receiving"].size
    whole = run(processor, kernel, given)[-1]["receiving"]
    for cut in sorted({0, 1, n // 3, n // 2, n - 1, n}):
        for low, high in ((0, cut), (cut, n)):
            if low < high:
                part = run(processor, kernel, given | {"low": low, "high": high})[-1]["receiving"]
                np.testing.assert_array_equal(part[low:high], whole[low:high])
                assert not part[:low].any()
                assert not part[high:].any()


@pytest.mark.parametrize("name", IMAGES)
def test_shards_that_nap_are_woken(name):
    """Every target that is reached has its mark, where any shard naps."""
    given = spikes(IMAGES[name], "float64")
    n, place = given["receiving"].size, 1019
    given |= {"drowsy": np.ones(1, np.int64), "place": place, "woken": zeros(4, "uint8")}
    seen = run("cpu", "deliver_convolved_step", given)
    reached = np.unique(place + np.flatnonzero(seen[-1]["receiving"]) >> 10)
    assert seen[-1]["woken"][reached].all()
    assert not seen[-1]["woken"][((place + n - 1) >> 10) + 1 :].any()


def numbers(connectivity, dtype):
    """A ring of numbers, and what kernels ask for."""
    own = connectivity.convolution
    sent = np.random.default_rng(3).normal(size=(DEPTH, own.n_pre)).astype(dtype)
    given = tables(connectivity, dtype, own.product()) | {"sent": sent}
    given |= {"columns_out": own.output_shape[2], "width": own.input_shape[2]}
    return given | {"row_stride": own.stride[0], "column_stride": own.stride[1]}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", IMAGES)
def test_numbers(twin, name, dtype):
    """The same bits in every twin, and those of `product_step` over a list of the synapses."""
    given = numbers(IMAGES[name], dtype)
    seen = assert_agrees(twin, "convolved_product_step", given, dtype=dtype)
    own = IMAGES[name].convolution
    edges = own.edges()
    order = np.argsort(edges.targets, kind="stable")
    first = np.searchsorted(edges.targets[order], np.arange(own.n_post + 1)).astype(np.uint32)
    as_list = given | {
        "first_post": first,
        "source": edges.sources[order],
        "lag": zeros(own.n, "uint32"),
        "weights": edges.weights[order].astype(dtype),
    }
    expected = run("reference", "product_step", as_list, dtype)
    for here, there in zip(seen, expected, strict=True):
        np.testing.assert_array_equal(here["receiving"], there["receiving"])
