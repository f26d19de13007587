"""Whatever goes in wrong comes back as one sentence: object, field, rule, value got; no traceback,
no silence.
"""

import re
from collections.abc import Callable

import numpy as np
import pytest

from potentia import Network, Result, Simulator
from potentia.errors import PotentiaError
from potentia.hardware import PulsedReRAM, digital_joules
from potentia.models import LIF, SpikeSource
from potentia.sim import (
    AllToAll,
    Constant,
    Events,
    Explicit,
    FixedInDegree,
    FixedProbability,
    FromSparse,
    Noise,
    Normal,
    Poisson,
    SpikeTrain,
    Step,
    TimedArray,
    encode_latency,
)

NAN, INF = float("nan"), float("inf")


def neurons(n: int = 3, **options: object):
    """A network with one population, and the population."""
    net = Network(**options)
    return net, net.population(LIF(), n, name="exc")


def connected(**options: object) -> Network:
    """A network whose only projection has these options."""
    net, exc = neurons()
    net.connect(exc, exc, options.pop("connectivity", AllToAll()), **{"weight": 1e-3, **options})
    return net


def simulated(*, dt: float = 1e-4, **options: object) -> Simulator:
    return Simulator(connected(**options), dt=dt)


def driven(stimulus: Callable[[], object], n: int = 3) -> None:
    net, exc = neurons(n)
    net.stimulate(exc, stimulus())
    Simulator(net, dt=1e-3).run(0.01)


NUMBERS = {
    "nan weight": (lambda: connected(weight=NAN), "weight", "nan"),
    "inf weight": (lambda: connected(weight=INF), "weight", "inf"),
    "nan in weights": (
        lambda: connected(weight=[1.0, NAN] + 7 * [1.0]),
        "weight",
        "nan at index 1",
    ),
    "weights too few": (lambda: simulated(weight=[1.0, 2.0]), "weight", "2"),
    "weight missing": (lambda: simulated(weight=None), "weight", "None"),
    "weight twice": (lambda: simulated(connectivity=FromSparse(np.eye(3))), "weight", "0.001"),
    "weight as text": (lambda: connected(weight="10 mV"), "weight", "10 mV"),
    "tau zero": (lambda: LIF(tau=0.0), "LIF.tau", "0.0"),
    "tau negative": (lambda: LIF(tau=-1.0), "LIF.tau", "-1.0"),
    "tau nan": (lambda: LIF(tau=NAN), "LIF.tau", "nan"),
    "tau as text": (lambda: LIF(tau="20 ms"), "LIF.tau", "20 ms"),
    "threshold below reset": (lambda: LIF(threshold=-1e-3), "LIF.reset", "0.0"),
    "refractory negative": (lambda: LIF(refractory=-1e-3), "LIF.refractory", "-0.001"),
    "dt zero": (lambda: simulated(dt=0.0), "Simulator.dt", "0.0"),
    "dt nan": (lambda: simulated(dt=NAN), "Simulator.dt", "nan"),
    "dt negative": (lambda: simulated(dt=-1e-4), "Simulator.dt", "-0.0001"),
    "dt above tau": (lambda: simulated(dt=0.1, delay=0.1), "dt", "0.1"),
    "duration negative": (lambda: simulated().run(-1.0), "duration", "-1.0"),
    "duration nan": (lambda: simulated().run(NAN), "duration", "nan"),
    "duration text": (lambda: simulated().run("1 s"), "duration", "1 s"),
    "duration off the grid": (lambda: simulated().run(1.5e-4), "duration", "0.00015"),
    "delay negative": (lambda: connected(delay=-1e-3), "delay", "-0.001"),
    "delay below dt": (lambda: simulated(delay=1e-5), "delay", "1e-05"),
    "delay off the grid": (lambda: simulated(delay=1.55e-4), "delay", "0.000155"),
    "delays off the grid": (lambda: simulated(delay=9 * [1.55e-4]), "delay", "0.000155"),
    "delay without end": (lambda: simulated(delay=1e6), "delay", "1000000"),
    "probability above one": (lambda: FixedProbability(1.5), "FixedProbability.p", "1.5"),
    "probability nan": (lambda: FixedProbability(NAN), "FixedProbability.p", "nan"),
    "in-degree negative": (lambda: FixedInDegree(-1), "FixedInDegree.k", "-1"),
    "no neurons": (lambda: neurons(0), "n:", "0"),
    "half a neuron": (lambda: neurons(2.5), "n:", "2.5"),
    "seed negative": (lambda: Network(seed=-1), "Network.seed", "-1"),
    "seed too big": (lambda: Network(seed=2**64), "Network.seed", str(2**64)),
    "seed none": (lambda: Network(seed=None), "Network.seed", "None"),
    "seed a float": (lambda: Network(seed=1.0), "Network.seed", "1.0"),
    "too many synapses": (
        lambda: AllToAll().edges(2**20, 2**20, 0, recurrent=False),
        "synapses",
        str(2**40),
    ),
    "normal without spread": (lambda: Normal(1.0, -1.0), "Normal.sd", "-1.0"),
    "noise nan": (lambda: Noise(std=NAN), "Noise.std", "nan"),
    "noise off the grid": (
        lambda: driven(lambda: Noise(std=1.0, interval=1.5e-3)),
        "Noise.interval",
        "0.0015",
    ),
    "poisson negative": (lambda: Poisson(rate=-1.0), "Poisson.rate", "-1.0"),
    "poisson nan": (lambda: Poisson(rate=[1.0, NAN]), "Poisson.rate", "nan"),
    "rates too few": (lambda: driven(lambda: Poisson(rate=[1.0, 2.0])), "Poisson.rate", "(2,)"),
    "constant nan": (lambda: Constant(NAN), "Constant.value", "nan"),
    "constants too few": (lambda: driven(lambda: Constant([1.0, 2.0])), "Constant.value", "(2,)"),
    "step unsorted": (lambda: Step([1.0, 0.5], [1.0, 2.0]), "Step.times", "0.5"),
    "step without values": (lambda: Step([1.0, 1.5], [1.0]), "Step.values", "(1,)"),
    "timed array nan": (lambda: TimedArray([1.0, NAN], 1e-3), "TimedArray.values", "nan"),
    "timed array columns": (
        lambda: driven(lambda: TimedArray(np.ones((4, 2)), 1e-3)),
        "TimedArray.values",
        "2 columns",
    ),
}

