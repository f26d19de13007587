"""The port for what takes the records of a run while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from .result import Result

State = Callable[[], Mapping[str, NDArray[Any]]]


class Sink(Protocol):
    """Takes the records of a run section by section, each a Result of its own span."""

    def wants(self, n_bytes: int) -> bool:
        """Whether a section of `n_bytes` should be handed over now."""

    def put(self, section: Result, state: State | None = None) -> None:
        """Take over a section; `state` returns a copy of the state at its end."""
