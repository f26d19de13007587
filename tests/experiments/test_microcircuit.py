"""The cortical microcircuit: its published numbers, how it is scaled, and what it does."""

import math

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.experiments import microcircuit
from potentia.experiments.framework.experiment import Context, read_settings
from potentia.experiments.microcircuit import POPULATIONS, Settings
from potentia.models import CubaLIF
from potentia.sim import Constant, Poisson, Result, SpikeTrain

SMALL = Settings(scale_n=0.1, scale_k=0.1, duration=2.0, transient=0.3)
# Mean rates [Hz] of this network at a tenth of neurons and synapses, Poisson drive, in NEST 3.10:
# iaf_psc_exp, fixed_total_number, two seeds, 5 s after 0.5 s.
NEST_RATES = [0.482, 2.125, 3.982, 5.017, 6.615, 7.820, 0.833, 7.019]


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """Metrics of a small run, its folder and what it said."""
    folder, said = tmp_path_factory.mktemp("microcircuit"), []
    context = Context(backend="cpu", data=None, folder=folder, progress=False, say=said.append)
    return microcircuit.run(SMALL, context), folder, "\n".join(said)


def mean_and_variance(net: Network) -> tuple[np.ndarray, np.ndarray]:
    """Of the input R * I [V] of each population at the reference rates, from the description of the
    network.

    The variance is that of Poisson input, up to the common factor of a filter.
    """
    rates = dict(zip(POPULATIONS, microcircuit.REFERENCE_RATES.tolist(), strict=True))
    mean, variance = dict.fromkeys(POPULATIONS, 0.0), dict.fromkeys(POPULATIONS, 0.0)
    arriving = [
        (part.post.name, rates[part.pre.name] * part.connectivity.n / part.post.n, part.weight.mean)
        for part in net.projections
    ]
    for part in net.inputs:
        if isinstance(part.stimulus, Constant):
            mean[part.population.name] += part.stimulus.value
        else:
            arriving.append((part.population.name, part.stimulus.rate, part.stimulus.weight))
    for name, rate, weight in arriving:
        mean[name] += rate * weight * microcircuit.TAU_SYNAPSE
        variance[name] += rate * weight**2
    return np.array(list(mean.values())), np.array(list(variance.values()))


def test_sizes_and_synapses_are_the_published_ones():
    """77,169 neurons and 0.3 billion synapses; 298.9 million in every published implementation."""
    numbers = microcircuit.synapse_numbers()
    assert microcircuit.SIZES.sum() == 77_169
    assert numbers.sum() == pytest.approx(298.9e6, rel=3e-3)
    assert np.count_nonzero(numbers) == 55
    full = microcircuit.network(Settings())
    assert [population.n for population in full.populations] == microcircuit.SIZES.tolist()
    assert sum(projection.connectivity.n for projection in full.projections) == numbers.sum()


@pytest.mark.parametrize(
    ("post", "pre", "p"),
    [
        ("L23E", "L23E", 0.1009),
        ("L5E", "L5I", 0.3726),
        ("L6I", "L4I", 0.0005),
        ("L4E", "L6E", 0.0453),
    ],
)
def test_in_degrees_reach_the_published_share_of_pairs(post, pre, p):
    """In-degree k from n neurons: a pair is joined at least once with probability 1
    - exp(-k / n).
    """
    row, column = POPULATIONS.index(post), POPULATIONS.index(pre)
    k = microcircuit.in_degrees()[row, column]
    assert -math.expm1(-k / microcircuit.SIZES[column]) == pytest.approx(p, rel=1e-4)


def test_weights_have_signs_and_one_exception():
    weights = microcircuit.mean_weights()
    assert (weights[:, ::2] > 0).all()
    assert (weights[:, 1::2] < 0).all()
    assert weights[0, 2] == 2 * weights[0, 0] == pytest.approx(7.024e-3)
    assert weights[5, 1] == -4 * weights[5, 0]
    simulator = Simulator(microcircuit.network(SMALL), dt=SMALL.dt)
    for projection in simulator.network.projections:
        drawn = simulator.weights(projection)
        assert (drawn < 0).all() if projection.pre.name.endswith("I") else (drawn > 0).all()


