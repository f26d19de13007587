"""Linear neurons against closed forms, on every backend, in float64.

Tolerance 1e-10 of the largest value: the steps are exact, so what is left is the rounding of up to
1600.
"""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import brentq

from potentia import Network, Simulator
from potentia.models import IF, LIF, AdaptiveLIF, AlphaLIF, CobaLIF, CubaLIF
from potentia.sim import Constant, SpikeTrain, Step, Uniform

DT = 1e-4  # [s]
EXACT = 1e-10

LEAKY = [LIF(), AdaptiveLIF(), CubaLIF(), AlphaLIF(), CobaLIF()]
NAMES = [type(model).__name__ for model in LEAKY]


def run(backend, model, *stimuli, duration=0.06, record=("v",), n=1, **options):
    """The result of one population under stimuli; those of spikes are given with their receptor."""
    net = Network()
    cells = net.population(model, n, name="cells", **options)
    for stimulus, receptor in ((s, None) if not isinstance(s, tuple) else s for s in stimuli):
        net.stimulate(cells, stimulus, receptor=receptor)
    for what in ("spikes", *record):
        net.probe(cells, what)
    return Simulator(net, dt=DT, dtype="float64", backend=backend.name).run(duration)


def assert_exact(got, expected):
    np.testing.assert_allclose(got, expected, rtol=0, atol=EXACT * np.abs(expected).max())


def test_integrator_adds_up(backend):
    result = run(backend, IF(), Constant(0.1))
    assert_exact(result.trace("cells", "v")[:, 0], 0.1 * result.times)


@pytest.mark.parametrize("model", LEAKY, ids=NAMES)
def test_constant_drive_charges_exponentially(backend, model):
    result = run(backend, model, Constant(8e-3))
    rest = model.initial().get("v", 0.0)
    assert_exact(
        result.trace("cells", "v")[:, 0], rest + 8e-3 * (1 - np.exp(-result.times / model.tau))
    )


@pytest.mark.parametrize("model", LEAKY, ids=NAMES)
def test_step_response(backend, model):
    """A pulse from 20 to 50 ms charges, then leaks."""
    result = run(backend, model, Step([20e-3, 50e-3], [8e-3, 0.0]))
    t, tau = result.times, model.tau
    on, off = (np.maximum(t - start, 0.0) for start in (20e-3, 50e-3))
    expected = 8e-3 * (np.exp(-off / tau) - np.exp(-on / tau))
    assert_exact(result.trace("cells", "v")[:, 0], model.initial().get("v", 0.0) + expected)


@pytest.mark.parametrize("model", [LIF(), AdaptiveLIF()], ids=["LIF", "AdaptiveLIF"])
def test_delta_event(backend, model):
    """The weight acts at the very time of the event, and then leaks."""
    result = run(backend, model, SpikeTrain([10e-3], [0], 5e-3))
    after = result.times - 10e-3
    expected = np.where(after > -DT / 2, 5e-3 * np.exp(-after / model.tau), 0.0)
    assert_exact(result.trace("cells", "v")[:, 0], expected)


@pytest.mark.parametrize("receptor", ["excitatory", "inhibitory"])
@pytest.mark.parametrize("model", [CubaLIF, AlphaLIF])
def test_single_current_event(backend, model, receptor):
    """Against the matrix exponential of the linear system, for equal and nearly equal time
    constants too.
    """
    tau, taus = 20e-3, np.array([1.1e-4, 5e-3, 20e-3, 20e-3 * (1 + 1e-9), 20.1e-3, 80e-3])
    event = SpikeTrain(np.full(6, 10e-3), np.arange(6), 5e-3)
    parameters = {field.name: np.full(6, field.default) for field in fields(model)}
    cells = model(**{**parameters, "tau": np.full(6, tau), f"tau_{receptor}": taus})
    result = run(backend, cells, (event, receptor), n=6)
    trace, steps = result.trace("cells", "v"), np.rint(result.times / DT).astype(int) - 100
    assert not trace[steps < 0].any()
    for unit, s in enumerate(taus):
        rates = np.array([[-1 / tau, 1 / tau, 0], [0, -1 / s, 1 / s], [0, 0, -1 / s]])
        state = np.array([0, 0, 5e-3 * math.e] if model is AlphaLIF else [0, 5e-3, 0])
        propagator, expected = expm(rates * 25 * DT), []
        for _ in range(20):
            expected.append(state[0])
            state = propagator @ state
        assert_exact(
            trace[(steps >= 0) & (steps % 25 == 0) & (steps < 500), unit], np.array(expected)
        )


