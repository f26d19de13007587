"""Convolutions and poolings join what PyTorch's do, in every way in which a network runs."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.kernels.cpu import convolution as cpu
from potentia.kernels.reference import convolution as reference
from potentia.models import LIF, DiscreteLIF, SpikeSource
from potentia.sim import (
    Conv1d,
    Conv2d,
    SpikeTrain,
    SumPool2d,
)

few = settings(max_examples=60, deadline=None)
small = st.integers(1, 3)


@st.composite
def axis(draw):
    """Along one axis: extent, size of the kernel, stride, padding, dilation; the kernel fits."""
    extent, stride, padding = draw(st.integers(1, 7)), draw(small), draw(st.integers(0, 3))
    dilation = draw(small)
    most = (extent + 2 * padding - 1) // dilation + 1
    return extent, draw(st.integers(1, min(most, extent + 1))), stride, padding, dilation


@st.composite
def geometries(draw, axes):
    """A kernel and what it slides over, for Conv1d and Conv2d alike."""
    extents, size, stride, padding, dilation = zip(
        *(draw(axis()) for _ in range(axes)), strict=True
    )
    groups = draw(small)
    shape = (groups * draw(small), draw(small), *size)
    kernel = np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape)
    how = {"stride": stride, "padding": padding, "dilation": dilation}
    return kernel, (groups * shape[1], *extents), how | {"groups": groups}


def matrix(connectivity):
    """The weights (n_pre, n_post), from the synapses one by one."""
    own = connectivity.convolution
    edges = connectivity.edges(own.n_pre, own.n_post, 0, recurrent=False)
    weights = np.ones(len(edges)) if edges.weights is None else edges.weights
    made = np.zeros((own.n_pre, own.n_post))
    np.add.at(made, (edges.sources, edges.targets), weights)
    codes = edges.sources.astype(np.int64) * own.n_post + edges.targets
    assert (np.diff(codes) > 0).all()
    assert len(edges) == connectivity.expected(own.n_pre, own.n_post)
    return made


def images(connectivity):
    """Two random inputs, as tensors (2, *input_shape)."""
    return torch.from_numpy(np.random.default_rng(5).normal(size=(2, *connectivity.input_shape)))


def agree(connectivity, expected):
    """The synapses make these outputs (2, *output_shape) of `images`, but for the order of sums."""
    assert expected.shape[1:] == connectivity.output_shape
    made = images(connectivity).reshape(2, -1).numpy() @ matrix(connectivity)
    np.testing.assert_allclose(made, expected.reshape(2, -1), rtol=0, atol=1e-12)


@few
@given(geometries(2))
def test_conv2d_is_that_of_pytorch(geometry):
    kernel, shape, how = geometry
    own = Conv2d(kernel, input_shape=shape, **how)
    agree(own, functional.conv2d(images(own), torch.from_numpy(kernel), **how))


@few
@given(geometries(1))
def test_conv1d_is_that_of_pytorch(geometry):
    kernel, shape, how = geometry
    own = {name: value[0] if isinstance(value, tuple) else value for name, value in how.items()}
    made = Conv1d(kernel, input_shape=shape, **own)
    agree(made, functional.conv1d(images(made), torch.from_numpy(kernel), **how))


@few
@given(geometries(2))
def test_pooling_sums_what_pytorch_averages(geometry):
    kernel, shape, how = geometry
    size = kernel.shape[2:]
    padding = tuple(min(zeros, k // 2) for zeros, k in zip(how["padding"], size, strict=True))
    if any(e + 2 * p < k for e, p, k in zip(shape[1:], padding, size, strict=True)):
        return
    own = SumPool2d(size, input_shape=shape, stride=how["stride"], padding=padding)
    mean = functional.avg_pool2d(images(own), size, how["stride"], padding)
    agree(own, mean * np.prod(size))


def brute_pool(pool):
    """The weights (n_pre, n_post) of a pooling, from the words of its definition."""
    (channels, *image), out = pool.input_shape, pool.output_shape[1:]
    made = np.zeros((channels, *image, channels, *out))
    for p, q in np.ndindex(*out):
        top, left = (
            place * step - zeros
            for place, step, zeros in zip((p, q), pool.stride, pool.padding, strict=True)
        )
        rows = slice(max(top, 0), max(top + pool.size[0], 0))
        columns = slice(max(left, 0), max(left + pool.size[1], 0))
        for c in range(channels):
            made[c, rows, columns, c, p, q] = 1.0
    return made.reshape(channels * np.prod(image), -1)


@st.composite
def wide_pools(draw):
    """A pooling whose windows, strides and zeros may be far larger than the image."""
    extents, sizes, strides, zeros = zip(
        *(
            [draw(st.integers(1, most)) for most in (4, 40, 30)] + [draw(st.integers(0, 40))]
            for _ in range(2)
        ),
        strict=True,
    )
    sizes = tuple(min(k, e + 2 * p) for k, e, p in zip(sizes, extents, zeros, strict=True))
    shape = (draw(small), *extents)
    return SumPool2d(sizes, input_shape=shape, stride=strides, padding=zeros)


@few
@given(wide_pools())
def test_a_window_beyond_the_image_joins_what_it_covers(pool):
    """Only the part of the window that meets the image is kept."""
    np.testing.assert_array_equal(matrix(pool), brute_pool(pool))
    kept = pool.convolution.kernel.shape[2:]
    assert all(k <= size for k, size in zip(kept, pool.size, strict=True))


@settings(max_examples=20, deadline=None)  # each compiles a network
@given(wide_pools(), st.integers(0, 99))
def test_spikes_take_the_way_of_the_synapses(pool, seed):
    """What the clock engine delivers over such windows is what the list of synapses brings."""
    own = pool.convolution
    sent = np.random.default_rng(seed).random(own.n_pre) < 0.5
    net = Network()
    pre = net.population(SpikeSource(), own.n_pre, name="pre")
    post = net.population(DiscreteLIF(decay=1.0, threshold=1e9), own.n_post, name="post")
    net.connect(pre, post, pool, name="pool", delay=1e-3)
    net.stimulate(pre, SpikeTrain(np.full(sent.sum(), 1e-3), np.flatnonzero(sent)))
    net.probe(post, "v", every=1e-3)
    v = Simulator(net, dt=1e-3).run(3e-3).trace("post", "v")[-1]
    np.testing.assert_array_equal(v, sent @ brute_pool(pool))


@pytest.mark.parametrize(
    ("size", "how"),
    [
        (200_001, {"padding": 100_000, "stride": 2**20}),
        ((1, 2**26), {"padding": (0, 2**25), "stride": 1}),
        ((1, 2**31 - 1), {"padding": (0, 2**30), "stride": (1, 2**31 - 1)}),
        ((1, 2**20), {"padding": (0, 2**31 - 1), "stride": (1, 2**20)}),
    ],
)
def test_a_window_takes_no_memory_where_it_meets_nothing(size, how):
    tracemalloc.start()
    pool = SumPool2d(size, input_shape=(1, 4, 4), **how)
    n = pool.expected(16, np.prod(pool.output_shape))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0 < n <= 16 * 2**7
    assert peak < 2**28  # of 2**20 taps, of which few meet the image, some numbers each


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4)])
@pytest.mark.parametrize("dilation", [1, (2, 1)])
def test_padding_by_name(padding, size, dilation):
    """An odd number of zeros is shared out as in PyTorch."""
    kernel = np.random.default_rng(1).normal(size=(2, 3, *size))
    own = Conv2d(kernel, input_shape=(3, 9, 8), padding=padding, dilation=dilation)
    expected = functional.conv2d(
        images(own), torch.from_numpy(kernel), padding=padding, dilation=dilation
    )
    agree(own, expected)


def test_a_stride_of_none_is_the_size():
    assert SumPool2d(2, input_shape=(1, 6, 4)).output_shape == (1, 3, 2)
    assert SumPool2d((3, 2), input_shape=(1, 6, 4)).stride == (3, 2)


@few
@given(geometries(2))
def test_both_rooms_list_the_same(geometry):
    kernel, shape, how = geometry
    own = Conv2d(kernel, input_shape=shape, **how).convolution
    listed = []
    for room in (cpu, reference):
        arrays = np.zeros(own.n, np.uint32), np.zeros(own.n, np.uint32), np.zeros(own.n)
        rows, columns = own.taps
        room.list_convolution(
            own.kernel, own.groups, *own.output_shape[1:], *rows, *columns, *arrays
        )
        listed.append(arrays)
    for one, other in zip(*listed, strict=True):
        np.testing.assert_array_equal(one, other)


def refused(pattern):
    return pytest.raises(ParameterError, match=rf"^(?=.*{pattern}).*\(got .*\)$")


IMAGE = {"input_shape": (2, 5, 5)}
KERNEL = np.ones((4, 2, 3, 3))


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda: Conv2d(np.ones((2, 2, 3)), **IMAGE), r"Conv2d\.kernel: must have 4 dimensions"),
        (lambda: Conv2d(np.ones((2, 0, 3, 3)), **IMAGE), r"Conv2d\.kernel: must not be empty"),
        (lambda: Conv2d(KERNEL * np.nan, **IMAGE), r"Conv2d\.kernel: must be finite everywhere"),
        (lambda: Conv2d("3x3", **IMAGE), r"Conv2d\.kernel: must be an array of numbers"),
        (lambda: Conv2d(KERNEL, input_shape=(5, 5)), r"input_shape: must be 3 whole numbers"),
        (
            lambda: Conv2d(KERNEL, input_shape=(2, 5, 0)),
            r"input_shape\[2\]: must be a whole number",
        ),
        (lambda: Conv2d(KERNEL, input_shape=(3, 5, 5)), r"input_shape: must have 2 channels"),
        (lambda: Conv2d(KERNEL, input_shape=(2, 2, 5)), r"output_shape: the kernel must fit"),
        (lambda: Conv2d(KERNEL, input_shape=(2, 2**20, 2**20)), r"must have at most 2147483647"),
        (lambda: Conv2d(KERNEL, **IMAGE, stride=0), r"stride: must be a whole number >= 1"),
        (lambda: Conv2d(KERNEL, **IMAGE, stride=(1, 2, 3)), r"stride: .*one for rows and one for"),
        (lambda: Conv2d(KERNEL, **IMAGE, padding=-1), r"padding: must be a whole number >= 0"),
        (lambda: Conv2d(KERNEL, **IMAGE, padding="full"), r"padding: must be one of same, valid"),
        (lambda: Conv2d(KERNEL, **IMAGE, padding="same", stride=2), r"padding: must be numbers"),
        (lambda: Conv2d(KERNEL, **IMAGE, dilation=1.5), r"dilation: must be a whole number"),
        (lambda: Conv2d(KERNEL, **IMAGE, groups=3), r"groups: must divide the 4 output channels"),
        (lambda: Conv2d(KERNEL, **IMAGE, groups=2), r"input_shape: must have 4 channels"),
        (lambda: Conv1d(KERNEL, input_shape=(2, 5)), r"Conv1d\.kernel: must have 3 dimensions"),
        (lambda: Conv1d(KERNEL[0], input_shape=(2, 5, 1)), r"must be 2 whole numbers, \(C_in, L\)"),
        (lambda: Conv1d(KERNEL[0], input_shape=(3, 5), stride=(2,)), r"stride: must be a whole"),
        (lambda: SumPool2d(0, **IMAGE), r"SumPool2d\.size: must be a whole number >= 1"),
        (lambda: SumPool2d(6, **IMAGE), r"output_shape: the kernel must fit"),
        (lambda: SumPool2d(2**31 - 1, **IMAGE), r"output_shape: the kernel must fit"),
        (
            lambda: SumPool2d(2**30, input_shape=(1, 1, 1), padding=2**30, stride=2**29),
            r"SumPool2d\.size: at most 4194304 rows and columns of the window may meet",
        ),
        (
            lambda: SumPool2d(2**22, input_shape=(9, 1, 1), padding=2**22, stride=2**21),
            r"SumPool2d\.size: at most 2147483647 places of the window in all channels may meet",
        ),
        (lambda: SumPool2d(2, **IMAGE, stride=0), r"SumPool2d\.stride: must be a whole number"),
    ],
)
def test_bad_input_ends_in_one_sentence(make, pattern):
    with refused(pattern):
        make()


def joined(connectivity, n_pre, n_post, **how):
    net = Network(seed=3)
    pre, post = (
        net.population(model, n, name=name)
        for model, n, name in ((SpikeSource(), n_pre, "pre"), (LIF(), n_post, "post"))
    )
    net.connect(pre, post, connectivity, name="kernel", **how)
    return net


@pytest.mark.parametrize("engine", ["clock", "event"])
@pytest.mark.parametrize(
    ("sizes", "pattern"),
    [
        ((49, 36), r"input_shape: \(2, 5, 5\) needs a population of 50 units as pre \(got 49"),
        ((50, 30), r"output_shape: \(4, 3, 3\) needs a population of 36 units as post \(got 30"),
    ],
)
def test_populations_must_be_the_images(engine, sizes, pattern):
    net = joined(Conv2d(KERNEL, **IMAGE), *sizes)
    with refused(pattern):
        Simulator(net, **({"dt": 1e-3} if engine == "clock" else {"engine": "event"}))


def test_one_weight_multiplies_the_kernel():
    kernel = np.arange(1.0, 73.0).reshape(4, 2, 3, 3)
    for weight, factor in ((None, 1.0), (0.5, 0.5)):
        made = Simulator(joined(Conv2d(kernel, **IMAGE), 50, 36, weight=weight), dt=1e-3)
        once = Conv2d(kernel * factor, **IMAGE).convolution.edges().weights
        np.testing.assert_array_equal(made.weights("kernel"), once)
    with refused(r"brings its own weights; give one number, which multiplies them, or none"):
        Simulator(joined(Conv2d(kernel, **IMAGE), 50, 36, weight=np.ones(5)), dt=1e-3)


def test_a_pooling_weighs_one_unless_told():
    pool = SumPool2d(2, input_shape=(1, 4, 4))
    for weight, expected in ((None, 1.0), (0.25, 0.25)):
        made = Simulator(joined(pool, 16, 4, weight=weight), dt=1e-3)
        np.testing.assert_array_equal(made.weights("kernel"), np.full(16, expected))
    each = np.linspace(0, 1, 16)
    made = Simulator(joined(pool, 16, 4, weight=each), dt=1e-3, dtype="float64")
    np.testing.assert_array_equal(made.weights("kernel"), each)
