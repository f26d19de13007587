"""A list of calls as machine code: entry addresses, table rows and the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import binding, loop


class Program:
    """Calls compiled for the CPU; see `kernels/backend.py` for the meaning of the arguments.

    The table holds addresses into the callers' arrays, so those must stay alive and in place.
    """

    def __init__(self, calls: Sequence[Any], clockwork: Any, precision: str) -> None:
        self._calls, self._clockwork = calls, clockwork
        entries, rows = [], []
        for call in calls:
            function = getattr(call.kernel, "py_func", call.kernel)
            names = list(function.__code__.co_varnames[: function.__code__.co_argcount])
            arguments = {name: call.arguments[name] for name in names if name != "step"}
            entries.append(binding.entry(call.kernel, names, arguments, call.returns is not None, precision))
            rows.append(binding.row(arguments, call.returns))
        self._entries = np.array(entries, np.int64)
        self._masks = np.array([call.every - 1 for call in calls], np.int64)
        self._table = np.array([word for row in rows for word in row], np.int64)
        starts = np.cumsum([0] + [len(row) for row in rows[:-1]]) if rows else np.zeros(0, np.int64)
        self._rows = (self._table.ctypes.data + 8 * starts).astype(np.int64)
        self._state = clockwork.state.view(np.uint64)
        self._before = np.empty_like(self._state)

    def advance(self, step: int, stop: int) -> int:
        """Run from `step` up to `stop`, or until a buffer is full; return the first step not run."""
        clockwork = self._clockwork
        return int(
            loop.advance(
                self._entries, self._rows, self._masks, step, stop, clockwork.upcoming, clockwork.pause,
                self._state, self._before, clockwork.patience,
            )
        )  # fmt: skip
