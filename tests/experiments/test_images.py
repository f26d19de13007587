"""MNIST and Fashion-MNIST: read exactly in either form; what is damaged or missing is named."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from potentia.errors import DataError, ParameterError
from potentia.experiments.datasets import idx
from potentia.experiments.datasets.idx import read_idx
from potentia.experiments.datasets.images import ARRAYS, FILES, load_images

ARCHIVES = {"mnist": "mnist/mnist.npz", "fashion-mnist": "fashion_mnist/fashion_mnist.npz"}


def small(**changes):
    """3 images of each class to train on and 2 to test on, of 7 x 5 pixels, classes mixed."""
    rng, arrays = np.random.default_rng(0), {}
    for part, n in (("train", 3), ("test", 2)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (10 * n, 7, 5)).astype(np.uint8)
        arrays[f"y_{part}"] = rng.permutation(np.repeat(np.arange(10), n)).astype(np.uint8)
    return arrays | changes


def archived(folder, name="fashion-mnist", **changes):
    path = folder / ARCHIVES[name]
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **small(**changes))
    return folder


def encoded(array):
    """An array of bytes as IDX."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def published(folder, arrays, *, packed=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in zip(ARRAYS, FILES, strict=True):
        content = encoded(arrays[name])
        place = folder / (f"{file}.gz" if packed else file)
        place.write_bytes(gzip.compress(content) if packed else content)


def same(images, arrays):
    np.testing.assert_array_equal(
        images.pixels, np.concatenate([arrays["x_train"], arrays["x_test"]])
    )
    np.testing.assert_array_equal(
        images.label, np.concatenate([arrays["y_train"], arrays["y_test"]])
    )
    assert images.is_test.tolist() == [False] * 30 + [True] * 20
    assert (images.pixels.dtype, images.label.dtype) == (np.uint8, np.int64)


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_read_exactly(tmp_path, name):
    images = load_images(archived(tmp_path, name), name)
    same(images, small())
    assert len(images) == 50
    assert images.source.lower() == name
    assert len(images.classes) == 10


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("mnist", "mnist"),
        ("mnist", "MNIST/raw"),
        ("fashion-mnist", "fashion_mnist"),
        ("fashion-mnist", "FashionMNIST/raw"),
    ],
)
def test_the_files_as_published_are_read_exactly(tmp_path, name, folder, packed):
    published(tmp_path / folder, small(), packed=packed)
    same(load_images(tmp_path, name), small())


def test_the_archive_goes_before_the_files(tmp_path):
    published(tmp_path / "fashion_mnist", small())
    other = np.roll(small()["y_train"], 1)
    assert (load_images(archived(tmp_path, y_train=other)).label[:30] == other).all()


def test_shares_reach_from_black_to_white(tmp_path):
    shares = load_images(archived(tmp_path)).shares()
    assert shares.dtype == np.float32
    assert (shares.min(), shares.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(np.rint(255 * shares[:30]), small()["x_train"])


def test_a_part_is_drawn_by_class_and_seed(tmp_path):
    images = load_images(archived(tmp_path))
    part, again, other = (images.drawn((2, 1), seed) for seed in (5, 5, 6))
    assert part.label.tolist() == [*np.repeat(np.arange(10), 2), *range(10)]
    assert part.is_test.tolist() == [False] * 20 + [True] * 10
    np.testing.assert_array_equal(part.pixels, again.pixels)
    assert (part.pixels != other.pixels).any()
    assert len({image.tobytes() for image in part.pixels}) == 30  # none comes twice
    kept = {
        (image.tobytes(), label) for image, label in zip(images.pixels, images.label, strict=True)
    }
    assert {(image.tobytes(), k) for image, k in zip(part.pixels, part.label, strict=True)} <= kept
    assert images.drawn((1, 2), 0, classes=(7, 3)).label.tolist() == [7, 3, 7, 7, 3, 3]
    with pytest.raises(ParameterError, match=r"samples of class 0: .* <= 3 \(got 4\)"):
        images.drawn((4, 1), 0)
    assert images.take([49, 0]).label.tolist() == [small()["y_test"][-1], small()["y_train"][0]]
    with pytest.raises(ParameterError, match="take which"):
        images.take([50])


def test_missing_sets_are_named(tmp_path):
    rule = r"fashion_mnist\.npz does not exist; save Fashion-MNIST .*x_train \(n, 28, 28\)"
    with pytest.raises(DataError, match=rule) as caught:
        load_images(tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(
        DataError, match=r"mnist/mnist\.npz \(--data was not given\) does not exist"
    ):
        load_images(None, "mnist")
    with pytest.raises(ParameterError, match=r"name: must be one of mnist, fashion-mnist"):
        load_images(tmp_path, "cifar")
    published(tmp_path / "mnist", small())
    (tmp_path / "mnist" / f"{FILES[3]}.gz").unlink()  # three of four are none
    with pytest.raises(DataError, match="does not exist"):
        load_images(tmp_path, "mnist")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"y_train": np.full(30, 10, np.uint8)}, "y_train must hold digits"),
        ({"y_test": np.full(20, -1)}, "y_test must hold digits"),
        ({"y_test": np.full(20, 0.5)}, "y_test must hold digits"),
        ({"y_test": np.zeros(19, np.uint8)}, "x_test and y_test do not fit each other"),
        ({"x_test": np.zeros((20, 7, 5))}, "x_test and y_test do not fit each other"),
        ({"x_test": np.zeros((20, 35), np.uint8)}, "x_test and y_test do not fit each other"),
        ({"x_test": np.zeros((20, 5, 7), np.uint8)}, "its images differ in size"),
        ({"x_test": np.zeros((20, 0, 5), np.uint8)}, "x_test holds no pixels"),
        ({"x_train": np.array([{}] * 30, object)}, "Object arrays cannot be loaded"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, changes, what):
    with pytest.raises(DataError, match=f"damaged or no Fashion-MNIST: .*{what}") as caught:
        load_images(archived(tmp_path, **changes))
    assert "\n" not in str(caught.value)


