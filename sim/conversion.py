"""What a user hands over, as a plain NumPy array or number: the conversions behind `validation`.

Each function returns something that is safe to compute with, or raises ValueError with a rule such
as "must be an array of numbers". Nothing is dropped silently: neither masks nor imaginary parts nor
units of time.
"""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Iterator, Mapping, Sized
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import one_line

LONGEST_RANGE: Final = 2**31 - 1
LONGEST_ARRAY: Final = 2**36
FEW: Final = 50  # entries of a list that are shown
SHOWN: Final = 80  # characters of a value that are shown
ARRAY: Final = "must be an array of numbers"
REAL: Final = "must be an array of real numbers"
NOT_NUMBERS: Final = (bool, np.bool_, np.timedelta64, np.complexfloating)


def shown(value: object) -> str:
    """`value` as a message shows it: at most 80 characters of one line.

    This holds whatever its own `repr` does.
    """
    if isinstance(value, (list, tuple, set, frozenset, dict)) and len(value) > FEW:
        return f"a {type(value).__name__} of {len(value)} entries"
    if isinstance(value, (str, bytes)):
        value = value[: SHOWN + 1]
    if isinstance(value, int) and abs(value) >= 10**SHOWN:
        return f"a whole number of {value.bit_length()} bits"
    try:
        text = repr(value)
    except Exception:
        text = f"a {type(value).__name__}"
    return one_line(text, SHOWN)


def number(value: Any) -> Any:
    """A Python number of a scalar of any library, 0-d arrays and tensors too.

    ValueError for all that is none.

    Truth values, times, complex numbers and texts are no numbers here. An int stays an int, however
    large.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, NOT_NUMBERS) or value is np.ma.masked:
        raise ValueError("must be a real number")
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (np.floating, numbers.Real, Decimal)):
        return _floating(value)
    if not isinstance(value, np.ndarray) and not is_tensor(value):
        raise ValueError("must be a number")
    found = array(value)
    if found.ndim:
        raise ValueError("must be one number")
    return found.item()


def array(values: Any) -> NDArray[Any]:
    """`values` as an array of whole or floating-point numbers, without a copy where none is needed.

    A list of Python's fractions or very long whole numbers is one too, an array of objects is not.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise ValueError("must have no masked entries")
    if isinstance(values, (str, bytes, Mapping, set, frozenset, Iterator)):
        raise ValueError(ARRAY)
    if isinstance(values, range):
        return _of_range(values)
    try:
        found = np.asarray(_of_tensor(values) if is_tensor(values) else values)
    except MemoryError:
        raise
    except Exception:
        raise ValueError(ARRAY) from None
    if found.size > LONGEST_ARRAY:  # a view that stands for more numbers than there is memory for
        raise MemoryError
    if found.dtype == object and found is not values:
        return _of_objects(found)
    if found.dtype.kind not in "iuf":
        raise ValueError(REAL if found.dtype.kind == "c" else ARRAY)
    return found


def mask(value: Any) -> NDArray[np.bool_] | None:
    """A list or array of truth values (n,), or None for anything else."""
    if (
        isinstance(value, (list, tuple))
        and value
        and all(isinstance(entry, (bool, np.bool_)) for entry in value)
    ):
        return np.array(value, np.bool_)
    if is_tensor(value):
        value = value.detach().cpu().numpy() if str(value.dtype) == "torch.bool" else None
    plain = (
        isinstance(value, np.ndarray)
        and value.dtype == np.bool_
        and not isinstance(value, np.ma.MaskedArray)
    )
    return value if plain and value.ndim == 1 else None


def is_many(value: Any) -> bool:
    """Whether this is to be read as an array with dimensions rather than as one number."""
    if isinstance(value, (str, bytes, numbers.Number, np.generic, Decimal)) or value is None:
        return False
    if isinstance(value, np.ndarray) or is_tensor(value):
        return bool(value.ndim)
    return isinstance(value, Sized) or hasattr(value, "__array__") or hasattr(value, "__iter__")


def narrower(value: Any) -> type[np.floating[Any]]:
    """The floating-point type in which `value` was given, float16 or float32.

    It is float32 where that is unknown.
    """
    kind = getattr(value, "dtype", None)
    return np.float16 if isinstance(kind, np.dtype) and kind == np.float16 else np.float32


def _floating(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except Exception:
        raise ValueError("must be a number") from None


def is_tensor(value: object) -> bool:
    """Whether this is a tensor of torch, without importing it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _of_tensor(values: Any) -> NDArray[Any]:
    """A tensor's numbers on this processor, without its history.

    Those of formats that NumPy lacks come as float32.
    """
    plain = values.detach().cpu().resolve_neg()
    if plain.is_floating_point() and plain.element_size() < 4:
        plain = plain.float()
    numbers_: NDArray[Any] = plain.numpy()
    return numbers_


def _of_range(values: range) -> NDArray[Any]:
    limits = (values.start, values.stop, values.step)
    if any(abs(limit) >= 2**63 for limit in limits) or len(values) > LONGEST_RANGE:
        raise ValueError(f"must be a range of at most {LONGEST_RANGE} numbers of 64 bits")
    return np.arange(*limits, dtype=np.int64)


def _of_objects(found: NDArray[Any]) -> NDArray[Any]:
    """An array of Python objects, each a number.

    They become whole numbers where all are and fit, else double precision.
    """
    try:
        entries = [number(entry) for entry in found.flat]
    except ValueError:
        raise ValueError(ARRAY) from None
    whole = all(isinstance(entry, int) and -(2**63) <= entry < 2**63 for entry in entries)
    made = np.array(
        entries if whole else [_floating(entry) for entry in entries],
        np.int64 if whole else np.float64,
    )
    return made.reshape(found.shape)
