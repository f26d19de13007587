"""Backends: where kernels come from, and what runs a list of them step by step."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import ParameterError, UnsupportedError
from .printed.printed import Printed

BACKENDS = ("cpu", "gpu", "reference")
TENSORS = "torch"  # the backend on tensors, which runs no list of kernels
NEVER = 1 << 62  # an `upcoming` that never comes
KERNELS = (
    "_step",
    "_layer",
    "_flow",
    "_next",
    "_fire",
    "_arrival",
    "_spike",
)  # how the names of kernels end


class Exact(float):
    """A number that kernels get in double precision, whatever the precision of the simulation."""


class Nap(NamedTuple):
    """How the calls on one shard of a population are left out while nothing happens to it.

    asleep (1,) uint8: whether they are left out now; leads: whether this call decides that, by
    comparing the arrays `watched` before and after; woken: uint8 arrays in which other calls mark
    that something arrived.
    """

    asleep: NDArray[np.uint8]
    leads: bool
    watched: tuple[NDArray[Any], ...] = ()
    woken: tuple[NDArray[np.uint8], ...] = ()


class Call(NamedTuple):
    """One kernel and the arrays and numbers for its parameters, `step` excepted.

    returns (1,) int64 receives the return value; None where nobody reads it. every: steps between
    two calls, a power of two. thread: which thread makes the call; None for one that must wait
    until all threads are done. nap: when the call may be left out, which changes no result. owner:
    whose kernel it is, for messages.
    """

    kernel: Callable[..., Any]
    arguments: Mapping[str, Any]
    returns: NDArray[np.int64] | None
    every: int = 1
    thread: int | None = None
    nap: Nap | None = None
    owner: str = ""


class Program(Protocol):
    """A list of calls made ready to run."""

    def advance(self, step: int, stop: int) -> int:
        """Run from `step` up to `stop`, or until a buffer is full; return the first step not run.

        Then the state and the buffers of probes are up to date; other arrays only after `collect`.
        """

    def collect(self) -> None:
        """Bring all arrays of the calls up to date."""

    def halt(self) -> None:
        """Wait until an `advance` that was interrupted has ended.

        After that the program cannot be used any more.
        """


class Clockwork(NamedTuple):
    """The arrays that calls and the loop share.

    upcoming (n_calls,): next step in which a call must run even if nothing arrives; pause (1,): set
    by a full buffer;
    state (n_bytes,) uint8: all neuron state; patience: silent steps after which the loop looks
    whether any bit changes.
    """

    upcoming: NDArray[np.int64]
    pause: NDArray[np.int64]
    state: NDArray[np.uint8]
    patience: int


class Backend:
    """The kernels of one room under their names, as attributes: ``load("cpu").lif_step``.

    room: where they are, `name` itself if None.
    """

    def __init__(self, name: str, room: str | None = None) -> None:
        self.name, self.room = name, room or name
        self._kernels: dict[str, Callable[..., Any]] = _room(self.room)

    def __reduce__(self) -> Any:
        return load, (self.name,)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        try:
            return self._kernels[name]
        except KeyError:
            raise AttributeError(f"the {self.name} backend has no kernel {name!r}") from None

    def kernel(self, kernel: str | Printed | Callable[..., Any]) -> Callable[..., Any]:
        """A kernel by name, or the user's function as it is now.

        Raises UnsupportedError for an unknown name.
        """
        if isinstance(kernel, Printed):
            return self._printed(kernel)
        if not isinstance(kernel, str):
            return self._own(getattr(kernel, "__func__", kernel))
        if kernel not in self._kernels:
            others = [name for name in BACKENDS if name != self.name]
            raise UnsupportedError(
                f"backend {self.name!r} has no kernel {kernel!r}; choose one of {', '.join(others)}"
            )
        return self._kernels[kernel]

    def _printed(self, kernel: Printed) -> Callable[..., Any]:
        """A kernel that was printed from formulas."""
        made: Callable[..., Any] = importlib.import_module(
            f".{self.room}.printed", __package__
        ).made(kernel)
        return made

    def _own(self, kernel: Callable[..., Any]) -> Callable[..., Any]:
        """A user's function with the values that it reads now."""
        if self.name == "gpu":
            return kernel
        from .cpu.frozen import frozen

        return frozen(kernel, compiled=self.room == "cpu")

    def program(
        self, calls: Sequence[Call], clockwork: Clockwork, precision: str, threads: int = 1
    ) -> Program:
        """Make `calls` ready to run, in order, once per step.

        They run on several threads where calls belong to `threads`.
        """
        module = importlib.import_module(f".{self.room}.program", __package__)
        program: Program = module.Program(calls, clockwork, precision, threads)
        return program

    def zeros(self, shape: Any, dtype: str = "float64") -> NDArray[Any]:
        """An array of zeros on this backend's device."""
        return np.zeros(shape, dtype)

    def full(self, shape: Any, value: Any, dtype: str = "float64") -> NDArray[Any]:
        """An array of `value` on this backend's device."""
        return np.full(shape, value, dtype)


def load(name: str) -> Backend:
    """The backend called `name`; "auto" is "cpu", which runs every network.

    Raises DependencyError or UnsupportedError for a device that is not there.
    """
    if name == "auto":
        name = "cpu"
    if name == TENSORS:  # stimuli are those of the cpu
        return Backend(TENSORS, "cpu")
    if name not in BACKENDS:
        raise ParameterError(f"backend: must be one of auto, {', '.join(BACKENDS)} (got {name!r})")
    if name == "gpu":
        importlib.import_module(".gpu.devices", __package__).present()
    return Backend(name)


def tensor_kernel(name: str) -> Callable[..., Any] | None:
    """The kernel on tensors that is called `name`; None if there is none."""
    return _room(TENSORS).get(name)


@cache
def _room(name: str) -> dict[str, Callable[..., Any]]:
    """All kernels of a room."""
    package = importlib.import_module(f".{name}", __package__)
    kernels: dict[str, Callable[..., Any]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        members = inspect.getmembers(
            importlib.import_module(f".{module.name}", package.__name__), callable
        )
        kernels.update({key: value for key, value in members if key.endswith(KERNELS)})
    return kernels
