"""What was changed on a simulation, as one short text that tells two of them apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ...errors import PotentiaError
from .serialise import Arrays, pack

LENGTH: Final = 32  # hexadecimal digits


def followed(history: str, time: float, verb: str, values: Mapping[str, Any]) -> str:
    """The history of a simulation after one more request.

    After `history`, a `verb` was carried out with `values` at `time` [s].
    """
    arrays: Arrays = {}
    told = {name: _packed(value, arrays) for name, value in values.items()}
    words = json.dumps([history, repr(time), verb, told])
    digest = hashlib.blake2b(words.encode(), digest_size=LENGTH // 2)
    for array in arrays.values():
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def is_history(text: Any) -> bool:
    """Whether a text from a file can be the history of a simulation."""
    return (
        isinstance(text, str) and len(text) in (0, LENGTH) and set(text) <= set("0123456789abcdef")
    )


def _packed(value: Any, arrays: Arrays) -> Any:
    """A value as it would be saved; the text of one that cannot be."""
    try:
        return pack(value, arrays)
    except PotentiaError:
        return repr(value)
