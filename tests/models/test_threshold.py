"""What happens at and around threshold: who never gets there, who rests for how long, what a slow
ramp adds up to.
"""

from __future__ import annotations

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.models import IF, LIF, AdaptiveLIF, AdEx, AlphaLIF, CobaLIF, CubaLIF
from potentia.sim import Constant, SpikeTrain, Step, Uniform

# [s]; a power of two, as are the potentials below: they are the same numbers in float32
DT = 2.0**-10
LEAKY = pytest.mark.parametrize(
    "kind", [LIF, AdaptiveLIF, CubaLIF, AlphaLIF, CobaLIF], ids=lambda kind: kind.__name__
)
PRECISIONS = pytest.mark.parametrize("dtype", ["float32", "float64"])
# dt / tau; no more than half of a value is left from 0.693 on
RATIOS = np.array([0.3, 0.7, 0.8, 0.95, 1.0])


def driven(backend, model, stimuli, n, duration, dtype="float32", dt=DT, **options):
    """Spikes and the potential of one population that starts at rest."""
    net = Network(seed=3)
    cells = net.population(model, n, name="cells", **options)
    for stimulus in stimuli:
        net.stimulate(cells, stimulus)
    net.probe(cells, "spikes")
    net.probe(cells, "v")
    result = Simulator(net, dt=dt, dtype=dtype, backend=backend.name).run(duration)
    return result.spikes("cells"), result.trace("cells", "v")


def resting_at(kind, height):
    """A model whose threshold lies `height` above rest, with the refractory time and times of decay
    varied.
    """
    rest = {"rest": -0.0625, "reset": -0.0625} if kind is CobaLIF else {}
    rest |= {"increment": 0.0} if kind is AdaptiveLIF else {}
    return kind(
        tau=DT / RATIOS,
        threshold=rest.get("rest", 0.0) + height,
        refractory=2 * DT * np.arange(RATIOS.size),
        **rest,
    )


@LEAKY
@PRECISIONS
@pytest.mark.parametrize(
    "drive", [Constant(2.0**-6), Step([0.0], [2.0**-6])], ids=["constant", "step"]
)
def test_a_drive_at_threshold_never_fires(backend, kind, dtype, drive):
    """The potential tends to its threshold and never reaches it; it stops within a few roundings,
    just below.
    """
    model = resting_at(kind, 2.0**-6)
    spikes, v = driven(backend, model, [drive], RATIOS.size, 500 * DT, dtype)
    assert len(spikes) == 0
    below = np.float64(model.threshold) - v[-1].astype(np.float64)
    assert (below > 0).all()
    # left by rounding: half a unit in the last place each step, of which 1 - exp(-dt/tau) comes
    # back
    assert (
        below < 8 * np.spacing(np.asarray(abs(model.threshold), dtype)).astype(np.float64)
    ).all()


@LEAKY
@PRECISIONS
def test_a_little_more_does_fire(backend, kind, dtype):
    """A thousandth above threshold, every unit fires; and a small jump takes one that waits just
    below over it.
    """
    spikes, _ = driven(
        backend,
        resting_at(kind, 2.0**-6),
        [Constant(1.001 * 2.0**-6)],
        RATIOS.size,
        100 * DT,
        dtype,
    )
    assert (spikes.counts() > 3).all()
    kick = SpikeTrain(np.full(RATIOS.size, 90 * DT), np.arange(RATIOS.size), 1e-3)
    spikes, _ = driven(
        backend, resting_at(kind, 2.0**-6), [Constant(2.0**-6), kick], RATIOS.size, 200 * DT, dtype
    )
    assert (spikes.counts() > 0).all()
    assert spikes.times.min() > 89 * DT


@PRECISIONS
@pytest.mark.parametrize(
    "kind", [LIF, AdaptiveLIF, CubaLIF, AlphaLIF], ids=lambda kind: kind.__name__
)
def test_a_threshold_at_rest_is_not_reached_from_below(backend, kind, dtype):
    """From below zero a potential decays to ever smaller numbers, but not to the threshold 0."""
    model = kind(tau=DT / RATIOS, threshold=0.0, reset=-0.01)
    spikes, v = driven(backend, model, [], RATIOS.size, 1500 * DT, dtype, initial={"v": -0.01})
    assert len(spikes) == 0
    assert (v[-1] < 0).all()
    assert (v[-1] > -1e-30).all()


KINDS = pytest.mark.parametrize(
    "kind", [IF, LIF, AdaptiveLIF, CubaLIF, AlphaLIF, CobaLIF], ids=lambda kind: kind.__name__
)


