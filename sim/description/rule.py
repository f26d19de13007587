"""The port for learning rules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

from ...kernels.printed.printed import Printed
from .. import validation as check
from ..operators.operator import Kernel
from ..operators.projection import UNBOUNDED, ProjectionScope, Proposals

SIDES: Final = ("pre", "post")
PAIRS: Final = ("all", "nearest")
LONGEST: Final = 1e9  # [s] that a trace may take to decay


@final
@dataclass(frozen=True, kw_only=True)
class EventTrace:
    """A number that each event of one side of a synapse raises by 1.

    In between it decays: tau dx/dt = -x. side: "pre", raised by the arrivals at the synapse, or
    "post", raised by the spikes of its target. pairs: "all", or "nearest" where an event sets it to
    1.
    """

    side: str
    tau: float  # [s]
    pairs: str = "all"

    def __post_init__(self) -> None:
        check.one_of(self, "side", self.side, SIDES)
        check.one_of(self, "pairs", self.pairs, PAIRS)
        check.keep(self, "tau", check.within, above=0.0, most=LONGEST, unit="s")


@final
@dataclass(frozen=True, kw_only=True)
class EventRule:
    """What a rule does on the event engine.

    Kernels work on the numbers of one synapse, and are given by name or as functions.

    1. `arrival` returns the new weight when a spike arrives at the synapse; the spike itself acts
       with the old weight;
    2. `spike` returns the new weight when the target of the synapse fires.

    None for either: such an event changes no weight. The new weight is kept within the rule's
    bounds. Parameters are bound by name: `w` the weight, the traces, what `constants` gives, and
    the fields of the rule, each a number. A kernel sees a trace as it stands just before the event
    itself raises it. Where several events meet at one time, arrivals come first: an arrival does
    not see a spike of the target at the same time, but that spike sees the arrival. So it is on the
    clock engine within a step.
    """

    arrival: Kernel | None = None
    spike: Kernel | None = None
    traces: Mapping[str, EventTrace] = field(default_factory=lambda: MappingProxyType({}))
    constants: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        for role in ("arrival", "spike"):
            kernel = getattr(self, role)
            if not (kernel is None or isinstance(kernel, (str, Printed)) or callable(kernel)):
                raise check.fail(
                    self, role, "must be the name of a kernel, a function or None", kernel
                )
            object.__setattr__(self, role, str(kernel) if isinstance(kernel, str) else kernel)
        traces = check.mapping(
            self, "traces", self.traces, "{'x': EventTrace(side='pre', tau=20e-3)}"
        )
        for name, trace in traces.items():
            check.text(self, "traces", name)
            check.instance(
                self, f"traces {name!r}", trace, EventTrace, "EventTrace(side='pre', tau=20e-3)"
            )
        constants = check.mapping(self, "constants", self.constants, "{'a_plus': 1e-3}")
        for name, value in constants.items():
            check.text(self, "constants", name)
            constants[name] = check.real(self, f"constants {name!r}", value)
        object.__setattr__(self, "traces", MappingProxyType(traces))
        object.__setattr__(self, "constants", MappingProxyType(constants))


class Rule(ABC):
    """How a projection learns: it watches arrivals and spikes and proposes changes.

    The store disposes.

    `learn` adds operators to phase ARRIVALS, or LEARN, which comes after it, whose kernels append
    to `proposals`. They find in ``projection.names`` the arrivals and the target's spikes of this
    step, in ``projection.listed()`` the synapses of each source, in ``projection.reverse()`` those
    of each target and in ``projection.trace(...)`` traces. A kernel first writes the synapse and
    the change, then raises the count; the store's operator, which runs after it, takes the
    proposals in order and sets the count back to 0.

    direct: where the proposals say so, the kernels change the weights themselves, which spares
    writing the proposals down. shares: the kernels keep to the targets of one thread: they look for
    the synapses of a source only from `begin` to `end`, and write to nothing but these synapses,
    their targets and the proposals. Threads then learn at once. watches: what its source may send,
    "spikes", "numbers" or both. Kernels for numbers find in ``projection.arriving()`` what a source
    brings in this step, and return how much they changed: steps in which nothing changes may be
    left out. modulators: names of signals that arrive at the target for the rule alone, such as a
    reward, see `Network.connect`; kernels find under the name the sum (n_post,) of what arrived in
    this step.

    `event` says what the rule does on the event engine, which has no steps. tensors: for backend
    "torch", by the names of the rule's own kernels functions on tensors that do the same for all
    samples of a batch; see docs/rules.md.
    """

    direct: ClassVar[bool] = False
    shares: ClassVar[bool] = False
    watches: ClassVar[tuple[str, ...]] = ("spikes",)
    modulators: ClassVar[tuple[str, ...]] = ()
    tensors: ClassVar[Mapping[str, Callable[..., Any]]] = MappingProxyType({})

    def bounds(self, weights: float | NDArray[np.float64]) -> tuple[float, float]:
        """The least and the greatest weight that the rule allows, for these initial weights."""
        return UNBOUNDED

    @abstractmethod
    def learn(self, projection: ProjectionScope, proposals: Proposals) -> None: ...

    def event(self, low: float, high: float) -> EventRule | None:
        """What the rule does at an event, for these bounds of a weight.

        None where it needs the steps of the clock.
        """
        return None
