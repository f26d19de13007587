"""Checks at the door: each turns what it gets into a plain value, or raises one sentence.

The sentence names object, field, rule and the value got. What counts as a number or an array is
said in `conversion`.
"""

from __future__ import annotations

import difflib
import errno
import math
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..errors import CapacityError, ParameterError
from . import conversion
from .conversion import shown

# of one duration: beyond, a time in double precision no longer tells steps apart
MOST_STEPS: Final = 2**53
SIGNS: Final = {"above": ">", "least": ">=", "below": "<", "most": "<="}
GRID: Final = 1e-6  # of a step: how far a time may lie beside the grid


def name_of(owner: object) -> str:
    """The name under which messages speak of `owner`: a text as it is, else its class name."""
    return owner if isinstance(owner, str) else type(owner).__name__


def fail(owner: object, field: str, rule: str, got: object) -> ParameterError:
    """The error ``Owner.field: rule (got value)``, ready to be raised."""
    return ParameterError(f"{name_of(owner)}.{field}: {rule} (got {shown(got)})")


def at(entry: object, index: object) -> str:
    """An entry of an array as a message tells it: with its place."""
    return f"{entry} at index {index}"


def digits(number: float) -> str:
    """A number as it is said in a rule.

    It is short where that is exact, else with all the digits it takes.
    """
    return f"{number:g}" if float(f"{number:g}") == number else f"{number:.12g}"


def real(owner: object, field: str, value: Any, *, unit: str = "") -> float:
    """A finite number as float, never -0.0.

    A text such as "10 mV" is refused with the unit expected.
    """
    rule = f"must be a finite number{f' in {unit}' if unit else ''}"
    try:
        number = conversion.number(value)
    except (ValueError, MemoryError):
        raise fail(owner, field, rule, value) from None
    try:
        number = float(number)
    except OverflowError:
        raise fail(owner, field, rule, number) from None
    if not math.isfinite(number):
        raise fail(owner, field, rule, number)
    return number + 0.0


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
    """A finite number inside a range.

    `above` and `below` are exclusive, `least` and `most` inclusive.
    """
    number = real(owner, field, value, unit=unit)
    bounds = [
        (above, ">", above is None or number > above),
        (least, ">=", least is None or number >= least),
    ]
    bounds += [
        (below, "<", below is None or number < below),
        (most, "<=", most is None or number <= most),
    ]
    if not all(holds for _, _, holds in bounds):
        rule = " and ".join(
            f"{sign} {digits(limit)}" for limit, sign, _ in bounds if limit is not None
        )
        got = value if type(value) is int else number
        raise fail(owner, field, f"must be {rule}{f' {unit}' if unit else ''}", got)
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
    many = conversion.is_many(value)
    array = (
        finite_array(owner, field, value, ndim=1, unit=unit)
        if many
        else np.array([real(owner, field, value, unit=unit)])
    )
    limits = (above, np.greater), (least, np.greater_equal), (below, np.less), (most, np.less_equal)
    for name, (limit, holds) in zip(("above", "least", "below", "most"), limits, strict=True):
        if limit is None:
            continue
        if np.ndim(limit) and many and np.shape(limit) != array.shape:
            rule = f"must have as many entries as its limit ({np.size(limit)})"
            raise fail(owner, field, rule, f"shape {array.shape}")
        good, entries, bounds = np.broadcast_arrays(holds(array, limit), array, limit)
        if not good.all():
            worst = int(good.argmin())
            if many or np.ndim(limit):
                rule = f"must be {SIGNS[name]} {digits(float(bounds[worst]))}{f' {unit}' if unit else ''}"
                raise fail(owner, field, rule, at(float(entries[worst]), worst))
            within(owner, field, float(entries[worst]), unit=unit, **{name: float(bounds[worst])})
    if not many:
        return float(array[0])
    array.flags.writeable = False
    return array


def whole(owner: object, field: str, value: Any, *, least: int = 0, most: int | None = None) -> int:
    """An integer inside ``[least, most]``."""
    rule = f"must be a whole number >= {least}" + (f" and <= {most}" if most is not None else "")
    try:
        number = conversion.number(value)
    except (ValueError, MemoryError):
        raise fail(owner, field, rule, value) from None
    if not isinstance(number, int):
        raise fail(owner, field, rule, value)
    if number < least or (most is not None and number > most):
        raise fail(owner, field, rule, number)
    return int(number)


