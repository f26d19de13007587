"""One rule of a projection, made ready for the event engine: kernels by address, constants, traces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError, UnsupportedError
from ...kernels import backend as backends
from ...kernels.cpu import event_binding as binding
from ...kernels.cpu.event_learning import TRACE
from ...kernels.cpu.fingerprint import is_own
from ...kernels.cpu.refusal import essential
from ...kernels.printed.printed import Printed
from .. import validation as check
from ..description.rule import EventRule, EventTrace, Rule
from ..operators.operator import plain


class Sizes(NamedTuple):
    """How many constants and traces a rule has."""

    constants: int
    traces: int


class BoundRule:
    """One rule that a projection learns by, in the order of its rules.

    weight (n,) initial, for the rule's own bounds. arrival, spike: addresses of its kernels, 0 for
    none. own: whether a kernel is a user's own; the last constant is then the verdict on both.
    """

    def __init__(self, rule: Rule, projection: str, weight: NDArray[np.float64]) -> None:
        self.rule, self.projection = rule, projection
        self.event = self._event(weight)
        kernels = [self._kernel(kernel) for kernel in (self.event.arrival, self.event.spike)]
        self.own = any(kernel is not None and is_own(kernel) for kernel in kernels)
        known = ("w", *self.event.traces)
        asked = [() if kernel is None else binding.names_of(kernel) for kernel in kernels]
        names = sorted({name for part in asked for name in part} - set(known))
        self.constants = np.array(
            [self._constant(name) for name in names] + [0.0] * self.own, np.float64
        )
        self.arrival, self.spike = (
            0 if kernel is None else self._entry(kernel, known, names, role)
            for kernel, role in zip(kernels, ("arrival", "spike"), strict=True)
        )
        self._asked = asked

    @property
    def owner(self) -> str:
        """What to call the rule in a message."""
        return f"{type(self.rule).__name__} of projection {self.projection!r}"

    @property
    def names(self) -> list[str]:
        """The names of its kernels."""
        kernels = (self.event.arrival, self.event.spike)
        return [
            kernel.label
            if isinstance(kernel, Printed)
            else getattr(kernel, "__name__", str(kernel))
            for kernel in kernels
            if kernel is not None
        ]

    @property
    def sizes(self) -> Sizes:
        return Sizes(self.constants.size, len(self.event.traces))

    def traces(self, place: Callable[[EventTrace], int]) -> NDArray[Any]:
        """Its TRACEs; place: where the values of a trace begin."""
        made = np.zeros(len(self.event.traces), TRACE)
        for own, (name, trace) in zip(made, self.event.traces.items(), strict=True):
            own["left"], own["post"], own["tau"] = place(trace), trace.side == "post", trace.tau
            own["arrival"], own["spike"] = (name in part for part in self._asked)
        return made

    def _event(self, weight: NDArray[np.float64]) -> EventRule:
        """What the rule does at events. Raises UnsupportedError where it does not say."""
        low, high = self.rule.bounds(weight)
        event = self.rule.event(float(low), float(high))
        if event is None:
            raise UnsupportedError(
                f"Simulator.engine: projection {self.projection!r} learns by {type(self.rule).__name__}, which does "
                "not say what it does between steps (Rule.event); use engine='clock'"
            )
        if not isinstance(event, EventRule):
            raise check.fail(self.rule, "event", "must return an EventRule or None", event)
        return event

    def _kernel(self, kernel: Any) -> Callable[..., Any] | None:
        if kernel is None:
            return None
        if not isinstance(kernel, (str, Printed)):
            plain(self.owner, kernel)
        return backends.load("cpu").kernel(kernel)

    def _constant(self, name: str) -> float:
        """A number by name: a constant of the event rule, or a field of the rule itself."""
        if name in self.event.constants:
            return self.event.constants[name]
        if not hasattr(self.rule, name):
            known = ", ".join(["w", *self.event.traces, *self.event.constants])
            told = f"its event kernels ask for {name!r}, which is no field of it"
            raise NetworkError(f"{self.owner}: {told} (known: {known})")
        return check.real(self.rule, name, getattr(self.rule, name))

    def _entry(
        self, kernel: Callable[..., Any], row: Sequence[str], names: Sequence[str], role: str
    ) -> int:
        """The address of a kernel. Raises NetworkError for a user's own that cannot be compiled."""
        try:
            return binding.learn_entry(kernel, row, names)
        except Exception as error:
            if not is_own(kernel):
                raise
            why = essential(error)
        raise NetworkError(
            f"{self.owner}: event kernel {kernel.__name__} ({role}) cannot be compiled: {why}"
        )
