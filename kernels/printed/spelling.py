"""How formulas are spelled in Python, for the compiler and as they are, and for tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from .expression import INFIX, Symbol


class Spelled(NamedTuple):
    """Formulas as text.

    lines: assignments that come first, of what is used more than once; values: one text each.
    """

    lines: list[str]
    values: list[str]


NUMBERS: Final = {"where": "({1} if {0} else {2})", "absolute": "abs({0})"}  # of one synapse
CUDA: Final = {
    "where": "({0} ? {1} : {2})",
    "absolute": "fabs({0})",
    "power": "pow({0}, {1})",
    "minimum": "({0} < {1} || {0} != {0} ? {0} : {1})",
    "maximum": "({0} > {1} || {0} != {0} ? {0} : {1})",
    "sign": "double(({0} > 0) - ({0} < 0))",
    "logical_and": "({0} != 0 && {1} != 0)",
    "logical_or": "({0} != 0 || {1} != 0)",
    "logical_not": "({0} == 0)",
}
# none: zeros of the precision and the shape of the spikes; see `kernels/torch/printed.py`
TENSORS: Final = {"where": "where({0}, {1} + none, {2} + none)"}


def spelled(
    symbols: Sequence[Symbol],
    names: Mapping[str, str],
    forms: Mapping[str, str] = NUMBERS,
    module: str = "np.",
) -> Spelled:
    """Formulas as text.

    names: how each name in them is spelled; forms: of operations that are no function of `module`.
    """
    writer = _Writer(names, forms, module)
    for symbol in symbols:
        writer.count(symbol)
    values = [writer.text(symbol) for symbol in symbols]
    return Spelled(writer.lines, values)


class _Writer:
    """Spells formulas, and assigns to a variable what occurs in them more than once."""

    def __init__(self, names: Mapping[str, str], forms: Mapping[str, str], module: str) -> None:
        self.names, self.forms, self.module = names, forms, module
        self.lines: list[str] = []
        self._uses: Counter[int] = Counter()
        self._assigned: dict[int, str] = {}

    def count(self, symbol: Symbol) -> None:
        """Count how often each node is used."""
        self._uses[id(symbol)] += 1
        if self._uses[id(symbol)] == 1:
            for part in symbol.parts:
                if isinstance(part, Symbol):
                    self.count(part)

    def text(self, symbol: Symbol) -> str:
        """A node as text, or the variable that it was assigned to."""
        if symbol.operation == "name":
            return self.names[symbol.parts[0]]
        if symbol.operation == "number":
            return repr(symbol.parts[0])
        if id(symbol) not in self._assigned:
            made = self._made(symbol)
            if self._uses[id(symbol)] == 1:
                return made
            self._assigned[id(symbol)] = f"part{len(self._assigned)}"
            self.lines.append(f"{self._assigned[id(symbol)]} = {made}")
        return self._assigned[id(symbol)]

    def _made(self, symbol: Symbol) -> str:
        parts = [self.text(part) for part in symbol.parts]
        if symbol.operation in self.forms:
            return self.forms[symbol.operation].format(*parts)
        if symbol.operation in INFIX:
            return f"({parts[0]} {INFIX[symbol.operation]} {parts[1]})"
        if symbol.operation == "negative":
            return f"(-{parts[0]})"
        return f"{self.module}{symbol.operation}({', '.join(parts)})"
