"""Exponential traces of spikes, shared by all rules that ask for the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

from .build import Build
from .operator import SELDOM, Phase
from .per_thread import spread
from .signals import MOST_COUNT, Signal

SPAN: Final = 16.0  # decay times between two rescalings: exp(16) keeps all digits of a float


@final
@dataclass(frozen=True)
class Trace:
    """Traces that decay by exp(-rate) in a step, kept so that only spikes touch them.

    Trace i is worth ``values[i] * exp(-rate * (step % span))``; values (n,) float, rate [1/step],
    span [steps].
    """

    values: Signal
    rate: float
    span: int

    def named(self, side: str) -> dict[str, Any]:
        """What kernels find under trace_`side`, rate_`side` and span_`side`."""
        return {f"trace_{side}": self.values, f"rate_{side}": self.rate, f"span_{side}": self.span}


@final
@dataclass(eq=False)
class Traces:
    """The traces of one group of spikes, each made when somebody first asks for it.

    name: of the signals; n: how many there are of each; kernel, phase: what raises them at a spike,
    and when; spikes() is what that kernel asks for; threads: which thread raises those of its own
    units, see `PerThread`. Without a kernel whoever asked raises them. region: of memory.
    """

    build: Build
    name: str
    n: int
    kernel: str = ""
    phase: Phase = Phase.LEARN
    spikes: Callable[[], Mapping[str, Any]] = dict
    region: str = "flow"
    threads: Sequence[int | None] = (None,)
    made: dict[tuple[float, float, bool], Trace] = field(default_factory=dict)

    def trace(self, tau: float, jump: float, *, nearest: bool = False) -> Trace:
        """Traces with the decay time `tau` [s] that a spike raises by `jump`.

        nearest: a spike sets them to `jump`, so that they tell of the last one alone.
        """
        key = tau, jump, nearest
        if key not in self.made:
            self.made[key] = self._make(tau, jump, keep=int(not nearest))
        return self.made[key]

    def _make(self, tau: float, jump: float, *, keep: int) -> Trace:
        rate = self.build.dt / tau
        span = max(round(SPAN / rate), 1)
        name = f"{self.name}{len(self.made) + 1}" if self.made else self.name
        values = self.build.signal(name, self.region, "float", (self.n,))
        since = self.build.signal(f"{name}.since", self.region, "int64", (1,), most=MOST_COUNT)
        scope = {
            "trace": values,
            "since": since,
            "rate": rate,
            "span": span,
            "jump": jump,
            "keep": keep,
            **self.spikes(),
        }
        rescaling = {**scope, "shrink": math.exp(-rate * span)}
        # a power of two that divides the span: no boundary between two spans is missed
        every = min(span & -span, SELDOM)
        self.build.operator(Phase.GATHER, name, "trace_rescale_step", rescaling, every=every)
        if self.kernel:
            spread(self.build, self.phase, name, self.kernel, scope, self.threads)
        return Trace(values, rate, span)
