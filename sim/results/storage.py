"""Results as HDF5 files that other tools read, and back.

- ``/spikes/<population>``: ``timestamps`` [s], ``node_ids``, attribute ``sorting``, as SONATA asks;
  ``recorded``, the units whose spikes were recorded, where those are not all;
- ``/report/<population>.<variable>``: ``data`` (n_samples, n_recorded), ``mapping``, as SONATA
  asks; ``times`` [s];
- ``/counts``, ``/rate``, ``/weights``: per population or projection ``data``, ``times`` [s],
  ``ids``;
- ``/tallies``, ``/metrics``: one attribute per number;
- ``/meta``: schema, version, span [s], spike hash, ``json``: how the run was made, digest of all
  but metrics.

What SONATA names is not compressed, because libsonata's HDF5 cannot unpack it; the rest is.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from ...errors import DataError
from ...version import __version__, by
from ..disk import atomic, json_text
from ..hdf5 import hdf5
from ..hdf5.format import Group
from . import chain
from .records import Records, Samples, Spikes, concatenate

SCHEMA: Final = 1
MOST_UNITS: Final = 2**31 - 1  # of a population
RESULTS: Final = "results.h5"
KINDS: Final = ("counts", "rate", "weights")  # of sampled records that are no state variables
SORTINGS: Final = {"none": 0, "by_id": 1, "by_time": 2}
SORTING = h5py.enum_dtype(SORTINGS, basetype=np.uint8)
SONATA_MAGIC, SONATA_VERSION = 0x0A7A, (0, 1)


def save_result(
    result: Records,
    path: str | os.PathLike[str],
    *,
    metrics: Mapping[str, float] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write `result` to `path`, an .h5 file or a folder that gets results.h5, all or nothing.

    Returns the file. Raises DataError where it cannot be written, or exists and `overwrite` is
    False.
    """
    return save_into(
        path, RESULTS, lambda file: write_result(result, file, metrics=metrics, overwrite=overwrite)
    )


def save_into(path: str | os.PathLike[str], name: str, write: Callable[[Path], object]) -> Path:
    """Let `write` make a file, `path` if that ends in .h5, else `name` in the folder `path`.

    Return the file.
    """
    file, made = Path(path), []
    if file.suffix not in (".h5", ".hdf5"):
        made = atomic.make_folder(file)
        file /= name
    try:
        write(file)
    except BaseException:
        atomic.unmake(made)
        raise
    return file


def write_result(
    result: Records,
    file: Path,
    *,
    metrics: Mapping[str, float] | None = None,
    place: Mapping[str, int | str] | None = None,
    overwrite: bool = False,
) -> str:
    """Write `result` as `file`, all or nothing, and return its digest.

    place: where it belongs, see `chain.Link`.
    """
    made = ""

    def fill(root: h5py.File) -> None:
        nonlocal made
        made = fill_root(root, result, metrics or {}, place or {})

    hdf5.store(file, fill, replace=overwrite)
    return made


def load_result(path: str | os.PathLike[str]) -> Records:
    """Read the result saved at `path`.

    It is a file, a run folder, or a folder of sections that a broken run left. The file is taken
    for hostile: see `hdf5.reading`. Raises DataError in one sentence.
    """
    place = Path(path)
    if not place.is_dir():
        return _read_file(place, follow=True)
    if os.path.exists(place / RESULTS):
        return _read_file(place / RESULTS)
    if not chain.sections(place):
        raise DataError(f"{place} holds no {RESULTS}")
    return join_sections(place)


def join_sections(folder: Path) -> Records:
    """The sections of a folder as one result.

    Raises DataError unless each goes on where the one before it ended.
    """
    row = chain.Chain(folder)
    return concatenate(_read_file(path, row) for path in chain.sections(folder))


def digest(result: Records) -> str:
    """BLAKE2b of everything that a saved result holds, apart from the metrics."""
    summary = hashlib.blake2b(digest_size=16)
    words = [result.start, result.stop, result.hash, result.meta, result.tallies]
    summary.update(json.dumps(words, sort_keys=True, default=str).encode())
    for name, spikes in sorted(result.spike_records.items()):
        recorded = () if spikes.recorded is None else (spikes.recorded,)
        _add(
            summary,
            [name, spikes.n, spikes.start, spikes.stop],
            spikes.times,
            spikes.ids,
            *recorded,
        )
    for name, samples in sorted(result.sample_records.items()):
        _add(summary, [name, samples.unit], samples.times, samples.values, samples.ids)
    return summary.hexdigest()


def _add(summary: Any, words: list[Any], *arrays: Any) -> None:
    summary.update(json.dumps(words).encode())
    for array in arrays:
        summary.update(f"{array.dtype.str}{array.shape}".encode())
        summary.update(np.ascontiguousarray(array))


