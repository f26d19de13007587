"""Simulated saccades: events tell how brightness changed, no more and no less."""

import numpy as np
import pytest

from potentia.errors import DataError, ParameterError
from potentia.experiments.datasets.saccades import Saccades, load_moving_digits

SILENT = lambda n: None  # noqa: E731
BAR = np.zeros((1, 28, 28))
BAR[0, 8:20, 12:15] = 255.0


def test_events_add_up_to_the_change_of_the_logarithm():
    """The signed events of a pixel, times the threshold, are its change of log brightness, to one
    threshold.
    """
    moved = Saccades(corners=((0.0, 0.0), (3.0, 2.0)))
    (events,) = moved.events(BAR)
    told = np.zeros((34, 34))
    np.add.at(told, (events.y, events.x), np.where(events.p == 1, -1, 1) * moved.threshold)
    before, after = np.zeros((34, 34)), np.zeros((34, 34))
    before[8:20, 12:15], after[10:22, 15:18] = 1.0, 1.0
    change = np.log(moved.dark + after) - np.log(moved.dark + before)
    assert np.abs(told - change).max() < moved.threshold + 1e-9  # sums of thresholds are rounded
    assert np.abs(told).max() > 5 * moved.threshold


def test_a_still_image_says_nothing():
    (events,) = Saccades(corners=((2.0, 1.0), (2.0, 1.0))).events(BAR)
    assert events.x.size == 0


def test_the_front_edge_has_polarity_0_and_the_one_behind_1():
    (events,) = Saccades(corners=((0.0, 0.0), (3.0, 0.0))).events(BAR)
    assert events.x[events.p == 0].mean() > events.x[events.p == 1].mean()


def test_the_path_begins_and_ends_at_its_corners_and_rests_there():
    saccades = Saccades()
    path = saccades.path()
    assert len(path) == 316  # 315 ms in ticks of 1 ms
    assert path[[0, 105, 210, 315]] == pytest.approx(np.array(saccades.corners))
    assert np.abs(np.diff(path[:10], axis=0)).max() == 0.0


def test_times_ascend_and_lie_within_the_movement():
    (events,) = Saccades().events(BAR)
    assert (np.diff(events.t) >= 0).all()
    assert events.t.min() >= 10_000
    assert events.t.max() <= 295_000


def test_a_batch_is_what_its_images_are_alone():
    images = np.random.default_rng(0).integers(0, 255, (3, 28, 28))
    together = Saccades().events(images)
    for k, events in enumerate(together):
        (alone,) = Saccades().events(images[k : k + 1])
        assert all(np.array_equal(a, b) for a, b in zip(events, alone, strict=True))


def write(folder, **changes):
    """A small MNIST: 3 images of each digit for training and 2 for test."""
    rng = np.random.default_rng(0)
    arrays = {}
    for part, n in (("train", 3), ("test", 2)):
        arrays[f"x_{part}"] = rng.integers(0, 255, (10 * n, 28, 28)).astype(np.uint8)
        arrays[f"y_{part}"] = np.repeat(np.arange(10), n).astype(np.uint8)
    (folder / "mnist").mkdir()
    np.savez_compressed(folder / "mnist" / "mnist.npz", **{**arrays, **changes})


def test_digits_are_drawn_by_class_and_seed(tmp_path):
    write(tmp_path)
    first, again, other = (
        load_moving_digits(tmp_path, SILENT, sizes=(2, 1), seed=seed, classes=(1, 8))
        for seed in (5, 5, 6)
    )
    assert first.label.tolist() == [1, 1, 8, 8, 1, 8]
    assert first.is_test.tolist() == [False] * 4 + [True] * 2
    assert np.array_equal(first.cells, again.cells)
    assert not np.array_equal(first.cells, other.cells)


def test_too_few_images_are_named(tmp_path):
    write(tmp_path)
    with pytest.raises(
        ParameterError, match=r"samples of class 4: must be a whole number >= 1 and <= 3 \(got 4\)"
    ):
        load_moving_digits(tmp_path, SILENT, sizes=(4, 1), seed=0, classes=(4,))


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(
        DataError, match=r"mnist\.npz does not exist; save MNIST .*x_train \(n, 28, 28\)"
    ):
        load_moving_digits(tmp_path, SILENT, sizes=(1, 1), seed=0)
    write(tmp_path, y_train=np.full(30, 11, np.uint8))
    with pytest.raises(
        DataError, match=r"mnist\.npz is damaged or no MNIST: y_train must hold digits"
    ):
        load_moving_digits(tmp_path, SILENT, sizes=(1, 1), seed=0)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"threshold": 0.0}, r"threshold: must be > 0"),
        ({"dark": -1.0}, r"dark: must be > 0"),
        ({"moving": (0.09, 0.02)}, r"moving: must ascend within 0 to 0.105 s"),
        ({"tick": float("nan")}, r"tick: must be a finite number in s \(got nan\)"),
    ],
)
def test_impossible_saccades_are_refused(change, rule):
    with pytest.raises(ParameterError, match=rule):
        Saccades(**change)


def test_images_larger_than_the_camera_are_refused():
    with pytest.raises(
        ParameterError,
        match=r"images: must be at most 34 pixels a side \(got 'shape \(1, 35, 3\)'\)",
    ):
        Saccades().events(np.zeros((1, 35, 3)))
