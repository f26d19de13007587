"""The event engine: exact spike times, the limit of the clock, and nothing that depends on how it
is run.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from potentia import Network, Simulator
from potentia.errors import NetworkError, ParameterError, UnsupportedError
from potentia.hardware import BreakdownReRAM, Crossbar
from potentia.models import IF, LIF, AdaptiveLIF, AdEx, CubaLIF, SpikeSource
from potentia.sim import (
    AllToAll,
    Constant,
    Events,
    Explicit,
    NeuronModel,
    Noise,
    Normal,
    OneToOne,
    SpikeTrain,
    Step,
    TimedArray,
)
from potentia.sim.description.neuron import EventKernels

NEAR = 1e-12  # [s]


def spikes_of(model, *stimuli, duration=0.5, n=1, **probes):
    """Spike times of `n` units of a model under some stimuli."""
    net = Network()
    cells = net.population(model, n, name="cells")
    for stimulus in stimuli:
        net.stimulate(cells, stimulus)
    net.probe(cells, "spikes")
    return Simulator(net, engine="event").run(duration).spikes("cells").times


# Closed forms


def test_lif_period():
    """A constant drive fires every refractory + tau ln(d / (d - threshold)) seconds."""
    model = LIF(refractory=3e-3)
    first = model.tau * math.log(20 / 5)
    times = spikes_of(model, Constant(20e-3), duration=1.0)
    expected = first + np.arange(len(times)) * (first + 3e-3)
    assert len(times) == 32
    assert np.abs(times - expected).max() < NEAR


def test_integrator_period():
    """A ramp of i / C volts per second takes (threshold - reset) / ramp."""
    times = spikes_of(IF(refractory=1e-3), Constant(0.7), duration=1.0)
    expected = 15e-3 / 0.7 + np.arange(len(times)) * (15e-3 / 0.7 + 1e-3)
    assert len(times) > 40
    assert np.abs(times - expected).max() < NEAR


def test_adaptive_lif_follows_its_equations():
    """Spike by spike by bisection on the closed forms of v and a, which go on from
    spike to spike.
    """
    model, drive = AdaptiveLIF(), 30e-3
    got = spikes_of(model, Constant(drive), duration=0.5)
    v = a = now = 0.0
    for time in got[:12]:
        low, high = 0.0, 0.2
        while low < (middle := (low + high) / 2) < high:
            over = drive + (v - drive) * math.exp(-middle / model.tau)
            over -= a * math.exp(-middle / model.tau_adaptation) + model.threshold
            low, high = (low, middle) if over >= 0 else (middle, high)
        assert time == pytest.approx(now + high, abs=NEAR)
        a = a * math.exp(-(high + model.refractory) / model.tau_adaptation)
        a += model.increment * math.exp(-model.refractory / model.tau_adaptation)
        v, now = model.reset, time + model.refractory
    assert len(got) > 12


def test_spike_source_repeats_its_input():
    """Also at time 0, and twice only where the times differ."""
    times = np.array([0.0, 0.1234567890123, 0.3, 0.3, 0.5])
    assert_array_equal(
        spikes_of(SpikeSource(), SpikeTrain(times, np.zeros(5, int))), np.unique(times)
    )


def test_changing_currents():
    """Step and TimedArray change the drive at their own times, off any grid;
    constants add to them.
    """
    drive, tau, start = 30e-3, 20e-3, 0.0123456
    expected = start + tau * math.log(drive / (drive - 15e-3))
    array = TimedArray([0.0, drive, drive, 0.0], start)
    assert spikes_of(LIF(), array, duration=0.05)[0] == pytest.approx(expected, abs=NEAR)
    # what the constant current has done before the step
    early = 1e-3 * (1 - math.exp(-start / tau))
    expected = start + tau * math.log((drive - early) / (drive - 15e-3))
    step = Step([start, 0.1], [drive - 1e-3, -1.0])
    assert spikes_of(LIF(), step, Constant(1e-3), duration=0.05)[0] == pytest.approx(
        expected, abs=NEAR
    )
    assert len(spikes_of(LIF(), TimedArray([0.0, 0.0], 0.01), duration=0.2)) == 0


def test_arrivals_at_one_time_are_summed_first():
    """Two halves and an inhibition: what counts is the sum, whatever the paths by
    which it comes.
    """
    net = Network()
    source = net.population(SpikeSource(), 1, name="source")
    cells = net.population(LIF(), 2, name="cells")
    net.stimulate(source, SpikeTrain([0.01, 0.02], [0, 0]))
    # 0.01 + 0.3 and 0.02 + 0.29 are the same time, though not the same floats
    for delay in (
        0.1,
        0.2,
        0.3,
    ):
        net.connect(source, cells, Explicit([0], [0]), weight=8e-3, delay=delay)
    net.connect(source, cells, Explicit([0], [0]), weight=8e-3, delay=0.29)
    net.connect(source, cells, Explicit([0, 0], [1, 1]), weight=[20e-3, -12e-3], delay=0.1)
    net.probe(cells, "spikes")
    spikes = Simulator(net, engine="event").run(0.5).spikes("cells")
    assert_array_equal(spikes.times, [0.31])
    assert_array_equal(spikes.ids, [0])


def test_refractory_time():
    """Input is ignored up to and including the end of the refractory time; currents go on
    meanwhile.
    """
    kicks = SpikeTrain([0.01, 0.0115, 0.012, 0.0121], [0] * 4, weight=16e-3)
    assert_array_equal(spikes_of(LIF(refractory=2e-3), kicks), [0.01, 0.0121])
    model = CubaLIF(refractory=5e-3)
    kick = SpikeTrain([0.0], [0], weight=0.3)
    first, second = spikes_of(model, kick, duration=0.03)[:2]
    with_less = CubaLIF(refractory=0.0)
    rest = SpikeTrain([0.0], [0], weight=0.3 * math.exp(-(first + 5e-3) / model.tau_excitatory))
    assert second - first - 5e-3 == pytest.approx(
        spikes_of(with_less, rest, duration=0.03)[0], abs=NEAR
    )


def test_idle_time_is_free():
    """An hour without events is no more work than a second."""
    assert_array_equal(
        spikes_of(LIF(), SpikeTrain([3599.0], [0], 20e-3), duration=3600.0), [3599.0]
    )


def test_a_fast_population_fills_every_buffer():
    """More spikes than the buffers hold at once, and more in flight than the queue: nothing is
    lost.
    """
    net = Network()
    source = net.population(SpikeSource(), 3000, name="source")
    sink = net.population(SpikeSource(), 3000, name="sink")
    times = np.repeat(np.arange(1, 31) * 1e-3, 3000)
    net.stimulate(source, SpikeTrain(times, np.tile(np.arange(3000), 30)))
    net.connect(source, sink, OneToOne(), weight=1.0, delay=0.1)
    net.probe(source, "spikes")
    net.probe(sink, "spikes")
    result = Simulator(net, engine="event").run(0.2)
    assert np.abs(result.spikes("source").times - times).max() < 1e-15
    assert_array_equal(result.spikes("sink").ids, np.tile(np.arange(3000), 30))
    assert result.tallies["deliveries"] == 90_000


# Zero delays


def test_zero_delays_without_a_cycle():
    """A spike reaches the next population at its own time, summed with all else that arrives there
    then.
    """
    net = Network()
    last = net.population(LIF(), 1, name="last")
    middle = net.population(SpikeSource(), 1, name="middle")
    first = net.population(SpikeSource(), 1, name="first")
    net.stimulate(first, SpikeTrain([0.01], [0]))
    net.stimulate(last, SpikeTrain([0.01], [0], weight=8e-3))
    net.connect(first, middle, OneToOne(), weight=1.0, delay=0.0)
    net.connect(middle, last, OneToOne(), weight=8e-3, delay=0.0)
    net.connect(last, first, OneToOne(), weight=1.0, delay=5e-3)
    for population in net.populations:
        net.probe(population, "spikes")
    result = Simulator(net, engine="event").run(0.014)
    assert [result.spikes(name).times.tolist() for name in ("first", "middle", "last")] == [
        [0.01]
    ] * 3


def test_cycle_without_delay_is_refused():
    net = Network()
    one, two, three = (net.population(LIF(), 2, name=name) for name in ("one", "two", "three"))
    for pre, post, delay in (
        (one, two, 0.0),
        (two, three, 1e-3),
        (three, one, 0.0),
        (two, one, 0.0),
    ):
        net.connect(pre, post, AllToAll(), weight=1e-3, delay=delay)
    with pytest.raises(NetworkError, match=r"cycle without delay: one->two, two->one\)"):
        Simulator(net, engine="event")


# Refusals and one's own model


def described(model=None, stimulus=None, **projection):
    net = Network()
    cells = net.population(model or LIF(), 2, name="cells")
    if stimulus is not None:
        net.stimulate(cells, stimulus)
    if projection:
        net.connect(cells, cells, AllToAll(), weight=1e-3, name="loop", **projection)
    return net


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (described(AdEx()), "population 'cells' is of AdEx, which has no exact solution"),
        (described(stimulus=Noise(std=1e-3)), "Noise.interval: must be given for engine='event'"),
        (
            described(store=Crossbar(BreakdownReRAM())),
            "projection 'loop' has its weights in Crossbar",
        ),
    ],
)
def test_what_has_no_exact_solution_is_refused(net, words):
    with pytest.raises(UnsupportedError, match=words):
        Simulator(net, engine="event")


def test_bad_requests_are_refused():
    net = described(delay=Normal(0.0, 1e-3))
    with pytest.raises(ParameterError, match="delay of loop: every delay must be >= 0"):
        Simulator(net, engine="event")
    with pytest.raises(ParameterError, match="must end by 9000 s"):
        Simulator(described(), engine="event").run(1e4)
    net = described()
    net.probe(net.populations[0], "left")
    with pytest.raises(UnsupportedError, match="no variable 'left' of 'cells', only v"):
        Simulator(net, engine="event")
    with pytest.raises(UnsupportedError, match="backend"):
        Simulator(described(), engine="event", backend="reference")


def clipped_flow(v, drive, elapsed, leak):
    """A neuron with a constant leak, which stops at 0."""
    return max(v + (drive - leak) * elapsed, 0.0)


def clipped_next(v, drive, leak, threshold):
    if v >= threshold:
        return 0.0
    return (threshold - v) / (drive - leak) if drive > leak else math.inf


@dataclass(frozen=True, kw_only=True)
class Clipped(NeuronModel):
    """A user's own model: two functions and a dataclass."""

    leak: float = 1.0  # [V/s]
    threshold: float = 10e-3
    reset: float = 2e-3

    kernel: ClassVar[str] = "lif_step"
    state: ClassVar[dict[str, str]] = {"v": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    event: ClassVar[EventKernels] = EventKernels(
        flow=clipped_flow, next=clipped_next, state=("v",), receives={"jump": "v"}
    )

    def constants(self, dt):
        return {}


def test_a_users_own_model():
    times = spikes_of(Clipped(), Constant(3.0), SpikeTrain([1e-3], [0], weight=4e-3), duration=8e-3)
    assert times == pytest.approx([3e-3, 3e-3 + 4e-3], abs=NEAR)


def test_events_and_plan():
    """An event-camera recording drives its pixels; the plan tells what runs."""
    net = Network()
    pixels = net.population(SpikeSource(), 8, name="pixels")
    net.stimulate(pixels, Events([0, 1], [1, 0], [0.01, 0.02], [0, 1], width=2, height=2))
    net.connect(pixels, pixels, OneToOne(), weight=1.0, delay=0.5)
    net.probe(pixels, "spikes")
    simulator = Simulator(net, engine="event")
    assert_array_equal(simulator.run(0.1).spikes("pixels").ids, [2, 5])
    text = str(simulator.plan)
    for word in ("8 neurons", "no grid", "relay_next", "8 synapses in 8 segments", "pixels.spikes"):
        assert word in text
