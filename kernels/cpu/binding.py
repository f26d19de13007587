"""Make one C-callable entry from a kernel and the types of its arguments.

The entry is ``op(table, step) -> int64``. A table row is a run of int64 words. An array takes its
address and its extents; a scalar takes one word (a float as the bits of a float64). The entry
unpacks the row and calls the kernel, so the loop can call any kernel by address and is compiled
only once. Entries are cached on disk beside the kernel's own source file, under a name that changes
with any source file of this room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import cfunc, njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numba.np.arrayobj import populate_array

from ..backend import Exact
from .caching import named
from .fingerprint import is_own
from .frozen import fingerprint_of
from .verdict import FAILED, judged, number

ENTRY = types.int64(types.CPointer(types.int64), types.int64)


@intrinsic
def view(typingctx, address, shape, dtype):
    """The C-ordered array of this shape (a tuple) and dtype at the integer `address`.

    The memory there must outlive the use of the array.
    """
    array_type = types.Array(dtype.dtype, len(shape), "C")

    def generate(context, builder, signature, arguments):
        element = context.get_data_type(dtype.dtype)
        itemsize = context.get_constant(types.intp, context.get_abi_sizeof(element))
        lengths = cgutils.unpack_tuple(builder, arguments[1], len(shape))
        strides = [itemsize]
        for length in lengths[:0:-1]:
            strides.insert(0, builder.mul(strides[0], length))
        array = context.make_array(array_type)(context, builder)
        data = builder.inttoptr(arguments[0], element.as_pointer())
        populate_array(
            array, data=data, shape=lengths, strides=strides, itemsize=itemsize, meminfo=None
        )
        return array._getvalue()

    return array_type(types.int64, shape, dtype), generate


@intrinsic
def _float(typingctx, word):
    """The float64 whose bits are `word`."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


@njit(inline="always")
def _array1(table, at, dtype):
    return view(table[at], (table[at + 1],), dtype)


@njit(inline="always")
def _array2(table, at, dtype):
    return view(table[at], (table[at + 1], table[at + 2]), dtype)


@njit(inline="always")
def _array3(table, at, dtype):
    return view(table[at], (table[at + 1], table[at + 2], table[at + 3]), dtype)


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


def row(arguments: Mapping[str, Any], *arrays: np.ndarray | None) -> list[int]:
    """The table row of one operator; arrays: what follows its arguments, where there is any."""
    words: list[int] = []
    for value in [*arguments.values(), *(array for array in arrays if array is not None)]:
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
    kernel: Callable[..., Any],
    names: list[str],
    arguments: Mapping[str, Any],
    returns: bool,
    precision: str,
) -> int:
    """Address of the compiled entry for `kernel` called with arguments of these types.

    names: the kernel's parameters in order, among them perhaps "step"; precision: float32 or
    float64, the type that float scalars are given. The row of a user's own kernel ends with a
    verdict, see `verdict`.
    """
    calls, at, dtypes, fired = [], 0, set(), ""
    for name in names:
        if name == "step":
            calls.append("step")
            continue
        helper, dtype, words = _form(arguments[name], precision)
        calls.append(f"{helper}(table, {at}, {dtype})")
        fired = calls[-1] if name == "fired" else fired
        dtypes.add(dtype)
        at += words
    body = f"_kernel({', '.join(calls)})"
    if is_own(kernel):
        return _compiled(
            kernel, _guarded(body, at, returns, fired), tuple(sorted({*dtypes, "int64"}))
        ).address
    if returns:
        body = f"_returned(table, {at}, {body})"
    return _compiled(kernel, f"return _number({body})", tuple(sorted(dtypes))).address


def _guarded(call: str, at: int, returns: bool, fired: str) -> str:
    """The body of the entry of a user's own kernel.

    It lets out no error and no impossible spike.
    """
    verdict = f"_array1(table, {at + 2 * returns}, int64)"
    lines = [
        "try:",
        f"    count = {call}",
        "except Exception:",
        f"    {verdict}[0] = {FAILED}",
        "    return 0",
    ]
    if returns:
        listed = fired or f"_array1(table, {at}, int64)[:0]"
        lines += [f"return _returned(table, {at}, _judged(_spikes(count), {listed}, {verdict}))"]
    else:
        lines += ["return _number(count)"]
    return "\n    ".join(lines)


@njit(inline="always")
def _returned(table, at, count):
    _array1(table, at, np.int64)[0] = count
    return count


@cache
def _compiled(kernel: Callable[..., Any], body: str, dtypes: tuple[str, ...]) -> Any:
    compiled = kernel if hasattr(kernel, "py_func") else njit(kernel, error_model="numpy")
    scope = {
        "_array1": _array1,
        "_array2": _array2,
        "_array3": _array3,
        "_scalar": _scalar,
        "_whole": _whole,
        "_returned": _returned,
        "_number": _number,
        "_kernel": compiled,
        "_judged": judged,
        "_spikes": number,
        **{dtype: getattr(np, dtype) for dtype in dtypes},
    }
    return entered(ENTRY, [kernel], "table, step", body, scope)


def entered(
    signature: Any,
    kernels: Sequence[Callable[..., Any]],
    parameters: str,
    body: str,
    scope: dict[str, Any],
) -> Any:
    """An entry that calls `kernels`.

    It is kept on disk where all that its code is made from can be told.
    """
    prints = [fingerprint_of(kernel) for kernel in kernels if is_own(kernel)]
    function = getattr(kernels[0], "py_func", kernels[0])
    unpacked = named(function, parameters, body, scope, "".join(part.digest for part in prints))
    if all(part.sound for part in prints):
        try:
            return cfunc(signature, cache=True, error_model="numpy")(unpacked)
        except RuntimeError:  # no file to cache beside: a kernel typed at a prompt
            pass
    return cfunc(signature, error_model="numpy")(unpacked)


def _number(count):
    """A kernel's return value as a count of what it did.

    A kernel that returns nothing counts as idle.
    """
    return 0 if count is None else int(count)


@overload(_number, inline="always")
def _number_typed(count):
    if isinstance(count, types.NoneType) or count is types.none:
        return lambda count: 0
    return lambda count: np.int64(count)  # noqa: PLW0108
