"""Checks at the door: each raises one sentence naming object, field, rule and the value got."""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import ParameterError


def name_of(owner: object) -> str:
    """The name under which messages speak of `owner`: a text as it is, else its class name."""
    return owner if isinstance(owner, str) else type(owner).__name__


def fail(owner: object, field: str, rule: str, got: object) -> ParameterError:
    """The error ``Owner.field: rule (got value)``, ready to be raised."""
    shown = repr(got)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return ParameterError(f"{name_of(owner)}.{field}: {rule} (got {shown})")


def real(owner: object, field: str, value: Any, *, unit: str = "") -> float:
    """A finite number as float; a text such as "10 mV" is refused with the unit expected."""
    rule = f"must be a finite number{f' in {unit}' if unit else ''}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Real, np.number)):
        raise fail(owner, field, rule, value)
    if not math.isfinite(value):
        raise fail(owner, field, rule, float(value))
    return float(value)


def within(
    owner: object,
    field: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
    unit: str = "",
) -> float:
    """A finite number inside a range; `above` and `below` are exclusive, `least` and `most` inclusive."""
    number = real(owner, field, value, unit=unit)
    bounds = [(above, ">", above is None or number > above), (least, ">=", least is None or number >= least)]
    bounds += [(below, "<", below is None or number < below), (most, "<=", most is None or number <= most)]
    if not all(holds for _, _, holds in bounds):
        rule = " and ".join(f"{sign} {limit:g}" for limit, sign, _ in bounds if limit is not None)
        raise fail(owner, field, f"must be {rule}{f' {unit}' if unit else ''}", value)
    return number


def per_unit(
    owner: object,
    field: str,
    value: Any,
    *,
    above: Any = None,
    least: Any = None,
    below: Any = None,
    most: Any = None,
    unit: str = "",
) -> Any:
    """One number for all units, as float, or one per unit, as a read-only array (n,) float64.

    Limits as in `within`; each may be given per unit as well.
    """
    if isinstance(value, str) or np.ndim(value) == 0:
        array = np.array([real(owner, field, value, unit=unit)])
    else:
        array = finite_array(owner, field, value, ndim=1, unit=unit)
    limits = (above, np.greater), (least, np.greater_equal), (below, np.less), (most, np.less_equal)
    for name, (limit, holds) in zip(("above", "least", "below", "most"), limits, strict=True):
        if limit is None:
            continue
        if np.ndim(limit) and np.ndim(value) and np.shape(limit) != array.shape:
            rule = f"must have as many entries as its limit ({np.size(limit)})"
            raise fail(owner, field, rule, f"shape {array.shape}")
        good, entries, bounds = np.broadcast_arrays(holds(array, limit), array, limit)
        if not good.all():
            worst = int(good.argmin())
            within(owner, field, float(entries[worst]), unit=unit, **{name: float(bounds[worst])})
    if np.ndim(value) == 0:
        return float(value)
    array.flags.writeable = False
    return array


def whole(owner: object, field: str, value: Any, *, least: int = 0, most: int | None = None) -> int:
    """An integer inside ``[least, most]``."""
    rule = f"must be a whole number >= {least}" + (f" and <= {most}" if most is not None else "")
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise fail(owner, field, rule, value)
    if value < least or (most is not None and value > most):
        raise fail(owner, field, rule, int(value))
    return int(value)


def finite_array(
    owner: object, field: str, values: Any, *, ndim: int | None = None, least: float | None = None, unit: str = ""
) -> np.ndarray:
    """A C-contiguous float64 copy of `values`, every entry finite (and at least `least`)."""
    try:
        given = np.asarray(values)
        array = np.array(given, dtype=np.float64, order="C") if given.dtype.kind in "iuf" else None
    except (TypeError, ValueError):
        array = None
    if array is None:
        raise fail(owner, field, "must be an array of numbers", type(values).__name__)
    if ndim is not None and array.ndim != ndim:
        raise fail(owner, field, f"must have {ndim} dimension{'s' * (ndim != 1)}", f"shape {array.shape}")
    bad = ~np.isfinite(array)
    if bad.any():
        where = np.unravel_index(int(bad.argmax()), array.shape) if array.ndim else ()
        place = f" at index {where[0] if len(where) == 1 else tuple(map(int, where))}" if where else ""
        raise fail(owner, field, f"must be finite everywhere{f' [{unit}]' if unit else ''}", f"{array[where]}{place}")
    if least is not None and array.size and array.min() < least:
        raise fail(owner, field, f"must be >= {least:g}{f' {unit}' if unit else ''} everywhere", float(array.min()))
    return array


def index_array(owner: object, field: str, values: Any, *, below: int | None = None) -> np.ndarray:
    """An int64 copy of a list of indices, each ``0 <= index < below``."""
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros(array.shape, np.int64)
    if array.dtype == object or not np.issubdtype(array.dtype, np.integer):
        raise fail(owner, field, "must be an array of whole numbers", f"dtype {array.dtype}")
    low, high = int(array.min()), int(array.max())
    if low < 0 or (below is not None and high >= below):
        rule = "must be >= 0" + (f" and < {below}" if below is not None else "")
        raise fail(owner, field, f"every index {rule}", low if low < 0 else high)
    return array.astype(np.int64)


def one_of(owner: object, field: str, value: Any, choices: Iterable[str]) -> str:
    """`value` if it is among `choices`; else an error that names the nearest one."""
    known = list(choices)
    if value in known:
        return str(value)
    raise fail(owner, field, f"must be one of {', '.join(known)}{nearest(value, known)}", value)


def nearest(value: Any, choices: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'clock'?``, or nothing where no choice is near."""
    close = difflib.get_close_matches(str(value), list(choices), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def steps(owner: object, field: str, time: Any, dt: float) -> int:
    """A time as a whole number of steps of `dt`, at least one; times off the grid are refused."""
    seconds = within(owner, field, time, above=0.0, unit="s")
    count = max(round(seconds / dt), 1)
    if abs(seconds - count * dt) > 1e-6 * dt * max(1, count * 1e-3):
        raise fail(owner, field, f"must be a multiple of dt = {dt:g} s; the nearest is {count * dt:g} s", seconds)
    return count
