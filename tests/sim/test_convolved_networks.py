"""Networks with convolutions and poolings do what they do with all synapses in a list."""

import pickle

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import CapacityError, UnsupportedError
from potentia.hardware import Crossbar, PulsedReRAM
from potentia.learning import STDP
from potentia.models import LIF, CubaLIF, LeakyRate, SpikeSource
from potentia.sim import (
    Conv1d,
    Conv2d,
    Explicit,
    Ideal,
    Normal,
    Poisson,
    Procedural,
    SpikeTrain,
    SumPool2d,
    TimedArray,
)
from potentia.tests.sim.test_convolution import joined, refused


def draw(*shape, seed=7):
    return np.random.default_rng(seed).normal(size=shape)


SLIDING = {
    "padded": lambda: Conv2d(draw(8, 3, 3, 3), input_shape=(3, 12, 12), padding=1),
    "groups": lambda: Conv2d(
        draw(6, 2, 3, 2), input_shape=(4, 7, 9), stride=(2, 1), padding=(1, 2), groups=2
    ),
    "dilated": lambda: Conv2d(draw(2, 2, 3, 3), input_shape=(2, 15, 14), dilation=2, stride=3),
    "whole image": lambda: Conv2d(draw(20, 1, 9, 9), input_shape=(1, 9, 9)),
    "sequence": lambda: Conv1d(draw(3, 2, 4), input_shape=(2, 30), stride=2, padding=3),
    "pooled": lambda: SumPool2d(2, input_shape=(3, 9, 8)),
    "pooled with overlap": lambda: SumPool2d(3, input_shape=(2, 9, 8), stride=(2, 1), padding=1),
}
HOW = {
    "float32": {"dtype": "float32"},
    "float64": {"dtype": "float64"},
    "two threads": {"threads": 2, "chunk": 7},
    "reference": {"backend": "reference"},
    "whole numbers": {"deterministic": True},
    "event": {"engine": "event"},
}


def image(connectivity, *, listed=False, graded=False):
    """A network that sees images, driven at random; the same with synapses one by one if `listed`."""
    own, weight = connectivity.convolution, 0.2 if graded else 4e-3
    net = Network(seed=11)
    pre = net.population(LeakyRate() if graded else SpikeSource(), own.n_pre, name="pre")
    post = net.population(LIF(tau=8e-3, threshold=3e-3), own.n_post, name="post")
    again = net.population(CubaLIF(threshold=4e-3), own.n_post, name="again")
    if graded:
        net.stimulate(pre, TimedArray(draw(40, own.n_pre), 1e-3))
    else:
        net.stimulate(pre, Poisson(rate=120.0, weight=1.0), name="drive")
    edges = connectivity.edges(own.n_pre, own.n_post, 0, recurrent=False)
    for target, receptor, delay in ((post, None, 3e-3), (again, "excitatory", 1e-3)):
        given = connectivity, weight
        if listed:
            brought = 1.0 if edges.weights is None else edges.weights
            given = Explicit(edges.sources, edges.targets), brought * weight
        net.connect(
            pre,
            target,
            given[0],
            weight=given[1],
            delay=delay,
            receptor=None if graded else receptor,
        )
        net.probe(target, "spikes")
        net.probe(target, "v", every=1e-3)
    return net


def options(how):
    return {} if "engine" in how else {"dt": 1e-3}


def seen(result):
    return [result.hash, *(result.samples(name, "v").values for name in ("post", "again"))]


def alike(one, other):
    for here, there in zip(seen(one), seen(other), strict=True):
        np.testing.assert_array_equal(here, there)


@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
@pytest.mark.parametrize("graded", [False, True], ids=["spikes", "numbers"])
@pytest.mark.parametrize("name", SLIDING)
def test_networks_are_those_of_a_list(name, graded, how):
    """The same bits as with all synapses one by one, in two runs and a batch."""
    if graded and "engine" in how:
        pytest.skip("the event engine knows no numbers")
    pair = [
        Simulator(image(SLIDING[name](), listed=listed, graded=graded), **options(how), **how)
        for listed in (False, True)
    ]
    first = [sim.run(20e-3) for sim in pair]
    reached = first[0].samples("post", "v").values.any(axis=0)
    reached[first[0].spikes("post").ids] = True
    assert reached.mean() > 0.2
    alike(*first)
    alike(*(sim.run(11e-3) for sim in pair))
    for one, other in zip(*(sim.run(5e-3, batch=2) for sim in pair), strict=True):
        alike(one, other)


