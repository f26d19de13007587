"""A user's kernel as it stands when a network is compiled.

What changes later does not reach its machine code. Numba works out globals when it compiles a
function, and keeps the code with the function. So a kernel, and every compiled function that it
calls, is made anew here, with the values of the present; the user's own stay as they are.
"""

from __future__ import annotations

import types as python
from collections.abc import Callable
from typing import Any

import numba

from .fingerprint import (
    MISSING,
    Fingerprint,
    fingerprint,
    found,
    is_compiled,
    is_own,
    is_trusted,
    reads,
)

# by fingerprint: equal kernels are compiled once
_made: dict[tuple[str, bool], Callable[..., Any]] = {}
_prints: dict[int, tuple[Callable[..., Any], Fingerprint]] = {}  # of what is in `_made`, by address


def frozen(kernel: Callable[..., Any], *, compiled: bool = True) -> Callable[..., Any]:
    """A kernel with the values that it reads now.

    compiled: for the cpu, else as plain Python where it is that. It looks whether places in arrays
    exist, unless the user's ``njit(boundscheck=False)`` says not to.
    """
    print_ = fingerprint(kernel)
    key = (print_.digest, compiled)
    if key not in _made:
        made = _Copies().of(kernel)
        if compiled and not is_compiled(made):
            made = numba.njit(made, error_model="numpy", boundscheck=True)
        _made[key] = made
        _prints[id(made)] = made, print_
    return _made[key]


def fingerprint_of(kernel: Callable[..., Any]) -> Fingerprint:
    """The fingerprint of what `frozen` made."""
    return _prints[id(kernel)][1] if id(kernel) in _prints else fingerprint(kernel)


class _Copies:
    """Copies of functions that refer to copies of each other."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}

    def of(self, value: Any) -> Any:
        """A copy of a user's function, compiled or not."""
        if id(value) not in self._made:
            plain = getattr(value, "py_func", value)
            scope = dict(plain.__globals__)
            cells = tuple(python.CellType() for _ in plain.__closure__ or ())
            copy = python.FunctionType(
                plain.__code__, scope, plain.__name__, plain.__defaults__, cells or None
            )
            copy.__kwdefaults__, copy.__qualname__, copy.__module__ = (
                plain.__kwdefaults__,
                plain.__qualname__,
                plain.__module__,
            )
            if is_compiled(value):
                options = {"boundscheck": True} | {
                    k: v for k, v in value.targetoptions.items() if v is not None
                }
                self._made[id(value)] = numba.jit(locals=value.locals, **options)(copy)
            else:
                self._made[id(value)] = copy
            self._fill(plain, scope, cells)
        return self._made[id(value)]

    def _fill(
        self, plain: python.FunctionType, scope: dict[str, Any], cells: tuple[Any, ...]
    ) -> None:
        """Give the copy of a function what the function reads."""
        for cell, own in zip(cells, plain.__closure__ or (), strict=True):
            try:
                cell.cell_contents = self._present(own.cell_contents)
            except ValueError:  # nothing in it yet
                continue
        for name, attributes in reads(plain.__code__):
            value = found(plain, name)
            if (
                isinstance(value, python.ModuleType)
                and not is_trusted(value.__name__)
                and attributes
            ):
                if not isinstance(scope[name], _Module):
                    scope[name] = _Module(value)
                self._read(scope[name], value, attributes)
            elif value is not MISSING:
                scope[name] = self._present(value)

    def _present(self, value: Any) -> Any:
        return self.of(value) if is_compiled(value) and is_own(value) else value

    def _read(self, copy: Any, module: Any, attributes: tuple[str, ...]) -> None:
        """Give the copy of a module one of its attributes, or those of a module inside it."""
        name, rest = attributes[0], attributes[1:]
        value = getattr(module, name, MISSING)
        if isinstance(value, python.ModuleType) and not is_trusted(value.__name__) and rest:
            if not isinstance(getattr(copy, name, None), _Module):
                setattr(copy, name, _Module(value))
            self._read(getattr(copy, name), value, rest)
        elif value is not MISSING:
            setattr(copy, name, self._present(value))


class _Module(python.ModuleType):
    """A module with what is read of another one."""

    def __init__(self, module: python.ModuleType) -> None:
        super().__init__(module.__name__)
        vars(self).update(vars(module))
