"""The main job in small: its parts, and that it runs, learns and repeats itself."""

import json

import numpy as np
import pytest

from potentia import Simulator
from potentia.experiments import load, spoken_digits
from potentia.experiments.datasets.speech import load_speech
from potentia.experiments.framework.experiment import Context
from potentia.experiments.framework.runner import execute
from potentia.sim import SpikeTrain

SMALL = spoken_digits.Settings(neurons=50, seeds=1)


def test_bins_hold_equal_numbers_of_spikes():
    times = np.random.default_rng(1).random(1000)
    edges = spoken_digits.bin_edges(SpikeTrain(times, np.zeros(1000, int)), 5)
    assert spoken_digits.binned(times, np.zeros(1000, int), 1, edges).ravel().tolist() == [200] * 5
    assert spoken_digits.bin_edges(SpikeTrain(), 5).shape == (4,)


def test_the_ideal_liquid_has_the_wiring_of_the_crossbars():
    """Same connections, same signs, every magnitude exact; about half of the candidate cells broke
    down.
    """
    device = Simulator(spoken_digits.liquid(SMALL, 1), dt=SMALL.dt)
    wiring = spoken_digits.wiring_of(device)
    twin = Simulator(spoken_digits.liquid(SMALL, 1, wiring), dt=SMALL.dt)
    for ours, theirs in zip(twin.network.projections, device.network.projections, strict=True):
        exact, analogue = twin.weights(ours), device.weights(theirs)
        formed = analogue[analogue != 0]
        assert len(exact) == len(formed) > 0
        assert np.array_equal(np.sign(exact), np.sign(formed))
        assert len(np.unique(np.abs(exact).round(9))) == 1
        share, n = len(formed) / len(analogue), len(analogue)
        assert abs(share - spoken_digits.DEVICE.broken_share) < 5 * np.sqrt(0.25 / n)


@pytest.mark.slow
@pytest.mark.filterwarnings("error::potentia.errors.PotentiaWarning")
def test_a_small_liquid_hears(tmp_path):
    """Fifty neurons hear four words in five, where chance is one in ten; the same seed gives the
    same spikes.
    """
    pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")
    folder = execute(
        load("spoken-digits"), SMALL, backend="cpu", base=tmp_path, say=lambda text: None
    ).path
    told = json.loads((folder / "run.json").read_text())
    metrics = told["metrics"]
    assert metrics["accuracy_ideal"] > 0.8
    assert metrics["accuracy_crossbar"] > 0.8
    assert metrics["joules_per_word"] > 0
    assert np.sum(json.loads((folder / "confusion.json").read_text())["crossbar"]) == 120
    assert {file.stem for file in folder.glob("*.png")} == {"raster", "confusion", "accuracy"}

    again = Context(
        backend="cpu",
        data=None,
        folder=tmp_path,
        progress=False,
        say=lambda text: None,
        plots=False,
    )
    spoken_digits.run(SMALL, again)
    assert again.spike_hash == told["spike_hash"]


@pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
@pytest.mark.parametrize("variant", ["crossbar", "ideal"])
def test_a_liquid_hears_on_tensors_what_it_hears_on_the_cpu(variant):
    recordings = load_speech(None)
    cochlea = spoken_digits.COCHLEA
    trains = [cochlea.spikes(recordings.audio(word), recordings.rate) for word in (0, 60, 300)]
    network = spoken_digits.liquid(SMALL, 1)
    if variant == "ideal":
        wiring = spoken_digits.wiring_of(Simulator(network, dt=SMALL.dt))
        network = spoken_digits.liquid(SMALL, 1, wiring)
    here, there = (
        Simulator(network, dt=SMALL.dt, backend=backend, dtype="float64").run({"speech": trains})
        for backend in ("torch", "cpu")
    )
    for sample, expected in zip(here, there, strict=True):
        assert sample.hash == expected.hash
        assert sample.tallies == pytest.approx(expected.tallies)
        assert len(sample.spikes("exc").times) > 100
