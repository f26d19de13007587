"""Frames: what goes in comes out, whichever way it is asked for."""

import numpy as np
import pytest

from potentia.errors import ParameterError
from potentia.experiments.datasets.frames import Sample, active_cells, gather

SIZES = {"n_steps": 4, "n_units": 3, "n_classes": 2, "source": "made up"}


def some():
    """Two recordings: one active in (step, unit) = (0, 2), (3, 0), (3, 1); one silent."""
    cells = active_cells([0, 3, 3, 0], [2, 0, 1, 2], n_units=3)
    return gather([Sample(cells, 1, False, 7), Sample(np.zeros(0, np.uint32), 0, True)], **SIZES)


def test_events_of_one_cell_count_once():
    assert some().of(0).tolist() == [2, 9, 10]
    assert some().activity == 3 / 24


def test_counts_add_up_over_bins():
    frames = some()
    assert frames.counts().tolist() == [[1, 1, 1], [0, 0, 0]]
    assert frames.counts(2)[0].tolist() == [0, 0, 1, 1, 1, 0]
    assert np.array_equal(frames.counts(4).reshape(2, 4, 3).sum(axis=1), frames.counts())


def test_dense_arrays_hold_the_same():
    frames = some()
    dense = frames.dense([1, 0])
    assert np.array_equal(np.argwhere(dense[1]), [[0, 2], [3, 0], [3, 1]])
    assert dense[0].sum() == 0
    assert np.array_equal(dense[[1, 0]].sum(axis=1), frames.counts())


def test_a_frame_arrives_at_the_end_of_its_step():
    train = some().train(0, 0.5)
    assert train.times.tolist() == [0.5, 2.0, 2.0]
    assert train.ids.tolist() == [2, 0, 1]


def test_taking_keeps_recordings_whole():
    swapped = some().take([1, 0, 0])
    assert [swapped.of(k).tolist() for k in range(3)] == [[], [2, 9, 10], [2, 9, 10]]
    assert swapped.label.tolist() == [0, 1, 1]
    assert swapped.group.tolist() == [0, 7, 7]
    assert swapped.is_test.tolist() == [True, False, False]


@pytest.mark.parametrize(
    "sample",
    [Sample(np.array([12], np.uint32), 0, False), Sample(np.array([0], np.uint32), 2, False)],
    ids=["cell beyond the last frame", "label beyond the last class"],
)
def test_what_does_not_fit_is_refused(sample):
    with pytest.raises(ParameterError, match="must be >= 0 and <"):
        gather([sample], **SIZES)


def test_bins_must_divide_the_steps_there_are():
    with pytest.raises(
        ParameterError, match=r"counts bins: must be a whole number >= 1 and <= 4 \(got 5\)"
    ):
        some().counts(5)
