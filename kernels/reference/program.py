"""The loop in plain Python: every call, in order, every step. Slow, and easy to believe."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any


class Program:
    """Calls run as they are; see `kernels/backend.py` for the meaning of the arguments."""

    def __init__(self, calls: Sequence[Any], clockwork: Any, precision: str, lanes: int = 1) -> None:
        self._pause = clockwork.pause
        self._calls = [(call, "step" in inspect.signature(call.kernel).parameters) for call in calls]

    def advance(self, step: int, stop: int) -> int:
        """Run from `step` up to `stop`, or until a buffer is full; return the first step not run."""
        while step < stop:
            for call, takes_step in self._calls:
                if step % call.every:
                    continue
                count = call.kernel(**call.arguments, **({"step": step} if takes_step else {}))
                if call.returns is not None:
                    call.returns[0] = count
            step += 1
            if self._pause[0]:
                break
        return step

    def collect(self) -> None:
        """Nothing to do: kernels work on the arrays themselves."""

    def halt(self) -> None:
        """Nothing to do: nothing runs but `advance` itself."""
