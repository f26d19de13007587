"""What stimuli do to a population, against closed forms, through the whole loop."""

import math

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.models import LIF, SpikeSource
from potentia.sim import Constant, Events, Noise, Poisson, SpikeTrain, Step, TimedArray

TAU, DT = 20e-3, 1e-4
QUIET = LIF(tau=TAU, threshold=1.0)  # never fires below 1 V


def response(*stimuli, n: int = 1, duration: float = 0.05, dt: float = DT) -> np.ndarray:
    """The potential (n_steps, n) of silent LIF units, sampled at the end of every step."""
    net = Network(seed=5)
    units = net.population(QUIET, n, name="units")
    for stimulus in stimuli:
        net.stimulate(units, stimulus)
    net.probe(units, "v")
    return Simulator(net, dt=dt, dtype="float64").run(duration).trace("units", "v")


def charging(times: np.ndarray, begin: float, level: float) -> np.ndarray:
    """tau dv/dt = -v + level from time `begin` on; 1e-10 allows for the rounding of 500 steps."""
    return np.where(times > begin, level * -np.expm1(-np.maximum(times - begin, 0.0) / TAU), 0.0)


TIMES = (np.arange(500) + 1) * DT


def test_currents_add_up():
    """Constants and steps superpose, since the equation is linear."""
    v = response(Constant(4e-3), Constant(1e-3), Step([10e-3, 30e-3], [5e-3, -2e-3]))[:, 0]
    expected = (
        charging(TIMES, 0.0, 5e-3) + charging(TIMES, 10e-3, 5e-3) + charging(TIMES, 30e-3, -7e-3)
    )
    np.testing.assert_allclose(v, expected, rtol=0, atol=1e-13)


def test_step_per_unit():
    v = response(Step([0.0, 20e-3], [[1e-3, 2e-3], [0.0, 2e-3]]), n=2)
    np.testing.assert_allclose(
        v[:, 0], charging(TIMES, 0, 1e-3) + charging(TIMES, 20e-3, -1e-3), atol=1e-13
    )
    np.testing.assert_allclose(v[:, 1], charging(TIMES, 0.0, 2e-3), atol=1e-13)


def test_timed_array_equals_the_steps_it_stands_for():
    """Samples every 5 ms, then nothing: the same trace, bit for bit, as a Step with the same
    levels.
    """
    levels = np.array([1e-3, -3e-3, 2e-3])
    array = response(TimedArray(levels, 5e-3))
    steps = response(Step(np.arange(4) * 5e-3, np.append(levels, 0.0)))
    assert np.array_equal(array, steps)


def test_spike_trains_add_their_weights_at_the_nearest_grid_point():
    """Three spikes, two in one step: v is the sum of decaying jumps."""
    train = SpikeTrain([10.04e-3, 9.96e-3, 20e-3], [0, 0, 0], weight=[1e-3, 2e-3, -1e-3])
    v = response(train)[:, 0]
    jumps = ((10e-3, 3e-3), (20e-3, -1e-3))
    expected = sum(
        np.where(t - DT / 2 < TIMES, w * np.exp(-(TIMES - t) / TAU), 0.0) for t, w in jumps
    )
    np.testing.assert_allclose(v, expected, rtol=0, atol=1e-13)


def test_noise_has_the_variance_of_its_law():
    """A LIF filters noise of std s, redrawn each step, to variance s^2 (1 - k) / (1 + k), k =
    exp(-dt/tau).

    2,000 units after 8 tau: the sample variance is within 5 standard errors, and units are
    independent.
    """
    v = response(Noise(mean=3e-3, std=2e-2), n=2000, duration=0.16)[-1]
    keep = math.exp(-DT / TAU)
    variance = 4e-4 * (1 - keep) / (1 + keep)
    assert v.mean() == pytest.approx(3e-3, abs=5 * math.sqrt(variance / 2000))
    assert v.var() == pytest.approx(variance, rel=5 * math.sqrt(2 / 2000))
    assert abs(np.corrcoef(v[:1000], v[1000:])[0, 1]) < 5 / math.sqrt(1000)


