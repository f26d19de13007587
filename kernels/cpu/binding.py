"""Make one C-callable entry ``op(table, step) -> int64`` from a kernel and the types of its arguments.

A table row is a run of int64 words. An array takes its address and its extents; a scalar takes one
word (a float as the bits of a float64). The entry unpacks the row and calls the kernel by name, so a
loop can run any kernel by address and never compiles again. Entries are cached on disk beside the
kernel's own source file, under a name that changes with any source file of this room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.extending import intrinsic, overload

from ..backend import Exact
from .caching import named

ENTRY = types.int64(types.CPointer(types.int64), types.int64)


@intrinsic
def pointer(typingctx, address, dtype):
    """The integer `address` as a pointer to `dtype`."""
    target = types.CPointer(dtype.dtype)

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(target))

    return target(types.int64, dtype), generate


@intrinsic
def _float(typingctx, word):
    """The float64 whose bits are `word`."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@njit(inline="always")
def _array1(table, at, dtype):
    return carray(pointer(table[at], dtype), (table[at + 1],), dtype)


@njit(inline="always")
def _array2(table, at, dtype):
    return carray(pointer(table[at], dtype), (table[at + 1], table[at + 2]), dtype)


@njit(inline="always")
def _array3(table, at, dtype):
    return carray(pointer(table[at], dtype), (table[at + 1], table[at + 2], table[at + 3]), dtype)


@njit(inline="always")
def _scalar(table, at, dtype):
    return dtype(_float(table[at]))


@njit(inline="always")
def _whole(table, at, dtype):
    return dtype(table[at])


def _form(value: Any, precision: str) -> tuple[str, str, int]:
    """How an argument is unpacked: helper name, dtype name, words taken."""
    if isinstance(value, np.ndarray):
        return f"_array{value.ndim}", value.dtype.name, 1 + value.ndim
    if isinstance(value, np.uint64):
        return "_whole", "uint64", 1
    if isinstance(value, (int, np.integer)):
        return "_whole", "int64", 1
    return "_scalar", "float64" if isinstance(value, Exact) else precision, 1


def row(arguments: Mapping[str, Any], returns: np.ndarray | None) -> list[int]:
    """The table row of one operator."""
    words: list[int] = []
    for value in [*arguments.values(), *([] if returns is None else [returns])]:
        if isinstance(value, np.ndarray):
            words += [value.ctypes.data, *value.shape]
        elif isinstance(value, np.uint64):
            words.append(int(value.view(np.int64)))
        elif isinstance(value, (int, np.integer)):
            words.append(int(value))
        else:
            words.append(int(np.float64(value).view(np.int64)))
    return words


def entry(
    kernel: Callable[..., Any], names: list[str], arguments: Mapping[str, Any], returns: bool, precision: str
) -> int:
    """Address of the compiled entry for `kernel` called with arguments of these types.

    names: the kernel's parameters in order, among them perhaps "step"; precision: float32 or
    float64, the type that float scalars are given.
    """
    calls, at, dtypes = [], 0, set()
    for name in names:
        if name == "step":
            calls.append("step")
            continue
        helper, dtype, words = _form(arguments[name], precision)
        calls.append(f"{helper}(table, {at}, {dtype})")
        dtypes.add(dtype)
        at += words
    body = f"{kernel.__name__}({', '.join(calls)})"
    if returns:
        body = f"_returned(table, {at}, {body})"
    return _compiled(kernel, body, tuple(sorted(dtypes))).address


@njit(inline="always")
def _returned(table, at, count):
    _array1(table, at, np.int64)[0] = count
    return count


@cache
def _compiled(kernel: Callable[..., Any], body: str, dtypes: tuple[str, ...]) -> Any:
    function = getattr(kernel, "py_func", kernel)
    compiled = kernel if hasattr(kernel, "py_func") else njit(kernel, error_model="numpy")
    scope = {
        "_array1": _array1, "_array2": _array2, "_array3": _array3, "_scalar": _scalar, "_whole": _whole,
        "_returned": _returned, "_number": _number, kernel.__name__: compiled,
        **{dtype: getattr(np, dtype) for dtype in dtypes},
    }  # fmt: skip
    unpacked = named(function, "table, step", f"return _number({body})", scope)
    try:
        return cfunc(ENTRY, cache=True)(unpacked)
    except RuntimeError:  # no file to cache beside: a kernel typed at a prompt
        return cfunc(ENTRY)(unpacked)


def _number(count):
    """A kernel's return value as a count of what it did; a kernel that returns nothing counts as idle."""
    return 0 if count is None else int(count)


@overload(_number, inline="always")
def _number_typed(count):
    if isinstance(count, types.NoneType) or count is types.none:
        return lambda count: 0
    return lambda count: np.int64(count)  # noqa: PLW0108