LABELS = np.arange(10, dtype=np.uint8)
WHOLE = encoded(LABELS)


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04" + bytes(100)])
def test_what_is_no_archive_is_told_in_our_words(tmp_path, content):
    (tmp_path / "fashion_mnist").mkdir()
    (tmp_path / "fashion_mnist" / "fashion_mnist.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"damaged or no Fashion-MNIST: it is no \.npz archive"):
        load_images(tmp_path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "does not begin as an IDX file does"),
        (b"\0\0\x08", "does not begin as an IDX file does"),
        (b"P5 28 28", "does not begin as an IDX file does"),
        (b"\0\0\x0d" + WHOLE[3:], "of kind 0x0d, and only bytes"),
        (b"\0\0\x08\0" + WHOLE[4:], "it has 0 axes"),
        (b"\0\0\x08\xff" + WHOLE[4:], "it has 255 axes"),
        (WHOLE[:6], "ends before its numbers begin"),
        (WHOLE[:-1], "declares 10 bytes and holds 9"),
        (WHOLE + b"\0", "declares 10 bytes and holds more"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "bytes, and at most 268,435,456 are read"),
        (b"\0\0\x08\x01\x0f\xff\xff\xff", "declares 268,435,455 bytes and holds 0"),
        (gzip.compress(WHOLE, mtime=0)[:-9], "end-of-stream"),
        (gzip.compress(WHOLE, mtime=0)[:20] + b"\xff" + gzip.compress(WHOLE, mtime=0)[21:], "."),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_files_are_named(tmp_path, content, what, packed):
    """In either form; what is packed already is then packed twice."""
    published(tmp_path / "fashion_mnist", small())
    twice = packed and content[:2] == idx.PACKED
    (tmp_path / "fashion_mnist" / f"{FILES[1]}.gz").write_bytes(
        gzip.compress(content) if packed else content
    )
    reason = "does not begin as an IDX file does" if twice else what
    with pytest.raises(DataError, match=f"damaged or no Fashion-MNIST: .*{reason}") as caught:
        load_images(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_small_file_that_unpacks_to_much_is_refused(tmp_path, monkeypatch):
    """No more is unpacked than the file declares, and one byte."""
    bomb = encoded(np.zeros(10, np.uint8)) + bytes(50_000_000)
    (tmp_path / "a.gz").write_bytes(gzip.compress(bomb))
    asked, at_most = [], idx._at_most
    monkeypatch.setattr(idx, "_at_most", lambda *given: asked.append(given[1]) or at_most(*given))
    with pytest.raises(DataError, match="declares 10 bytes and holds more"):
        read_idx(tmp_path / "a.gz")
    assert asked == [11]
    with pytest.raises(DataError, match="declares 10 bytes, and at most 9 are read"):
        read_idx(tmp_path / "a.gz", most=9)


def test_no_pipe_and_no_folder_is_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path):
        with pytest.raises(DataError, match="is not a file"):
            read_idx(place)


@pytest.mark.skipif(
    "POTENTIA_DATA" not in os.environ, reason="POTENTIA_DATA does not name the data folder"
)
@pytest.mark.parametrize(
    ("name", "mean", "sd"), [("mnist", 0.1307, 0.3081), ("fashion-mnist", 0.2860, 0.3530)]
)
def test_the_whole_sets(name, mean, sd):
    """Their known sizes, and mean and standard deviation of the pixels to train on, to the digits
    that are commonly quoted.
    """
    whole = Path(os.environ["POTENTIA_DATA"])
    if not (whole / ARCHIVES[name]).is_file():
        pytest.skip(f"POTENTIA_DATA holds no {ARCHIVES[name]}")
    images = load_images(whole, name)
    assert images.pixels.shape == (70_000, 28, 28)
    assert np.count_nonzero(images.is_test) == 10_000
    train = images.pixels[~images.is_test].astype(np.float32) / 255
    assert (train.mean(), train.std()) == pytest.approx((mean, sd), abs=5e-5)
    assert set(np.bincount(images.label[images.is_test])) == {1000} or name == "mnist"
