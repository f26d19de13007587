"""Why a user's own kernel cannot be compiled, in one sentence instead of Numba's page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numba
import numpy as np
from numba import types

from ..backend import Exact
from .verdict import NO_COUNT

SKIPPED = ("Failed in", "During:", "- Resolution", "There are", "Overload")


def refusal(
    kernel: Callable[..., Any],
    names: list[str],
    arguments: Mapping[str, Any],
    precision: str,
    error: Exception,
) -> str:
    """What is wrong with a kernel whose compilation ended in `error`.

    It was to be compiled for these arguments.
    """
    given = [types.int64 if name == "step" else _type(arguments[name], precision) for name in names]
    mine = _failure(kernel, given)
    if mine is None:
        return NO_COUNT if NO_COUNT in str(error) else f"cannot be compiled: {essential(error)}"
    for k, name in enumerate(names):
        other = _other(given[k]) if name != "step" else None
        if other is not None and _failure(kernel, [*given[:k], other, *given[k + 1 :]]) is None:
            used = (
                "an array, with [i]"
                if isinstance(other, types.Array)
                else "one number, without [i]"
            )
            got = (
                "an array with one entry per unit"
                if isinstance(given[k], types.Array)
                else "one number for all units"
            )
            return f"uses its parameter {name!r} as {used}, but it is {got} ({essential(mine)})"
    return f"cannot be compiled: {essential(mine)}"


def essential(error: Exception) -> str:
    """The line of an error of Numba that says what is wrong, and where."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [
        line.strip()
        for line in text.splitlines()
        if line.strip() and not line.strip().startswith(SKIPPED)
    ]
    said = lines[0] if lines else type(error).__name__
    if said.endswith("signature:") and len(lines) > 1:
        said = f"{said[:-1]} {lines[1].removeprefix('>>>').strip()}"
    where = re.search(r'File "([^"]*)", line (\d+)', text)
    return f"{said[:200]}{f', line {where[2]} of {where[1]}' if where else ''}"


def _failure(kernel: Any, given: list[Any]) -> Exception | None:
    """What compiling a kernel for arguments of these types ends in; None if it can be done."""
    try:
        numba.njit(kernel.py_func, error_model="numpy").compile(tuple(given))
    except Exception as error:  # Numba raises whatever its own code trips over
        return error
    return None


def _type(value: Any, precision: str) -> Any:
    if isinstance(value, np.ndarray):
        return types.Array(numba.from_dtype(value.dtype), value.ndim, "C")
    if isinstance(value, np.uint64):
        return types.uint64
    if isinstance(value, (int, np.integer)):
        return types.int64
    return types.float64 if isinstance(value, Exact) else numba.from_dtype(np.dtype(precision))


def _other(kind: Any) -> Any:
    """A number in place of an array and the other way round."""
    return kind.dtype if isinstance(kind, types.Array) else types.Array(kind, 1, "C")
