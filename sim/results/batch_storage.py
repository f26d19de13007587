"""The results of a batch as one HDF5 file, and back.

``/samples/0``, ``/samples/1`` ... each hold a result as a file of its own would; ``/meta``: schema,
version, kind, the number of samples, and a digest of theirs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import h5py

from ...errors import DataError
from ...version import __version__
from ..hdf5 import hdf5
from . import storage
from .records import Records

RESULTS: Final = "batch.h5"
KIND: Final = "batch"


def save_batch(
    samples: Sequence[Records], path: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write `samples` to `path`, an .h5 file or a folder that gets batch.h5, all or nothing.

    Returns the file. Raises DataError where it cannot be written, or exists and `overwrite` is
    False.
    """

    def fill(root: h5py.File) -> None:
        meta, group = root.create_group("meta"), root.create_group("samples")
        digests = [
            storage.fill_root(group.create_group(str(k)), part, {}, {})
            for k, part in enumerate(samples)
        ]
        words = {
            "schema": storage.SCHEMA,
            "potentia": __version__,
            "kind": KIND,
            "samples": len(samples),
        }
        for name, value in (words | {"digest": _digest(digests)}).items():
            hdf5.put(meta, name, value)

    return storage.save_into(path, RESULTS, lambda file: hdf5.store(file, fill, replace=overwrite))


def load_batch(path: str | os.PathLike[str]) -> list[Records]:
    """Read the samples saved at `path`, a file or a folder with batch.h5, in order.

    The file is taken for hostile: see `hdf5.reading`. Raises DataError in one sentence.
    """
    place = Path(path)
    file = place / RESULTS if place.is_dir() else place
    if file is not place and not os.path.exists(file):
        raise DataError(f"{place} holds no {RESULTS}")
    with hdf5.reading(file, file, follow=file is place) as root:
        meta = storage.read_schema(root)
        if "kind" not in meta.attributes or hdf5.attribute(meta, "kind", str) != KIND:
            raise DataError("it holds the result of one run; read it with Result.load")
        groups = dict(hdf5.members(root, "samples"))
        names = [str(k) for k in range(len(groups))]
        if hdf5.attribute(meta, "samples", int) != len(groups) or set(groups) != set(names):
            raise DataError(
                "it does not hold the samples that it was saved with: it was changed or damaged"
            )
        samples = [storage.read_root(groups[name]) for name in names]
        if hdf5.attribute(meta, "digest", str) != _digest(map(storage.digest, samples)):
            raise DataError(
                "its samples are not those that it was saved with: it was changed or damaged"
            )
    return samples


def _digest(digests: Iterable[str]) -> str:
    """BLAKE2b of the digests of all samples, in order."""
    return hashlib.blake2b("".join(digests).encode(), digest_size=16).hexdigest()
