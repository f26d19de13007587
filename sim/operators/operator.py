"""Operators: kernels bound by parameter name to signals and scalars, each in one phase of a step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import FunctionType
from typing import Any

from ...errors import NetworkError
from .signals import Signal

Kernel = str | Callable[..., Any]
Shard = tuple[int, int, int]  # units low to high - 1, thread


@dataclass(frozen=True, eq=False)
class Nap:
    """How the shards of a population may pause.

    asleep (all shards,) uint8, of which those from `first` on are this population's; for the operator that decides,
    watched: the arguments that must not change, and receptors: the signals whose marks wake a shard.
    """

    asleep: Signal
    first: int
    watched: tuple[str, ...] = ()
    receptors: tuple[Signal, ...] = ()


class Phase(IntEnum):
    """The phases of a step, in order.

    What a receptor of its own sums up comes in by ARRIVE and DELIVER; what is added to a state variable, whose
    effect begins with the next step, by ENTER. GATHER joins the lists of those that fired in a population's shards.
    """

    ARRIVE = 1
    DELIVER = 2
    ADVANCE = 3
    ENTER = 4
    GATHER = 5
    LEARN = 6
    SEND = 7
    RECORD = 8


@dataclass(frozen=True, eq=False)
class Operator:
    """A kernel and what each of its parameters is bound to.

    arguments: parameter name -> Signal or number, in the kernel's own order; the parameter `step` is
    bound by the loop. returns: the signal that receives the kernel's return value. every: steps between two
    calls, a power of two.

    shards: (low, high, thread) of the ranges of units in which it runs, one after the other or at once: arguments
    with one entry per unit are cut, and `returns` has one entry per shard. thread: which thread may run an operator
    that writes only to what the thread owns; None for what all must wait for. nap: the shards may pause while nothing
    arrives at the receptors named; an operator without any pauses with the others on the same shard.
    owner: what a kernel of a user's own is of, for messages; the label if empty.
    """

    phase: Phase
    label: str
    kernel: Callable[..., Any]
    arguments: Mapping[str, Signal | float | int]
    returns: Signal | None = None
    every: int = 1
    shards: tuple[Shard, ...] = ()
    thread: int | None = None
    nap: Nap | None = None
    owner: str = ""

    @property
    def name(self) -> str:
        return self.kernel.__name__


def parameters(kernel: Callable[..., Any]) -> list[str]:
    """The parameter names of a kernel, compiled or not."""
    return list(inspect.signature(getattr(kernel, "py_func", kernel)).parameters)


def plain(owner: str, kernel: Any) -> None:
    """Raise NetworkError unless a user's own kernel is a Python function each of whose parameters has a name."""
    function = getattr(kernel, "py_func", getattr(kernel, "__func__", kernel))
    if not isinstance(function, FunctionType):
        raise NetworkError(
            f"{owner}: kernel must be the name of a kernel of the library or a function made with def, which may "
            f"call others (got {type(kernel).__name__} {kernel!r:.60})"
        )
    flags, name = function.__code__.co_flags, function.__name__
    if flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS) or function.__code__.co_kwonlyargcount:
        raise NetworkError(
            f"{owner}: kernel {name} must name each of its parameters, without *, as they are bound by name "
            f"(got {name}{inspect.signature(function)})"
        )
    if flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        raise NetworkError(f"{owner}: kernel {name} must return the number of spikes, not yield or await (got {name})")


def bind(
    phase: Phase,
    label: str,
    kernel: Callable[..., Any],
    scope: Mapping[str, Signal | float | int],
    returns: Signal | None = None,
    **how: Any,
) -> Operator:
    """Bind each parameter of `kernel` to the entry of that name in `scope`; how: further fields of the Operator.

    Raises NetworkError when the kernel asks for something the scope does not offer.
    """
    names = [name for name in parameters(kernel) if name != "step"]
    missing = [name for name in names if name not in scope]
    if missing:
        raise NetworkError(
            f"{label}: kernel {kernel.__name__} has the parameter {missing[0]!r}, which is none of "
            f"{', '.join(sorted({'step', *scope}))}"
        )
    return Operator(phase, label, kernel, {name: scope[name] for name in names}, returns, **how)
