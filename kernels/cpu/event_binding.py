"""One C-callable entry for every kernel of an exactly solvable neuron.

The entry is ``entry(row, parameters, drive, elapsed)``. row: the state variables of one unit;
parameters: its model's constants; both addresses of float64. So the event loop calls any neuron by
address and never compiles again; see `binding.py`, which does the same for steps. Rules have
entries of the same form: row is the weight and the traces of one synapse, drive and elapsed are not
used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from .binding import entered
from .fingerprint import is_own
from .verdict import AGAIN, FAILED, NEITHER, STUCK

LEAST: Final = 1e-15  # [s], a tick: the least time after which a unit can be asked again

ENTRY = types.float64(
    types.CPointer(types.float64), types.CPointer(types.float64), types.float64, types.float64
)


@intrinsic
def call(typingctx, address, row, parameters, drive, elapsed):
    """Call the entry at `address`; row and parameters are addresses too."""

    def generate(context, builder, signature, arguments):
        pointer, number = context.get_value_type(types.CPointer(types.float64)), ir.DoubleType()
        function_type = ir.FunctionType(number, [pointer, pointer, number, number])
        function = builder.inttoptr(arguments[0], function_type.as_pointer())
        row_pointer, parameters_pointer = (
            builder.inttoptr(word, pointer) for word in arguments[1:3]
        )
        return builder.call(function, [row_pointer, parameters_pointer, arguments[3], arguments[4]])

    whole, real = types.int64, types.float64
    return real(whole, whole, whole, real, real), generate


def flow_entry(kernel: Callable[..., Any], state: Sequence[str], constants: Sequence[str]) -> int:
    """Address of an entry that puts what `kernel` returns into the state variables."""
    called = _called(kernel, state, constants)
    if len(state) == 1:
        return _entry(kernel, f"row[0] = {called}\nreturn 0.0", len(constants))
    values = ", ".join(f"value{k}" for k in range(len(state)))
    stores = "\n".join(f"row[{k}] = value{k}" for k in range(len(state)))
    return _entry(kernel, f"{values} = {called}\n{stores}\nreturn 0.0", len(constants))


def next_entry(kernel: Callable[..., Any], state: Sequence[str], constants: Sequence[str]) -> int:
    """Address of an entry that returns what `kernel` returns.

    A user's own must return a number, and must not ask to be asked again at once.
    """
    called, verdict = _called(kernel, state, constants), f"parameters[{len(constants)}]"
    if not is_own(kernel):
        return _entry(kernel, f"return {called}", len(constants))
    lines = [
        f"wait = np.float64({called})",
        "if math.isnan(wait):",
        f"    {verdict} = {NEITHER}",
        f"if -{LEAST} < wait < 0.0:",
        f"    {verdict} = {AGAIN}",
        f"if {verdict} != 0.0:",
        "    return math.inf",
        "return wait",
    ]
    return _entry(kernel, "\n".join(lines), len(constants))


def fire_entry(
    kernel: Callable[..., Any],
    after: Callable[..., Any],
    state: Sequence[str],
    all_state: Sequence[str],
    constants: Sequence[str],
    *,
    rests: bool,
) -> int:
    """Like `flow_entry`, for a spike; after: the model's `next`.

    A unit that does not rest and that a user's own kernels leave at threshold would fire for ever
    at one time.
    """
    if rests or not (is_own(kernel) or is_own(after)):
        return flow_entry(kernel, state, constants)
    values = ", ".join(f"value{k}" for k in range(len(state)))
    stores = [f"row[{k}] = value{k}" for k in range(len(state))]
    lines = [f"{values} = {_called(kernel, state, constants)}", *stores]
    wait = _called(after, all_state, constants, "_after")
    lines += [
        f"if abs({wait}) < {LEAST}:",
        f"    parameters[{len(constants)}] = {STUCK}",
        "return 0.0",
    ]
    return _entry(kernel, "\n".join(lines), len(constants), after)


def learn_entry(kernel: Callable[..., Any], row: Sequence[str], constants: Sequence[str]) -> int:
    """Address of an entry that returns the new weight of a synapse.

    row: the weight and the traces by name.
    """
    return _entry(kernel, f"return np.float64({_called(kernel, row, constants)})", len(constants))


def names_of(kernel: Callable[..., Any]) -> tuple[str, ...]:
    """The parameter names of a kernel, compiled or not."""
    code = getattr(kernel, "py_func", kernel).__code__
    return tuple(code.co_varnames[: code.co_argcount])


def _called(
    kernel: Callable[..., Any],
    state: Sequence[str],
    constants: Sequence[str],
    name: str = "_kernel",
) -> str:
    """The call of a kernel with the numbers of one unit."""
    places = {variable: f"row[{k}]" for k, variable in enumerate(state)}
    places |= {constant: f"parameters[{k}]" for k, constant in enumerate(constants)}
    places |= {"drive": "drive", "elapsed": "elapsed"}
    return f"{name}({', '.join(places[own] for own in names_of(kernel))})"


def _entry(
    kernel: Callable[..., Any], body: str, verdict: int, after: Callable[..., Any] | None = None
) -> int:
    """The address of the entry with this body.

    What a user's own kernels do wrong goes to ``parameters[verdict]``.
    """
    if is_own(kernel) or (after is not None and is_own(after)):
        guarded = [f"    {line}" for line in body.split("\n")]
        body = "\n".join(
            [
                "try:",
                *guarded,
                "except Exception:",
                f"    parameters[{verdict}] = {FAILED}",
                "    return math.inf",
            ]
        )
    return int(_compiled(kernel, body.replace("\n", "\n    "), after).address)


@cache
def _compiled(kernel: Callable[..., Any], body: str, after: Callable[..., Any] | None) -> Any:
    scope = {"_kernel": _ready(kernel), "math": math, "np": np}
    if after is not None:
        scope["_after"] = _ready(after)
    return entered(
        ENTRY,
        [kernel] if after is None else [kernel, after],
        "row, parameters, drive, elapsed",
        body,
        scope,
    )


def _ready(kernel: Callable[..., Any]) -> Callable[..., Any]:
    return kernel if hasattr(kernel, "py_func") else njit(kernel, error_model="numpy")