def fill_root(
    root: h5py.Group, result: Records, metrics: Mapping[str, float], place: Mapping[str, int | str]
) -> str:
    """Write a result into an empty group, the root of a file or one for a sample of a batch.

    Return its digest.
    """
    with ThreadPoolExecutor(1) as pool:  # hashing leaves the interpreter to others
        sealed = pool.submit(digest, result)
        _fill_records(root, result, metrics)
        hdf5.put(root["meta"], "digest", sealed.result())
    for name, value in place.items():
        hdf5.put(root["meta"], name, value)
    return sealed.result()


def _fill_records(root: h5py.Group, result: Records, metrics: Mapping[str, float]) -> None:
    root.attrs["magic"], root.attrs["version"] = (
        np.uint32(SONATA_MAGIC),
        np.array(SONATA_VERSION, np.uint32),
    )
    meta = root.create_group("meta")
    words = {"schema": SCHEMA, "potentia": __version__, "start": result.start, "stop": result.stop}
    for name, value in (words | {"hash": result.hash}).items():
        hdf5.put(meta, name, value)
    meta.create_dataset("json", data=np.bytes_(json.dumps(result.meta, default=str).encode()))
    for title, numbers in (("tallies", result.tallies), ("metrics", metrics)):
        group = root.create_group(title)
        for name, value in numbers.items():
            group.attrs[name] = value
    for path, part in _parts(result):
        _write(root.require_group(path), part)


@dataclass(frozen=True)
class _Part:
    """One record as it stands in a file.

    It has attributes, `sorting` by name, and the datasets with their units. derived: datasets that
    follow from the others, for readers of SONATA.
    """

    attributes: dict[str, Any]
    datasets: dict[str, tuple[Any, str]]
    derived: dict[str, tuple[Any, str]] = field(default_factory=dict)
    sorting: str = ""
    compress: bool = False


def _parts(result: Records) -> Iterator[tuple[str, _Part]]:
    """Where each record of a result stands, and how."""
    for name, spikes in result.spike_records.items():
        yield f"spikes/{name}", _spikes_part(spikes)
    for name, samples in result.sample_records.items():
        target, what = name.rsplit(".", 1)
        yield (
            (f"{what}/{target}" if what in KINDS else f"report/{name}"),
            _samples_part(samples, what in KINDS),
        )


def _spikes_part(spikes: Spikes) -> _Part:
    in_time = bool((spikes.times[1:] >= spikes.times[:-1]).all())
    times, ids = (
        np.asarray(spikes.times, np.float64),
        np.asarray(spikes.ids, np.int64).view(np.uint64),
    )
    datasets = {"timestamps": (times, "s"), "node_ids": (ids, "")}
    if spikes.recorded is not None:
        datasets["recorded"] = (spikes.recorded.astype(np.uint64), "")
    attributes = {"n": spikes.n, "start": spikes.start, "stop": spikes.stop}
    return _Part(attributes, datasets, sorting="by_time" if in_time else "none")


def _samples_part(samples: Samples, plain: bool) -> _Part:
    """Samples of Potentia's own, or a SONATA frame report.

    A report has one element per unit, and frames in steps of ``time[2]``.
    """
    times, ids, attributes = samples.times, samples.ids.astype(np.uint64), {"unit": samples.unit}
    datasets = {"data": (samples.values, samples.unit), "times": (times, "s")}
    if plain:
        return _Part(attributes, datasets | {"ids": (ids, "")}, compress=True)
    start = float(times[0]) if times.size else 0.0
    interval = float(times[-1] - times[0]) / (times.size - 1) if times.size > 1 else 1.0
    derived = {
        "mapping/index_pointers": (np.arange(ids.size + 1, dtype=np.uint64), ""),
        "mapping/element_ids": (np.zeros(ids.size, np.uint32), ""),
        "mapping/time": (np.array([start, start + interval * times.size, interval]), "s"),
    }
    return _Part(attributes, datasets | {"mapping/node_ids": (ids, "")}, derived)


def _write(group: h5py.Group, part: _Part) -> None:
    for name, value in part.attributes.items():
        hdf5.put(group, name, value)
    if part.sorting:
        group.attrs.create("sorting", SORTINGS[part.sorting], dtype=SORTING)
    for name, (values, unit) in (part.datasets | part.derived).items():
        hdf5.add(group, name, values, unit, compress=part.compress)


def _check_rest(root: Group, result: Records) -> None:
    """Raise DataError unless all that stands beside the records is what was written with them.

    The digest tells of what `Result` holds; the rest follows from that, and readers of SONATA trust
    it.
    """
    wanted: dict[str, Any] = {"magic": SONATA_MAGIC, "version": SONATA_VERSION}
    sound = all(
        np.array_equal(root.attributes.get(name, ()), value) for name, value in wanted.items()
    )
    for path, part in _parts(result):
        group = hdf5.group(root, path)
        sound = sound and (not part.sorting or _sorting(group) == part.sorting)
        for name, (_, unit) in (part.datasets | part.derived).items():
            dataset = group[name]
            sound = sound and ("units" in dataset.attributes) == bool(unit)
            sound = sound and (not unit or hdf5.attribute(dataset, "units", str) == unit)
        for name, (values, _) in part.derived.items():
            sound = sound and np.array_equal(
                hdf5.array(group, name, values.dtype.kind, 1), values, equal_nan=True
            )
    if not sound:
        raise DataError("its units, or what it tells readers of SONATA, were changed or damaged")


