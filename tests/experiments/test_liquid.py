"""The liquid: exactly the recursion it stands for, with the spread of weights it promises, in
software and on cells.
"""

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.experiments.datasets.frames import Sample, active_cells, gather
from potentia.experiments.framework.experiment import Context
from potentia.experiments.liquids.liquid import (
    DT,
    INPUT_SD,
    N_MNIST,
    PERFECT,
    RECURRENT_SD,
    Imperfections,
    Liquid,
    cell,
    echo,
    network,
    pair_sd,
    store,
    weights_of,
)
from potentia.models import SpikeSource
from potentia.sim import FromSparse, SpikeTrain

SMALL = Liquid(n_inputs=12, n_steps=20, decay=0.5, threshold=2.0, constant=0.1, n_neurons=15)


def context(folder):
    return Context(
        backend="cpu", data=None, folder=folder, progress=False, say=lambda text: None, plots=False
    )


def shown(liquid, n=4, share=0.3, seed=0):
    """`n` recordings with a random `share` of cells active."""
    rng = np.random.default_rng(seed)
    active = [np.nonzero(rng.random((liquid.n_steps, liquid.n_inputs)) < share) for _ in range(n)]
    samples = [Sample(active_cells(*cells, n_units=liquid.n_inputs), 0, False) for cells in active]
    sizes = {"n_steps": liquid.n_steps, "n_units": liquid.n_inputs, "n_classes": 1}
    return gather(samples, source="made up", **sizes)


def recursion(frames, liquid, w_in, w_rec):
    """The published recursion, written down once more in NumPy: spikes (n, n_steps, n_neurons)."""
    n = len(frames)
    u = spikes = np.zeros((n, liquid.n_neurons))
    fired = []
    for x in frames.dense(np.arange(n)).astype(float).transpose(1, 0, 2):
        u = liquid.decay * u * (1 - spikes) + x @ w_in + spikes @ w_rec
        spikes = (u > liquid.threshold).astype(float)
        fired.append(spikes)
    return np.array(fired).transpose(1, 0, 2)


def by_hand(liquid, w_in, w_rec):
    """A network of the liquid's units with given weights."""
    net = Network(seed=0)
    eye = net.population(SpikeSource(), liquid.n_inputs, name="input")
    pool = net.population(liquid.model, liquid.n_neurons, name="liquid")
    net.stimulate(eye, SpikeTrain(), name="frames")
    net.connect(eye, pool, FromSparse(w_in), delay=DT)
    net.connect(pool, pool, FromSparse(w_rec), delay=DT)
    net.probe(pool, "spikes")
    return net


def test_every_spike_is_that_of_the_recursion(processor):
    """Weights in 64ths and a decay of 1/2 make all sums exact in float32, so spikes are equal, not
    nearly equal.
    """
    rng = np.random.default_rng(1)
    w_in = rng.integers(-48, 64, (SMALL.n_inputs, SMALL.n_neurons)) / 64
    w_rec = rng.integers(-64, 64, (SMALL.n_neurons, SMALL.n_neurons)) / 64
    frames = shown(SMALL)
    expected = recursion(frames, SMALL, w_in, w_rec)
    simulator = Simulator(by_hand(SMALL, w_in, w_rec), dt=DT, backend=processor)
    trains = [frames.train(k, DT) for k in range(len(frames))]
    batch = simulator.run((SMALL.n_steps + 1) * DT, inputs={"frames": trains}, progress=False)
    for k, sample in enumerate(batch.samples):
        binned = sample.spikes("liquid").binned(DT)
        assert not binned[0].any()  # the relay makes everything one step later
        assert np.array_equal(binned[1:], expected[k])
    assert 0.05 < expected.mean() < 0.6


def test_the_threshold_must_be_passed_not_met():
    liquid = Liquid(n_inputs=2, n_steps=3, decay=0.5, threshold=2.0, constant=0.1, n_neurons=1)
    net = by_hand(liquid, np.array([[2.0], [0.0625]]), np.zeros((1, 1)))
    met, passed = SpikeTrain([DT], [0]), SpikeTrain([DT, DT], [0, 1])
    batch = Simulator(net, dt=DT).run(4 * DT, inputs={"frames": [met, passed]}, progress=False)
    assert [len(sample.spikes("liquid")) for sample in batch.samples] == [0, 1]


def test_the_published_decays_are_exact_in_float32():
    assert np.float32(N_MNIST.model.constants(DT)["decay"]) == np.float32(0.9)


def test_a_pair_of_cells_has_the_spread_of_the_formula():
    """The standard deviation of 51,200 differential weights; its own error is about 1 / sqrt(2 n) =
    0.3 %.
    """
    liquid = Liquid(n_inputs=256, n_steps=1, decay=0.9, threshold=5.0, constant=0.07)
    for imperfections, spread in ((None, INPUT_SD), (PERFECT, INPUT_SD)):
        weights = weights_of(network(liquid, 3, imperfections))
        assert weights.std() == pytest.approx(0.07 * spread, rel=0.015)
        assert abs(weights.mean()) < 5 * weights.std() / np.sqrt(weights.size)
    recurrent = network(liquid, 3, None).projections[1]
    assert recurrent.weight.sd == pytest.approx(0.07 * RECURRENT_SD)
    assert pair_sd(cell(PERFECT)) == pytest.approx(8.9e-6, rel=0.01)  # two cells of 6.3 uS each