def keep(owner: object, field: str, how: Callable[..., Any], *arguments: Any, **limits: Any) -> Any:
    """Check a field of a frozen object, and let it hold the checked value.

    The check is one of the functions here, and the value is what that returns.
    """
    kept = how(owner, field, getattr(owner, field), *arguments, **limits)
    object.__setattr__(owner, field, kept)
    return kept


def array_of(owner: object, field: str, values: Any, *, kind: str = "numbers") -> np.ndarray:
    """`values` as an array of whole or floating-point numbers.

    It is not copied where that can be avoided.
    """
    try:
        return conversion.array(values)
    except ValueError as error:
        rule = str(error).replace("an array of numbers", f"an array of {kind}")
        raise fail(owner, field, rule, _kind(values)) from None
    except MemoryError:
        raise too_large(owner, field, values) from None


def finite_array(
    owner: object,
    field: str,
    values: Any,
    *,
    ndim: int | None = None,
    least: float | None = None,
    unit: str = "",
) -> np.ndarray:
    """A C-contiguous float64 copy of `values`, every entry finite.

    Entries are at least `least`, if given, and none is -0.0.
    """
    given = array_of(owner, field, values)
    if ndim is not None and given.ndim != ndim:
        raise fail(
            owner, field, f"must have {ndim} dimension{'s' * (ndim != 1)}", f"shape {given.shape}"
        )
    try:
        with np.errstate(over="ignore"):  # of numbers that are longer than double precision
            array = np.array(given, dtype=np.float64, order="C")
        bad = ~np.isfinite(array)
    except (MemoryError, ValueError):
        raise too_large(owner, field, given) from None
    if bad.any():
        where = np.unravel_index(int(bad.argmax()), array.shape) if array.ndim else ()
        got = at(array[where], _place(where)) if where else f"{array[where]}"
        raise fail(owner, field, f"must be finite everywhere{f' [{unit}]' if unit else ''}", got)
    array += 0.0
    if least is not None and array.size and array.min() < least:
        where = np.unravel_index(int(array.argmin()), array.shape)
        rule = f"must be >= {digits(least)}{f' {unit}' if unit else ''} everywhere"
        raise fail(
            owner,
            field,
            rule,
            at(float(array.min()), _place(where)) if where else float(array.min()),
        )
    return array


def _place(where: tuple[Any, ...]) -> object:
    """Indices as a message tells them."""
    return int(where[0]) if len(where) == 1 else tuple(map(int, where))


def index_array(
    owner: object, field: str, values: Any, *, below: int | None = None, ndim: int | None = None
) -> np.ndarray:
    """An int64 copy of a list of indices, each ``0 <= index < below``."""
    array = array_of(owner, field, values, kind="whole numbers")
    if ndim is not None and array.ndim != ndim:
        raise fail(
            owner, field, f"must have {ndim} dimension{'s' * (ndim != 1)}", f"shape {array.shape}"
        )
    if array.size == 0:
        return np.zeros(array.shape, np.int64)
    if array.dtype.kind not in "iu":
        raise fail(owner, field, "must be an array of whole numbers", f"dtype {array.dtype}")
    low, high = int(array.min()), int(array.max())
    most = 2**63 if below is None else below
    if low < 0 or high >= most:
        rule = "must be >= 0" + (f" and < {below}" if below is not None else "")
        raise fail(owner, field, f"every index {rule}", low if low < 0 else high)
    try:
        return array.astype(np.int64)
    except MemoryError:
        raise too_large(owner, field, array) from None


def flag(owner: object, field: str, value: Any) -> bool:
    """True or False, of Python or NumPy."""
    if not isinstance(value, (bool, np.bool_)):
        raise fail(owner, field, "must be True or False", value)
    return bool(value)


def limit(owner: object, field: str, value: Any) -> float:
    """A number that may be infinite."""
    if isinstance(value, float) and math.isinf(value):
        return float(value)
    return real(owner, field, value)


def text(owner: object, field: str, value: Any) -> str:
    """A text, as str."""
    if not isinstance(value, str):
        raise fail(owner, field, "must be a text", value)
    return str(value)


