"""Operators: kernels bound by parameter name to signals and scalars, each in one phase of a step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ..errors import NetworkError
from .signals import Signal

Kernel = str | Callable[..., Any]


class Phase(IntEnum):
    """The phases of a step, in order.

    What a receptor of its own sums up comes in by ARRIVE and DELIVER; what is added to a state variable, whose
    effect begins with the next step, by ENTER.
    """

    ARRIVE = 1
    DELIVER = 2
    ADVANCE = 3
    ENTER = 4
    LEARN = 5
    SEND = 6
    RECORD = 7


@dataclass(frozen=True, eq=False)
class Operator:
    """A kernel and what each of its parameters is bound to.

    arguments: parameter name -> Signal or number, in the kernel's own order; the parameter `step` is
    bound by the loop. returns: the signal, shape (1,), that receives the kernel's return value.
    """

    phase: Phase
    label: str
    kernel: Callable[..., Any]
    arguments: Mapping[str, Signal | float | int]
    returns: Signal | None = None

    @property
    def name(self) -> str:
        return self.kernel.__name__


def parameters(kernel: Callable[..., Any]) -> list[str]:
    """The parameter names of a kernel, compiled or not."""
    return list(inspect.signature(getattr(kernel, "py_func", kernel)).parameters)


def bind(
    phase: Phase,
    label: str,
    kernel: Callable[..., Any],
    scope: Mapping[str, Signal | float | int],
    returns: Signal | None = None,
) -> Operator:
    """Bind each parameter of `kernel` to the entry of that name in `scope`.

    Raises NetworkError when the kernel asks for something the scope does not offer.
    """
    names = [name for name in parameters(kernel) if name != "step"]
    missing = [name for name in names if name not in scope]
    if missing:
        raise NetworkError(
            f"{label}: kernel {kernel.__name__} has the parameter {missing[0]!r}, which is none of "
            f"{', '.join(sorted({'step', *scope}))}"
        )
    return Operator(phase, label, kernel, {name: scope[name] for name in names}, returns)
