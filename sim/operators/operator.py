"""Operators: kernels whose parameters are bound by name, each in one phase of a step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import FunctionType
from typing import Any, Final

import numpy as np

from ...errors import NetworkError
from ...kernels.printed.printed import Printed
from ...kernels.reference.random import mix
from .signals import Signal

Kernel = str | Printed | Callable[..., Any]
Shard = tuple[int, int, int]  # units low to high - 1, thread
# steps between two calls, at most, of a kernel that need not run in every step; a power of two. The
# loop notices that nothing happens only in steps in which all kernels are due
SELDOM: Final = 64


@dataclass(frozen=True, eq=False)
class Nap:
    """How the shards of a population may nap.

    asleep (n_shards of all populations,) uint8; this population's begin at `first`. The operator
    that decides whether a shard sleeps has `watched`, the arguments in which no bit may change, and
    `receptors`, the signals whose marks wake the shard; other operators have neither.
    """

    asleep: Signal
    first: int
    watched: tuple[str, ...] = ()
    receptors: tuple[Signal, ...] = ()


@dataclass(frozen=True)
class Stream:
    """A random stream.

    A kernel gets its key, a uint64 that is another one in each sample of a batch.

    A kernel that draws is never left out, for it may act though nothing reaches it.
    """

    name: int

    def __str__(self) -> str:
        return f"key of stream {self.name:#x}"

    def key(self, sample: int) -> np.uint64:
        """The key in one sample of a batch."""
        with np.errstate(over="ignore"):
            return np.uint64(mix(np.uint64(self.name) + np.uint64(sample)))


@dataclass(frozen=True)
class FirstUnit:
    """The index of the first unit that a call works on, within its population."""

    def __str__(self) -> str:
        return "of each shard"


Argument = Signal | Stream | FirstUnit | float | int


class Phase(IntEnum):
    """The phases of a step, in order.

    ARRIVE and DELIVER add to receptors, which the kernel of the population reads in this step;
    ENTER adds to state variables, with effect from the next step on. GATHER joins the lists of
    units that fired in a population's shards. Rules look at what arrives in ARRIVALS and at the
    target's spikes in LEARN, in which stores carry out proposals. RAISE raises traces of the target's
    spikes that rules see as they were before.
    """

    ARRIVE = 1
    DELIVER = 2
    ADVANCE = 3
    ENTER = 4
    GATHER = 5
    ARRIVALS = 6
    LEARN = 7
    RAISE = 8
    SEND = 9
    RECORD = 10


@dataclass(frozen=True, eq=False)
class Operator:
    """A kernel and what each of its parameters is bound to.

    arguments: parameter name -> Signal or number, in the kernel's own order; the parameter `step`
    is bound by the loop. returns: the signal that receives the kernel's return value. every: steps
    between two calls, a power of two.

    shards: the ranges of units (low, high, thread) for each of which the kernel is called;
    arguments with one entry per unit are cut to the range, and `returns` has one entry per shard.
    thread: the thread that runs an operator without shards, which must write only to what that
    thread owns; None: all threads are waited for. nap: how its shards may nap. owner: for messages,
    whose kernel it is; the label if empty.
    """

    phase: Phase
    label: str
    kernel: Callable[..., Any]
    arguments: Mapping[str, Argument]
    returns: Signal | None = None
    every: int = 1
    shards: tuple[Shard, ...] = ()
    thread: int | None = None
    nap: Nap | None = None
    owner: str = ""

    @property
    def name(self) -> str:
        """What the kernel is called; a printed one without its digest."""
        printed: Printed | None = getattr(self.kernel, "printed", None)
        return self.kernel.__name__ if printed is None else printed.label


def parameters(kernel: Callable[..., Any]) -> list[str]:
    """The parameter names of a kernel, compiled or not."""
    return list(inspect.signature(getattr(kernel, "py_func", kernel)).parameters)


def plain(owner: str, kernel: Any) -> None:
    """Raise NetworkError unless a user's kernel is a plain Python function with named parameters."""
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
        raise NetworkError(
            f"{owner}: kernel {name} must return the number of spikes, not yield or await (got {name})"
        )


def bind(
    phase: Phase,
    label: str,
    kernel: Callable[..., Any],
    scope: Mapping[str, Argument],
    returns: Signal | None = None,
    **how: Any,
) -> Operator:
    """Bind each parameter of `kernel` to the entry of that name in `scope`.

    how: further fields of the Operator.

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