@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
@pytest.mark.parametrize("graded", [False, True], ids=["spikes", "numbers"])
@pytest.mark.parametrize("name", SLIDING)
def test_networks_on_the_gpu(gpu, name, graded):
    nets = [image(SLIDING[name](), listed=listed, graded=graded) for listed in (False, True)]
    here = Simulator(nets[0], dt=1e-3, backend=gpu, deterministic=True).run(20e-3)
    alike(here, Simulator(nets[1], dt=1e-3, deterministic=True).run(20e-3))


def projection(sim):
    return next(part for part in sim.network.projections if part.name == "kernel")


def kernels(sim):
    """The kernels that deliver."""
    names = (operator.name for operator in sim.plan.operators)
    return {name for name in names if name.startswith(("deliver", "convolved"))}


LARGE = {"kernel": draw(4, 3, 3, 3), "input_shape": (3, 40, 41)}


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_and_naps(threads):
    """Output channels are cut between threads, and most shards nap; nothing of it shows."""
    own = Conv2d(padding=1, **LARGE)
    nets = [Network(seed=1), Network(seed=1)]
    for net, listed in zip(nets, (False, True), strict=True):
        pre = net.population(SpikeSource(), own.convolution.n_pre, name="pre")
        post = net.population(LIF(threshold=2e-3), own.convolution.n_post, name="post")
        edges = own.convolution.edges()
        given = (own, 2e-3)
        if listed:
            given = Explicit(edges.sources, edges.targets), edges.weights * 2e-3
        net.connect(pre, post, given[0], weight=given[1])
        near = np.repeat([100, 141, 1700, 4000, 4001, 4900], 3)
        times = np.tile([2e-3, 900e-3, 901e-3], 6)
        net.stimulate(pre, SpikeTrain(times, near, 1.0))
        net.probe(post, "spikes")
        net.probe(post, "v", every=10e-3)
    here, there = (Simulator(net, dt=1e-3, threads=threads) for net in nets)
    if threads > 1:
        cut = [op for op in here.plan.operators if op.name == "deliver_convolved_step"]
        assert len(cut) == threads
    one, other = here.run(1.0), there.run(1.0)
    assert one.spikes("post").times.size > 3
    assert one.hash == other.hash
    np.testing.assert_array_equal(
        one.samples("post", "v").values, other.samples("post", "v").values
    )


def test_the_kernel_is_all_that_is_stored():
    """Bytes of a layer of 18 million synapses: its kernel and some tables."""
    own = Conv2d(draw(64, 32, 3, 3), input_shape=(32, 32, 32), padding=1)
    sim = Simulator(joined(own, own.convolution.n_pre, own.convolution.n_post), dt=1e-3)
    assert own.convolution.n == 32 * 64 * (3 * 32 - 2) ** 2
    kernel = 4 * 64 * 32 * 9
    assert kernel < sim.plan.synapse_bytes < 1.15 * kernel
    assert kernels(sim) == {"deliver_convolved_step"}


def test_large_layers_fit(monkeypatch):
    """More synapses than any list could hold, in a few megabytes."""
    own = Conv2d(np.ones((64, 64, 7, 7)), input_shape=(64, 112, 112), padding=3)
    assert own.convolution.n > 2**31
    monkeypatch.setattr("potentia.sim.free_memory.free_bytes", lambda: 2**30)
    sim = Simulator(joined(own, own.convolution.n_pre, own.convolution.n_post), dt=1e-3)
    x = np.zeros(own.convolution.n_pre)
    x[0] = 1.0
    assert sim.product("kernel", x).sum() == 64 * 16
    with pytest.raises(
        CapacityError,
        match=r"most by kernel; engine='clock' takes less: Conv2d stores no synapse with",
    ):
        Simulator(joined(own, own.convolution.n_pre, own.convolution.n_post), engine="event")


