"""What a user's own kernel did wrong, noted by compiled code and told when the chunk is over.

A kernel of the library is known to keep its rules, so none of this costs it anything.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit, types
from numba.core.errors import TypingError
from numba.extending import overload

from ...errors import NetworkError

FINE, FAILED, COUNT, ORDER, NEITHER, AGAIN, STUCK = range(7)
NO_COUNT: Final = "must return the number of spikes, a whole number"


def number(count: Any) -> int:
    """The number of spikes that a kernel returned.

    Compiled code knows by its type whether it is one.
    """
    if not isinstance(count, (int, np.integer, np.bool_)):
        raise TypeError(NO_COUNT)
    return int(count)


@overload(number, inline="always")
def _number(count):
    if not isinstance(count, (types.Integer, types.Boolean)):
        raise TypingError(NO_COUNT)
    return lambda count: np.int64(count)  # noqa: PLW0108


@njit(error_model="numpy")
def judged(count, fired, verdict):
    """`count`, if it is the number of units listed properly, else 0.

    They have to be listed at the head of fired, ascending and each once. verdict (2,) int64: which
    rule was broken, and the value that broke it.
    """
    if count < 0 or count > fired.size:
        verdict[0], verdict[1] = COUNT, count
        return np.int64(0)
    before = np.int64(-1)
    for k in range(count):
        unit = np.int64(fired[k])
        if unit <= before or unit >= fired.size:
            verdict[0], verdict[1] = ORDER, unit
            return np.int64(0)
        before = unit
    return count


def judge(reference_count: Any, fired: Any, owner: str, name: str) -> int:
    """The same for what a kernel returned to Python. Raises NetworkError."""
    if isinstance(reference_count, (bool, int, np.bool_, np.integer)):
        verdict = np.zeros(2, np.int64)
        count = int(judged.py_func(int(reference_count), fired, verdict))
        tell(verdict, fired.size, owner, name)
        return count
    raise NetworkError(f"{owner}: kernel {name} {NO_COUNT} (got {reference_count!r:.60})")


def tell(verdict: Any, size: int, owner: str, name: str) -> None:
    """Raise NetworkError if a rule was broken; size: of the population."""
    value = int(verdict[1])
    rules = {
        FAILED: "raised an error or reached outside of an array; backend='reference' shows where",
        COUNT: f"must return the number of spikes, from 0 to {size} (got {value})",
        ORDER: f"must list the units that fired in ascending order, each once, all < {size} (got {value} out of order)",
    }
    if verdict[0]:
        raise NetworkError(f"{owner}: kernel {name} {rules[int(verdict[0])]}")