def test_half_of_the_cells_are_insulating():
    """Both cells of a pair stay insulating in 0.507^2 of all cases; 5 standard deviations of 51,200
    draws.
    """
    weights = weights_of(
        network(
            Liquid(n_inputs=256, n_steps=1, decay=0.9, threshold=5.0, constant=0.07), 3, PERFECT
        )
    )
    expected = 0.507**2
    assert np.mean(weights == 0) == pytest.approx(
        expected, abs=5 * np.sqrt(expected / weights.size)
    )


def test_echoes_repeat_and_their_energy_has_parts(tmp_path):
    liquid = Liquid(n_inputs=64, n_steps=20, decay=0.9, threshold=5.0, constant=0.3, n_neurons=40)
    frames, ticks = shown(liquid), []
    noisy = Imperfections(read_noise=0.05, adc_bits=8)
    first, again, other = (
        echo(context(tmp_path), liquid, network(liquid, seed, noisy), frames, ticks.append)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first.counts, again.counts)
    assert not np.array_equal(first.counts, other.counts)
    assert sum(ticks) == 3 * len(frames)
    parts = {part.name: part for part in first.parts}
    # but the last step's
    assert parts["row drivers"].count == pytest.approx(first.input_spikes + first.spikes, rel=0.1)
    assert first.joules == pytest.approx(sum(part.joules for part in first.parts))
    assert parts["converters"].each == pytest.approx(1.67e-12)
    assert first.input_spikes == frames.cells.size
    assert first.events == parts["row drivers"].count * liquid.n_neurons


def test_what_has_no_figure_is_unknown_and_not_counted(tmp_path):
    heard = echo(context(tmp_path), SMALL, network(SMALL, 1, PERFECT), shown(SMALL), lambda n: None)
    parts = {part.name: part for part in heard.parts}
    assert parts["converters"].each is None  # ideal ones
    assert heard.joules == pytest.approx(parts["row drivers"].joules + parts["cell pairs"].joules)


def test_the_store_has_the_imperfections():
    made = store(
        Imperfections(read_noise=0.1, adc_bits=5, r_wire=2.0, stuck=0.1, drift_seconds=3600.0)
    )
    assert (made.device.read_noise, made.adc.bits, made.pairs) == (0.1, 5, "both")
    assert (made.wires.r_word, made.wires.r_bit, made.age, made.tile.rows) == (
        2.0,
        2.0,
        3600.0,
        512,
    )
    assert (made.device.faults.low, made.device.faults.high) == (0.05, 0.05)
    assert store(PERFECT).adc is None
    assert store(PERFECT).wires is None
    assert not store(PERFECT).device.ageing


@pytest.mark.parametrize("change", [{"r_wire": 5.0}, {"stuck": 0.2}, {"drift_seconds": 3e7}])
def test_every_imperfection_changes_the_weights(change):
    """Wires weaken all cells, stuck ones conduct or not whatever was formed, filaments relax;
    pristine cells do not.
    """
    before, after = (
        weights_of(network(SMALL, 3, made)) for made in (PERFECT, Imperfections(**change))
    )
    held = before != 0
    assert not np.allclose(after[held], before[held], rtol=1e-3)
    assert np.abs(after[held]).mean() < np.abs(before[held]).mean() or "stuck" in change
    assert (after[~held] != 0).any() == (change != {"drift_seconds": 3e7})


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"read_noise": float("nan")}, r"read_noise: must be a finite number"),
        ({"adc_bits": 17}, r"adc_bits: must be a whole number >= 1 and <= 16 \(got 17\)"),
        ({"r_wire": -1.0}, r"r_wire: must be >= 0 ohm \(got -1.0\)"),
        ({"stuck": 1.0}, r"stuck: must be >= 0 and < 1 \(got 1.0\)"),
        ({"drift_seconds": -1.0}, r"drift_seconds: must be >= 0 s"),
    ],
)
def test_impossible_imperfections_are_refused(change, rule):
    with pytest.raises(ParameterError, match=rule):
        Imperfections(**change)


@pytest.mark.parametrize(
    "change", [{"decay": 1.0}, {"threshold": 0.0}, {"constant": -1.0}, {"n_neurons": 0}]
)
def test_impossible_liquids_are_refused(change):
    sizes = {"n_inputs": 2, "n_steps": 3, "decay": 0.5, "threshold": 2.0, "constant": 0.1}
    with pytest.raises(ParameterError, match=f"Liquid.{next(iter(change))}: must be"):
        Liquid(**{**sizes, **change})
