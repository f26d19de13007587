"""Warnings that point at the line of the user's code, each given once in a call."""

from __future__ import annotations

import contextlib
import functools
import sys
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from ..errors import PotentiaWarning

P = ParamSpec("P")
R = TypeVar("R")

_ROOT: Final = Path(__file__).resolve().parents[1]
ROOMS: Final = tuple(
    f"{_ROOT / room}/" for room in ("sim", "models", "learning", "hardware", "kernels")
)
_told: ContextVar[set[Any] | None] = ContextVar("told", default=None)


def notify(text: str, about: Any = None) -> None:
    """Warn of `text`.

    Within one call of a function that is `once_a_call`, only once `about` the same thing.
    """
    told, key = _told.get(), text if about is None else about
    if told is None or key not in told:
        if told is not None:
            told.add(key)
        warnings.warn(text, PotentiaWarning, stacklevel=_level())


class _Everything(set[Any]):
    """A set that holds all there is."""

    def __contains__(self, item: object) -> bool:
        return True


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Give no warning meanwhile: for descriptions that are not in volts and are known not to be."""
    token = _told.set(_Everything())
    try:
        yield
    finally:
        _told.reset(token)


def once_a_call(function: Callable[P, R]) -> Callable[P, R]:
    """Let `function`, and all that it calls, warn of each thing only once."""

    @functools.wraps(function)
    def wrapped(*arguments: P.args, **options: P.kwargs) -> R:
        if _told.get() is not None:
            return function(*arguments, **options)
        token = _told.set(set())
        try:
            return function(*arguments, **options)
        finally:
            _told.reset(token)

    return wrapped


def _level() -> int:
    """How many calls above `notify` the user's first frame is.

    It is the first that belongs neither to Potentia nor to torch.
    """
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and _ours(frame.f_code.co_filename, frame.f_code.co_name):
        frame, level = frame.f_back, level + 1
    return level


def _ours(file: str, function: str) -> bool:
    return (
        file.startswith(ROOMS)
        or "/torch/" in file
        or (file == "<string>" and function == "__init__")
    )
