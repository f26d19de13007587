"""JSON from outside: what it holds is bounded and can be shown, compared and written again."""

from __future__ import annotations

import json
from typing import Any, Final

from ...errors import DataError

MOST_DEPTH: Final = 64
MOST_WHOLE: Final = 1 << 64  # of a whole number, either way


def parse(text: bytes | str, what: str = "it", *, depth: int = MOST_DEPTH) -> Any:
    """The value of a JSON text, whose lists and objects are nested at most `depth` deep.

    Raises DataError.

    Texts must be of Unicode, which halves of surrogate pairs are not, and whole numbers must have
    64 bits.
    """
    try:
        value = json.loads(text.decode() if isinstance(text, bytes) else text)
    except (ValueError, RecursionError):
        raise DataError(f"{what} is damaged: it is not JSON") from None
    level, left = [value], depth
    while level := [item for item in level if isinstance(item, (dict, list)) or _check(item, what)]:
        if left == 0:
            raise DataError(f"{what} is damaged: its values are nested more than {depth} deep")
        left -= 1
        level = [item for part in level for item in _members(part)]
    return value


def _members(part: Any) -> list[Any]:
    return [*part.keys(), *part.values()] if isinstance(part, dict) else part


def _check(item: Any, what: str) -> bool:
    """False, for there is nothing inside an item that is neither list nor object.

    Raises DataError.
    """
    if isinstance(item, str) and not item.isascii():
        try:
            item.encode()
        except UnicodeEncodeError:
            raise DataError(f"{what} is damaged: the text {item!a:.60} is not of Unicode") from None
    elif isinstance(item, int) and abs(item) > MOST_WHOLE:
        raise DataError(f"{what} is damaged: a whole number has more than 64 bits")
    return False