def _sorting(group: Group) -> str | None:
    """What the attribute ``sorting`` of spikes says."""
    if "sorting" not in group.attributes or group.attributes.type("sorting").names != tuple(
        sorted(SORTINGS.items())
    ):
        return None
    names = {value: name for name, value in SORTINGS.items()}
    return names.get(hdf5.attribute(group, "sorting", int))


def _read_file(path: Path, row: chain.Chain | None = None, *, follow: bool = False) -> Records:
    with hdf5.reading(path, path, follow=follow) as root:
        result = read_root(root)
        link = chain.read_link(hdf5.group(root, "meta"))
    if row is not None:
        row.add(path, link)
    return result


def read_root(root: Group) -> Records:
    """The result that stands in a group, the root of a file or a sample of a batch.

    Raises DataError.
    """
    meta = read_schema(root)
    if "kind" in meta.attributes:
        raise DataError("it holds the results of a batch; read it with BatchResult.load")
    span = _span(meta)
    words = json_text.parse(bytes(hdf5.array(meta, "json", "S", 0)[()]), "/meta/json")
    if not isinstance(words, dict):
        raise DataError("/meta/json must hold a JSON object")
    result = Records(span[0], span[1], hdf5.attribute(meta, "hash", str), meta=words)
    tallies = hdf5.group(root, "tallies")
    result.tallies.update({name: hdf5.number(tallies, name) for name in tallies.attributes})
    _read_records(root, result)
    if hdf5.attribute(meta, "digest", str) != digest(result):
        raise DataError(
            "what it holds does not have the digest that it was saved with: it was changed or damaged"
        )
    _check_rest(root, result)
    return result


def read_schema(root: Group) -> Group:
    """The group /meta of a file that this version reads. Raises DataError."""
    meta = root.get("meta")
    if not isinstance(meta, Group):
        raise DataError("it has no group /meta, so it is no file of results of Potentia")
    schema = hdf5.attribute(meta, "schema", int)
    if schema != SCHEMA:
        version = hdf5.attribute(meta, "potentia", str) if "potentia" in meta.attributes else ""
        known = f"this version of Potentia ({__version__}) reads schema {SCHEMA}"
        raise DataError(f"it has schema {schema},{by(version):.80}; {known}")
    return meta


def _read_records(root: Group, result: Records) -> None:
    for name, group in hdf5.members(root, "spikes"):
        times = hdf5.array(group, "timestamps", "f", 1)
        ids = hdf5.array(group, "node_ids", "u", 1).astype(np.int64)
        n = hdf5.attribute(group, "n", int)
        if not 0 <= n <= MOST_UNITS:
            raise DataError(f"{group.name} must have from 0 to {MOST_UNITS:,} units (got {n})")
        recorded = (
            hdf5.array(group, "recorded", "u", 1).astype(np.int64) if "recorded" in group else None
        )
        for indices in (ids,) if recorded is None else (ids, recorded):
            if indices.size and not 0 <= indices.min() <= indices.max() < n:
                raise DataError(f"{group.name} must have ids below {n}")
        if ids.shape != times.shape:
            raise DataError(f"{group.name} must have one id for each time")
        if recorded is not None and not (
            np.isin(ids, recorded).all() and np.unique(recorded).size == recorded.size
        ):
            raise DataError(
                f"{group.name} must name each recorded unit once, and have spikes of no other"
            )
        start, stop = _span(group)
        result.spike_records[name] = Spikes(times, ids, n, start, stop, recorded)
    for name, group in hdf5.members(root, "report"):
        result.sample_records[name] = _read_samples(group, "mapping/node_ids")
    for what in KINDS:
        for name, group in hdf5.members(root, what):
            result.sample_records[f"{name}.{what}"] = _read_samples(group, "ids")


def _span(group: Group) -> tuple[float, float]:
    """Where a record begins and ends [s]."""
    start, stop = (hdf5.attribute(group, key, float) for key in ("start", "stop"))
    if not -math.inf < start <= stop < math.inf:
        raise DataError(f"{group.name} must begin before it ends (got {start} to {stop})")
    return start, stop


def _read_samples(group: Group, ids: str) -> Samples:
    values, times = hdf5.array(group, "data", "biuf", 2), hdf5.array(group, "times", "f", 1)
    recorded = hdf5.array(group, ids, "u", 1).astype(np.int64)
    if values.shape != (times.size, recorded.size):
        raise DataError(
            f"{group.name}/data must have one row per time and one column per id (got {values.shape})"
        )
    return Samples(times, values, recorded, hdf5.attribute(group, "unit", str))