EVENTS = {
    "spike before 0": (lambda: SpikeTrain([-1.0], [0]), "SpikeTrain.times", "-1.0"),
    "spike time nan": (lambda: SpikeTrain([NAN], [0]), "SpikeTrain.times", "nan"),
    "spike id out of range": (
        lambda: driven(lambda: SpikeTrain([0.0], [3])),
        "SpikeTrain.ids",
        "3",
    ),
    "spike id negative": (lambda: SpikeTrain([0.0], [-1]), "SpikeTrain.ids", "-1"),
    "spike id wrapped": (
        lambda: driven(lambda: SpikeTrain([0.0], np.array([2**32 - 1], np.uint32))),
        "SpikeTrain.ids",
        str(2**32 - 1),
    ),
    "spike id a float": (lambda: SpikeTrain([0.0], [0.5]), "SpikeTrain.ids", "float64"),
    "spike ids too few": (lambda: SpikeTrain([0.0, 1.0], [0]), "SpikeTrain.ids", "(1,)"),
    "spike ids as objects": (
        lambda: SpikeTrain([0.0], np.array([None])),
        "SpikeTrain.ids",
        "object",
    ),
    "spike times as text": (lambda: SpikeTrain(["now"], [0]), "SpikeTrain.times", "list"),
    "spike weight nan": (lambda: SpikeTrain([0.0], [0], NAN), "SpikeTrain.weight", "nan"),
    "event off the sensor": (lambda: Events([34], [0], [0.0], [1]), "Events.x", "34"),
    "event polarity": (lambda: Events([3], [0], [0.0], [7]), "Events.p", "7"),
    "sensor too large": (lambda: driven(lambda: Events([3], [0], [0.0], [1])), "Events", "2312"),
    "latency of nan": (lambda: encode_latency([NAN]), "encode_latency.values", "nan"),
}


def _two_networks() -> None:
    net, _ = neurons()
    _, other = neurons()
    net.connect(other, other, AllToAll(), weight=1.0)


def _twice() -> None:
    net, _ = neurons()
    net.population(LIF(), 1, name="exc")


def _probe_twice() -> None:
    net, exc = neurons()
    net.probe(exc, "v")
    net.probe(exc, "v")


def _named(name: object) -> None:
    Network().population(LIF(), 1, name=name)


def _probe(what: str, **options: object) -> Simulator:
    net, exc = neurons()
    net.probe(exc, what, **options)
    return Simulator(net, dt=1e-3)


def _batch(inputs: dict, **options: object) -> None:
    net, exc = neurons()
    net.stimulate(exc, SpikeTrain(), name="speech")
    Simulator(net, dt=1e-3).run(0.01, inputs=inputs, **options)


