"""The experiments lsm-* and zero-shot in small: they run, repeat themselves, report, and say what
is missing.
"""

import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")

from potentia.errors import DataError, ParameterError
from potentia.experiments import load
from potentia.experiments.framework.experiment import read_settings
from potentia.experiments.framework.runner import compare, execute
from potentia.experiments.liquids import liquid
from potentia.experiments.liquids.liquid import Imperfections

SMALL = {
    "lsm-nmnist": ["neurons=30", "seeds=1", "folds=2", "readout=adam", "epochs=2"],
    "lsm-ntidigits": ["neurons=30", "seeds=1", "readout=adam", "epochs=2"],
    "zero-shot": [
        "neurons=20",
        "seeds=1",
        "images=2",
        "sounds=3",
        "test_images=1",
        "epochs=2",
        "srnn_epochs=1",
    ],
}


def run(name, folder, data, *more, plots=False):
    """The finished run folder of an experiment in small."""
    experiment, told = load(name), []
    settings = read_settings(name, experiment.settings, [*SMALL[name], *more])
    made = execute(
        experiment, settings, backend="cpu", data=data, base=folder, say=told.append, plots=plots
    )
    return made, "\n".join(told)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """All three sets in small: a bar whose place tells the class, in events and in pixels; tones
    that do.
    """
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", 60), ("test", 20)):
        label, count = np.arange(n) % 10, 200
        x = rng.integers(9, 25, n * count)
        y = np.repeat(9 + 3 * (label // 2), count) + rng.integers(0, 4, n * count)
        t = np.sort(rng.integers(0, 300_000, (n, count)), axis=1).ravel()
        events = {"x": x, "y": y, "p": np.repeat(label % 2, count)}
        arrays |= {f"{part}_{name}": values.astype(np.uint8) for name, values in events.items()}
        arrays |= {f"{part}_t": t.astype(np.uint32), f"{part}_offsets": np.arange(n + 1) * count}
        arrays[f"{part}_label"] = label.astype(np.uint8)
    save(folder / "nmnist_small" / "nmnist_small.npz", arrays)
    images = np.zeros((30, 28, 28), np.uint8)
    for k in range(30):
        images[k, 2 * (k % 10) + 3 : 2 * (k % 10) + 6, 6:22] = 255
    label = (np.arange(30) % 10).astype(np.uint8)
    save(
        folder / "mnist" / "mnist.npz",
        {"x_train": images, "y_train": label, "x_test": images, "y_test": label},
    )
    save(folder / "fsdd" / "fsdd.npz", tones())
    return folder


def tones(n=400, length=1600):
    """Recordings of 10 tones by 2 speakers, 200 ms each, 30 of 200 per speaker for test."""
    label, speaker, number = np.arange(n) % 10, np.arange(n) // 10 % 2, np.arange(n) // 20
    time = np.arange(length) / 8000
    sound = [
        np.sin(2 * np.pi * (200 + 250 * digit) * time + who)
        for digit, who in zip(label, speaker, strict=True)
    ]
    return {
        "audio": (8000 * np.concatenate(sound)).astype(np.int16),
        "offsets": np.arange(n + 1) * length,
        "label": label.astype(np.uint8),
        "speaker": speaker.astype(np.uint8),
        "recording": number.astype(np.uint8),
        "is_test": number >= 5,
        "speaker_names": np.array(["a", "b"]),
        "rate": np.int32(8000),
    }


def save(path, arrays):
    path.parent.mkdir()
    np.savez_compressed(path, **arrays)


def test_nmnist_runs_repeats_and_reports(tmp_path, data, monkeypatch):
    monkeypatch.setattr(liquid, "AXES", {axis: values[:2] for axis, values in liquid.AXES.items()})
    first, told = run(
        "lsm-nmnist",
        tmp_path,
        data,
        "sweep=true",
        "sweep_seeds=1",
        "adc_bits=6",
        "seeds=2",
        plots=True,
    )
    again, _ = run(
        "lsm-nmnist", tmp_path, data, "sweep=true", "sweep_seeds=1", "adc_bits=6", "seeds=2"
    )
    metrics = first.record["metrics"]
    assert first.record["spike_hash"] == again.record["spike_hash"]
    assert compare(first.record, again.record) == []
    # converters take something
    assert metrics["joules_per_sample_rram"] < metrics["joules_per_sample_rram_noisy"]
    assert "without a liquid" in told
    report = (first.path / "report.html").read_text()
    assert "Energy of the synapses of a sample, rram_noisy" in report
    assert "How the energy of rram_wired moves with each figure" in report
    study = json.loads((first.path / "study.json").read_text())
    assert {point["axis"] for point in study["sweep"]} == set(liquid.AXES)
    for name, parts in study["energy"].items():  # means over the liquids, and how they differ
        assert sum(parts.values()) == pytest.approx(metrics[f"joules_per_sample_{name}"])
        assert study["energy_sd"][name].keys() == parts.keys()
    assert study["energy_sd"]["rram"]["cell pairs"] > 0.0
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `plot`)")
    assert {file.stem for file in first.path.glob("*.png")} == {
        "accuracy",
        "one_recording",
        "energy",
        "sweep",
    }
    assert report.count("<img") == 4


def test_the_convex_readout_finds_what_is_there(tmp_path, data):
    """Chance is 0.1, and half of the classes show no event of polarity 1."""
    metrics = run("lsm-nmnist", tmp_path, data, "readout=convex", "control_bins=2")[0].record[
        "metrics"
    ]
    assert metrics["samples"] == 80
    for name in ("software", "rram", "rram_noisy", "rram_wired", "control", "control_bins"):
        assert metrics[f"accuracy_{name}"] > 0.3


def test_simulated_saccades_take_the_place_of_nmnist(tmp_path, data):
    made, told = run("lsm-nmnist", tmp_path, data, "simulated=2")
    assert made.record["metrics"]["samples"] == 30  # 2 of each digit to train on, 1 for test
    assert "MNIST in simulated saccades, 30 recordings, 10 of them" in told


def test_a_seed_of_its_own_makes_another_liquid(tmp_path, data):
    hashes = [
        run("lsm-nmnist", tmp_path, data, f"seed={seed}")[0].record["spike_hash"] for seed in (1, 2)
    ]
    assert hashes[0] != hashes[1]


def test_spoken_digits_run_where_ntidigits_is_missing(tmp_path, data):
    made, told = run("lsm-ntidigits", tmp_path, data, "split=speaker", "control_bins=1")
    assert "N-TIDIGITS (published: 70.79 % software, 70.11 % RRAM, 11 classes) is not there" in told
    metrics = made.record["metrics"]
    assert (metrics["samples"], metrics["classes"]) == (400, 10)
    assert metrics["spikes_per_sample_rram"] > 0


def test_zero_shot_runs_repeats_and_reports(tmp_path, data, monkeypatch):
    monkeypatch.setattr(liquid, "AXES", {"read_noise": (0.1, 0.2)})
    first, told = run("zero-shot", tmp_path, data, "test_sounds=2", "sweep=true", plots=True)
    again, _ = run("zero-shot", tmp_path, data, "test_sounds=2", "sweep=true")
    study = json.loads((first.path / "study.json").read_text())
    assert [(point["axis"], point["value"]) for point in study["sweep"]] == [
        ("read_noise", 0.1),
        ("read_noise", 0.2),
    ]
    metrics = first.record["metrics"]
    assert first.record["spike_hash"] == again.record["spike_hash"]
    assert metrics["accuracy_seen_srnn"] == again.record["metrics"]["accuracy_seen_srnn"]
    assert 0.0 <= metrics["accuracy_unseen_rram_noisy"] <= metrics["best_unseen_rram_noisy"] <= 1.0
    assert "67.4 / 87.5" in told
    assert "MNIST in simulated saccades and FSDD" in told
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra `plot`)")
    assert {file.stem for file in first.path.glob("*.png")} == {
        "accuracy",
        "epochs",
        "common_space",
        "sweep",
    }


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("lsm-nmnist", r"no N-MNIST in .*NMNIST/Train/0/\*\.bin"),
        ("lsm-ntidigits", r"holds neither N-TIDIGITS nor fsdd/fsdd\.npz; .*train_labels"),
        (
            "zero-shot",
            r"fsdd\.npz does not exist; give the folder that holds fsdd/fsdd\.npz \(https://",
        ),
    ],
)
def test_missing_data_ends_in_one_sentence(tmp_path, name, missing):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=missing) as caught:
        run(name, tmp_path, tmp_path / "empty")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("run.json"))  # nothing is left behind


@pytest.mark.parametrize(
    ("setting", "error", "rule"),
    [
        (
            "read_noise=-0.1",
            ParameterError,
            r"lsm-nmnist\.read_noise: must be greater than or equal to 0",
        ),
        ("adc_bits=17", ParameterError, r"lsm-nmnist\.adc_bits: must be less than or equal to 16"),
        ("readout=convexe", ParameterError, r"lsm-nmnist\.readout: must be 'convex' or 'adam'"),
        ("readnoise=0.1", ParameterError, r"no setting 'readnoise'; did you mean 'read_noise'"),
        ("r_wire=-1", ParameterError, r"lsm-nmnist\.r_wire: must be greater than or equal to 0"),
        ("stuck=1", ParameterError, r"lsm-nmnist\.stuck: must be less than 1"),
    ],
)
def test_bad_settings_end_in_one_sentence(tmp_path, data, setting, error, rule):
    with pytest.raises(error, match=rule):
        run("lsm-nmnist", tmp_path, data, setting)


def test_every_axis_of_a_sweep_is_an_imperfection():
    for axis, values in liquid.AXES.items():
        assert all(getattr(Imperfections(**{axis: value}), axis) == value for value in values)
