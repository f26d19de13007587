"""N-TIDIGITS: a file in the assumed layout is read back exactly; time is cut as the
seed cuts it.
"""

import h5py
import numpy as np
import pytest

from potentia.errors import DataError
from potentia.experiments import lsm_ntidigits
from potentia.experiments.datasets.ntidigits import chunked, hear, load_ntidigits
from potentia.experiments.datasets.speech import load_speech

NAMES = ("man-ae-1", "man-ae-z", "woman-bh-o", "woman-bh-2o", "man-ae-9")


def write(folder, spoil=None):
    """A small file in the layout; spikes by (set, name)."""
    (folder / "ntidigits").mkdir()
    spikes, rng = {}, np.random.default_rng(0)
    with h5py.File(folder / "ntidigits" / "n-tidigits.hdf5", "w") as file:
        for part in ("train", "test"):
            file[f"{part}_labels"] = np.array([name.encode() for name in NAMES])
            for name in NAMES:
                times, channels = np.sort(rng.random(300) * 0.7), rng.integers(0, 64, 300)
                spikes[part, name] = times, channels
                file[f"{part}_timestamps/{name}"] = times
                file[f"{part}_addresses/{name}"] = channels
        if spoil is not None:
            spoil(file)
    return spikes


def test_single_digits_are_read_exactly(tmp_path):
    spikes = write(tmp_path)
    frames = load_ntidigits(tmp_path)
    single = [(part, name) for part in ("train", "test") for name in NAMES if name != "woman-bh-2o"]
    assert frames.label.tolist() == [1, 0, 10, 9] * 2
    assert frames.is_test.tolist() == [False] * 4 + [True] * 4
    assert frames.group.tolist() == [0, 0, 1, 0] * 2
    for k, key in enumerate(single):
        assert np.array_equal(frames.of(k), chunked(*spikes[key], n_steps=129, n_units=64))
    assert load_ntidigits(tmp_path, most=1).label.tolist() == [1, 1]


def test_time_is_cut_into_equal_frames_of_whole_milliseconds():
    """259 ms of sound are 260 ticks, of which 129 frames hold 3 each (2 would leave
    2 ticks over).
    """
    times = np.array([0.0, 2.9e-3, 3.0e-3, 0.2585])
    cells = chunked(times, [5, 5, 6, 63], n_steps=129, n_units=64)
    assert cells.tolist() == [5, 64 + 6, 64 * (258 // 3) + 63]
    assert chunked([], [], n_steps=129, n_units=64).size == 0


def test_no_recording_needs_more_frames_than_there_are():
    for last in np.linspace(0.001, 3.0, 400):
        assert chunked([last], [0], n_steps=129, n_units=64).max() < 129 * 64


def test_spoken_digits_become_frames_of_our_cochlea():
    words = load_speech()
    frames = hear(words, lambda n: None, which=[0, 599])
    assert frames.label.tolist() == [0, 9]
    assert frames.group.tolist() == [0, 5]
    assert (frames.n_units, frames.n_steps) == (64, 129)
    assert np.array_equal(hear(words, lambda n: None, which=[599]).of(0), frames.of(1))
    assert 0.02 < frames.activity < 0.5  # neither silent nor saturated


def remove(name):
    return lambda file: file.__delitem__(name)


def replace(name, values):
    def spoil(file):
        del file[name]
        file[name] = values

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        remove("train_labels"),
        remove("test_timestamps"),
        remove("train_addresses/man-ae-1"),
        replace("train_addresses/man-ae-1", np.full(300, 64)),
        replace("train_addresses/man-ae-1", np.zeros(299, int)),
        replace("train_timestamps/man-ae-1", np.full(300, -1.0)),
        replace("test_labels", np.array([b"man-ae-12"])),
    ],
    ids=["labels", "timestamps", "one recording", "channel", "length", "time", "no single digit"],
)
def test_damaged_files_are_named(tmp_path, spoil):
    write(tmp_path, spoil)
    with pytest.raises(DataError, match=r"n-tidigits\.hdf5 is refused") as caught:
        load_ntidigits(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_hdf5_is_named(tmp_path):
    (tmp_path / "n-tidigits.hdf5").write_bytes(b"no archive at all")
    with pytest.raises(DataError, match=r"n-tidigits\.hdf5"):
        load_ntidigits(tmp_path)


def test_missing_data_says_what_to_get_and_how_to_lay_it_out(tmp_path):
    with pytest.raises(
        DataError, match=r"no N-TIDIGITS in .*fnins\.2018\.00023.*train_addresses/<label>"
    ):
        load_ntidigits(tmp_path)


def test_speakers_are_left_out_one_by_one(tmp_path):
    write(tmp_path)
    frames = load_ntidigits(tmp_path)
    folds = lsm_ntidigits.divide(frames, "speaker")
    assert [set(frames.group[fold.test]) for fold in folds] == [{0}, {1}]
    assert all(not set(fold.train) & set(fold.test) for fold in folds)
    (published,) = lsm_ntidigits.divide(frames, "official")
    assert np.array_equal(published.test, np.arange(4, 8))