def test_one_spike_lifts_the_potential_by_015_millivolts():
    """The weight was chosen so; a step of 0.01 ms misses the flat peak by far less than 0.1 %."""
    net = Network()
    unit = net.population(
        CubaLIF(tau=microcircuit.TAU, tau_excitatory=microcircuit.TAU_SYNAPSE, threshold=15e-3),
        1,
        name="unit",
    )
    net.stimulate(unit, SpikeTrain([1e-3], [0], weight=microcircuit.WEIGHT))
    net.probe(unit, "v")
    result = Simulator(net, dt=1e-5, dtype="float64").run(10e-3)
    v, ratio = result.trace("unit", "v")[:, 0], microcircuit.TAU / microcircuit.TAU_SYNAPSE
    assert v.max() == pytest.approx(0.15e-3, rel=1e-3)
    latency = math.log(ratio) * microcircuit.TAU / (ratio - 1)
    assert result.times[v.argmax()] - 1e-3 == pytest.approx(latency, abs=1e-5)


@pytest.mark.parametrize("drive", ["dc", "poisson"])
@pytest.mark.parametrize("scale_k", [0.05, 0.3, 1.0])
def test_scaling_keeps_mean_and_variance_of_the_input(drive, scale_k):
    """Whatever the number of synapses; whole numbers of them are off by at most 1 in 1000."""
    full = mean_and_variance(microcircuit.network(Settings(drive=drive)))
    small = mean_and_variance(
        microcircuit.network(Settings(drive=drive, scale_n=0.2, scale_k=scale_k))
    )
    largest = microcircuit.external_mean()  # the mean is a small difference of large inputs
    assert np.abs((small[0] - full[0]) / largest).max() < 1e-3
    assert small[1] == pytest.approx(full[1], rel=1e-3)


def test_both_drives_bring_the_same_mean():
    dc, poisson = (microcircuit.network(Settings(drive=drive)) for drive in ("dc", "poisson"))
    assert mean_and_variance(dc)[0] == pytest.approx(mean_and_variance(poisson)[0])
    assert [type(part.stimulus) for part in poisson.inputs] == [Poisson] * 8
    assert microcircuit.external_mean()[0] == pytest.approx(1600 * 8 * 87.8e-12 * 0.5e-3 * 40e6)
    assert microcircuit.drive_of(SMALL) == "poisson"
    assert microcircuit.drive_of(Settings()) == "dc"


def test_in_degrees_survive_fewer_neurons():
    """With all synapses of a tenth of the neurons some pairs are joined many times over."""
    settings = Settings(scale_n=0.1)
    numbers, n = microcircuit.scaled_numbers(settings), microcircuit.sizes(settings)
    assert numbers / n[:, None] == pytest.approx(microcircuit.in_degrees(), abs=0.5 / n.min())
    assert (numbers > np.outer(n, n)).any()


def test_smallest_networks_still_run(tmp_path):
    """One neuron per population, no synapse left: nothing to say about it, and nothing breaks."""
    settings = Settings(scale_n=1e-9, scale_k=1e-6, duration=1e-4, transient=0.0)
    context = Context(
        backend="cpu", data=None, folder=tmp_path, progress=False, say=lambda text: None
    )
    metrics = microcircuit.run(settings, context)
    assert (metrics["neurons"], metrics["synapses"]) == (8, 0)
    assert metrics["cv_L4E"] is None


def test_a_small_circuit_is_asynchronous_and_irregular(small_run):
    """Rates are NEST's: between seeds they vary by 1 to 4 %, so 15 % are four standard deviations.

    They are below those of the full network, as scaling keeps mean and variance of the input but
    makes its steps larger. The other bounds only tell the state: intervals vary (0 is a clock, 1 a
    Poisson train; in 2 s few intervals are seen, which lowers it), pairs hardly correlate, and
    populations do not flash.
    """
    metrics, _, _ = small_run
    assert [metrics[f"rate_{name}"] for name in POPULATIONS] == pytest.approx(NEST_RATES, rel=0.15)
    for name in POPULATIONS:
        assert 0.5 < metrics[f"cv_{name}"] < 1.1
        assert abs(metrics[f"correlation_{name}"]) < 0.02
        assert 0.9 < metrics[f"synchrony_{name}"] < 10