NETWORKS = {
    "empty network": (lambda: Simulator(Network()), "Network", "population"),
    "not a network": (lambda: Simulator("net"), "Simulator.network", "net"),
    "not a model": (lambda: Network().population("LIF", 3), "model", "LIF"),
    "not a connectivity": (lambda: connected(connectivity=0.1), "connectivity", "0.1"),
    "not a rule": (lambda: connected(rule="stdp"), "rule", "stdp"),
    "not a store": (lambda: connected(store="crossbar"), "store", "crossbar"),
    "not a stimulus": (lambda: driven(lambda: 18e-3), "stimulus", "0.018"),
    "population of another network": (_two_networks, "connect", "exc"),
    "name taken": (_twice, "population", "exc"),
    "name with slash": (lambda: _named("a/b"), "name", "a/b"),
    "name with dot": (lambda: _named("a.b"), "name", "a.b"),
    "name that is a dot": (lambda: _named(".."), "name", ".."),
    "name empty": (lambda: _named(""), "name", "''"),
    "name too long": (lambda: _named("x" * 10**5), "name", "xxx"),
    "name with newline": (lambda: _named("a\nb"), "name", "a"),
    "name a number": (lambda: _named(3), "name", "3"),
    "receptor unknown": (lambda: connected(receptor="jmp"), "receptor", "did you mean 'jump'"),
    "probe unknown": (lambda: _probe("spike"), "probe", "did you mean 'spikes'"),
    "probe twice": (_probe_twice, "probe", "exc.v"),
    "probe id out of range": (lambda: _probe("v", ids=[7]), "ids", "7"),
    "probe every nothing": (lambda: _probe("v", every=0.0), "every", "0.0"),
    "probe off the grid": (lambda: _probe("v", every=1.5e-3), "every", "0.0015"),
    "weights of a population": (lambda: _probe("weights"), "probe", "weights"),
    "explicit out of range": (lambda: simulated(connectivity=Explicit([0], [3])), "target", "3"),
    "engine unknown": (
        lambda: Simulator(neurons()[0], engine="clok"),
        "engine",
        "did you mean 'clock'",
    ),
    "backend unknown": (lambda: Simulator(neurons()[0], backend="banana"), "backend", "banana"),
    "dtype unknown": (lambda: Simulator(neurons()[0], dtype="float16"), "dtype", "float16"),
    "threads none": (lambda: Simulator(neurons()[0], threads=0), "threads", "0"),
    "event engine with dt": (
        lambda: Simulator(neurons()[0], engine="event", dt=1e-4),
        "dt",
        "0.0001",
    ),
    "batch input unknown": (
        lambda: _batch({"speach": [SpikeTrain()]}),
        "inputs",
        "did you mean 'speech'",
    ),
    "batch input of another kind": (
        lambda: _batch({"speech": [Constant(1.0)]}),
        "inputs",
        "Constant",
    ),
    "batch input count": (lambda: _batch({"speech": [SpikeTrain()]}, batch=2), "inputs", "1"),
    "batch of none": (lambda: _batch({}, batch=0), "batch", "0"),
    "record not made": (lambda: _probe("v").run(0.01).spikes("exc"), "exc", "exc.v|nothing"),
    "no traces": (lambda: _probe("spikes").run(0.01).times, "times", "probe"),
}


def _ran() -> Result:
    net, exc = neurons()
    net.probe(exc, "spikes")
    return Simulator(net, dt=1e-3).run(0.01)


def _simulator(**options: object) -> Simulator:
    net, exc = neurons()
    net.stimulate(exc, SpikeTrain(), name="speech")
    return Simulator(net, dt=1e-3, **options)


