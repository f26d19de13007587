"""Formulas as trees: what a plain function on numbers computes, found by calling it once.

The function is called with a `Symbol` for each parameter. Arithmetic and the functions of NumPy on
symbols build a tree, which is then printed for any room of kernels. Values from outside of the
function, such as globals, are numbers in the tree: what changes later does not reach it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, final

import numpy as np

from ...errors import ParameterError

INFIX: Final = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "power": "**",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}
# functions of NumPy by name, alike in all rooms
FUNCTIONS: Final = (
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "tanh",
    "sin",
    "cos",
    "sign",
    "minimum",
    "maximum",
    "logical_and",
    "logical_or",
    "logical_not",
)
ALIASES: Final = {"fabs": "absolute", "true_divide": "divide", "float_power": "power"}
KNOWN: Final = (*INFIX, "negative", "absolute", "where", *FUNCTIONS)


@final
class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """A node of a formula: an operation and its parts.

    operation: "name" with one text, "number" with one float, or one of `KNOWN`.
    """

    __slots__ = ("operation", "parts")

    def __init__(self, operation: str, *parts: Any) -> None:
        self.operation, self.parts = operation, parts

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Symbol:
        name = ALIASES.get(ufunc.__name__, ufunc.__name__)
        if name == "positive":
            return as_symbol(inputs[0])
        if name == "square":
            return Symbol("multiply", as_symbol(inputs[0]), as_symbol(inputs[0]))
        if method != "__call__" or options or name not in KNOWN:
            told = f"np.{name}" if method == "__call__" and not options else f"np.{name}.{method}"
            raise NoFormula(f"uses {told}; use arithmetic, np.where or one of np.{_told()}")
        return Symbol(name, *(as_symbol(value) for value in inputs))

    def __array_function__(self, function: Any, types: Any, given: Any, options: Any) -> Symbol:
        if function is np.where and len(given) == 3 and not options:
            return Symbol("where", *(as_symbol(value) for value in given))
        if function is np.clip and len(given) == 3 and not options:
            value, low, high = (as_symbol(one) for one in given)
            return Symbol("minimum", Symbol("maximum", value, low), high)
        raise NoFormula(
            f"uses np.{function.__name__}; use arithmetic, np.where or one of np.{_told()}"
        )

    def __bool__(self) -> bool:
        raise NoFormula(
            "decides by a value (if, and, or, min, max); use np.where, np.logical_and, np.minimum"
        )

    def __float__(self) -> float:
        raise NoFormula("needs a number where a formula stands (math.exp, float); use np.exp")

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        if self.operation in ("name", "number"):
            return str(self.parts[0])
        return f"{self.operation}({', '.join(map(repr, self.parts))})"


class NoFormula(ParameterError):
    """A function does what no formula can say."""


def _told() -> str:
    return ", ".join(FUNCTIONS)


def as_symbol(value: Any) -> Symbol:
    """A symbol as it is; a number as one."""
    if isinstance(value, Symbol):
        return value
    if isinstance(value, (bool, int, float, np.number, np.bool_)):
        return _number(float(value))
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "biuf":
        return _number(float(value))
    raise NoFormula(f"computes with a {type(value).__name__} ({value!r:.40}); use numbers")


def _number(value: float) -> Symbol:
    if not math.isfinite(value):
        raise NoFormula(f"computes with {value}; use finite numbers")
    return Symbol("number", value)


def formulas(function: Callable[..., Any]) -> tuple[list[str], list[Symbol]]:
    """The parameters of a function by name, and the formulas of the values that it returns.

    Raises NoFormula, which says what the function does instead.
    """
    names = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            raise NoFormula(f"has the parameter {parameter}; name each, without * and /")
        if parameter.default is not parameter.empty:
            raise NoFormula(f"has a default for {name}; make {name} a field of the rule")
        names.append(name)
    try:
        found = function(*(Symbol("name", name) for name in names))
    except NoFormula:
        raise
    except Exception as error:
        raise NoFormula(f"raises {type(error).__name__}: {error}") from error
    if found is None:
        raise NoFormula("returns nothing; return the new values of its first parameters")
    return names, [as_symbol(value) for value in (found if isinstance(found, tuple) else (found,))]


def walk(symbol: Symbol) -> Iterator[Symbol]:
    """A node and all below it, each as often as it is used."""
    yield symbol
    for part in symbol.parts:
        if isinstance(part, Symbol):
            yield from walk(part)


def names_in(symbols: Sequence[Symbol]) -> set[str]:
    """The names that formulas read."""
    return {
        node.parts[0] for symbol in symbols for node in walk(symbol) if node.operation == "name"
    }


def both(symbol: Symbol) -> list[Symbol]:
    """The conditions of which one holds where each of them does."""
    if symbol.operation == "logical_and":
        return [part for side in symbol.parts for part in both(side)]
    return [symbol]


def change_of(symbol: Symbol, name: str) -> Symbol | None:
    """What a formula adds to the value called `name`, where it is that value and such a sum.

    None where it reads the value otherwise: ``w - a * w`` is no sum of w and something else.
    """
    terms = list(_terms(symbol, False))
    own = [k for k, (minus, term) in enumerate(terms) if _is(term, name) and not minus]
    rest = [term for k, term in enumerate(terms) if k not in own[:1]]
    if not own or any(name in names_in([term]) for _, term in rest):
        return None
    total: Symbol | None = None
    for minus, term in rest:
        if total is None:
            total = Symbol("negative", term) if minus else term
        else:
            total = Symbol("subtract" if minus else "add", total, term)
    return as_symbol(0.0) if total is None else total


def _terms(symbol: Symbol, minus: bool) -> Iterator[tuple[bool, Symbol]]:
    """The terms of a sum, each with whether it is subtracted."""
    if symbol.operation in ("add", "subtract"):
        yield from _terms(symbol.parts[0], minus)
        yield from _terms(symbol.parts[1], minus != (symbol.operation == "subtract"))
    elif symbol.operation == "negative":
        yield from _terms(symbol.parts[0], not minus)
    else:
        yield minus, symbol


def _is(symbol: Symbol, name: str) -> bool:
    return symbol.operation == "name" and symbol.parts[0] == name