def test_metrics_are_finite_and_agree(small_run):
    metrics, folder, said = small_run
    assert all(np.isfinite(value) for value in metrics.values())
    result = Result.load(folder)
    assert result.start == pytest.approx(0.3)
    assert metrics["spikes"] == sum(len(result.spikes(name)) for name in POPULATIONS)
    assert metrics["deviation_L4E"] == pytest.approx(metrics["rate_L4E"] / 4.414 - 1)
    assert metrics["synapses"] == pytest.approx(0.01 * 298.9e6, rel=3e-3)
    assert 4 <= metrics["bytes_per_synapse"] < 20
    assert "real-time factor" in said
    assert len([line for line in said.splitlines() if line.startswith("L")]) == len(POPULATIONS)


def test_events_are_the_synapses_of_every_spike(small_run):
    """Counted by mean out-degrees; those of the neurons that fired deviate from it by chance, far
    below 1 %.
    """
    metrics, folder, _ = small_run
    result, simulator = Result.load(folder), Simulator(microcircuit.network(SMALL), dt=1e-4)
    counted = 0
    for projection in simulator.network.projections:
        synapses = simulator.plan.synapses[projection.name]
        out_degrees = np.bincount(synapses.sources(), minlength=projection.pre.n)
        counted += int(out_degrees @ result.spikes(projection.pre.name).counts())
    assert metrics["events"] == pytest.approx(counted, rel=0.01)


def test_the_figure_shows_every_population(small_run):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `plot`)")
    from potentia.experiments.figures import microcircuit as microcircuit_figure
    from potentia.sim.results import figures

    _, folder, _ = small_run
    assert (folder / "microcircuit.png").read_bytes().startswith(b"\x89PNG")
    references = dict.fromkeys(POPULATIONS, 1.0)
    figure = microcircuit_figure.overview(Result.load(folder).spike_records, references)
    assert [ax.get_title("left") for ax in figure.axes] == list("ABCDEFGH")
    assert [text.get_text() for text in figure.axes[0].texts] == [
        name.replace("L23", "L2/3") for name in POPULATIONS
    ]
    assert len(figure.axes[0].collections) == len(figure.axes[3].patches) == len(POPULATIONS)
    figures.save(figure, folder / "again.png")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("scale_n=0", "microcircuit.scale_n: must be greater than 0"),
        ("scale_n=1.5", "microcircuit.scale_n: must be less than or equal to 1"),
        ("scale_k=-1", "microcircuit.scale_k: must be greater than 0"),
        ("scale_k=nan", "microcircuit.scale_k: must be a finite number"),
        ("drive=ac", "microcircuit.drive: must be 'dc' or 'poisson'"),
        ("duration=10 ms", "without a unit: duration=0.01"),
        ("transient=-1", "microcircuit.transient: must be greater than or equal to 0"),
        ("bits=0", "microcircuit.bits: must be greater than or equal to 1"),
        ("threads=0", "microcircuit.threads: must be greater than or equal to 1"),
        ("scale=0.1", "did you mean 'scale_"),
    ],
)
def test_bad_settings_end_in_one_sentence(text, told):
    with pytest.raises(ParameterError, match=told) as caught:
        read_settings("microcircuit", Settings, [text])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"duration": 1.5e-4}, {"transient": 2.5e-4}])
def test_times_off_the_grid_are_refused_before_anything_is_built(tmp_path, monkeypatch, changes):
    monkeypatch.setattr(microcircuit, "network", lambda settings: pytest.fail("built"))
    context = Context(backend="cpu", data=None, folder=tmp_path)
    with pytest.raises(ParameterError, match=f"{next(iter(changes))}: must be a multiple of dt"):
        microcircuit.run(Settings(**changes), context)