def test_noise_holds_for_its_interval():
    """Redrawn every 1 ms: with dt a tenth of that, the response equals the one at dt = 1 ms on the
    coarse grid.
    """
    fine, coarse = (
        response(Noise(std=1e-2, interval=1e-3)),
        response(Noise(std=1e-2, interval=1e-3), dt=1e-3),
    )
    np.testing.assert_allclose(fine[9::10], coarse, atol=1e-14)


def test_poisson_counts_have_mean_and_variance_of_the_rate():
    """1,000 sources at 50 Hz for 2 s: mean and variance of the counts are 100, within 5 standard
    errors.
    """
    net = Network(seed=2)
    source = net.population(SpikeSource(), 1000, name="source")
    net.stimulate(source, Poisson(rate=50.0))
    net.probe(source, "spikes")
    spikes = Simulator(net, dt=DT).run(2.0).spikes("source")
    counts = spikes.counts()
    lost = 100 * 50.0 * DT / 2  # two spikes of one source in one step are one
    assert counts.mean() == pytest.approx(100 - lost, abs=5 * math.sqrt(100 / 1000))
    assert counts.var() == pytest.approx(100, rel=5 * math.sqrt(2 / 1000) + 0.01)


def test_events_reach_the_unit_of_their_pixel_and_polarity():
    events = Events([0, 2, 1], [0, 1, 0], [1e-3, 2e-3, 3e-3], [0, 1, -1], width=3, height=2)
    net = Network()
    sensor = net.population(SpikeSource(), 12, name="sensor")
    net.stimulate(sensor, events)
    net.probe(sensor, "spikes")
    spikes = Simulator(net, dt=1e-3).run(5e-3).spikes("sensor")
    assert spikes.ids.tolist() == [0, 6 + 3 + 2, 1]
    assert spikes.times.tolist() == pytest.approx([1e-3, 2e-3, 3e-3])


STEPS = ([1e-3, 5e-3], [2e-3, 0.5e-3])


def test_a_drive_stands_until_a_current_changes(backend):
    """Step, samples and noise together, cut anywhere: what `renewed` spares changes nothing, in a
    batch neither.
    """
    net = Network(seed=2)
    cells = net.population(LIF(), 3, name="cells")
    net.stimulate(cells, Constant(1e-3))
    net.stimulate(cells, Step(*STEPS), name="step")
    net.stimulate(cells, TimedArray([1e-3, 0.0, 3e-3], interval=2e-3))
    net.stimulate(cells, Noise(std=1e-3, interval=1e-3))
    net.probe(cells, "v")
    whole = Simulator(net, dt=1e-4, backend=backend.name, chunk=1).run(0.012).trace("cells", "v")
    cut = Simulator(net, dt=1e-4, backend=backend.name)
    first = cut.run(0.0045).trace("cells", "v")
    same, other = (
        cut.run({"step": Step(times, values)}).samples for times, values in (STEPS, ([0.0], [9e-3]))
    )
    rest = cut.run(0.0075).trace("cells", "v")
    np.testing.assert_array_equal(np.concatenate([first, rest]), whole)
    span = same[0].trace("cells", "v")
    np.testing.assert_array_equal(span, rest[: len(span)])
    # the new level acts from the first step on
    assert (other[0].trace("cells", "v")[:1] > rest[:1]).all()


@pytest.mark.parametrize("field", ["x", "y", "p"])
@pytest.mark.parametrize("length", [1, 3, 5])
def test_events_have_one_of_everything(field, length):
    """Four times and another number of anything else is refused; a single one is
    not taken for all.
    """
    fields = {name: np.zeros(4, int) for name in ("x", "y", "p")} | {field: np.zeros(length, int)}
    with pytest.raises(
        ParameterError,
        match=rf"Events.{field}: must be as many as t \(4\) \(got 'shape \({length},\)'",
    ):
        Events(t=np.arange(4) * 1e-3, width=2, height=2, **fields)
