"""N-MNIST: published files and the subset are read back exactly as they were written; damage is
named.
"""

import numpy as np
import pytest

from potentia.errors import DataError, ParameterError
from potentia.experiments.datasets.nmnist import (
    OVERFLOW,
    Events,
    Retina,
    bin_reader,
    find_whole,
    load_nmnist,
    read_bin,
)


def encoded(x, y, p, t):
    """Events as the bytes of a .bin file, without overflow marks: 40 bits each, most significant
    first.
    """
    words = [a << 32 | b << 24 | c << 23 | d for a, b, c, d in zip(x, y, p, t, strict=True)]
    return b"".join(int(word).to_bytes(5, "big") for word in words)


def drawn(n=200, seed=0):
    """`n` random events in order of time, up to the largest time that 23 bits hold."""
    rng = np.random.default_rng(seed)
    x, y, p = rng.integers(0, 34, n), rng.integers(0, 34, n), rng.integers(0, 2, n)
    return Events(x, y, p, np.sort(rng.integers(0, 2**23, n)))


def whole(folder, per_digit=2):
    """A small N-MNIST in the published layout; what was written, in the order of reading."""
    written = []
    for number, part in enumerate(("Train", "Test")):
        for digit in range(10):
            place = folder / "NMNIST" / part / str(digit)
            place.mkdir(parents=True)
            for k in range(per_digit):
                events = drawn(seed=1000 * number + 10 * digit + k)
                events = events._replace(t=events.t // 27)  # within 315 ms
                (place / f"{k:05}.bin").write_bytes(encoded(*events))
                written.append((events, digit, part == "Test"))
    return written


def small(folder, n=6, **changes):
    """A small subset file; the events written."""
    written, arrays = [], {}
    for number, part in enumerate(("train", "test")):
        each = [drawn(seed=100 * number + k) for k in range(n)]
        for name in Events._fields:
            joined = np.concatenate([getattr(events, name) for events in each])
            arrays[f"{part}_{name}"] = joined.astype(np.uint32 if name == "t" else np.uint8)
        arrays[f"{part}_offsets"] = np.arange(n + 1) * 200
        arrays[f"{part}_label"] = (np.arange(n) % 10).astype(np.uint8)
        written += each
    (folder / "nmnist_small").mkdir()
    np.savez_compressed(folder / "nmnist_small" / "nmnist_small.npz", **{**arrays, **changes})
    return written


def test_published_files_are_read_exactly(tmp_path):
    events = drawn()
    (tmp_path / "1.bin").write_bytes(encoded(*events))
    assert all(
        np.array_equal(a, b) for a, b in zip(read_bin(tmp_path / "1.bin"), events, strict=True)
    )


def test_overflow_marks_move_later_times_and_are_no_events(tmp_path):
    (tmp_path / "1.bin").write_bytes(
        encoded([1, 0, 2, 0, 3], [1, 240, 2, 240, 3], [0] * 5, [5, 0, 6, 0, 7])
    )
    events = read_bin(tmp_path / "1.bin")
    assert events.t.tolist() == [5, 6 + OVERFLOW, 7 + 2 * OVERFLOW]
    assert events.x.tolist() == [1, 2, 3]


def test_tonic_reads_the_same(tmp_path):
    pytest.importorskip("tonic", reason="tonic is not installed (extra `data`)")
    assert bin_reader() is not read_bin
    (tmp_path / "1.bin").write_bytes(encoded(*drawn()) + encoded([0, 4], [240, 4], [0, 1], [0, 9]))
    ours, theirs = read_bin(tmp_path / "1.bin"), bin_reader()(str(tmp_path / "1.bin"))
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_the_whole_set_is_found_and_cut_into_frames(tmp_path):
    written, retina = whole(tmp_path), Retina()
    frames = load_nmnist(tmp_path, retina)
    assert find_whole(tmp_path) == tmp_path / "NMNIST"
    assert len(frames) == len(written) == 40
    for k, (events, digit, is_test) in enumerate(written):
        assert np.array_equal(frames.of(k), retina.cells(events))
        assert (frames.label[k], frames.is_test[k]) == (digit, is_test)
    assert len(load_nmnist(tmp_path, retina, most=10)) == 20


def test_the_subset_is_found_and_cut_into_frames(tmp_path):
    written, retina = small(tmp_path), Retina()
    frames = load_nmnist(tmp_path, retina)
    assert all(
        np.array_equal(frames.of(k), retina.cells(events)) for k, events in enumerate(written)
    )
    assert frames.label.tolist() == list(range(6)) * 2
    assert frames.is_test.tolist() == [False] * 6 + [True] * 6
    assert load_nmnist(tmp_path, retina, most=2).label.tolist() == [0, 1, 0, 1]


def test_the_crop_is_the_centre_and_one_polarity():
    """Pixels 9 to 24 of 34 are seen; 315 ms in 50 frames are 6.3 ms each."""
    x = np.array([9, 24, 8, 25, 9, 9, 9])
    y = np.array([9, 24, 9, 9, 9, 10, 9])
    p = np.array([1, 1, 1, 1, 0, 1, 1])
    t = np.array([0, 6299, 0, 0, 0, 6300, 315_000])
    assert Retina().cells(Events(x, y, p, t)).tolist() == [0, 255, 256 + 16]


@pytest.mark.parametrize("data", [None, "empty"])
def test_missing_data_says_what_to_get_and_how_to_lay_it_out(tmp_path, data):
    with pytest.raises(
        DataError, match=r"no N-MNIST in .*10\.3389/fnins\.2015\.00437.*Train/0/\*\.bin"
    ) as caught:
        load_nmnist(None if data is None else tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"\0" * 7, encoded([34], [0], [0], [0])], ids=["cut off", "pixel outside"]
)
def test_damaged_bin_files_are_named(tmp_path, content):
    (tmp_path / "1.bin").write_bytes(content)
    with pytest.raises(DataError, match=r"1\.bin is damaged"):
        read_bin(tmp_path / "1.bin")


def test_an_empty_digit_is_named(tmp_path):
    whole(tmp_path)
    for file in (tmp_path / "NMNIST" / "Test" / "3").iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"Test/3 holds no \.bin file"):
        load_nmnist(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"train_offsets": np.arange(7) * 100},
        {"train_label": np.full(6, 10)},
        {"test_x": np.zeros(3, np.uint8)},
        {"test_t": np.zeros(1200)},
        {"train_label": np.array([{}] * 6, dtype=object)},
    ],
    ids=["offsets", "label", "length", "type", "pickle"],
)
def test_a_damaged_subset_is_named(tmp_path, changes):
    small(tmp_path, **changes)
    with pytest.raises(DataError, match=r"nmnist_small\.npz is damaged") as caught:
        load_nmnist(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_retina_larger_than_the_camera_is_refused():
    with pytest.raises(
        ParameterError, match=r"Retina\.size: must be a whole number >= 1 and <= 34 \(got 35\)"
    ):
        Retina(size=35)
