"""Whole networks on the gpu, or with its kernels compiled for the host: what the cpu does, spike
for spike.

Weights, sums and updates are in float64; the device adds arrivals in another order, which moves a
potential by 1e-18 V or so, and no spike of these networks hangs on that.
"""

from __future__ import annotations

import itertools
import shutil

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import DependencyError, UnsupportedError
from potentia.hardware import BreakdownReRAM, Crossbar
from potentia.kernels.backend import Call, Clockwork, load
from potentia.kernels.gpu import devices
from potentia.learning import STDP
from potentia.models import (
    LIF,
    AdaptiveLIF,
    AdEx,
    AlphaLIF,
    CobaLIF,
    CubaLIF,
    EscapeLIF,
    Izhikevich,
    SpikeSource,
)
from potentia.sim import (
    AllToAll,
    Constant,
    FixedProbability,
    FixedTotal,
    Noise,
    Normal,
    Poisson,
    Procedural,
    SpikeTrain,
    Step,
    TimedArray,
    Uniform,
)
from potentia.sim.results import storage
from potentia.sim.runs import sections

DT = 1e-4  # [s]


def balanced(kind, weights, drive, *, n=400, store=None):
    """A recurrent network of two populations with random delays, started from random potentials."""
    net = Network(seed=5)
    exc, inh = (
        net.population(kind(), size, name=name) for name, size in (("exc", n), ("inh", n // 4))
    )
    extra = {} if store is None else {"store": store}
    for pre, weight in ((exc, weights[0]), (inh, weights[1])):
        for post in (exc, inh):
            synapses = FixedTotal(20 * post.n) if store else FixedProbability(0.1)
            receptor = (
                {}
                if weight < 0 or kind is not CobaLIF or pre is exc
                else {"receptor": "inhibitory"}
            )
            law = Normal(weight, abs(weight) / 10)
            net.connect(
                pre, post, synapses, weight=law, delay=Uniform(1e-4, 3e-3), **receptor, **extra
            )
    for population in (exc, inh):
        net.stimulate(population, Constant(drive * np.linspace(0.9, 1.1, population.n)))
        net.probe(population, "spikes")
    return net


NETWORKS = {
    "lif": lambda: balanced(LIF, (0.3e-3, -2e-3), 17e-3),
    "cuba": lambda: balanced(CubaLIF, (1.6e-3, -9e-3), 21e-3),
    "coba": lambda: balanced(CobaLIF, (0.3, 2.0), 25e-3),
    "alpha": lambda: balanced(AlphaLIF, (1e-3, -5e-3), 21e-3),
    "adaptive": lambda: balanced(AdaptiveLIF, (0.3e-3, -1e-3), 24e-3),
    "adex": lambda: balanced(AdEx, (1e-3, -4e-3), 30e-3),
    "izhikevich": lambda: balanced(Izhikevich, (0.5e-3, -1e-3), 10.0),
    "escape": lambda: balanced(EscapeLIF, (0.3e-3, -2e-3), 17e-3),
    "procedural": lambda: balanced(LIF, (0.3e-3, -2e-3), 17e-3, store=Procedural(bits=4)),
    "in shards": lambda: balanced(CubaLIF, (0.16e-3, -0.9e-3), 21e-3, n=5000),
}


@pytest.fixture(params=["host", "backwards", pytest.param("card", marks=pytest.mark.gpu)])
def any_order(request, monkeypatch):
    """The gpu's backend, on the host also with the last thread of every launch first."""
    if request.param == "card":
        monkeypatch.delenv(devices.SWITCH, raising=False)
        try:
            devices.present()
        except (DependencyError, UnsupportedError) as error:
            pytest.skip(str(error))
    elif shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    else:
        monkeypatch.setenv(devices.SWITCH, request.param)
    return "gpu"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["cuba", "coba", "adex", "escape", "procedural", "in shards"])
def test_whole_numbers_leave_no_freedom(any_order, name, dtype, saved):
    """Sums in whole numbers: the same spikes and the same bits of state, in either precision and in
    any order.
    """
    here, there = (
        Simulator(NETWORKS[name](), dt=DT, backend=backend, dtype=dtype, deterministic=True)
        for backend in (any_order, "cpu")
    )
    duration = 0.02 if name == "in shards" else 0.05
    assert here.run(duration).hash == there.run(duration).hash
    own, expected = saved(here), saved(there)
    for signal in there.plan.signals:
        if signal.region == "state" and signal.dtype == "float":
            np.testing.assert_array_equal(
                own[signal.name], expected[signal.name], err_msg=signal.name
            )


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(gpu, name):
    duration = 0.02 if name == "in shards" else 0.06
    here, there = (
        Simulator(NETWORKS[name](), dt=DT, backend=backend, dtype="float64").run(duration)
        for backend in (gpu, "cpu")
    )
    assert len(there.spikes("exc")) > 100
    np.testing.assert_array_equal(here.spikes("exc").ids, there.spikes("exc").ids)
    np.testing.assert_array_equal(here.spikes("exc").times, there.spikes("exc").times)
    assert here.hash == there.hash


def stimulated():
    """Every stimulus and every probe."""
    net = Network(seed=3)
    source, cells = (
        net.population(SpikeSource(), 40, name="source"),
        net.population(LIF(), 60, name="cells"),
    )
    net.connect(
        source, cells, FixedProbability(0.3), weight=Normal(2e-3, 5e-4), delay=Uniform(1e-4, 2e-3)
    )
    net.stimulate(source, Poisson(rate=200.0))
    net.stimulate(source, SpikeTrain([1e-3, 1e-3, 5e-3], [0, 0, 7]))
    net.stimulate(cells, Noise(mean=8e-3, std=10e-3, interval=5e-4))
    net.stimulate(cells, Step([2e-3, 20e-3], [4e-3, 1e-3]))
    net.stimulate(cells, TimedArray(np.linspace(0, 2e-3, 30), 1e-3))
    for what, options in (
        ("spikes", {}),
        ("rate", {}),
        ("counts", {"every": 5e-3}),
        ("v", {"every": 7e-4, "ids": [3, 50]}),
    ):
        net.probe(cells, what, **options)
    return net


def run(backend, chunk=1000, **options):
    return Simulator(
        stimulated(), dt=DT, backend=backend, chunk=chunk, dtype="float64", **options
    ).run(0.05)


@pytest.mark.parametrize("chunk", [7, 1000])
def test_stimuli_and_probes(gpu, chunk):
    here, there = run(gpu, chunk), run("cpu")
    assert here.hash == there.hash
    assert len(there.spikes("cells")) > 100
    np.testing.assert_array_equal(here.trace("cells", "rate"), there.trace("cells", "rate"))
    np.testing.assert_array_equal(here.trace("cells", "counts"), there.trace("cells", "counts"))
    np.testing.assert_allclose(
        here.trace("cells", "v"), there.trace("cells", "v"), rtol=0, atol=1e-15
    )


def test_records_handed_over_on_the_way(gpu, tmp_path, monkeypatch):
    """Written in many shards, or broken off and resumed, the records are those of a run that is
    kept in memory.
    """
    monkeypatch.setattr(sections, "MOST_BYTES", 1)
    monkeypatch.setattr(sections, "CHECKPOINT_SECONDS", 0.0)
    expected = storage.digest(run(gpu))

    def simulator():
        return Simulator(stimulated(), dt=DT, backend=gpu, chunk=60, dtype="float64")

    assert storage.digest(simulator().run(0.05, record_to=tmp_path / "shards")) == expected
    left = iter(range(3))

    def tick(steps):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulator()._session.single(0.05, tick, tmp_path / "broken")
    assert (
        storage.digest(simulator().run(0.05, record_to=tmp_path / "broken", resume=True))
        == expected
    )


def test_a_batch(gpu):
    """Samples differ from each other, and not from those of the cpu."""
    here, there = (
        Simulator(stimulated(), dt=DT, backend=name, dtype="float64").run(0.02, batch=3)
        for name in (gpu, "cpu")
    )
    assert [sample.hash for sample in here] == [sample.hash for sample in there]
    assert len({sample.hash for sample in here}) == 3


def test_a_snapshot_changes_hands(gpu, tmp_path):
    """Saved by one backend in the middle, the run goes on with the other, refractory units
    included.
    """
    whole = Simulator(NETWORKS["cuba"](), dt=DT, backend="cpu", dtype="float64")
    whole.run(0.02)
    expected = whole.run(0.02).hash
    for first, second in ((gpu, "cpu"), ("cpu", gpu)):
        begun = Simulator(NETWORKS["cuba"](), dt=DT, backend=first, dtype="float64")
        begun.run(0.02)
        begun.save(tmp_path / "half.h5")
        assert Simulator.load(tmp_path / "half.h5", backend=second).run(0.02).hash == expected


def test_shards_that_pause_on_the_cpu(gpu):
    """A wave runs through a chain of populations that are silent before and after."""
    net = Network(seed=4)
    chain = [net.population(LIF(), 30, name=f"link{k}") for k in range(9)]
    for pre, post in itertools.pairwise(chain):
        net.connect(pre, post, FixedProbability(0.5), weight=2e-3, delay=3e-3)
    net.stimulate(chain[0], SpikeTrain(np.full(30, 10e-3), np.arange(30), weight=20e-3))
    net.probe(chain[-1], "spikes")
    here, there = (
        Simulator(net, dt=DT, backend=backend, dtype="float64") for backend in (gpu, "cpu")
    )
    assert any(operator.name == "drowse_step" for operator in there.plan.operators)
    result = there.run(0.06)
    assert len(result.spikes("link8")) > 0
    assert here.run(0.06).hash == result.hash


@pytest.mark.parametrize("deterministic", [False, True])
def test_learning(any_order, deterministic):
    """Weights as on the cpu, to rounding: the libraries' `exp` may differ in its last bit."""
    outcomes = []
    for backend in (any_order, "cpu"):
        net = Network(seed=8)
        source, target = (
            net.population(SpikeSource(), 60, name="source"),
            net.population(LIF(), 15, name="target"),
        )
        rule = STDP(w_max=4e-3)
        learned = net.connect(
            source, target, AllToAll(), weight=2e-3, delay=Uniform(1e-4, 3e-3), rule=rule
        )
        net.stimulate(source, Poisson(rate=40.0))
        simulator = Simulator(
            net, dt=DT, backend=backend, dtype="float64", deterministic=deterministic
        )
        outcomes.append((simulator.run(0.2).hash, simulator.weights(learned)))
    (here, weights), (there, expected) = outcomes
    assert here == there
    assert np.unique(expected).size > 100
    np.testing.assert_allclose(weights, expected, rtol=1e-12)


def test_a_full_buffer_stops_the_clock(gpu):
    """Steps behind a full buffer do nothing, so no record is lost, whatever the
    length of a chunk.
    """
    stops = []
    for name in (gpu, "reference"):
        arguments = {
            "fired": np.arange(3, dtype="uint32"),
            "count": np.array([3]),
            "rows": np.zeros(1, np.int64),
            "row_steps": np.zeros(20, np.int64),
            "row_ids": np.zeros(20, "uint32"),
            "pause": np.zeros(1, np.int64),
        }
        clockwork = Clockwork(
            np.zeros(1, np.int64), arguments["pause"], np.zeros(8, np.uint8), 1 << 40
        )
        room = load(name)
        program = room.program(
            [Call(room.kernel("record_spikes_step"), arguments, None)], clockwork, "float64"
        )
        reached = [0]
        while reached[-1] < 100:
            reached.append(program.advance(reached[-1], 100))
            expected = np.repeat(np.arange(reached[-2], reached[-1]), 3)
            np.testing.assert_array_equal(arguments["row_steps"][: arguments["rows"][0]], expected)
            arguments["rows"][0] = arguments["pause"][0] = 0
        stops.append(reached)
    assert stops[0] == stops[1]


@pytest.mark.parametrize("period", [1, 8, 64])
def test_calls_keep_their_period_in_any_cut(gpu, period):
    """A call that is due every `period` steps runs then, and only then, wherever a chunk begins."""
    values = np.zeros(5)
    room = load(gpu)
    clockwork = Clockwork(
        np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(8, np.uint8), 1 << 40
    )
    add = Call(
        room.kernel("timed_array_step"),
        {"values": np.ones((1, 1)), "repeat": 1 << 40, "drive": values},
        None,
        period,
    )
    program = room.program([add], clockwork, "float64")
    for begin, end in ((3, 10), (10, 11), (11, 64), (64, 200)):
        values[:] = 0
        program.upload()
        assert program.advance(begin, end) == end
        program.collect()
        assert values[0] == sum(step % period == 0 for step in range(begin, end))


def test_what_the_gpu_cannot_do(monkeypatch):
    """A crossbar, and a neuron that is a Python function."""
    monkeypatch.setenv(devices.SWITCH, "host")
    net = Network(seed=1)
    cells = net.population(LIF(), 5)
    net.connect(cells, cells, AllToAll(), weight=1e-3, delay=DT, store=Crossbar(BreakdownReRAM()))
    with pytest.raises(
        UnsupportedError,
        match="'gpu' has no kernel 'crossbar_read_step'; choose one of cpu, reference",
    ):
        Simulator(net, backend="gpu")

    def own_step(v):
        return 0

    clockwork = Clockwork(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(8, np.uint8), 1)
    with pytest.raises(
        UnsupportedError, match="'gpu' has no kernel 'own_step', a function of your own"
    ):
        load("gpu").program([Call(own_step, {"v": np.zeros(3)}, None)], clockwork, "float64")


def test_the_list_of_the_refractory_cannot_be_probed(monkeypatch):
    monkeypatch.setenv(devices.SWITCH, "host")
    net = Network(seed=1)
    cells = net.population(LIF(), 5, name="cells")
    net.probe(cells, "left")
    with pytest.raises(UnsupportedError, match="'gpu' keeps no list of refractory units"):
        Simulator(net, backend="gpu")


def test_without_cupy_or_device(monkeypatch):
    monkeypatch.delenv(devices.SWITCH, raising=False)
    try:
        devices.present()
    except (DependencyError, UnsupportedError) as error:
        assert 'backend="gpu" needs' in str(error)  # noqa: PT017 (where there is a card there is no error)
