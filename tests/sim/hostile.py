"""Files as somebody makes them who wants to harm whoever reads them, changed byte by byte.

What h5py cannot write is put in by hand, where the format says that it stands.
"""

from __future__ import annotations

import struct
from pathlib import Path

import h5py
import numpy as np


def with_texts(path: Path, n: int = 3, letters: int = 40) -> Path:
    """A file whose attributes are `n` texts of variable length, each of so many letters."""
    with h5py.File(path, "w", libver="earliest") as file:
        for k in range(n):
            file.create_group(f"g{k}").attrs["note"] = chr(97 + k % 26) * letters
    return path


def change(path: Path, place: int, content: bytes) -> Path:
    """Write `content` at a place of a file."""
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)
    return path


def endless_texts(path: Path) -> Path:
    """Its first text has the number 0, at which the HDF5 library goes round in circles."""
    place = with_texts(path).read_bytes().index(b"GCOL") + 16
    return change(path, place, b"\0\0")


def texts_in_one_place(path: Path, n: int = 4000, letters: int = 60_000) -> Path:
    """All of its many texts are one long one, so that it takes `n` times as much memory as it has
    bytes.
    """
    content = with_texts(path, n, 8).read_bytes()
    end = len(content)
    with path.open("r+b") as file:
        file.seek(0, 2)
        file.write(
            struct.pack("<4sB3xQ", b"GCOL", 1, letters + 32)
            + struct.pack("<HH4xQ", 1, 1, letters)
            + b"x" * letters
        )
    sizes = [place for place in range(0, end - 16, 8) if _is_text(content, place)]
    for place in sizes:
        change(path, place, struct.pack("<IQI", letters, end, 1))
    change(path, 40, struct.pack("<Q", path.stat().st_size))
    return path


def _is_text(content: bytes, place: int) -> bool:
    """Whether an attribute tells there where its text of 8 letters lies."""
    length, address, _ = struct.unpack_from("<IQI", content, place)
    return length == 8 and content[address : address + 4] == b"GCOL"


def empty_chunk(path: Path, dataset: str) -> Path:
    """The index of a dataset says that its first chunk takes no byte, over which the HDF5 library
    crashes.
    """
    with h5py.File(path) as file:
        stored = file[dataset].id.get_chunk_info(0)
    content = path.read_bytes()
    place = next(
        place
        for place in range(0, len(content) - 8)
        if content[place : place + 8] == struct.pack("<II", stored.size, 0)
        and struct.pack("<Q", stored.byte_offset) in content[place : place + 64]
    )
    return change(path, place, b"\0" * 4)


def chunks_in_one_place(path: Path, n: int = 64) -> Path:
    """A dataset whose chunks are all half of the file, so that reading it takes `n` halves of the
    file.
    """
    with h5py.File(path, "w", libver="earliest") as file:
        file.create_dataset("x", data=np.zeros(n << 12), chunks=(1 << 12,), compression="gzip")
        chunks = [file["x"].id.get_chunk_info(k) for k in range(n)]
    content = path.read_bytes()
    for chunk in chunks:
        start = content.index(
            struct.pack("<IIQQQ", chunk.size, 0, chunk.chunk_offset[0], 0, chunk.byte_offset)
        )
        change(path, start, struct.pack("<I", len(content) // 2))
        change(path, start + 24, struct.pack("<Q", 0))
    return path
