"""Snapshots: the whole state of a simulation in one file, from which it goes on bit for bit.

A file begins with a block of 512 bytes of text, which names the schema, the version that wrote it
and the SHA-256 of that version and all that follows. The rest is HDF5: ``/description`` (JSON),
``/arrays`` (the numbers of it) and ``/engine`` (spikes in flight, traces, counters, weights).
Nothing behind a wrong hash is handed to the HDF5 library.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, PotentiaError
from ...kernels.cpu.event_queue import TICKS
from ...version import __version__, by
from ..conversion import shown
from ..description import serialise as description
from ..description.history import is_history
from ..description.network import Network
from ..disk import files, json_text
from ..hdf5 import hdf5
from ..hdf5.format import Group

SCHEMA = 1
BLOCK = 512  # bytes of the first block
MAGIC = b"Potentia snapshot, schema "
MOST_BYTES = 1 << 36
MOST_DEPTH = 4 * description.MOST_DEPTH  # of the JSON text: a value takes up to four levels


@dataclass(frozen=True)
class Snapshot:
    """A simulation as it is saved.

    A description, how it is simulated (the arguments of Simulator), the arrays of its engine, and
    who wrote it.

    Among the options is the `history` of a simulation of which something was set, see
    `description/history.py`.
    """

    network: Network
    options: dict[str, Any]
    state: Mapping[str, NDArray[Any]]
    version: str = __version__

    @property
    def time(self) -> float:
        """Where the simulation stands [s]."""
        if "now" in self.state:
            return max(int(self.state["now"][0]), 0) / TICKS
        return int(self.state["step"][0]) * float(self.options["dt"])

    def description(self) -> tuple[bytes, description.Arrays]:
        """What is simulated and how, as texts and arrays."""
        arrays: description.Arrays = {}
        words = {"options": self.options, "network": description.pack_network(self.network, arrays)}
        return json.dumps(words, allow_nan=False).encode(), arrays

    def identity(self) -> tuple[bytes, dict[str, NDArray[Any]]]:
        """The same, without what no result depends on."""
        return replace(self, options=self.options | {"chunk": None}).description()


def same(one: Snapshot, other: Snapshot) -> bool:
    """Whether two snapshots are of the same simulation, if perhaps at other times."""
    (text, arrays), (other_text, other_arrays) = one.identity(), other.identity()
    return text == other_text and description.same_arrays(arrays, other_arrays)


def option_apart(one: Snapshot, other: Snapshot) -> str:
    """The first option that tells two simulations apart, as the end of a phrase; empty if none."""
    for name in ("engine", "backend", "dtype", "dt", "deterministic"):
        here, there = one.options.get(name), other.options.get(name)
        if here != there:
            return f" with {name}={shown(here)}, while this one has {name}={shown(there)}"
    return ""


def save(path: str | os.PathLike[str], snapshot: Snapshot) -> None:
    """Write a snapshot to `path`, all or nothing."""
    text, arrays = snapshot.description()

    def fill(file: Any) -> None:
        hdf5.add(file, "description", np.frombuffer(text, np.uint8))
        for title, members in (("arrays", arrays), ("engine", snapshot.state)):
            group = file.create_group(title)
            for name, array in members.items():
                hdf5.add(group, name, array)

    body = hdf5.image(fill)
    hdf5.write_file(path, b"".join((_header(SCHEMA, body), body)))


def load(path: str | os.PathLike[str]) -> Snapshot:
    """Read a snapshot, every part of it checked. Raises DataError."""
    body, version = _checked(Path(path))
    with hdf5.reading(io.BytesIO(body), path) as file:
        text = hdf5.array(file, "description", "u", 1).tobytes()
        arrays, state = (_arrays(hdf5.group(file, title)) for title in ("arrays", "engine"))
    with blaming(path, version):
        words = json_text.parse(text, "its description", depth=MOST_DEPTH)
        network = description.unpack_network(words["network"], arrays)
        units, held = (
            sum(part.n for part in network.populations),
            sum(array.size for array in state.values()),
        )
        if units > held:
            raise DataError(
                f"it describes {units:,} units and holds {held:,} numbers of their state"
            )
        return Snapshot(network, _options(words["options"]), state, version)


@contextlib.contextmanager
def blaming(path: str | os.PathLike[str], version: str = __version__) -> Iterator[None]:
    """Turn whatever the content of a snapshot makes go wrong into one sentence that names the file.

    version: which one wrote it; that is told too.
    """
    try:
        yield
    except (ValueError, KeyError, TypeError, RecursionError, PotentiaError) as error:
        writer = f"(the file was{by(version)}; this is {__version__})"
        raise DataError(f"{path} cannot be resumed: {error!s:.300} {writer}") from None


def _header(schema: int, body: bytes | memoryview, version: str = __version__) -> bytes:
    """The first block of a file with this body.

    It names the version of the program that wrote it, "" if it did not say.
    """
    writer = f"potentia {version}\n" if version else ""
    digest = hashlib.sha256(writer.encode())
    digest.update(body)
    return (MAGIC + f"{schema}\nsha256 {digest.hexdigest()}\n{writer}".encode()).ljust(BLOCK, b"\0")


def _version(head: bytes) -> str:
    """Which version wrote a file with this first block; "" if it does not say."""
    found = re.search(rb"\npotentia ([0-9A-Za-z.+-]{1,60})\n", head)
    return found[1].decode() if found else ""


def _checked(path: Path) -> tuple[bytes, str]:
    """The HDF5 part of a snapshot whose header and hash are right, and the version that wrote it."""
    content = files.read_regular(path, most=MOST_BYTES, follow=True)
    head, body = content[:BLOCK], content[BLOCK:]
    if not head.startswith(MAGIC):
        raise DataError(f"{path} is not a snapshot made by Simulator.save")
    number, version = head[len(MAGIC) :].split(b"\n", 1)[0], _version(head)
    if number.isdigit() and len(number) < 8 and int(number) != SCHEMA:
        known = f"this version of Potentia ({__version__}) reads schema {SCHEMA}"
        raise DataError(f"{path} has schema {int(number)},{by(version)}; {known}")
    if head != _header(SCHEMA, body, version):
        raise DataError(
            f"{path} is damaged or was changed: its SHA-256 is not the one it was sealed with"
        )
    return body, version


def _arrays(group: Group) -> dict[str, NDArray[Any]]:
    """All members of a group, which must be arrays of numbers."""
    return {name: hdf5.numbers(group, name) for name in group}


def _options(options: Any) -> dict[str, Any]:
    known = {"engine", "dt", "backend", "dtype", "chunk"}
    if not isinstance(options, dict) or set(options) - {"deterministic", "history"} != known:
        raise DataError(
            f"the saved options must be {', '.join(sorted(known))} (got {options!r:.100})"
        )
    if not is_history(options.get("history", "")):
        raise DataError(
            f"the saved history must be hexadecimal digits (got {options['history']!r:.100})"
        )
    return options