def test_current_forms(backend):
    """The exponential current starts at its weight; the alpha current peaks there after its time
    constant.
    """
    event = SpikeTrain([10e-3], [0], 5e-3)
    result = run(backend, CubaLIF(), event, record=("g_e",))
    after = result.times - 10e-3
    on = after > -DT / 2
    assert_exact(result.trace("cells", "g_e")[on, 0], 5e-3 * np.exp(-after[on] / 5e-3))
    result = run(backend, AlphaLIF(), event, record=("g_e",))
    assert_exact(
        result.trace("cells", "g_e")[on, 0],
        5e-3 * (after[on] / 2e-3) * np.exp(1 - after[on] / 2e-3),
    )


@pytest.mark.parametrize("model", LEAKY[:1] + LEAKY[2:], ids=NAMES[:1] + NAMES[2:])
def test_leaky_firing_period(backend, model):
    """A drive d fires every tau ln(d / (d - threshold)), on the next grid point, plus the
    refractory time.
    """
    drives = np.array([1.2, 1.7, 3.1]) * (model.threshold - model.reset)
    result = run(backend, model, Constant(drives), duration=0.16, n=3)
    height = model.threshold - model.initial().get("v", 0.0)
    for drive, train in zip(drives, result.spikes("cells").trains(), strict=True):
        charge = math.ceil(model.tau * math.log(drive / (drive - height)) / DT)
        steps = np.rint(train / DT).astype(int)
        assert steps[0] == charge
        assert set(np.diff(steps)) == {charge + round(model.refractory / DT)}


def test_integrator_firing_period(backend):
    result = run(backend, IF(refractory=1e-3), Constant(0.7), duration=0.1)
    steps = np.rint(result.spikes("cells").times / DT).astype(int)
    charge = math.ceil(15e-3 / 0.7 / DT)
    assert steps[0] == charge
    assert set(np.diff(steps)) == {charge + 10}


def test_adaptive_threshold_stretches_intervals(backend):
    """Every spike comes at the first grid point after d (1 - exp(-t / tau)) meets the decaying
    threshold.
    """
    model, drive = AdaptiveLIF(), 40e-3
    result = run(backend, model, Constant(drive), duration=0.3)
    a, now, expected = 0.0, 0, []
    while now * DT < 0.3:
        a *= math.exp(-model.refractory / model.tau_adaptation) if expected else 1.0

        def gap(t, a=a):
            height = model.threshold + a * math.exp(-t / model.tau_adaptation)
            return drive * (1 - math.exp(-t / model.tau)) - height

        charge = math.ceil(brentq(gap, 0.0, 1.0, xtol=1e-15) / DT)
        now += charge + (round(model.refractory / DT) if expected else 0)
        a = a * math.exp(-charge * DT / model.tau_adaptation) + model.increment
        expected.append(now)
    expected = [step for step in expected if step <= round(0.3 / DT)]
    np.testing.assert_array_equal(np.rint(result.spikes("cells").times / DT), expected)
    assert len(expected) > 6
    assert np.diff(expected)[-1] > 1.5 * np.diff(expected)[0]