DEVICE = PulsedReRAM(read_noise=0.1)
CALLS = {
    "duration beyond all clocks": (lambda: _simulator().run(1e300), "duration", "1e+300"),
    "duration on no grid in float32": (
        lambda: _simulator().run(np.float32(1.5e-3)),
        "nearest is 0.002 s",
        "0.0015",
    ),
    "engine an array": (lambda: _simulator(engine=np.array(["clock", "event"])), "engine", "array"),
    "dtype of another kind": (lambda: _simulator(dtype=np.dtype("int32")), "dtype", "int32"),
    "threads beyond counting": (lambda: _simulator(threads=10**400), "threads", "bits"),
    "inputs a number": (lambda: _simulator().run(0.01, inputs=3), "inputs", "3"),
    "inputs of no stimuli": (
        lambda: _simulator().run(0.01, inputs={"speech": [1.0]}),
        "inputs",
        "1.0",
    ),
    "batch of more than all": (
        lambda: _simulator().run(0.01, batch=10**12),
        "batch",
        "1000000000000",
    ),
    "record to the standard output": (
        lambda: _simulator().run(0.01, record_to=True),
        "record_to",
        "True",
    ),
    "resume a text": (lambda: _simulator().run(0.01, resume="no"), "resume", "'no'"),
    "load nothing": (lambda: Result.load(None), "load path", "None"),
    "save to nothing": (lambda: _ran().save(b"x"), "save path", "b'x'"),
    "overwrite a text": (lambda: _ran().save("x", overwrite="no"), "overwrite", "'no'"),
    "spikes of an array": (lambda: _ran().spikes(np.array(["exc"])), "spikes", "array"),
    "poisson beyond drawing": (lambda: Poisson(rate=1e18), "Poisson.rate", "1e+18"),
    "poisson beyond a step": (
        lambda: driven(lambda: Poisson(rate=9e7)),
        "in a step of 0.001 s",
        "90000",
    ),
    "step of nothing": (lambda: Step([], []), "Step.times", "(0,)"),
    "tau beyond floats": (lambda: LIF(tau=10**400), "LIF.tau", "bits"),
    "tau of lists": (lambda: LIF(tau=[[1.0], [1.0, 2.0]]), "LIF.tau", "list"),
    "tau a span of time": (lambda: LIF(tau=np.timedelta64(3, "s")), "LIF.tau", "timedelta64"),
    "tau complex": (lambda: LIF(tau=np.complex64(1 + 1j)), "LIF.tau", "complex64"),
    "tau masked": (
        lambda: LIF(tau=np.ma.array([1.0, 2.0], mask=[0, 1])),
        "LIF.tau: must have no masked",
        "float64",
    ),
    "reading a matrix": (lambda: DEVICE.read(np.ones((300, 300)), 1), "conductances", "(300, 300)"),
    "reading a small matrix": (lambda: DEVICE.read(np.ones((3, 3)), 1), "conductances", "(3, 3)"),
    "reading nan": (
        lambda: DEVICE.read(np.array([1e-6, NAN]), 1),
        "conductances",
        "nan at index 1",
    ),
    "ageing nan": (lambda: DEVICE.aged(np.array([NAN]), 1.0, 1), "conductances", "nan"),
    "reading with a negative key": (lambda: DEVICE.read(np.array([1e-6]), -1), "key", "-1"),
    "joules of nan": (lambda: digital_joules("x", NAN, 5), "digital_joules.events", "nan"),
    "joules of negative synapses": (
        lambda: digital_joules("x", 1.0, -5),
        "digital_joules.n_synapses",
        "-5",
    ),
}


@pytest.mark.parametrize("case", [*NUMBERS, *EVENTS, *NETWORKS, *CALLS])
def test_bad_input_is_one_sentence(case):
    """The message names the field and the value, stands on one line, and comes as one of our
    errors.
    """
    attempt, field, got = {**NUMBERS, **EVENTS, **NETWORKS, **CALLS}[case]
    with pytest.raises(PotentiaError) as caught:
        attempt()
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 300
    assert field in message
    assert any(part in message for part in got.split("|")), message
    assert not re.search(r"Traceback|numba|h5py", message)


def test_good_oddities_are_accepted():
    """Unsorted, duplicate, empty, read-only and strided input is fine; no input is silently
    changed.
    """
    ids = np.array([2, 9, 0, 9, 2, 9])[::2]
    times = np.array([3e-3, 1e-3, 1e-3])
    times.flags.writeable = False
    net = Network()
    source = net.population(SpikeSource(), 3, name="source")
    net.stimulate(source, SpikeTrain(times, ids))
    net.stimulate(source, SpikeTrain())
    net.probe(source, "spikes")
    spikes = Simulator(net, dt=1e-3).run(0.01).spikes("source")
    assert spikes.times.tolist() == pytest.approx([1e-3, 1e-3, 3e-3])
    assert spikes.ids.tolist() == [0, 2, 2]


def test_numbers_of_other_libraries_mean_what_they_say():
    """Single precision, dtypes, read-only and byte-swapped arrays, ranges: each gives the run of
    plain numbers.
    """
    net, exc = neurons(n=3)
    net.stimulate(exc, Constant(np.array([20e-3, 30e-3, 40e-3]).astype(">f8")))
    net.probe(exc, "v", ids=range(3))
    plain = Simulator(net, dt=1e-4, dtype="float64").run(0.1)
    other = Simulator(net, dt=np.float32(1e-4), dtype=np.dtype("float64")).run(np.float32(0.1))
    assert (other.start, other.stop) == (plain.start, plain.stop)
    assert np.array_equal(plain.trace("exc", "v"), other.trace("exc", "v"))


def test_a_rate_of_minus_zero_is_silence():
    for engine in ("clock", "event"):
        net, exc = neurons()
        net.stimulate(exc, Poisson(rate=-0.0, weight=1.0))
        net.probe(exc, "spikes")
        assert not len(Simulator(net, engine=engine).run(0.1).spikes("exc"))
