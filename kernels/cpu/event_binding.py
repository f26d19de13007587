"""One C-callable entry for every kernel of an exactly solvable neuron: ``entry(row, parameters, drive, elapsed)``.

row: the state variables of one unit; parameters: its model's constants; both addresses of float64. So the event
loop calls any neuron by address and never compiles again; see `binding.py`, which does the same for steps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from llvmlite import ir
from numba import cfunc, njit, types
from numba.extending import intrinsic

from .binding import source_digest

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
def cached(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel for calls from Python, kept on disk under a name that changes with any source file of this room."""
    name = f"{kernel.__name__}_{hashlib.blake2b(source_digest().encode(), digest_size=8).hexdigest()}"
    function = kernel.py_func
    scope = {kernel.__name__: kernel, "__name__": function.__module__}
    arguments = ", ".join(names_of(kernel))
    source = f"def {name}({arguments}): return {kernel.__name__}({arguments})\n"
    exec(compile(source, function.__code__.co_filename, "exec"), scope)
    return njit(cache=True, nogil=True, error_model="numpy")(scope[name])  # type: ignore[no-any-return]


@cache
def _compiled(kernel: Callable[..., Any], body: str) -> Any:
    digest = hashlib.blake2b(f"{source_digest()}{body}".encode(), digest_size=8).hexdigest()
    name = f"{kernel.__name__}_{digest}"
    function = getattr(kernel, "py_func", kernel)
    compiled = kernel if hasattr(kernel, "py_func") else njit(kernel, error_model="numpy")
    scope = {kernel.__name__: compiled, "__name__": function.__module__}
    exec(
        compile(f"def {name}(row, parameters, drive, elapsed): {body}\n", function.__code__.co_filename, "exec"), scope
    )
    try:
        return cfunc(ENTRY, cache=True)(scope[name])
    except RuntimeError:  # no file to cache beside: a kernel typed at a prompt
        return cfunc(ENTRY)(scope[name])
