"""Keys of the counter-based random streams."""

from __future__ import annotations

import hashlib
from typing import Final

from ..kernels.reference.inputs import PICO
from .validation import whole

# picoseconds, 26 days: trains that begin later share their random numbers
MOST_BEGINNING: Final = 1 << 61


def check_seed(owner: object, seed: object) -> int:
    """A seed as int, ``0 <= seed < 2**64``."""
    return whole(owner, "seed", seed, least=0, most=2**64 - 1)


def check_key(owner: object, key: object, field: str = "key") -> int:
    """The key of a random stream as int, ``0 <= key < 2**64``."""
    return whole(owner, field, key, least=0, most=2**64 - 1)


def stream_key(seed: int, *names: object) -> int:
    """A 64-bit key for the stream called `names` of a network with `seed`.

    BLAKE2b of the seed and the names, so that streams with different names are unrelated
    and a stream never moves when another one is added.
    """
    text = "/".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def beginning(time: float) -> int:
    """The number of the first interval of Poisson trains that begin at `time` [s]: its picoseconds.

    So no train draws the intervals of an earlier one again; the highest rate is far below one spike
    per picosecond.
    """
    return min(round(time * PICO), MOST_BEGINNING)
