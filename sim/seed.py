"""Keys of the counter-based random streams."""

from __future__ import annotations

import hashlib

from .validation import whole


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
