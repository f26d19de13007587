"""One C-callable entry for every kernel of an exactly solvable neuron: ``entry(row, parameters, drive, elapsed)``.

row: the state variables of one unit; parameters: its model's constants; both addresses of float64. So the event
loop calls any neuron by address and never compiles again; see `binding.py`, which does the same for steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from llvmlite import ir
from numba import cfunc, njit, types
from numba.extending import intrinsic

from .caching import named

ENTRY = types.float64(types.CPointer(types.float64), types.CPointer(types.float64), types.float64, types.float64)


@intrinsic
def call(typingctx, address, row, parameters, drive, elapsed):
    """Call the entry at `address`; row and parameters are addresses too."""

    def generate(context, builder, signature, arguments):
        pointer, number = context.get_value_type(types.CPointer(types.float64)), ir.DoubleType()
        function_type = ir.FunctionType(number, [pointer, pointer, number, number])
        function = builder.inttoptr(arguments[0], function_type.as_pointer())
        row_pointer, parameters_pointer = (builder.inttoptr(word, pointer) for word in arguments[1:3])
        return builder.call(function, [row_pointer, parameters_pointer, arguments[3], arguments[4]])

    whole, real = types.int64, types.float64
    return real(whole, whole, whole, real, real), generate


def flow_entry(kernel: Callable[..., Any], state: Sequence[str], constants: Sequence[str]) -> int:
    """Address of an entry that puts what `kernel` returns into the state variables."""
    return _entry(kernel, tuple(state), tuple(constants), True)


def next_entry(kernel: Callable[..., Any], state: Sequence[str], constants: Sequence[str]) -> int:
    """Address of an entry that returns what `kernel` returns."""
    return _entry(kernel, tuple(state), tuple(constants), False)


def names_of(kernel: Callable[..., Any]) -> tuple[str, ...]:
    """The parameter names of a kernel, compiled or not."""
    code = getattr(kernel, "py_func", kernel).__code__
    return tuple(code.co_varnames[: code.co_argcount])


def _entry(kernel: Callable[..., Any], state: tuple[str, ...], constants: tuple[str, ...], writes: bool) -> int:
    places = {name: f"row[{k}]" for k, name in enumerate(state)}
    places |= {name: f"parameters[{k}]" for k, name in enumerate(constants)}
    places |= {"drive": "drive", "elapsed": "elapsed"}
    called = f"{kernel.__name__}({', '.join(places[name] for name in names_of(kernel))})"
    if not writes:
        body = f"return {called}"
    elif len(state) == 1:
        body = f"row[0] = {called}; return 0.0"
    else:
        stores = "; ".join(f"row[{k}] = after[{k}]" for k in range(len(state)))
        body = f"after = {called}; {stores}; return 0.0"
    return int(_compiled(kernel, body).address)


@cache
def _compiled(kernel: Callable[..., Any], body: str) -> Any:
    function = getattr(kernel, "py_func", kernel)
    compiled = kernel if hasattr(kernel, "py_func") else njit(kernel, error_model="numpy")
    unpacked = named(function, "row, parameters, drive, elapsed", body, {kernel.__name__: compiled})
    try:
        return cfunc(ENTRY, cache=True)(unpacked)
    except RuntimeError:  # no file to cache beside: a kernel typed at a prompt
        return cfunc(ENTRY)(unpacked)
