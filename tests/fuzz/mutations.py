"""Ways in which files are changed: bytes, and what JSON says."""

from __future__ import annotations

import copy
import struct
from typing import Any

import numpy as np

# of structures
MARKS = (
    b"TREE",
    b"SNOD",
    b"HEAP",
    b"GCOL",
    b"\x89HDF",
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"NUMPY",
)
NUMBERS = [
    0,
    1,
    2,
    7,
    8,
    255,
    256,
    65535,
    1 << 16,
    1 << 31,
    (1 << 31) - 1,
    1 << 32,
    1 << 62,
    (1 << 63) - 1,
    (1 << 64) - 1,
]
WORDS: list[Any] = [
    None,
    True,
    -1,
    0,
    1e308,
    10**30,
    10**400,
    -(2**63),
    1.5,
    "",
    "x",
    "\ud800",
    "\x1b[31m\x07",
    "a\nb\u202e",
    "$\\frac{",
    "../../etc/passwd",
    "/dev/zero",
    [],
    {},
    [[]],
    [1, "a"],
    {"a": {}},
    "y" * 5000,
    float("nan"),
    float("inf"),
]


def bytes_changed(rng: np.random.Generator, content: bytes) -> bytes:
    """`content` with one to four changes, half of them near where a structure begins."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        if not changed:
            break
        place = _place(rng, changed)
        match int(rng.integers(9)):
            case 0 | 1:
                changed[place] ^= 1 << int(rng.integers(8))
            case 2:
                changed[place] = int(rng.integers(256))
            case 3 | 4:
                number = NUMBERS[int(rng.integers(len(NUMBERS)))]
                width = int(rng.choice([1, 2, 4, 8]))
                changed[place : place + width] = struct.pack("<Q", number)[:width]
            case 5:
                length, source = int(rng.integers(1, 64)), _place(rng, changed)
                changed[place : place + length] = changed[source : source + length]
            case 6:
                word = struct.pack("<Q", _place(rng, changed))  # an address that is one
                changed[place : place + 8] = word
            case 7:
                del changed[place : place + int(rng.integers(1, 9))]
            case _:
                del changed[place:]
    return bytes(changed)


def _place(rng: np.random.Generator, content: bytearray) -> int:
    if rng.random() < 0.5:
        mark = MARKS[int(rng.integers(len(MARKS)))]
        first = content.find(mark, int(rng.integers(len(content))))
        if first >= 0:
            return min(first + int(rng.integers(160)), len(content) - 1)
    return int(rng.integers(len(content)))


def words_changed(rng: np.random.Generator, words: Any) -> Any:
    """What JSON says with one to three changes somewhere in it."""
    changed = copy.deepcopy(words)
    for _ in range(int(rng.integers(1, 4))):
        inside, path = changed, None
        while isinstance(inside, (dict, list)) and inside and (path is None or rng.random() < 0.7):
            keys = list(inside) if isinstance(inside, dict) else range(len(inside))
            path = inside, keys[int(rng.integers(len(keys)))]
            inside = path[0][path[1]]
        if path is None:
            return _word(rng)
        _change(rng, *path)
    return changed


def _change(rng: np.random.Generator, holder: Any, key: Any) -> None:
    match int(rng.integers(5)):
        case 0:
            del holder[key]
        case 1:
            deep: Any = 1
            for _ in range(int(rng.choice([3, 70, 900]))):
                deep = [deep]
            holder[key] = deep
        case 2 if isinstance(holder, dict):
            holder[WORDS[int(rng.integers(10, 16))]] = holder.pop(key)
        case _:
            holder[key] = _word(rng)


def _word(rng: np.random.Generator) -> Any:
    """A value of JSON, which the next change may change in its turn."""
    return copy.deepcopy(WORDS[int(rng.integers(len(WORDS)))])