def instance(
    owner: object, field: str, value: Any, kind: type, example: str = "", *, optional: bool = False
) -> Any:
    """`value` if it is of this class, or None where that is an option.

    example: a constructor call for the rule.
    """
    if not isinstance(value, kind) and not (optional and value is None):
        article = "an" if kind.__name__[0] in "AEIO" else "a"
        rule = f"must be {article} {kind.__name__}{f' such as {example}' if example else ''}{' or None' * optional}"
        raise fail(owner, field, rule, value)
    return value


def mapping(owner: object, field: str, value: Any, example: str) -> dict[Any, Any]:
    """A dictionary of its own."""
    if not isinstance(value, Mapping):
        raise fail(owner, field, f"must be a dict such as {example}", value)
    return dict(value)


def path(owner: object, field: str, value: Any) -> Path:
    """A place in the file system."""
    rule = "must be a path, as a text or a Path"
    if not isinstance(value, (str, os.PathLike)):
        raise fail(owner, field, rule, value)
    try:
        name = os.fspath(value)
        fits = isinstance(name, str) and name != "" and b"\0" not in os.fsencode(name)
    except Exception:
        fits = False
    if not fits:
        raise fail(owner, field, rule, value)
    try:
        os.lstat(name)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise fail(
                owner, field, "must be a path with names that the system can hold", value
            ) from None
    return Path(name)


def one_of(owner: object, field: str, value: Any, choices: Iterable[str]) -> str:
    """`value` if it is among `choices`; else an error that names the nearest one."""
    known = list(choices)
    if isinstance(value, str) and value in known:
        return str(value)
    raise fail(owner, field, f"must be one of {listed(known)}{nearest(value, known)}", value)


def listed(names: Collection[str], most: int = 20) -> str:
    """Names separated by commas, the first of them where there are many."""
    first = ", ".join(list(names)[:most])
    return first if len(names) <= most else f"{first} and {len(names) - most} more"


def nearest(value: Any, choices: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'clock'?``, or nothing where no choice is near."""
    if not isinstance(value, str) or len(value) > 200:
        return ""
    close = difflib.get_close_matches(value, list(choices), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def steps(owner: object, field: str, time: Any, dt: float, *, most: int = MOST_STEPS) -> int:
    """A time as a whole number of steps of `dt`, at least one and at `most`.

    Times off the grid are refused.

    A time in single precision is taken for the multiple of dt that rounds to it.
    """
    wanted = within(owner, field, time, above=0.0, unit="s")
    if wanted / dt > most:
        raise fail(
            owner, field, f"must be at most {digits(most * dt)} s, {most} steps of dt", wanted
        )
    count = max(round(wanted / dt), 1)
    if abs(wanted - count * dt) > GRID * dt * max(1, count * 1e-3) and not _rounded(
        time, wanted, count * dt
    ):
        rule = f"must be a multiple of dt = {digits(dt)} s; the nearest is {digits(count * dt)} s"
        raise fail(owner, field, rule, wanted)
    return count


def seconds(owner: object, field: str, value: Any, **limits: Any) -> float:
    """A time [s].

    One in half or single precision is taken for the shortest decimal number that rounds to it.
    """
    given = within(owner, field, value, **limits, unit="s")
    return float(str(value)) if isinstance(value, (np.float16, np.float32)) else given


def _rounded(given: Any, wanted: float, multiple: float) -> bool:
    """Whether the time wanted is `multiple`, rounded by a short number format.

    Such a format is shorter than double precision.
    """
    kind = conversion.narrower(given)
    with np.errstate(over="ignore"):
        return float(kind(multiple)) == wanted


def too_large(owner: object, field: str, values: Any) -> CapacityError:
    """The error for an array that does not fit into memory, ready to be raised."""
    size = f"{np.shape(values)}" if isinstance(values, np.ndarray) else shown(values)
    return CapacityError(f"{name_of(owner)}.{field}: does not fit into memory (got {size})")


def _kind(values: Any) -> object:
    """What a message tells of something that is no array of numbers."""
    dtype = getattr(values, "dtype", None)
    return f"dtype {dtype}" if isinstance(dtype, np.dtype) else type(values).__name__