def test_held_neuron_forgets_jumps_but_not_currents(backend):
    """During the refractory time a delta input is lost, while an exponential current lives on."""
    kick = SpikeTrain([10e-3, 12e-3], [0, 0], [1.0, 5e-3])
    result = run(backend, LIF(refractory=5e-3), kick, duration=0.03)
    trace = result.trace("cells", "v")[:, 0]
    assert len(result.spikes("cells")) == 1
    assert not trace[result.times > 10e-3 - DT / 2].any()
    kick = SpikeTrain([10e-3, 12e-3], [0, 0], [0.2, 0.1])
    result = run(backend, CubaLIF(refractory=5e-3), kick, duration=0.03, record=("v", "g_e"))
    first = result.spikes("cells").times[0]
    held = (result.times > first - DT / 2) & (result.times < first + 5e-3 + DT / 2)
    assert not result.trace("cells", "v")[held].any()
    late = result.times > 12e-3 - DT / 2
    current = 0.2 * np.exp(-(result.times - 10e-3) / 5e-3) + 0.1 * np.exp(
        -(result.times - 12e-3) / 5e-3
    )
    assert_exact(result.trace("cells", "g_e")[late, 0], current[late])


@pytest.mark.parametrize(
    "model", [LIF(), CubaLIF(), AlphaLIF()], ids=["LIF", "CubaLIF", "AlphaLIF"]
)
def test_superposition_and_sign(backend, model):
    """The answer to a sum of inputs is the sum of the answers; a mirrored input is answered
    mirrored.
    """
    one, two = SpikeTrain([5e-3, 9e-3], [0, 0], [1e-3, 2e-3]), Step([3e-3], [2e-3])
    both = run(backend, model, one, two).trace("cells", "v")
    apart = run(backend, model, one).trace("cells", "v") + run(backend, model, two).trace(
        "cells", "v"
    )
    assert_exact(both, apart)
    mirrored = SpikeTrain([5e-3, 9e-3], [0, 0], [-1e-3, -2e-3]), Step([3e-3], [-2e-3])
    np.testing.assert_array_equal(run(backend, model, *mirrored).trace("cells", "v"), -both)


@pytest.mark.parametrize("model", [CubaLIF, AlphaLIF, CobaLIF])
def test_receptors_are_alike(backend, model):
    """What tells the two receptors apart is their parameters: exchanged, they exchange their
    effects.
    """
    times = {"tau_excitatory": 3e-3, "tau_inhibitory": 8e-3}
    swapped = {"tau_excitatory": 8e-3, "tau_inhibitory": 3e-3}
    if model is CobaLIF:
        times |= {"reversal_excitatory": 0.0, "reversal_inhibitory": -80e-3}
        swapped |= {"reversal_excitatory": -80e-3, "reversal_inhibitory": 0.0}
    one, two = SpikeTrain([5e-3], [0], 1e-3), SpikeTrain([9e-3], [0], 2e-3)
    here = run(backend, model(**times), (one, "excitatory"), (two, "inhibitory"))
    there = run(backend, model(**swapped), (one, "inhibitory"), (two, "excitatory"))
    assert_exact(there.trace("cells", "v"), here.trace("cells", "v"))


@pytest.mark.parametrize("slope", [2.06, 0.37, -1.91])
def test_what_rounding_keeps_is_the_same_bit_for_bit_in_single_precision(slope):
    """Also where the drive is one number, which is rounded before it is multiplied."""
    net = Network(seed=3)
    cells = net.population(
        IF(threshold=1.0), 40, name="cells", initial={"v": Uniform(-5e-3, 16e-3)}
    )
    net.stimulate(cells, Constant(slope))
    net.probe(cells, "carry", every=2e-4)
    rooms = [Simulator(net, backend=name, dt=2e-4) for name in ("cpu", "reference")]
    one, other = (simulator.run(4e-3).trace("cells", "carry") for simulator in rooms)
    assert one.any()
    np.testing.assert_array_equal(one, other)
