"""A population made ready for the event engine: addresses of kernels, parameters, ticks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError, UnsupportedError
from ...kernels import backend as backends
from ...kernels.cpu import event_binding as binding
from ...kernels.cpu.event_queue import NEVER, TICKS
from ...kernels.cpu.fingerprint import is_own
from ...kernels.cpu.refusal import essential
from .. import validation as check
from ..description.neuron import EventKernels
from ..description.parts import Population
from ..operators.operator import plain

LIMIT = 9.0e3  # [s] that a simulation may last: int64 ticks of a femtosecond reach 9,223 s


def ticks(times: Any) -> NDArray[np.int64]:
    """Times [s] in ticks.

    A time that is a whole number of picoseconds, up to rounding, counts as that number.

    So sums of times that are equal in decimal are equal in ticks as well. Times beyond the limit
    never come.
    """
    times = np.asarray(times, np.float64)
    late = times > LIMIT
    held = np.where(late, 0.0, times)
    pico = np.rint(held * 1e12)
    near = np.abs(held * 1e12 - pico) <= 2e12 * np.spacing(held)
    whole = np.where(near, pico.astype(np.int64) * 1000, np.rint(held * TICKS).astype(np.int64))
    return np.where(late, NEVER, whole)


def kernels_of(population: Population) -> EventKernels:
    """How the population's model is solved. Raises UnsupportedError where it cannot be."""
    kernels = population.model.event
    if kernels is None:
        raise UnsupportedError(
            f"Simulator.engine: population {population.name!r} is of {type(population.model).__name__}, which has no "
            "exact solution between events; use engine='clock'"
        )
    return kernels


def receiving(population: Population, receptor: str) -> int:
    """Which state variable of a population's units the weights at a receptor are added to."""
    kernels = kernels_of(population)
    if receptor not in kernels.receives:
        raise UnsupportedError(
            f"engine 'event': {receptor!r} of {population.name!r} is a modulator, which only rules of the clock engine "
            f"read; choose one of {', '.join(kernels.receives)} or engine='clock'"
        )
    return kernels.state.index(kernels.receives[receptor])


class Solved:
    """One population made ready for the loop.

    It has kernels by address, parameters (n or 1, k), initial states and refractory times.

    start: of state variables, each one number or (n,). own: whether any kernel is a user's own; the
    last column of the parameters is then the verdict on them.
    """

    def __init__(self, population: Population, start: Mapping[str, Any]) -> None:
        kernels, model, n = kernels_of(population), population.model, population.n
        owner, backend = (
            f"{type(model).__name__} of population {population.name!r}",
            backends.load("cpu"),
        )
        for kernel in (kernels.flow, kernels.next, kernels.fire):
            if not isinstance(kernel, str | None):
                plain(owner, kernel)
        functions = [
            backend.kernel(kernel)
            for kernel in (kernels.flow, kernels.next, kernels.fire or "reset_fire")
        ]
        known = (*kernels.state, "drive", "elapsed")
        names = sorted(
            {name for function in functions for name in binding.names_of(function)} - set(known)
        )
        for name in names:
            if not hasattr(model, name):
                raise NetworkError(
                    f"{population.name}: {type(model).__name__} has no field {name!r}, which its event kernels ask for"
                )
        refractory = ticks(_per_unit(model, "refractory", getattr(model, "refractory", 0.0), n))
        self.refractory = np.broadcast_to(refractory, n)
        self.width = len(kernels.state)
        self.flow, self.next, self.fire = self._entries(functions, kernels, names, owner)
        values = [np.atleast_1d(_per_unit(model, name, getattr(model, name), n)) for name in names]
        self.own = any(is_own(function) for function in functions)
        values += [np.zeros(1)] * self.own
        self.parameters = (
            np.stack(np.broadcast_arrays(*values), axis=1) if values else np.zeros((1, 1))
        )
        starts = [_per_unit(model, name, start.get(name, 0.0), n) for name in kernels.state]
        self.initial = np.stack([np.broadcast_to(values, n) for values in starts], axis=1).ravel()

    def _entries(
        self, functions: Sequence[Any], kernels: EventKernels, names: list[str], owner: str
    ) -> tuple[int, int, int]:
        """The addresses of flow, next and fire.

        Raises NetworkError for a user's own that cannot be compiled.
        """
        flow, after, fire = functions
        fires = kernels.state if kernels.fire else kernels.state[:1]
        rests = bool((self.refractory > 0).all())
        made = []
        for role, function, entry in (
            ("flow", flow, lambda: binding.flow_entry(flow, kernels.state, names)),
            ("next", after, lambda: binding.next_entry(after, kernels.state, names)),
            (
                "fire",
                fire,
                lambda: binding.fire_entry(fire, after, fires, kernels.state, names, rests=rests),
            ),
        ):
            try:
                made.append(entry())
                continue
            except Exception as error:
                if not is_own(function):
                    raise
                why = essential(error)
            raise NetworkError(
                f"{owner}: event kernel {function.__name__} ({role}) cannot be compiled: {why}"
            )
        return made[0], made[1], made[2]


def _per_unit(model: object, name: str, value: Any, n: int) -> NDArray[np.float64]:
    """A field as float64, one number or (n,): a shorter array would be read past its end."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        array = np.empty((0, 0))
    if array.shape not in ((), (n,)):
        shown = f"shape {np.shape(value)}" if np.ndim(value) else value
        raise check.fail(model, name, f"must be one number or one per unit ({n})", shown)
    return array