def mixture(kind, n, seed):
    """Units that rest for 0 to 12 steps each, driven to fire every few steps."""
    rng = np.random.default_rng(seed)
    rests = rng.integers(0, 13, n) * DT
    rest = {"rest": np.full(n, -0.06), "reset": np.full(n, -0.06), "threshold": np.full(n, -0.05)}
    fields = rest if kind is CobaLIF else {"threshold": rng.uniform(8e-3, 12e-3, n)}
    return fields | {"refractory": rests}, rng.uniform(20e-3, 40e-3, n) * (60 if kind is IF else 1)


@KINDS
@PRECISIONS
def test_units_rest_for_their_own_time(backend, kind, dtype):
    """A unit among others, each with a refractory time of its own, fires as it does alone."""
    n = 9
    for seed in range(4):
        fields, drive = mixture(kind, n, seed)
        spikes, _ = driven(backend, kind(**fields), [Constant(drive)], n, 300 * DT, dtype)
        assert (spikes.counts() > 5).all()
        for unit in range(n):
            own = kind(**{name: float(value[unit]) for name, value in fields.items()})
            alone, _ = driven(backend, own, [Constant(float(drive[unit]))], 1, 300 * DT, dtype)
            np.testing.assert_array_equal(spikes.trains()[unit], alone.times)


@pytest.mark.parametrize("threads", [1, 2])
def test_rest_in_shards(threads):
    """5,000 units in shards: all intervals of a unit are equal, and one for each refractory time
    from 0 to 20 steps.
    """
    rests = np.random.default_rng(1).integers(0, 21, 5000)
    net = Network()
    cells = net.population(
        LIF(refractory=rests * 1e-4), rests.size, name="cells", initial={"v": Uniform(0.0, 14e-3)}
    )
    net.stimulate(cells, Constant(30e-3))
    net.probe(cells, "spikes")
    trains = Simulator(net, threads=threads).run(0.1).spikes("cells").trains()
    charge = round(20e-3 * np.log(2) / 1e-4 + 0.5)
    for rest, train in zip(rests, trains, strict=True):
        np.testing.assert_array_equal(np.rint(np.diff(train) / 1e-4), charge + rest)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-7), ("float64", 1e-12)])
def test_a_slow_ramp_adds_up(backend, dtype, tolerance):
    """20,000 steps of less than a millionth of the threshold each: the sum is off by their own
    rounding alone.
    """
    slope = np.array([7.3e-6, 1.9e-5])  # [V/s]
    _, v = driven(backend, IF(), [Constant(slope)], 2, 2.0, dtype, dt=1e-4, initial={"v": 14e-3})
    np.testing.assert_allclose(v[-1].astype(np.float64), 14e-3 + 2.0 * slope, rtol=tolerance)


def test_intervals_of_a_slow_ramp(backend):
    """Every interval of a perfect integrator in float32 is threshold / slope, to one step."""
    slope = np.array([0.01, 0.013])
    spikes, _ = driven(backend, IF(refractory=[0.0, 7e-4]), [Constant(slope)], 2, 6.1, dt=1e-4)
    for unit, train in enumerate(spikes.trains()):
        expected = 15e-3 / slope[unit] + (0.0, 7e-4)[unit]
        assert len(train) >= 4
        np.testing.assert_allclose(np.diff(train), expected, rtol=0, atol=1.01e-4)


def test_a_reset_that_rounding_lifts_to_threshold_is_refused():
    """In float32 both are one number, and a unit would fire in every step of its rest; in float64
    they are two.
    """
    net = Network()
    cells = net.population(LIF(threshold=15e-3, reset=[0.0, 15e-3 - 1e-12]), 2, name="cells")
    net.stimulate(cells, Constant(30e-3))
    with pytest.raises(
        ParameterError,
        match=r"LIF.reset: must lie below the threshold in float32 too.*float64.*0\.01",
    ):
        Simulator(net)
    Simulator(net, dtype="float64").run(0.01)


def test_a_threshold_lowered_below_the_reset_is_survived(backend):
    """Adaptation that starts far below 0 makes units fire while they rest: odd, but nothing is
    written astray.
    """
    model = AdaptiveLIF(refractory=3e-3, increment=0.0)
    spikes, _ = driven(backend, model, [], 3, 0.02, dt=1e-4, initial={"a": -1.0})
    assert (spikes.counts() > 1).all()


@pytest.mark.parametrize("per_unit", [False, True])
@pytest.mark.parametrize("model", [IF, LIF, CubaLIF, AlphaLIF, CobaLIF, AdaptiveLIF, AdEx])
def test_a_rest_longer_than_steps_can_count_is_refused(model, per_unit):
    """2**31 - 1 steps of 1 ms are 24.9 days; a longer rest is not cut short without a word."""
    net = Network()
    net.population(model(refractory=np.array([1e-3, 3e6]) if per_unit else 3e6), 2)
    with pytest.raises(
        ParameterError, match=rf"{model.__name__}.refractory: must be at most 2.14748e\+06 s, "
    ):
        Simulator(net, dt=1e-3)
    Simulator(net, dt=2e-3)
