"""The loop in plain Python: every call, in order, every step. Slow, and easy to believe."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import NetworkError
from ..cpu.fingerprint import is_own
from ..cpu.verdict import judge


class Program:
    """Calls run as they are; see `kernels/backend.py` for the meaning of the arguments."""

    def __init__(
        self, calls: Sequence[Any], clockwork: Any, precision: str, threads: int = 1
    ) -> None:
        self._pause = clockwork.pause
        self._calls = [
            (call, "step" in inspect.signature(call.kernel).parameters) for call in calls
        ]
        self._own = {id(call) for call in calls if is_own(call.kernel)}

    def advance(self, step: int, stop: int) -> int:
        """Run from `step` up to `stop`, or until a buffer is full.

        Returns the first step not run.
        """
        while step < stop:
            for call, takes_step in self._calls:
                if step % call.every:
                    continue
                arguments = {**call.arguments, **({"step": step} if takes_step else {})}
                count = (
                    self._of_own(call, arguments)
                    if id(call) in self._own
                    else call.kernel(**arguments)
                )
                if call.returns is not None:
                    call.returns[0] = count
            step += 1
            if self._pause[0]:
                break
        return step

    def _of_own(self, call: Any, arguments: dict[str, Any]) -> Any:
        """What a user's own kernel returns. Raises NetworkError where it fails or breaks a rule."""
        name = call.kernel.__name__
        try:
            count = call.kernel(**arguments)
        except Exception as error:
            raise NetworkError(
                f"{call.owner}: kernel {name} raised {type(error).__name__}: {error!s:.200}"
            ) from error
        if call.returns is None:
            return count
        return judge(count, arguments.get("fired", np.zeros(0, np.uint32)), call.owner, name)

    def collect(self) -> None:
        """Nothing to do: kernels work on the arrays themselves."""

    def halt(self) -> None:
        """Nothing to do: nothing runs but `advance` itself."""
