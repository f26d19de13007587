"""Small grey images of ten classes: MNIST and Fashion-MNIST.

MNIST: handwritten digits, LeCun et al. (1998), doi:10.1109/5.726791. Fashion-MNIST: pieces of
clothing, Xiao et al. (2017), arXiv:1708.07747. Both have 60,000 images to train on and 10,000 to
test on, of 28 x 28 pixels. Found in the data folder, the first that is there:

- ``mnist/mnist.npz`` or ``fashion_mnist/fashion_mnist.npz``: arrays x_train (n, 28, 28), y_train
  (n,), x_test and y_test, all uint8;
- the four files as published, ``train-images-idx3-ubyte.gz``, ``train-labels-idx1-ubyte.gz`` and
  the same with ``t10k``, packed or not, in ``mnist/`` or ``MNIST/raw/``, in ``fashion_mnist/`` or
  ``FashionMNIST/raw/``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from potentia.errors import DataError
from potentia.experiments.datasets.archive import read_arrays
from potentia.experiments.datasets.idx import read_idx
from potentia.sim import validation as check

N_CLASSES: Final = 10
ARRAYS: Final = ("x_train", "y_train", "x_test", "y_test")
FILES: Final = (  # as published, in the order of `ARRAYS`
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

Arrays = dict[str, NDArray[np.uint8]]


class _Set(NamedTuple):
    title: str
    archive: Path  # in the data folder
    folders: tuple[Path, ...]  # that may hold the files as published
    origin: str
    classes: tuple[str, ...]


SETS: Final = {
    "mnist": _Set(
        "MNIST",
        Path("mnist") / "mnist.npz",
        (Path("mnist"), Path("MNIST") / "raw"),
        "LeCun et al. 1998, doi:10.1109/5.726791",
        tuple("0123456789"),
    ),
    "fashion-mnist": _Set(
        "Fashion-MNIST",
        Path("fashion_mnist") / "fashion_mnist.npz",
        (Path("fashion_mnist"), Path("FashionMNIST") / "raw"),
        "Xiao et al. 2017, arXiv:1708.07747",
        (
            "T-shirt",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ),
    ),
}


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """Labelled images, those to train on first.

    pixels (n, height, width) uint8, 0 for black; image k shows ``classes[label[k]]`` and belongs to
    the test set where ``is_test[k]``.
    """

    pixels: NDArray[np.uint8]  # (n, height, width)
    label: NDArray[np.int64]  # (n,)
    is_test: NDArray[np.bool_]  # (n,)
    classes: tuple[str, ...]
    source: str  # in words: which data these are

    def __len__(self) -> int:
        return len(self.label)

    def take(self, which: ArrayLike) -> Images:
        """The images `which` (m,), in that order."""
        chosen = check.index_array("Images", "take which", which, below=len(self))
        return replace(
            self,
            pixels=self.pixels[chosen],
            label=self.label[chosen],
            is_test=self.is_test[chosen],
        )

    def shares(self) -> NDArray[np.float32]:
        """Brightness from 0, black, to 1: (n, height, width)."""
        return self.pixels.astype(np.float32) / np.float32(255.0)

    def drawn(
        self, sizes: tuple[int, int], seed: int, classes: tuple[int, ...] | None = None
    ) -> Images:
        """A part in which all classes are equally large.

        sizes: images of each class to train on and to test on, drawn by `seed`; classes: by their
        numbers, all if None. Raises ParameterError where there are fewer images.
        """
        rng, wanted = np.random.default_rng(seed), classes or tuple(range(len(self.classes)))
        parts = []
        for test, most in zip((False, True), sizes, strict=True):
            own = np.flatnonzero(self.is_test == test)
            parts.append(own[some_of_each(self.label[own], wanted, most, rng)])
        return self.take(np.concatenate(parts))


def load_images(data: str | Path | None, name: str = "fashion-mnist") -> Images:
    """All images of the set `name`, "mnist" or "fashion-mnist", in the folder `data`.

    Raises DataError in one sentence if there are none, or if a file is damaged, and ParameterError
    for an unknown name.
    """
    own = SETS[check.one_of("load_images", "name", name, list(SETS))]
    path, read = _find(own, None if data is None else Path(data))
    try:
        arrays = read()
        for part in ("train", "test"):
            _check(part, arrays[f"x_{part}"], arrays[f"y_{part}"])
        if arrays["x_train"].shape[1:] != arrays["x_test"].shape[1:]:
            raise DataError("its images differ in size")
    except Exception as error:  # a damaged file can fail in any layer: zip, deflate, header, memory
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"load_images: {path} is damaged or no {own.title}: {reason}.") from None
    return Images(
        pixels=np.concatenate([arrays["x_train"], arrays["x_test"]]),
        label=np.concatenate([arrays["y_train"], arrays["y_test"]]).astype(np.int64),
        is_test=np.repeat([False, True], [len(arrays["y_train"]), len(arrays["y_test"])]),
        classes=own.classes,
        source=own.title,
    )


def some_of_each(
    labels: NDArray[np.int64], classes: tuple[int, ...], most: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """`most` indices of each of `classes`, drawn without repetition.

    Raises ParameterError where there are fewer.
    """
    chosen = []
    for digit in classes:
        places = np.flatnonzero(labels == digit)
        check.whole(
            "some_of_each", f"number of samples of class {digit}", most, least=1, most=len(places)
        )
        chosen.append(rng.permutation(places)[:most])
    return np.concatenate(chosen)


def _find(own: _Set, data: Path | None) -> tuple[Path, Callable[[], Arrays]]:
    """Where a set lies, and what reads it from there."""
    if data is not None:
        if (data / own.archive).is_file():
            return data / own.archive, partial(read_arrays, data / own.archive, ARRAYS)
        for folder in own.folders:
            files = [_published(data / folder, file) for file in FILES]
            found = [file for file in files if file is not None]
            if len(found) == len(FILES):
                return data / folder, partial(_read_files, found)
    where = f"{own.archive} (--data was not given)" if data is None else data / own.archive
    raise DataError(
        f"load_images: {where} does not exist; save {own.title} ({own.origin}) there as arrays x_train (n, 28, 28) and "
        f"y_train (n,), x_test and y_test, all uint8, or beside it the four files as published, such as {FILES[0]}.gz"
    )


def _read_files(files: Sequence[Path]) -> Arrays:
    """The arrays of the four published files."""
    return {name: read_idx(file) for name, file in zip(ARRAYS, files, strict=True)}


def _published(folder: Path, name: str) -> Path | None:
    """A published file, packed or not, if it is in the folder."""
    places = (folder / f"{name}.gz", folder / name)
    return next((place for place in places if place.is_file()), None)


def _check(part: str, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """Raise DataError unless these are images and their labels."""
    if images.dtype != np.uint8 or images.ndim != 3 or labels.shape != images.shape[:1]:
        raise DataError(f"x_{part} and y_{part} do not fit each other")
    if not images.size:
        raise DataError(f"x_{part} holds no pixels")
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= N_CLASSES:
        raise DataError(f"y_{part} must hold digits")
