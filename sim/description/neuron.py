"""The port for neuron models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from ...errors import NetworkError
from .. import validation as check
from ..operators.operator import Kernel
from .surrogate import ArcTan, Surrogate


@final
@dataclass(frozen=True, kw_only=True)
class EventKernels:
    """How the event engine solves a model exactly.

    Kernels work on the numbers of one unit, and are given by name or as functions.

    1. `flow` returns the state variables after `elapsed` [s] without input;
    2. `next` returns the time [s] to the first moment at or above threshold: 0 for now, inf for
       never; -t says that it does not come before t, when it will be asked again;
    3. `fire` returns the state variables after a spike; None sets the first one to the model's
       field `reset`.

    state: the variables, in the order in which `flow` and `fire` return them. For the model's field
    `refractory` [s], 0 without one, after a spike the first is clamped and takes no input, while
    the others go on. receives: receptor -> the variable to which arriving weights are added.
    Parameters are bound by name: state variables, `drive`, and the model's fields, each a number.
    """

    flow: Kernel
    next: Kernel
    state: tuple[str, ...]
    receives: Mapping[str, str]
    fire: Kernel | None = None

    def __post_init__(self) -> None:
        for role, kernel in (("flow", self.flow), ("next", self.next), ("fire", self.fire)):
            if not (
                isinstance(kernel, str) or callable(kernel) or (role == "fire" and kernel is None)
            ):
                raise check.fail(
                    self, role, "must be a function or the name of a kernel of the library", kernel
                )
            if isinstance(kernel, str):
                object.__setattr__(self, role, str(kernel))
        if not isinstance(self.state, (tuple, list)) or not all(
            isinstance(name, str) for name in self.state
        ):
            raise check.fail(
                self, "state", "must be names of state variables such as ('v',)", self.state
            )
        object.__setattr__(self, "state", tuple(map(str, self.state)))
        receives = check.mapping(self, "receives", self.receives, "{'jump': 'v'}")
        for receptor, variable in receives.items():
            check.text(self, "receives", receptor)
            check.one_of(self, f"receives {receptor}", variable, self.state)
        object.__setattr__(self, "receives", receives)


def complete(model: NeuronModel) -> None:
    """Raise NetworkError unless the class of a model says what a network is compiled from."""
    for name, kind, example in (
        ("kernel", object, "a function or the name of one of the library"),
        ("state", Mapping, "{'v': 'float'}"),
        ("receptors", tuple, "('jump',)"),
    ):
        value = getattr(model, name, None)
        if value is None or not isinstance(value, kind):
            rule = f"must be given by the class of a model, such as {name} = {example}"
            raise NetworkError(f"{type(model).__name__}.{name}: {rule} (got {value!r:.60})")
    if model.sends is not None and model.state.get(model.sends) != "float":
        rule = "must be a state variable of dtype 'float', whose value is sent, or None"
        raise check.fail(model, "sends", rule, model.sends)


class NeuronModel(ABC):
    """What a unit is: parameters, state variables and the kernel that advances them by one step.

    A model is a frozen, keyword-only dataclass that

    1. names its `kernel`: a kernel of the library by name, or a Python function, which the backend
       compiles;
    2. lists its `state` variables with their dtypes, ``"float"`` for the simulation's precision;
    3. lists its `receptors`, the vectors into which arriving weights are summed (the kernel zeroes
       them); for those in `receives` the weights are added to that state variable instead, once the
       kernel has run;
    4. gives the kernel's `constants` at a step dt, each a number or an array (n,) with one entry
       per unit.

    sends: the state variable whose value is sent in every step, for units that send numbers instead
    of spikes.

    The kernel's parameters are bound by name: state variables, receptors, constants, `drive` (n,)
    the injected current (one number where that is enough and the kernel is one of the library's),
    `fired` (n,) uint32 the buffer for the firing indices, ascending, and `step` if it wants it. It
    returns the number of spikes. A kernel of the library may be handed a range of the units at a
    time. A model that can be solved exactly between events may offer `event` as well.

    A kernel that draws random numbers asks for `key`, a uint64 of the population's own stream (in
    each sample of a batch another one), and for `first_unit`, the index of its first unit. What it
    draws for its unit i must be a function of (key, step, first_unit + i) alone, such as
    ``uniform(key, step, first_unit + i)`` of `potentia.kernels.cpu.random`: then no result depends
    on shards, threads, chunks, runs or backends.
    """

    kernel: ClassVar[Kernel]
    state: ClassVar[Mapping[str, str]]
    receptors: ClassVar[tuple[str, ...]]
    receives: ClassVar[Mapping[str, str]] = {}  # receptor -> state variable
    units: ClassVar[Mapping[str, str]] = {}
    # receptors to which each arrival adds 1, whatever its weight
    counts: ClassVar[tuple[str, ...]] = ()
    # constants that the kernel gets in double precision in any case
    exact: ClassVar[tuple[str, ...]] = ()
    conductances: ClassVar[tuple[str, ...]] = ()  # receptors whose weights must not be below 0
    event: ClassVar[EventKernels | None] = None
    # the kernel on tensors, for backend "torch"; None: that of the library with the same name
    tensors: ClassVar[Any] = None
    surrogate: ClassVar[Surrogate] = ArcTan()  # the slope of the step at threshold in training
    sends: ClassVar[str | None] = None

    @abstractmethod
    def constants(self, dt: float) -> Mapping[str, Any]:
        """The kernel's constants at step `dt` [s]."""

    def initial(self) -> Mapping[str, Any]:
        """Initial values of state variables; those not named start at 0."""
        return {}

    def fits(self, n: int) -> None:
        """Raise ParameterError unless the fields of a model fit `n` units.

        Fields per unit have `n` entries, and time constants, called tau..., are > 0.
        """
        for name, value in vars(self).items():
            if name.startswith("tau") and isinstance(value, (int, float, np.number, np.ndarray)):
                bad = ~(np.ravel(value) > 0)
                if bad.any():
                    raise check.fail(
                        self,
                        name,
                        "must be > 0 s, as a time constant",
                        float(np.ravel(value)[bad][0]),
                    )
            if isinstance(value, np.ndarray) and value.shape != (n,):
                rule = f"must be one number or one per unit ({n})"
                raise check.fail(self, name, rule, f"shape {value.shape}")

    def receptor(self, weights_negative: bool) -> str:
        """The receptor that a projection without an explicit one reaches.

        The sign of its weights decides.
        """
        return self.receptors[-1 if weights_negative else 0]
