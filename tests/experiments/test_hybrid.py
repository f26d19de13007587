"""Hybrid networks in small: pulses, trained signs, devices, energies, and a run that is resumed."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")

from potentia.errors import DataError, ParameterError  # noqa: E402
from potentia.experiments import hybrid, load  # noqa: E402
from potentia.experiments.datasets.images import load_images  # noqa: E402
from potentia.experiments.framework.experiment import Context, read_settings  # noqa: E402
from potentia.experiments.framework.runner import execute, replot, resume  # noqa: E402
from potentia.experiments.hybrids import energy, training  # noqa: E402
from potentia.experiments.hybrids.core import (  # noqa: E402
    crossbar,
    described,
    hear,
    watch,
    weights_of,
)
from potentia.experiments.hybrids.design import Design  # noqa: E402
from potentia.experiments.hybrids.layers import Core, Hybrid, front_end, pulses  # noqa: E402
from potentia.experiments.hybrids.outcomes import Job, jobs  # noqa: E402
from potentia.experiments.hybrids.training import Task, carry_out, fit, tune  # noqa: E402
from potentia.hardware import BreakdownReRAM  # noqa: E402

# wires take half a second to be solved, whatever is used of their array
SMALL = Design(channels=3, neurons=20, steps=5, epochs=2, tuning=1, batch=20, r_wire=0.0)
SIZE = 12, 10
N_FEATURES = 3 * 3 * 2


def silent(*_):
    pass


def folder(base, size=SIZE, n=(12, 4)):
    """A data folder with images whose class tells which column is bright."""
    rng, arrays = np.random.default_rng(0), {}
    for part, count in zip(("train", "test"), n, strict=True):
        label = rng.permutation(np.repeat(np.arange(10), count)).astype(np.uint8)
        pixels = rng.integers(0, 60, (10 * count, *size)).astype(np.uint8)
        pixels[np.arange(10 * count), :, label % size[1]] = 250
        arrays |= {f"x_{part}": pixels, f"y_{part}": label}
    (base / "fashion_mnist").mkdir()
    np.savez_compressed(base / "fashion_mnist" / "fashion_mnist.npz", **arrays)
    return base


@pytest.fixture(name="images")
def _images(tmp_path):
    return load_images(folder(tmp_path))


def random_pulses(n, seed=1, share=0.3):
    drawn = np.random.default_rng(seed).random((SMALL.steps, n, N_FEATURES)) < share
    return drawn.astype(np.float32)


def test_a_feature_is_its_share_of_pulses():
    """To one pulse, which the phase decides; 0 gives none, 1 one in every step."""
    steps = 40
    features = torch.rand(7, 50, generator=torch.Generator().manual_seed(0))
    features[0], features[1] = 0.0, 1.0
    made = pulses(features, steps)
    assert set(made.unique().tolist()) == {0.0, 1.0}
    counts = made.sum(0)
    assert (counts - steps * features).abs().max() < 1.0
    assert counts[0].eq(0).all()
    assert counts[1].eq(steps).all()
    assert (counts - steps * features).mean().abs() < 0.05  # no share of them is lost
    assert len({tuple(one) for one in pulses(torch.full((1, 50), 0.3), steps)[:, 0].T.tolist()}) > 5


def test_the_gradient_of_a_pulse_passes_straight_through():
    features = torch.rand(3, 4, requires_grad=True)
    weights = torch.rand(6, 3, 4)
    (pulses(features, 6) * weights).sum().backward()
    torch.testing.assert_close(features.grad, weights.sum(0))


@pytest.mark.parametrize("size", [(28, 28), SIZE, (3, 4)])
def test_the_number_of_features_is_what_the_front_end_makes(size):
    found = front_end(SMALL, spiking=True)(torch.rand(2, 1, *size))
    assert found.shape == (2, SMALL.features(size))
    assert found.min() >= 0
    assert found.max() <= 1


def test_the_core_event_by_event_is_that_on_tensors():
    """Spike for spike, of units that leak, in float32 and with weights that are all +-w or 0."""
    core, x = Core(SMALL, N_FEATURES, 3), random_pulses(8)
    with torch.no_grad():
        rates = core(torch.from_numpy(x)).numpy()
    heard = hear(core.network(), x, "cpu")
    assert heard.counts.sum() >= 50
    np.testing.assert_array_equal(heard.counts, np.rint(rates * SMALL.steps))
    assert len(np.unique(weights_of(core.network()))) == 3


def test_the_core_is_its_equation():
    """Each step v decays, adds the weights of the pulses before, and begins again at a spike."""
    core, x = Core(SMALL, N_FEATURES, 3), random_pulses(4)
    weights, v, counts = weights_of(core.network()), np.zeros((4, 20)), np.zeros((4, 20))
    for step in x:
        v = v * np.exp(-1e-3 / SMALL.tau) + step @ weights
        fired = v >= 1.0 - 1e-6  # float32
        counts += fired
        v[fired] = 0.0
    np.testing.assert_array_equal(hear(core.network(), x, "cpu").counts, counts)


def test_what_is_trained_are_hidden_numbers_behind_three_weights(images):
    """Of a core that is frozen nothing changes, while the layers around it do."""
    task, w = Task.of(images), SMALL.weight(N_FEATURES)
    for given in (None, w * np.sign(np.random.default_rng(1).normal(size=(N_FEATURES, 20)))):
        core = Core(SMALL, N_FEATURES, 1, given)
        network = Hybrid(SMALL, core, 10)
        before = weights_of(core.network())
        front = network.front[0].weight.detach().clone()
        fit(network, core, task, SMALL, 1)
        after = weights_of(core.network())
        assert np.allclose(np.unique(np.abs(after)), [0.0, w] if given is None else [w])
        assert np.array_equal(before, after) == (given is not None)
        assert not torch.equal(front, network.front[0].weight)


def test_hidden_numbers_get_the_gradient_of_their_weights():
    """That of the loss by the weight, times the weight of 1."""
    core = Core(SMALL, N_FEATURES, 1)
    core.write()
    core(torch.from_numpy(random_pulses(8))).square().sum().backward()
    wanted = core.module.get_parameter("synapses").grad.clone()
    assert wanted.abs().max() > 0
    core.pass_on()
    torch.testing.assert_close(core.hidden.grad.ravel(), core.magnitude * wanted)


def formed(core, **changes):
    design = SMALL.model_copy(update=changes)
    return described(design, weights_of(core.network()), 1, crossbar(design, 0.3))


def test_devices_hold_the_signs():
    """A weight of 0 has no cell that conducts; the others spread as broken cells do."""
    core = Core(Design(neurons=200), 400, 1)
    trained = weights_of(core.network())
    found = weights_of(formed(core))
    broken = found != 0
    assert np.array_equal(np.sign(found)[broken], np.sign(trained)[broken])
    missing = 1 - BreakdownReRAM(forming_voltage=SMALL.forming_voltage).broken_share
    assert (broken != (trained != 0)).mean() <= 2 * missing + 1e-3
    logs = np.log(found[broken] / trained[broken])
    # 40,000 cells: the error of mean and deviation is 0.149 / 200
    assert logs.mean() == pytest.approx(0.0, abs=4e-3)
    assert logs.std() == pytest.approx(BreakdownReRAM().sigma, abs=4e-3)
    half = weights_of(formed(core, forming_voltage=3.433))
    assert (half != 0).sum() == pytest.approx(0.5 * broken.sum(), rel=0.05)


def test_devices_behind_wires_bring_less():
    core = Core(SMALL, N_FEATURES, 1)
    without, behind = (np.abs(weights_of(formed(core, r_wire=r))) for r in (0.0, 10.0))
    conducting = without > 0
    assert (behind[conducting] < without[conducting]).all()


def test_a_run_on_devices_is_charged_for_what_it_read():
    x, core = random_pulses(300), Core(SMALL, N_FEATURES, 1)
    network = formed(core, adc_bits=6)
    heard = hear(network, x, "cpu")
    parts = {part.name: part for part in heard.parts}
    assert parts["row drivers"].count == x.sum()
    assert parts["cell pairs"].count == x.sum() * 20
    rows = (x.sum(2) > 0).sum()  # steps in which anything is read
    assert parts["converters"].count == rows * 20
    assert parts["converters"].each == pytest.approx(1.20e-12)
    assert heard.joules == pytest.approx(sum(part.joules for part in heard.parts))
    again = hear(network, x, "cpu")
    assert again.hash == heard.hash
    exact = hear(core.network(), x, "cpu")
    assert exact.joules == pytest.approx(x.sum() * 20 * (10e-12 / 2 + 0.9e-12))  # 8 KB of SRAM
    assert exact.hash != heard.hash


def test_layers_of_numbers_are_charged_by_their_products():
    """3 kernels of 25 weights at 6 x 5 places; 20 x 10 weights; each a read, a product, a sum."""
    each = 10e-12 / 2 + 0.9e-12 + 3.7e-12
    found = energy.around(SMALL, SIZE, 10)
    assert found["front end"] == pytest.approx(75 * 30 * each)
    assert found["readout"] == pytest.approx(200 * each)
    assert energy.rectified_core(SMALL, SIZE) == pytest.approx(N_FEATURES * 20 * each)


def test_one_image_is_seen_on_its_way():
    x, core = random_pulses(1, share=0.6), Core(SMALL, N_FEATURES, 1)
    seen = watch(core.network(), x[:, 0], "cpu")
    times, units = seen["features"]
    steps, ids = np.nonzero(x[:, 0])
    assert units == ids.tolist()
    np.testing.assert_allclose(times, 1e-3 * (steps + 1))
    assert len(seen["core"][1]) == hear(core.network(), x, "cpu").counts.sum()


def test_tuning_leaves_the_devices_as_they_are(images):
    task = Task.of(images)
    core = Core(SMALL, N_FEATURES, 1)
    network, devices = Hybrid(SMALL, core, 10), formed(core)
    before, readout = weights_of(devices), network.readout.weight.detach().clone()
    tune(network, devices, SMALL, task, 1)
    np.testing.assert_array_equal(weights_of(devices), before)
    np.testing.assert_allclose(weights_of(network.core.network()), before, rtol=1e-6)
    assert not torch.equal(network.readout.weight, readout)


def test_the_layers_of_the_control_are_the_same(images, monkeypatch):
    """As many features, units and weights; the same joules around the core."""
    seen = []
    monkeypatch.setattr(training, "fit", lambda network, *rest: seen.append(network))
    monkeypatch.setattr(training, "_deployed", lambda *rest: None)
    for network in ("hybrid", "ann"):
        carry_out(Job(network=network, seed=1), SMALL, images, "cpu")
    spiking, plain = seen
    assert [one.shape for one in spiking.front.parameters()] == [
        one.shape for one in plain[0].parameters()
    ]
    assert spiking.core.hidden.T.shape == plain[1].weight.shape
    assert spiking.readout.weight.shape == plain[3].weight.shape
    torch.testing.assert_close(spiking.front[0].weight, plain[0][0].weight)


@pytest.mark.slow
def test_all_networks_learn(images):
    """Columns that differ are no task; what is trained in the core helps."""
    design = SMALL.model_copy(update={"epochs": 40, "neurons": 60, "channels": 6, "r_wire": 1.0})
    hybrid_, ann = (
        carry_out(Job(network=network, seed=1), design, images, "cpu")
        for network in ("hybrid", "ann")
    )
    for how in ("tensors", "events", "devices", "tuned"):
        assert hybrid_.accuracies[how] > 0.8
    assert ann.accuracies["tensors"] > 0.8
    assert hybrid_.measures["differing"] == 0
    assert np.sum(hybrid_.confusion) == 40
    assert np.trace(hybrid_.confusion) == round(40 * hybrid_.accuracies["devices"])


def settings(**changes):
    return hybrid.Settings(**SMALL.model_dump() | changes, seeds=2, images=5, test_images=3)


@pytest.mark.filterwarnings("error::potentia.errors.PotentiaWarning")
def test_a_run_that_was_broken_off_ends_like_an_unbroken_one(tmp_path, monkeypatch):
    """What was trained before is not trained again; metrics, spikes and figures are the same."""
    monkeypatch.setenv("POTENTIA_THREADS", "1")  # no processes of their own
    data = folder(tmp_path)
    experiment, wanted = load("hybrid"), settings()
    options = {"backend": "cpu", "data": data, "say": silent}
    whole = execute(experiment, wanted, base=tmp_path / "whole", **options)
    real, calls = training.carry_out, []

    def stopping(*arguments):
        calls.append(arguments[0])
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(training, "carry_out", stopping)
    with pytest.raises(KeyboardInterrupt):
        execute(experiment, wanted, base=tmp_path / "broken", **options)
    (path,) = (tmp_path / "broken").rglob("run.json")
    resumed = resume(path.parent, say=silent)
    assert len(calls) == 3 + len(jobs((1, 2))) - 2
    first, second = (json.loads((one.path / "run.json").read_text()) for one in (whole, resumed))
    for record in (first, second):
        record["metrics"].pop("seconds")
    assert first["metrics"] == second["metrics"]
    assert first["spike_hash"] == second["spike_hash"]
    metrics = second["metrics"]
    assert set(hybrid.ACCURACIES) <= set(metrics)
    assert metrics["accuracy_tensors"] == metrics["accuracy_events"]
    assert metrics["samples_differing"] == 0
    assert metrics["seeds"] == 2
    around = sum(energy.around(SMALL, SIZE, 10).values())
    assert metrics["joules_per_sample"] == pytest.approx(around + metrics["joules_per_sample_core"])
    figures = {"accuracy", "energy", "confusion", "one_image"}
    assert {file.stem for file in resumed.path.glob("*.png")} == figures
    (resumed.path / "energy.png").unlink()
    replot(resumed.path, silent)
    assert (resumed.path / "energy.png").is_file()


def test_images_too_small_for_the_front_end_are_told(tmp_path):
    context = Context(
        backend="cpu", data=folder(tmp_path, (2, 9)), folder=tmp_path, progress=False, say=silent
    )
    with pytest.raises(DataError, match=r"hybrid: .*must have images of 3 x 3 pixels or more"):
        hybrid.run(settings(), context)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"images": 13}, r"hybrid\.images: must be .* <= 12 \(got 13\)"),
        ({"test_images": 5}, r"hybrid\.test_images: must be .* <= 4 \(got 5\)"),
        (
            {"forming_voltage": 3.0},
            r"hybrid\.forming_voltage: must be higher, .* 360 pairs.*3\.0\)",
        ),
    ],
)
def test_what_the_data_do_not_allow_is_told_before_training(changes, sentence, images):
    with pytest.raises(ParameterError, match=sentence):
        hybrid.check_fit(
            hybrid.Settings(**SMALL.model_dump() | {"images": 3, "test_images": 3} | changes),
            images,
        )


def test_images_of_every_class_are_needed(images):
    some = images.take(np.flatnonzero((images.label != 3) | ~images.is_test))
    with pytest.raises(DataError, match=r"hybrid: .* must have test_images of every class"):
        hybrid.check_fit(hybrid.Settings(**SMALL.model_dump(), images=3, test_images=3), some)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("forming_voltage=1.5", r"hybrid\.forming_voltage: must be greater than or equal to 3"),
        ("channels=0", r"channels: must be greater than or equal to 1 \(got 0\)"),
        ("tau=0", r"tau: .*greater than or equal to 0\.001 .*\(got 0\)"),
        ("gain=1e300", r"gain: must be less than or equal to 1000000"),
        ("adc_bits=17", r"adc_bits: must be less than or equal to 16"),
        ("images=7000", r"images: must be less than or equal to 6000"),
        ("chanels=3", r"chanels.*channels"),
    ],
)
def test_bad_settings_end_in_one_sentence(text, sentence):
    with pytest.raises(ParameterError, match=sentence):
        read_settings("hybrid", hybrid.Settings, [text])
