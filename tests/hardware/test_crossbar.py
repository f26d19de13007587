"""The crossbar through the whole simulator: against the ideal store, its own statistics, and the
rules.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.hardware import ADC, BreakdownReRAM, Crossbar, PulsedReRAM, to_conductances
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import AllToAll, FixedProbability, Ideal, Normal, Poisson, SpikeTrain, Uniform

PERFECT = PulsedReRAM(levels=1_000_000, nonlinearity_up=0.0, nonlinearity_down=0.0, cycle_noise=0.0)
DT = 1e-4


def liquid(store, *, weight=None, rule=None, **options):
    """Poisson input to a recurrent population whose weights live in `store`; the projection is
    "loop".
    """
    weight = Normal(0.8e-3, 0.5e-3) if weight is None else weight
    net = Network(seed=6)
    source = net.population(SpikeSource(), 40, name="source")
    cells = net.population(LIF(), 80, name="cells")
    net.stimulate(source, Poisson(rate=60.0))
    net.connect(source, cells, FixedProbability(0.4), weight=2.5e-3)
    loop = net.connect(
        cells,
        cells,
        FixedProbability(0.3),
        weight=weight,
        delay=Uniform(0.1e-3, 2e-3),
        store=store,
        rule=rule,
        name="loop",
    )
    net.probe(cells, "spikes")
    return Simulator(net, dt=DT, **{"dtype": "float64", **options}), loop


def test_perfect_devices_are_the_ideal_store():
    """Without spread, noise and steps a crossbar holds the weights to rounding and makes the same
    spikes.
    """
    perfect, loop = liquid(Crossbar(PERFECT, adc=None))
    ideal, same = liquid(Ideal())
    np.testing.assert_allclose(perfect.weights(loop), ideal.weights(same), rtol=1e-12, atol=1e-17)
    result = perfect.run(0.3)
    assert len(result.spikes("cells")) > 300
    assert result.hash == ideal.run(0.3).hash
    assert result.tallies["loop.clipped"] == 0


def test_the_hash_does_not_depend_on_how_it_is_run():
    """Noise, converters and learning: chunks of 1, 7, 1000 steps, a cut, and the reference kernels
    agree.
    """
    store = Crossbar(BreakdownReRAM())
    whole, _ = liquid(store, weight=1e-3, rule=STDP(w_max=2e-3))
    expected = whole.run(0.1)
    assert len(expected.spikes("cells")) > 80
    assert expected.tallies["loop.pulses"] > 100
    for chunk in (1, 7):
        simulator, _ = liquid(store, weight=1e-3, rule=STDP(w_max=2e-3), chunk=chunk)
        first = simulator.run(0.06)
        second = simulator.run(0.04)
        assert second.hash == expected.hash
        totals = {name: total + second.tallies[name] for name, total in first.tallies.items()}
        assert totals == pytest.approx(expected.tallies, rel=1e-12)
    reference, _ = liquid(store, weight=1e-3, rule=STDP(w_max=2e-3), backend="reference")
    assert reference.run(0.1).hash == expected.hash


def test_batches_share_devices_and_differ_in_noise():
    """Samples on 1 and 2 threads are the same, sample 0 the plain run; each has read noise of its
    own.
    """
    store = Crossbar(BreakdownReRAM(read_noise=0.1), adc=None)
    hashes = []
    for threads in (1, 2):
        simulator, _ = liquid(store, weight=1e-3, threads=threads)
        batch = simulator.run(0.05, batch=3)
        hashes.append([sample.hash for sample in batch.samples])
        assert batch.tallies["loop.events"] == sum(
            sample.tallies["loop.events"] for sample in batch.samples
        )
    plain, _ = liquid(store, weight=1e-3)
    assert hashes[0] == hashes[1]
    assert hashes[0][0] == plain.run(0.05).hash
    assert len(set(hashes[0])) == 3


def test_signs_choose_the_device_of_the_pair():
    """Formed weights are |w| G / median with the sign asked for; the others are exactly zero."""
    signs = np.where(np.arange(400) % 2, 1.0, -1.0)
    net = Network(seed=3)
    cells = net.population(LIF(), 20)
    loop = net.connect(
        cells, cells, AllToAll(), weight=2e-3 * signs, store=Crossbar(BreakdownReRAM())
    )
    simulator = Simulator(net, dtype="float64")
    weights = simulator.weights(loop)
    formed = weights != 0
    assert 0.3 < formed.mean() < 0.7
    assert (np.sign(weights[formed]) == signs[formed]).all()
    assert np.median(np.abs(weights[formed])) == pytest.approx(2e-3, rel=0.05)


def test_balanced_pairs_make_random_signed_weights():
    """Both devices formed: a share 0.507**2 of zeros, mean 0, deviation sqrt(2)
    that of one device.
    """
    net = Network(seed=3)
    cells = net.population(LIF(), 300)
    loop = net.connect(
        cells,
        cells,
        AllToAll(),
        weight=1.0,
        store=Crossbar(BreakdownReRAM(), pairs="both"),
        receptor="jump",
    )
    weights = Simulator(net, dtype="float64").weights(loop)
    n = weights.size
    assert np.mean(weights == 0) == pytest.approx(0.507**2, abs=5 * np.sqrt(0.2 / n))
    assert weights.std() * 12.21 == pytest.approx(8.9, abs=0.1)
    assert abs(weights.mean()) < 5 * weights.std() / np.sqrt(n)


def test_the_converter_limits_what_arrives():
    """8 bits over a given range: a lone spike brings its weight to half a step; 3 bits over less
    clip.
    """

    arrived, weights = {}, np.linspace(0.1e-3, 10e-3, 50)
    per_siemens = 10e-3 / (PERFECT.g_max - PERFECT.g_min)
    for bits, full in ((None, 1.0), (8, 100e-6), (3, 1e-6)):
        net = Network(seed=1)
        source, target = (
            net.population(SpikeSource(), 1, name="source"),
            net.population(LIF(), 50, name="target"),
        )
        store = Crossbar(PERFECT, adc=None if bits is None else ADC(bits=bits, range=full * 0.2))
        net.connect(source, target, AllToAll(), weight=weights, store=store)
        net.stimulate(source, SpikeTrain([1e-3], [0]))
        net.probe(target, "v")
        result = Simulator(net, dtype="float64").run(2e-3 + DT)
        arrived[bits] = result.trace("target", "v").max(axis=0)
        if bits == 3:
            over = weights / per_siemens > 7.5 / 7 * full  # half a code over the highest, 7
            assert result.tallies["source->target.clipped"] == np.count_nonzero(over)

    assert np.abs(arrived[8] - arrived[None]).max() <= 100e-6 / 255 / 2 * per_siemens * (1 + 1e-9)
    assert np.abs(arrived[8] - arrived[None]).max() > 0
    assert arrived[3].max() == pytest.approx(1e-6 * per_siemens, rel=1e-9)


shapes = st.tuples(st.integers(1, 6), st.integers(1, 6))


@given(
    arrays(np.float64, shapes, elements=st.floats(-1e3, 1e3, width=32)),
    st.floats(0.0, 1e-5),
    st.floats(1e-6, 1e-3),
)
@settings(max_examples=60, deadline=None)
def test_to_conductances_is_undone_by_scale(weights, g_min, span):
    """scale * (plus - minus) gives the weights back; one device of each pair is at g_min."""
    g_max = g_min + span
    plus, minus, scale = to_conductances(weights, g_min=g_min, g_max=g_max)
    np.testing.assert_allclose(
        scale * (plus - minus), weights, atol=1e-9 * np.abs(weights).max(initial=0.0), rtol=0
    )
    assert (np.minimum(plus, minus) == g_min).all()
    assert np.maximum(plus, minus).max() <= g_max * (1 + 1e-12)
    assert (scale == 0.0) == (not weights.any())


def taught(store, *, lead=True, rule=None, weight=1e-3, repeats=100, **options):
    """A pair of trains, the source 5 ms before (or after) the target's forced spikes, on 200
    synapses.
    """
    net = Network(seed=4)
    source = net.population(SpikeSource(), 200, name="source")
    target = net.population(LIF(threshold=1.0, refractory=0.0), 1, name="target")
    rule = rule or STDP(a_plus=2e-5, a_minus=2e-5, w_max=2e-3)
    learned = net.connect(
        source,
        target,
        AllToAll(),
        weight=weight,
        delay=1e-3,
        store=store,
        rule=rule,
        name="learned",
    )
    times = 0.1 * np.arange(1, repeats + 1)
    every = (np.repeat(times, 200), np.tile(np.arange(200), repeats))
    net.stimulate(source, SpikeTrain(every[0] - 1e-3, every[1]))
    net.stimulate(
        target, SpikeTrain(times + (5e-3 if lead else -5e-3), np.zeros(repeats, int), weight=10.0)
    )
    simulator = Simulator(net, dt=1e-3, **{"dtype": "float64", **options})
    return simulator, learned, simulator.run(0.1 * (repeats + 1))


@pytest.mark.parametrize("lead", [True, False])
def test_learning_moves_devices_as_the_rule_says(lead):
    """A million linear levels follow the ideal weights to the steps' size, few and noisy ones in
    the mean.
    """
    ideal, same, _ = taught(Ideal(), lead=lead)
    fine, learned, result = taught(Crossbar(PERFECT), lead=lead)
    expected = ideal.weights(same)
    assert (np.sign(expected - 1e-3) == (1 if lead else -1)).all()
    np.testing.assert_allclose(fine.weights(learned), expected, atol=100 * 2e-3 / PERFECT.levels)
    assert result.tallies["learned.pulses"] > 200 * 100

    coarse, learned, _ = taught(
        Crossbar(PulsedReRAM(levels=200, nonlinearity_up=0.0, nonlinearity_down=0.0)),
        lead=lead,
        repeats=30,
    )
    shorter, same, _ = taught(Ideal(), lead=lead, repeats=30)
    moved, wanted = coarse.weights(learned) - 1e-3, shorter.weights(same)[0] - 1e-3
    assert moved.mean() == pytest.approx(wanted, abs=5 * moved.std() / np.sqrt(200))


def test_learning_stays_within_bounds(saved):
    """However long it is taught, a weight stays within the rule's bounds and each device within its
    range.
    """
    device = PulsedReRAM()
    for lead in (True, False):
        simulator, learned, _ = taught(
            Crossbar(device), lead=lead, rule=STDP(a_plus=3e-4, a_minus=3e-4, w_max=2e-3)
        )
        weights = simulator.weights(learned)
        # one pulse and its noise may overshoot
        step = 2e-3 / device.levels + 5 * 2e-3 * device.cycle_noise
        assert weights.min() >= -step
        assert weights.max() <= 2e-3 + step
        assert np.abs(weights - (2e-3 if lead else 0.0)).mean() < 0.1e-3
        cells = saved(simulator)
        for side in ("plus", "minus"):
            assert cells[f"learned.{side}"].min() >= device.g_min
            assert cells[f"learned.{side}"].max() <= device.g_max


def test_unbroken_cells_never_learn():
    """A breakdown cell that was not formed has nothing that a pulse could move; the formed ones
    rise.
    """
    before, learned, _ = taught(Crossbar(BreakdownReRAM(cycle_noise=0.0)), repeats=1)
    start = before.weights(learned)
    after, learned, _ = taught(
        Crossbar(BreakdownReRAM(cycle_noise=0.0)), rule=STDP(a_plus=1e-4, w_max=2e-3)
    )
    end = after.weights(learned)
    unbroken = start == 0
    assert 0 < unbroken.sum() < unbroken.size
    assert (end[unbroken] == 0).all()
    assert (end[~unbroken] > start[~unbroken]).mean() > 0.99


def test_the_same_devices_for_the_same_seed_only():
    """Devices depend on the seed and the projection's name."""
    first, loop = liquid(Crossbar(BreakdownReRAM()), weight=1e-3)
    again, same = liquid(Crossbar(BreakdownReRAM()), weight=1e-3)
    np.testing.assert_array_equal(first.weights(loop), again.weights(same))
    net = Network(seed=7)
    cells = net.population(LIF(), 80, name="cells")
    other = net.connect(
        cells,
        cells,
        FixedProbability(0.3),
        weight=1e-3,
        store=Crossbar(BreakdownReRAM()),
        name="loop",
    )
    fewer = min(first.weights(loop).size, 1000)
    assert not np.array_equal(Simulator(net).weights(other)[:fewer], first.weights(loop)[:fewer])


NAN = float("nan")
HELD = {
    "graded on breakdown": (
        lambda: liquid(Crossbar(BreakdownReRAM())),
        r"BreakdownReRAM cannot hold graded weights; give 'loop' one",
    ),
    "nothing forms": (
        lambda: liquid(Crossbar(BreakdownReRAM(forming_voltage=2.8)), weight=1e-3),
        r"BreakdownReRAM.forming_voltage: too low for \d+ cells, of which none breaks down",
    ),
}


@pytest.mark.parametrize("case", HELD)
def test_weights_that_devices_cannot_hold(case):
    make, message = HELD[case]
    with pytest.raises(ParameterError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_weights_of_zero_need_no_device():
    """A projection of zero weights runs, forms nothing and brings nothing."""
    for device in (BreakdownReRAM(), PulsedReRAM()):
        simulator, loop = liquid(Crossbar(device), weight=0.0)
        simulator.run(0.02)
        assert not simulator.weights(loop).any()
