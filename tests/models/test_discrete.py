"""Neurons in discrete time: their equations by hand, each kind and time of a reset, what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError, UnsupportedError
from potentia.models import DiscreteAlphaLIF, DiscreteCubaLIF, DiscreteLIF, SpikeSource
from potentia.sim import Constant, FixedProbability, SpikeTrain, TimedArray, Uniform

DT = 1e-3
KINDS = (DiscreteLIF, DiscreteCubaLIF, DiscreteAlphaLIF)


def driven(backend, model, x, *, v=0.0, probes=("v",), dtype="float64"):
    """Steps in which one unit fires, and its state, when x[k] arrives in step k."""
    net = Network()
    cell = net.population(model, 1, name="cell", initial={"v": v})
    net.stimulate(cell, TimedArray(np.asarray(x, float)[:, None], DT))
    for what in ("spikes", *probes):
        net.probe(cell, what)
    name = backend if isinstance(backend, str) else backend.name
    result = Simulator(net, dt=DT, backend=name, dtype=dtype).run(len(x) * DT)
    steps = np.rint(result.spikes("cell").times / DT).astype(int) - 1
    return steps.tolist(), [result.trace("cell", what)[:, 0].tolist() for what in probes]


def test_the_equation_of_the_lif(backend):
    """v := decay * v + gain * x + offset, step by step, without spikes."""
    model = DiscreteLIF(decay=0.5, gain=2.0, offset=0.25, threshold=100.0)
    steps, (v,) = driven(backend, model, [1.0, 0.0, -3.0, 0.5])
    assert steps == []
    assert v == [2.25, 1.375, -5.0625, -1.28125]


@pytest.mark.parametrize(("moved_by", "expected"), [("new", [4, 3, -10.25]), ("old", [0, 4, 3])])
def test_the_equation_of_the_current(backend, moved_by, expected):
    """g first, or v first."""
    model = DiscreteCubaLIF(
        decay=0.5, decay_current=0.25, gain=2.0, response=2.0, moved_by=moved_by, threshold=100.0
    )
    steps, (v, g) = driven(backend, model, [1.0, 0.0, -3.0], probes=("v", "g"))
    assert steps == []
    assert g == [2.0, 0.5, -5.875]
    assert v == expected


def test_the_equation_of_the_difference(backend):
    """A single arrival rises and falls: v(k) = gain * (decay_excitatory^k - decay_inhibitory^k)."""
    model = DiscreteAlphaLIF(decay_excitatory=0.5, decay_inhibitory=0.25, threshold=100.0)
    steps, (v, rising, falling) = driven(
        backend, model, [1.0, 0.0, 0.0, 0.0], probes=("v", "g_e", "g_i")
    )
    assert steps == []
    assert rising == [1.0, 0.5, 0.25, 0.125]
    assert falling == [-1.0, -0.25, -0.0625, -0.015625]
    # log(1/4) / (log(1/4) - log(1/2)) = 2, to the rounding of two logarithms
    np.testing.assert_allclose(v, [0.0, 0.5, 0.375, 0.21875], rtol=1e-15)


# decay 1/2 and threshold 1, so that all numbers are exact; steps of spikes, and v after each step
X = [3.0, 0.5, 0.25, 0.0, 2.0]
RESETS = {
    ("subtract", "spike"): ([0, 1, 4], [2.0, 0.5, 0.5, 0.25, 1.125]),
    ("subtract", "before"): ([0, 1, 4], [3.0, 1.5, 0.5, 0.25, 2.125]),
    ("subtract", "after"): ([0, 4], [3.0, 1.0, 0.75, 0.375, 2.1875]),
    ("subtract", "carried"): ([0, 4], [2.0, 1.5, 1.0, 0.5, 1.25]),
    ("value", "spike"): ([0, 4], [-1.0, 0.0, 0.25, 0.125, -1.0]),
    ("value", "before"): ([0, 4], [3.0, 0.0, 0.25, 0.125, 2.0625]),
    ("value", "after"): ([0, 4], [3.0, -1.0, -0.25, -0.125, 1.9375]),
    ("none", "spike"): ([0, 1, 2, 4], [3.0, 2.0, 1.25, 0.625, 2.3125]),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [DiscreteLIF, DiscreteCubaLIF])
@pytest.mark.parametrize("case", RESETS, ids=" ".join)
def test_resets(backend, kind, case, dtype):
    """Each kind and time of a reset by hand; a current that lasts one step alone is an arrival."""
    resets, reset_at = case
    extra = {"decay_current": 0.0} if kind is DiscreteCubaLIF else {}
    model = kind(
        decay=0.5, resets=resets, reset_value=-1.0, reset_at=reset_at, inclusive=False, **extra
    )
    assert driven(backend, model, X, dtype=dtype) == (RESETS[case][0], [RESETS[case][1]])


# decays 1/2 and 1/4, gain 1 and threshold 1/2; steps of spikes, then v, g_e and g_i
DIFFERENCES = {
    "zero": ([1], [0, 1, 0, 0, 0], [4, 2, 0, 0, 0], [-4, -1, 0, 0, 0]),
    "subtract": ([1, 3], [0, 1, -0.25, 0.75, 0.375], [4, 2, 1.5, 0.75, -0.125], [-4, -1, 0, 0, 0]),
    "none": (
        [1, 2, 3],
        [0, 1, 0.75, 0.6875, 0.421875],
        [4, 2, 2, 1, 0.5],
        [-4, -1, -1.25, -0.3125, -0.078125],
    ),
}


@pytest.mark.parametrize("resets", DIFFERENCES)
def test_resets_of_the_difference(backend, resets):
    """Each kind by hand; all numbers are exact."""
    model = DiscreteAlphaLIF(
        decay_excitatory=0.5,
        decay_inhibitory=0.25,
        gain=1.0,
        threshold=0.5,
        resets=resets,
        inclusive=False,
    )
    steps, traces = driven(backend, model, [4, 0, 1, 0, 0], probes=("v", "g_e", "g_i"))
    assert (steps, *traces) == DIFFERENCES[resets]


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("kind", [DiscreteLIF, DiscreteCubaLIF])
def test_a_unit_at_threshold(backend, kind, inclusive):
    steps, _ = driven(backend, kind(resets="none", inclusive=inclusive), [1.0, -5.0])
    assert steps == [0] * inclusive


def layered(kind, seed=1, n=40, **choices):
    """Random trains onto a recurrent population of one kind, per-unit parameters."""
    rng = np.random.default_rng(seed)
    net = Network(seed=seed)
    source = net.population(SpikeSource(), n, name="source")
    net.stimulate(source, SpikeTrain(np.repeat(np.arange(100) * DT, 4), rng.integers(0, n, 400)))
    model = kind(threshold=rng.uniform(0.5, 1.5, n), **choices)
    cells = net.population(model, n, name="cells", initial={"v": Uniform(-0.5, 0.5)})
    net.connect(source, cells, FixedProbability(0.3), weight=Uniform(-0.2, 0.8), delay=DT)
    net.connect(
        cells, cells, FixedProbability(0.2), weight=Uniform(-0.3, 0.3), delay=Uniform(DT, 4 * DT)
    )
    net.stimulate(cells, Constant(rng.uniform(0.0, 0.05, n)))
    net.probe(cells, "spikes")
    net.probe(cells, "v")
    return net


@pytest.mark.parametrize("kind", KINDS)
def test_networks(gpu, kind):
    """Spike for spike on all backends, with threads, in pieces, and from a snapshot."""
    expected = Simulator(layered(kind), dt=DT, dtype="float64").run(0.1)
    assert len(expected.spikes("cells")) > 100
    for options in ({"backend": "reference"}, {"backend": gpu}, {"threads": 2}):
        again = Simulator(layered(kind), dt=DT, dtype="float64", **options).run(0.1)
        assert again.hash == expected.hash, options


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [DiscreteLIF, DiscreteCubaLIF])
@pytest.mark.parametrize("case", RESETS, ids=" ".join)
def test_resets_on_tensors(kind, case, dtype):
    """The same numbers as in `test_resets`; all are exact."""
    pytest.importorskip("torch")
    resets, reset_at = case
    extra = {"decay_current": 0.0} if kind is DiscreteCubaLIF else {}
    model = kind(
        decay=0.5, resets=resets, reset_value=-1.0, reset_at=reset_at, inclusive=False, **extra
    )
    assert driven("torch", model, X, dtype=dtype) == (RESETS[case][0], [RESETS[case][1]])


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_networks_on_tensors(kind, inclusive):
    """The spikes of the cpu, in double precision, and its state."""
    pytest.importorskip("torch")
    for resets in ("subtract", "none"):
        net = layered(kind, resets=resets, inclusive=inclusive)
        cpu, tensors = (
            Simulator(net, dt=DT, dtype="float64", backend=name).run(0.1)
            for name in ("cpu", "torch")
        )
        assert len(cpu.spikes("cells")) > 100
        assert tensors.hash == cpu.hash
        np.testing.assert_allclose(
            tensors.trace("cells", "v"), cpu.trace("cells", "v"), rtol=0, atol=1e-12
        )


@pytest.mark.parametrize("kind", KINDS)
def test_going_on(kind, tmp_path):
    """Pieces, a snapshot on the way and a batch give what one run gives."""
    whole = Simulator(layered(kind), dt=DT).run(0.1)
    simulator = Simulator(layered(kind), dt=DT)
    simulator.run(0.04)
    simulator.save(tmp_path / "half.h5")
    assert simulator.run(0.06).hash == whole.hash
    assert Simulator.load(tmp_path / "half.h5").run(0.06).hash == whole.hash
    batch = Simulator(layered(kind), dt=DT).run(0.1, batch=2)
    np.testing.assert_array_equal(batch[1].spikes("cells").times, whole.spikes("cells").times)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_has_no_length(kind):
    """The same numbers at any dt."""
    traces = []
    for dt in (1e-4, 1e-2):
        net = Network()
        cells = net.population(kind(), 3, name="cells")
        net.stimulate(cells, Constant([0.1, 0.2, 0.4]))
        net.probe(cells, "v")
        traces.append(Simulator(net, dt=dt).run(50 * dt).trace("cells", "v"))
    np.testing.assert_array_equal(*traces)


@pytest.mark.parametrize("kind", KINDS)
def test_the_event_engine_refuses(kind):
    net = Network()
    net.population(kind(), 1, name="cells")
    with pytest.raises(UnsupportedError, match=f"'cells' is of {kind.__name__}.*engine='clock'"):
        Simulator(net, engine="event")


BAD = {
    "decay": (lambda: DiscreteLIF(decay=1.5), "DiscreteLIF.decay: must be .*<= 1 .got 1.5"),
    "current": (
        lambda: DiscreteCubaLIF(decay_current=[0.5, -1.1]),
        "DiscreteCubaLIF.decay_current: must be >= -1 .got '-1.1 at index 1'",
    ),
    "kind": (
        lambda: DiscreteLIF(resets="zero"),
        "DiscreteLIF.resets: must be one of subtract, value, none",
    ),
    "time": (
        lambda: DiscreteLIF(reset_at="aftre"),
        "DiscreteLIF.reset_at: .*did you mean 'after'.*'aftre'",
    ),
    "nothing to carry": (
        lambda: DiscreteLIF(resets="value", reset_at="carried"),
        "DiscreteLIF.reset_at: 'carried' needs resets='subtract'.*'value'",
    ),
    "raised by its reset": (
        lambda: DiscreteLIF(threshold=-1.0),
        "DiscreteLIF.threshold: must be > 0 .got -1.0",
    ),
    "value above": (
        lambda: DiscreteLIF(resets="value", reset_value=2.0),
        "DiscreteLIF.reset_value: must be < 1 .got 2.0",
    ),
    "moved by": (
        lambda: DiscreteCubaLIF(moved_by="next"),
        "DiscreteCubaLIF.moved_by: must be one of new, old",
    ),
    "inclusive": (lambda: DiscreteLIF(inclusive=1), "DiscreteLIF.inclusive: must be True or False"),
    "no rise": (
        lambda: DiscreteAlphaLIF(decay_excitatory=0.5, decay_inhibitory=0.5),
        "DiscreteAlphaLIF.decay_inhibitory: must be < 0.5 .got 0.5",
    ),
    "gain": (lambda: DiscreteAlphaLIF(gain="1"), "DiscreteAlphaLIF.gain: must be a finite number"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_fields(case):
    make, told = BAD[case]
    with pytest.raises(ParameterError, match=told) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_nothing_left_of_the_falling_current():
    """Where decay_inhibitory is 0, v is all of g_e but what arrives."""
    assert DiscreteAlphaLIF(decay_inhibitory=0.0).constants(DT)["gain"] == 1.0
