"""The yin-yang data, and the experiment on it in small."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")

from potentia.errors import ParameterError
from potentia.experiments import load, yin_yang
from potentia.experiments.datasets.yin_yang import DOT, RADIUS, label_of
from potentia.experiments.datasets.yin_yang import yin_yang as draw
from potentia.experiments.framework.experiment import Context, read_settings
from potentia.experiments.framework.runner import execute

SMALL = ["hidden=12", "samples=60", "tests=30", "epochs=2", "surrogate_epochs=1", "batch=20"]


def test_each_class_has_its_area():
    """Yin and yang are turned into one another, so they share what the dots leave of the disc."""
    n = 1000
    grid = (np.arange(n) + 0.5) / n
    labels = label_of(np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2))
    area = np.bincount(labels + 1) / n**2
    dots = 2 * np.pi * DOT**2
    half = (np.pi * RADIUS**2 - dots) / 2
    # the error of counting cells along a border: some 1 / n times its length
    np.testing.assert_allclose(area, [1 - np.pi * RADIUS**2, half, half, dots], atol=2 / n)


def test_half_a_turn_changes_yin_into_yang():
    points = np.random.default_rng(0).random((2000, 2))
    turned = np.array([1, 0, 2, -1])[label_of(2 * RADIUS - points)]
    np.testing.assert_array_equal(turned, label_of(points))


def test_classes_are_drawn_evenly_and_again():
    points, labels = draw(300, 7)
    np.testing.assert_array_equal(np.bincount(labels), [100, 100, 100])
    np.testing.assert_array_equal(labels, label_of(points))
    np.testing.assert_array_equal(points, draw(300, 7)[0])
    assert (points != draw(300, 8)[0]).all()


def run(folder, *more, plots=False):
    experiment, told = load("yin-yang"), []
    settings = read_settings("yin-yang", experiment.settings, [*SMALL, *more])
    made = execute(
        experiment, settings, backend="cpu", data=None, base=folder, say=told.append, plots=plots
    )
    return made, "\n".join(told)


def test_it_runs_repeats_and_reports(tmp_path):
    pytest.importorskip("matplotlib")
    first, told = run(tmp_path, plots=True)
    again, _ = run(tmp_path, "threads=1")
    names = {"accuracy", "accuracy_delays", "accuracy_surrogate", "accuracy_frozen", "seconds"}
    assert names <= set(first.record["metrics"])
    own, other = (
        {key: value for key, value in made.record["metrics"].items() if key != "seconds"}
        for made in (first, again)
    )
    assert own == other
    assert "98.1" in told
    assert (first.path / "overview.png").exists()


def test_what_was_trained_before_a_break_is_kept(tmp_path, monkeypatch):
    settings = read_settings("yin-yang", yin_yang.Settings, SMALL)
    context = Context("cpu", None, tmp_path, progress=False, say=lambda text: None, plots=False)
    expected = yin_yang.run(settings, context)
    (tmp_path / "frozen-1.json").unlink()
    trained = []
    train = yin_yang.train
    monkeypatch.setattr(yin_yang, "train", lambda *given: trained.append(1) or train(*given))
    context.resume = True
    resumed = yin_yang.run(settings, context)
    assert len(trained) == 1
    del expected["seconds"], resumed["seconds"]
    assert resumed == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("step=4e-4", r"yin-yang\.step: must be 1 ms over a whole number, such as 0\.0005 s"),
        ("step=1e-9", r"yin-yang\.step: must be greater than or equal to 0\.00001"),
        ("samples=2", r"yin-yang\.samples: must be greater than or equal to 3"),
    ],
)
def test_bad_settings_end_in_one_sentence(text, sentence):
    with pytest.raises(ParameterError, match=sentence):
        read_settings("yin-yang", yin_yang.Settings, [text])


def test_the_grid_may_be_any_part_of_the_delay():
    for parts in (1, 3, 7, 100):
        settings = read_settings("yin-yang", yin_yang.Settings, [f"step={1e-3 / parts!r}", *SMALL])
        net = yin_yang.network(settings, 1, fires=False)
        assert yin_yang.OnGrid(net, settings).steps == 60 * parts
