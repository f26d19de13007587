"""NIR's HDF5 files: read as if a stranger had sent them, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from ...errors import DataError
from ...sim import validation as check
from ...sim.hdf5 import hdf5
from ...sim.hdf5.format import Dataset, Group
from .nir_graph import NirGraph
from .nir_nodes import NirNode

VERSION: Final = "1.0.8"  # of the package nir whose files ours are like
MAJORS: Final = ("0", "1")  # versions whose files are known


def read_graph(path: str | os.PathLike[str]) -> NirGraph:
    """The graph in a NIR file.

    The file is read without the HDF5 library; links, storage outside of the file and sizes that it
    cannot hold are refused, see `potentia.sim.hdf5.format`. Raises DataError with one sentence.
    """
    path = check.path("from_nir", "source", path)
    with hdf5.reading(path, path) as file:
        _check_version(file)
        node = file.get("node")
        if not isinstance(node, Group):
            raise DataError("it is no NIR file, for it has no group /node")
        told = _dictionary(node)
        if told.pop("type", None) != "NIRGraph":
            raise DataError("it is no NIR file, for /node is of no type NIRGraph")
        edges = np.asarray(told.get("edges", ()))
        if edges.size == 0:  # h5py writes an empty list as numbers
            told["edges"] = ()
        elif edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "OS":
            raise DataError(f"/node/edges must be pairs of names (got shape {edges.shape})")
        return NirGraph.from_dict(told)


def write_graph(graph: NirGraph, path: str | os.PathLike[str]) -> Path:
    """Write `graph` to `path`, which appears whole or not at all, as ``nir.read`` reads it.

    Raises DataError where that is impossible, ParameterError for a name that HDF5 cannot hold.
    """
    path = check.path("to_nir", "path", path)
    _check_names(graph)

    def fill(file: h5py.File) -> None:
        _put(file, "version", VERSION)
        _put_graph(file.create_group("node"), graph)

    hdf5.store(path, fill)
    return path


def _check_version(file: Group) -> None:
    version = file.get("version")
    if not isinstance(version, Dataset) or version.shape != ():
        raise DataError("it is no NIR file, for it has no text /version")
    told = _value(version)
    if not isinstance(told, str) or told.split(".")[0] not in MAJORS:
        raise DataError(f"it is of version {told!r:.40} of NIR; versions 0 and 1 are read")


def _dictionary(group: Group) -> dict[str, Any]:
    """A group as nested dictionaries of arrays and texts."""
    found: dict[str, Any] = {}
    for name in group:
        item = group[name]
        found[name] = _dictionary(item) if isinstance(item, Group) else _value(item)
    return found


def _value(item: Any) -> Any:
    """What a dataset holds: an array, or one text as str."""
    values = item.read()
    if values.dtype.kind in "OS" and values.ndim == 0:
        return bytes(values[()]).decode()
    return values


def _check_names(graph: NirGraph) -> None:
    """Refuse names that would become several groups of a file, or none."""
    for name, node in graph.nodes.items():
        if not name or "/" in name or "\0" in name or name == "." or len(name.encode()) > 1000:
            rule = "must be 1 to 1000 bytes without '/' and zeros, to be written to a file"
            raise check.fail("NirGraph", "nodes", rule, name)
        if isinstance(node, NirGraph):
            _check_names(node)


def _put_graph(group: h5py.Group, graph: NirGraph) -> None:
    told = graph.to_dict()
    _put(group, "type", told["type"])
    _put_all(group, "metadata", graph.metadata)
    pairs = [[end.encode() for end in edge] for edge in graph.edges]
    kind = h5py.string_dtype()
    group.create_dataset("edges", data=np.array(pairs, object).reshape(len(pairs), 2), dtype=kind)
    nodes = group.create_group("nodes")
    for name, node in graph.nodes.items():
        inner = nodes.create_group(name)
        if isinstance(node, NirGraph):
            _put_graph(inner, node)
        else:
            _put_node(inner, node, told["nodes"][name])


def _put_node(group: h5py.Group, node: NirNode, told: Mapping[str, Any]) -> None:
    for key, value in told.items():
        if key == "metadata":
            _put_all(group, key, value)
        elif value is not None:
            _put(group, key, value)


def _put_all(group: h5py.Group, name: str, values: Mapping[str, Any]) -> None:
    """A dictionary as a group; nothing where it is empty."""
    if not values:
        return
    inner = group.create_group(name)
    for key, value in values.items():
        if isinstance(value, Mapping):
            _put_all(inner, str(key), value)
        else:
            _put(inner, str(key), value)


def _put(group: h5py.Group, name: str, value: Any) -> None:
    """A text or numbers as a dataset; larger ones packed in chunks with checksums."""
    if isinstance(value, str):
        group.create_dataset(name, data=value, dtype=h5py.string_dtype())
    else:
        hdf5.add(group, name, value)