@pytest.mark.parametrize("name", SLIDING)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products(name, dtype):
    """Forwards and backwards, without a list."""
    own = SLIDING[name]()
    sim = Simulator(
        joined(own, own.convolution.n_pre, own.convolution.n_post, weight=0.3), dt=1e-3, dtype=dtype
    )
    synapses = sim.synapses("kernel")
    table = np.zeros((own.convolution.n_pre, own.convolution.n_post))
    table[synapses.sources, synapses.targets] = synapses.weights
    x, y = draw(2, 3, own.convolution.n_pre), draw(4, own.convolution.n_post)
    np.testing.assert_allclose(sim.product("kernel", x), x @ table, rtol=0, atol=1e-13)
    back = sim.product("kernel", y, transpose=True)
    np.testing.assert_allclose(back, y @ table.T, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    "how",
    [
        {"store": Ideal(bits=4)},
        {"delay": Normal(3e-3, 1e-3, low=1e-3)},
        {"rule": STDP(w_min=-9.0, w_max=9.0)},
        {"store": Crossbar(PulsedReRAM())},
    ],
    ids=["bits", "delays", "rule", "crossbar"],
)
@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
def test_what_tells_synapses_apart_lists_them(how):
    """A rule, devices and delays of each synapse work as on a list."""
    own = SLIDING["groups"]()
    edges = own.convolution.edges()
    pair = []
    for listed in (False, True):
        given = own, None
        if listed:
            given = Explicit(edges.sources, edges.targets), edges.weights
        net = joined(
            given[0], own.convolution.n_pre, own.convolution.n_post, weight=given[1], **how
        )
        net.stimulate(net.populations[0], Poisson(rate=200.0, weight=1.0))
        net.probe(net.populations[1], "spikes")
        pair.append(Simulator(net, dt=1e-3))
    assert "deliver_convolved_step" not in kernels(pair[0])
    first = [sim.run(30e-3).hash for sim in pair]
    assert first[0] == first[1]
    np.testing.assert_array_equal(*(sim.weights("kernel") for sim in pair))


def test_a_store_that_draws_again_has_nothing_to_draw():
    own = SLIDING["padded"]()
    net = joined(own, own.convolution.n_pre, own.convolution.n_post, store=Procedural())
    with pytest.raises(
        UnsupportedError, match=r"Conv2d stores no synapse with store=Ideal\(\) either"
    ):
        Simulator(net, dt=1e-3)


@pytest.mark.parametrize("engine", ["clock", "event"])
def test_weights_that_are_set(engine):
    """A kernel or one number keep the convolution; a number for each synapse makes a list."""
    own = SLIDING["groups"]()
    net = joined(own, own.convolution.n_pre, own.convolution.n_post, weight=0.5)
    sim = Simulator(net, **({"dt": 1e-3} if engine == "clock" else {"engine": "event"}))
    kernel = draw(*own.kernel.shape, seed=1)
    sim.set("kernel", weights=kernel)
    assert projection(sim).convolution is not None
    expected = Conv2d(kernel, **how_of(own)).convolution.edges().weights
    np.testing.assert_allclose(sim.weights("kernel"), expected, rtol=1e-6)
    sim.set("kernel", weights=0.25)
    assert projection(sim).convolution is not None
    assert (sim.weights("kernel") == 0.25).all()
    each = np.linspace(-1, 1, own.convolution.n)
    sim.set("kernel", weights=each)
    assert projection(sim).convolution is None
    np.testing.assert_allclose(sim.weights("kernel"), each, rtol=0, atol=1e-7)
    sim.set("kernel", weights=0.5)
    assert (sim.weights("kernel") == 0.5).all()
    sim.run(5e-3)


def how_of(own):
    names = ("input_shape", "stride", "padding", "dilation", "groups")
    return {name: getattr(own, name) for name in names}


def test_a_kernel_of_another_shape_is_refused():
    own = SLIDING["groups"]()
    sim = Simulator(joined(own, own.convolution.n_pre, own.convolution.n_post), dt=1e-3)
    with refused(
        r"set weights: must be one number, one for each synapse, or a kernel \(6, 2, 3, 2\)"
    ):
        sim.set("kernel", weights=np.ones((6, 2, 3)))


@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
@pytest.mark.parametrize("name", SLIDING)
def test_saved_and_copied(name, tmp_path):
    """A snapshot and a pickle go on as the simulator does."""
    sim = Simulator(image(SLIDING[name]()), dt=1e-3)
    sim.run(9e-3)
    sim.save(tmp_path / "snapshot")
    others = [Simulator.load(tmp_path / "snapshot"), pickle.loads(pickle.dumps(sim))]
    expected = sim.run(8e-3)
    for other in others:
        assert kernels(other) == kernels(sim)
        alike(other.run(8e-3), expected)
