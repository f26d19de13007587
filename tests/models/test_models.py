"""What every model owes: the same spikes on every backend, parameters per unit, no denormals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import PotentiaError
from potentia.models import (
    IF,
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
from potentia.sim import Constant, FixedProbability, Noise, Poisson, SpikeTrain, Uniform

# makes each fire at some 10 to 60 Hz
DRIVES = {
    IF: 1.0,
    LIF: 20e-3,
    AdaptiveLIF: 22e-3,
    CubaLIF: 14e-3,
    AlphaLIF: 20e-3,
    CobaLIF: 15e-3,
    AdEx: 28e-3,
    Izhikevich: 9.0,
}
RANDOM = {EscapeLIF: 16e-3}  # what a unit of these draws hangs on its place in its population
MODELS = pytest.mark.parametrize("kind", DRIVES, ids=lambda kind: kind.__name__)
NAN, INF = float("nan"), float("inf")


def recurrent(kind, seed=1):
    """A recurrent network of one model, driven by currents, noise and Poisson trains."""
    net = Network(seed=seed)
    model, drive = kind(), (DRIVES | RANDOM)[kind]
    start = model.initial().get("v", 0.0)
    exc = net.population(model, 40, name="exc", initial={"v": Uniform(start, start + 8e-3)})
    inh = net.population(model, 10, name="inh")
    out = net.population(SpikeSource(), 5, name="out")
    weight = 0.1 if kind is CobaLIF else 1e-3 if model.receptors == ("jump",) else 2e-3
    sign = 1 if kind is CobaLIF else -1
    net.stimulate(exc, Constant(drive))
    net.stimulate(inh, Noise(mean=drive, std=0.2 * drive, interval=1e-3))
    net.stimulate(inh, Poisson(rate=100.0, weight=weight))
    net.connect(
        exc,
        inh,
        FixedProbability(0.3),
        weight=Uniform(0.5 * weight, weight),
        delay=Uniform(1e-3, 4e-3),
    )
    net.connect(exc, exc, FixedProbability(0.2), weight=weight)
    net.connect(inh, exc, FixedProbability(0.4), weight=sign * weight, receptor=model.receptors[-1])
    net.connect(exc, out, FixedProbability(0.1), weight=1.0)
    for part, what in ((exc, "spikes"), (out, "spikes"), (inh, "v")):
        net.probe(part, what)
    return net


@pytest.mark.parametrize("kind", DRIVES | RANDOM, ids=lambda kind: kind.__name__)
def test_backends_agree_spike_for_spike(kind):
    """cpu and reference make the same operations in the same order; only `exp` may differ in its
    last bit.
    """
    cpu, reference = (
        Simulator(recurrent(kind), dtype="float64", backend=name).run(0.15)
        for name in ("cpu", "reference")
    )
    assert len(cpu.spikes("exc")) > 30
    assert len(cpu.spikes("out")) > 5
    assert cpu.hash == reference.hash
    for name in ("exc", "out"):
        np.testing.assert_array_equal(cpu.spikes(name).times, reference.spikes(name).times)
        np.testing.assert_array_equal(cpu.spikes(name).ids, reference.spikes(name).ids)
    np.testing.assert_allclose(
        cpu.trace("inh", "v"), reference.trace("inh", "v"), rtol=0, atol=1e-12
    )


def varied(kind, n, seed=5):
    """Each parameter of a model for `n` units, up to 10 % around the default."""
    rng = np.random.default_rng(seed)
    fields = {field.name: field.default for field in dataclasses.fields(kind)}
    return {
        name: value * rng.uniform(1.0 if name == "reset" else 0.9, 1.1, n)
        for name, value in fields.items()
    }


@MODELS
def test_parameters_per_unit(backend, kind):
    """A population with parameters per unit does what populations of one unit each do."""
    n, parameters = 3, varied(kind, 3)
    together, apart = Network(), Network()
    cells = together.population(kind(**parameters), n, name="cells")
    units = [
        apart.population(
            kind(**{name: values[unit] for name, values in parameters.items()}),
            1,
            name=f"unit{unit}",
        )
        for unit in range(n)
    ]
    for net, populations in ((together, [cells]), (apart, units)):
        for part in populations:
            net.stimulate(part, Constant(1.3 * DRIVES[kind]))
            for receptor in kind.receptors:
                train = SpikeTrain(np.full(part.n, 5e-3), range(part.n), 0.5e-3)
                net.stimulate(part, train, receptor=receptor)
            net.probe(part, "v", every=1e-3)
            net.probe(part, "spikes")
    here, there = (
        Simulator(net, dtype="float64", backend=backend.name).run(0.06) for net in (together, apart)
    )
    assert here.spikes("cells").counts().sum() > 0
    for unit in range(n):
        trace = there.trace(f"unit{unit}", "v")[:, 0]
        np.testing.assert_allclose(here.trace("cells", "v")[:, unit], trace, rtol=1e-12, atol=1e-15)
        np.testing.assert_array_equal(
            here.spikes("cells").trains()[unit], there.spikes(f"unit{unit}").times
        )


@MODELS
def test_units_do_not_depend_on_their_place(backend, kind):
    """Permuted parameters, drives and starts give permuted traces."""
    n, order = 4, np.array([2, 0, 3, 1])
    parameters, drives = varied(kind, n), DRIVES[kind] * np.linspace(0.8, 1.5, n)
    start = kind().initial().get("v", 0.0) + np.linspace(0, 5e-3, n)
    traces = []
    for places in (np.arange(n), order):
        net = Network()
        model = kind(**{name: values[places] for name, values in parameters.items()})
        cells = net.population(model, n, name="cells", initial={"v": start[places]})
        net.stimulate(cells, Constant(drives[places]))
        net.probe(cells, "v")
        traces.append(
            Simulator(net, dtype="float64", backend=backend.name).run(0.02).trace("cells", "v")
        )
    np.testing.assert_array_equal(traces[1], traces[0][:, order])


@pytest.mark.parametrize(
    "kind", [LIF, AdaptiveLIF, CubaLIF, AlphaLIF, CobaLIF], ids=lambda kind: kind.__name__
)
def test_rest_is_reached_without_denormals(backend, kind):
    """After one event everything decays to exactly 0, and no number on the way is subnormal."""
    net = Network()
    resting = {"rest": 0.0, "threshold": 10e-3, "reset": -1e-3} if kind is CobaLIF else {}
    times = {field.name: 1e-3 for field in dataclasses.fields(kind) if field.name.startswith("tau")}
    model = kind(**times, **resting)
    cells = net.population(
        model, 1, name="cells", initial={"a": 1e-3} if kind is AdaptiveLIF else None
    )
    net.stimulate(cells, SpikeTrain([1e-3], [0], 1e-3))
    floats = [name for name, dtype in model.state.items() if dtype == "float"]
    for name in floats:
        net.probe(cells, name)
    result = Simulator(net, backend=backend.name, dt=1e-4).run(0.1)
    for name in floats:
        trace = np.abs(result.trace("cells", name)[:, 0])
        assert trace[-1] == 0.0
        assert trace[trace > 0].min(initial=1.0) > np.finfo("float32").tiny


BAD = {
    "nan tau": (LIF, {"tau": NAN}, "LIF.tau", "nan"),
    "infinite tau": (CubaLIF, {"tau": INF}, "CubaLIF.tau", "inf"),
    "zero tau": (AlphaLIF, {"tau_excitatory": 0.0}, "AlphaLIF.tau_excitatory", "0.0"),
    "negative tau": (CobaLIF, {"tau_inhibitory": -1.0}, "CobaLIF.tau_inhibitory", "-1.0"),
    "tau of adaptation": (AdaptiveLIF, {"tau_adaptation": 0}, "AdaptiveLIF.tau_adaptation", "0.0"),
    "one tau is negative": (LIF, {"tau": [1e-2, -1e-2]}, "LIF.tau", "-0.01"),
    "one tau is nan": (LIF, {"tau": [1e-2, NAN]}, "LIF.tau", "nan at index 1"),
    "text": (LIF, {"tau": "10 mV"}, "LIF.tau", "'10 mV'"),
    "texts": (LIF, {"tau": ["10 ms"]}, "LIF.tau", "list"),
    "nothing": (IF, {"threshold": None}, "IF.threshold", "None"),
    "truth": (IF, {"threshold": True}, "IF.threshold", "True"),
    "complex": (IF, {"threshold": 1j}, "IF.threshold", "1j"),
    "two dimensions": (LIF, {"tau": [[1e-2]]}, "LIF.tau", "shape (1, 1)"),
    "threshold at reset": (IF, {"threshold": 0.0}, "IF.reset", "0.0"),
    "one threshold below reset": (
        LIF,
        {"threshold": [1.0, 2.0], "reset": [0.0, 3.0]},
        "LIF.reset",
        "3.0",
    ),
    "one threshold below the reset": (
        LIF,
        {"threshold": [1.0, 2.0], "reset": 1.5},
        "LIF.reset",
        "1.5",
    ),
    "unequal arrays": (
        LIF,
        {"threshold": [1.0, 2.0], "reset": [0.0, 0.0, 0.0]},
        "LIF.reset",
        "shape (3,)",
    ),
    "negative refractory": (CobaLIF, {"refractory": -1e-3}, "CobaLIF.refractory", "-0.001"),
    "adaptation that excites": (
        AdaptiveLIF,
        {"increment": -1e-3},
        "AdaptiveLIF.increment",
        "-0.001",
    ),
    "flat upstroke": (AdEx, {"slope": 0.0}, "AdEx.slope", "0.0"),
    "peak below onset": (AdEx, {"peak": -60e-3}, "AdEx.peak", "-0.06"),
    "peak below reset": (Izhikevich, {"peak": -70e-3}, "Izhikevich.c", "-0.065"),
    "no recovery": (Izhikevich, {"a": 0.0}, "Izhikevich.a", "0.0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_parameters(case):
    kind, parameters, field, got = BAD[case]
    with pytest.raises(PotentiaError) as caught:
        kind(**parameters)
    message = str(caught.value)
    assert message.startswith(f"{field}: must be") or message.startswith(f"{field}: must have")
    assert got in message
    assert "\n" not in message


STARTS = {
    "unknown variable": ({"vv": 0.0}, "did you mean 'v'?"),
    "hidden counter": ({"left": 3}, "must be one of v, g_e, g_i"),
    "nan": ({"v": NAN}, "initial v"),
    "text": ({"v": "10 mV"}, "'10 mV'"),
    "wrong length": ({"v": [0.0, 1.0]}, "must be one number or one per unit (3)"),
    "no dict": ([0.0, 1.0, 2.0], "must be a dict"),
}


@pytest.mark.parametrize("case", STARTS)
def test_bad_starts(case):
    initial, hint = STARTS[case]
    with pytest.raises(PotentiaError) as caught:
        Network().population(CubaLIF(), 3, initial=initial)
    assert hint in str(caught.value)
    assert "Network.population initial" in str(caught.value)


def test_parameters_must_fit_the_population():
    with pytest.raises(
        PotentiaError, match=r"LIF.tau: must be .* one per unit \(3\) \(got 'shape \(2,\)'"
    ):
        Network().population(LIF(tau=[1e-2, 2e-2]), 3)


@pytest.mark.parametrize("receptor", ["inhibitory", None])
def test_negative_conductances_are_refused(receptor):
    net = Network()
    cells = net.population(CobaLIF(), 3, name="cells")
    net.connect(cells, cells, FixedProbability(1.0), weight=-1.0, receptor=receptor)
    with pytest.raises(
        PotentiaError, match=r"weights of cells->cells must be >= 0, .* conductance.*\(got -1\)"
    ):
        Simulator(net)
    net = Network()
    cells = net.population(CobaLIF(), 3, name="cells")
    net.stimulate(cells, Poisson(rate=1.0, weight=-1.0))
    with pytest.raises(PotentiaError, match="conductance"):
        Simulator(net)


def test_parameters_cannot_change_afterwards():
    """A model is frozen, its arrays too, and it keeps a copy of what it was given."""
    given = np.array([1e-2, 2e-2])
    model = LIF(tau=given)
    given[0] = -1.0
    assert model.tau[0] == 1e-2
    with pytest.raises(ValueError, match="read-only"):
        model.tau[0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.tau = 1.0


def test_starts_are_drawn_per_unit_and_seed():
    """A distribution draws one value per unit, the same for a seed and a name, whatever else there
    is.
    """

    def start(seed, more):
        net = Network(seed=seed)
        if more:
            net.population(LIF(), 5, name="more", initial={"v": Uniform(0.0, 1e-2)})
        net.population(LIF(), 100, name="cells", initial={"v": Uniform(0.0, 1e-2)})
        return Simulator(net, dtype="float64").plan.memory()["cells.v"]

    first = start(1, False)
    assert first.min() >= 0.0
    assert first.max() <= 1e-2
    assert np.unique(first).size == 100
    np.testing.assert_array_equal(first, start(1, True))
    assert not np.array_equal(first, start(2, False))
