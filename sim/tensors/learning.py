"""What the rules of projections that reach a group of populations do in a step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np
import torch

from ...errors import NetworkError, UnsupportedError
from ...kernels.backend import Exact, tensor_kernel
from ...kernels.torch.printed import made
from ..description.parts import Population
from ..description.rules import members
from ..operators.operator import Operator, Phase, Stream, parameters
from ..operators.per_thread import PerThread
from ..operators.signals import Signal, definite
from ..plan.plan import Plan
from .course import LEARNED, Course
from .plastic import WEIGHTS, PlasticWiring
from .units import LISTED

PHASES: Final = (Phase.GATHER, Phase.ARRIVALS, Phase.LEARN, Phase.RAISE)
# what these do is done elsewhere: `arriving` and `fired` are tensors, and nothing need be cleared
ELSEWHERE: Final = ("gather_step", "arriving_step", "clear_step")
TRACES: Final = "trace_post"  # how the signals of populations are called that rules see
Source = Callable[["Instant"], Any]


@dataclass
class Instant:
    """A step `t` of a span, when all units have been advanced.

    rings: what the populations have sent; reached: what arrived in this step, by population and
    receptor; proposed: changes of weights, by projection, in order.
    """

    step: int
    t: int
    samples: Sequence[int]
    course: Course
    rings: Mapping[str, Any]
    reached: Mapping[tuple[str, str | None], Any]
    proposed: dict[str, list[torch.Tensor]] = field(default_factory=dict)
    _arriving: dict[str, torch.Tensor] = field(default_factory=dict)

    def arriving(self, wiring: PlasticWiring) -> torch.Tensor:
        """What each (source, lag) of a projection brings (batch, n_segments)."""
        name, lags = wiring.projection.name, wiring.lags.size
        if name not in self._arriving:
            found = wiring.arriving(self.rings[wiring.pre.name], self.t)
            if found is None:
                weights = self.course.state[LEARNED][f"{name}.{WEIGHTS}"]
                found = weights.new_zeros((len(weights), wiring.pre.n * lags))
            self._arriving[name] = found
        return self._arriving[name]

    def sent(self, name: str) -> torch.Tensor:
        """What a population sends in this step (batch, n)."""
        found: torch.Tensor = self.rings[name].before(self.t, 0)
        return found

    def arrived(self, name: str, receptor: str, n: int) -> torch.Tensor:
        """What arrived at a receptor or modulator in this step (batch, n)."""
        value = self.reached.get((name, receptor))
        if value is None:
            like = next(iter(self.course.state[name].values()))
            return torch.zeros((len(self.samples), n), device=like.device)
        found: torch.Tensor = value
        return found


@dataclass(frozen=True)
class Action:
    """A kernel, and where in an instant each of its parameters is found.

    changes: the signals that it may change, by the names of parameters; owner: whose it is; every:
    steps between two calls.
    """

    kernel: Callable[..., Any]
    sources: Mapping[str, Source]
    changes: Mapping[str, str]
    owner: str
    every: int

    def act(self, instant: Instant) -> None:
        """Call the kernel, and note what it changes and proposes."""
        if instant.step % self.every:
            return
        found = self.kernel(**{name: own(instant) for name, own in self.sources.items()})
        for name, value in (found or {}).items():
            if name == "change":
                instant.proposed.setdefault(self.owner, []).append(value)
            elif name in self.changes:
                instant.course.state[LEARNED][self.changes[name]] = value
            else:
                known = ", ".join(["change", *self.changes])
                raise NetworkError(
                    f"{self.owner}: the kernel on tensors {self.kernel.__name__} may return {known} (got {name!r:.40})"
                )


class Learning:
    """The operators of rules and their traces, in order, for the projections onto some populations.

    looks: the state variables of populations outside of the group that rules ask for, by population
    and variable.
    """

    def __init__(self, plan: Plan, wirings: Mapping[str, Any], units: Collection[str]) -> None:
        self.plan, self.units = plan, units
        self.wirings = {
            name: part for name, part in wirings.items() if isinstance(part, PlasticWiring)
        }
        self.learned, self.looks = set(learned(plan)), set[tuple[str, str]]()
        own = {name for name, part in self.wirings.items() if part.post.name in units}
        owners = {*own, *units} if own else set()
        self.actions = [
            self._action(one, owner_of(one.label))
            for one in plan.operators
            if one.phase in PHASES and one.name not in ELSEWHERE
            if owner_of(one.label) in owners
        ]

    def step(self, instant: Instant) -> None:
        """Let all rules look at a step; their changes enter `instant.course.state`."""
        for action in self.actions:
            action.act(instant)

    def _action(self, operator: Operator, owner: str) -> Action:
        """An operator on tensors."""
        kernel = self._twin(operator, owner)
        changes = {
            name: value.name
            for name, value in self._given(operator, owner).items()
            if isinstance(value, Signal) and value.name in self.learned
        }
        offered, asked = self._offered(operator, owner), parameters(kernel)
        for name in asked:
            if name not in offered:
                raise NetworkError(
                    f"{owner}: the kernel on tensors {kernel.__name__} has the parameter {name!r}, which is none of "
                    f"{', '.join(sorted(offered))}"
                )
        sources = {name: offered[name]() for name in asked}
        return Action(kernel, sources, changes, owner, operator.every)

    def _twin(self, operator: Operator, owner: str) -> Callable[..., Any]:
        """The kernel of an operator as a function on tensors."""
        if (printed := getattr(operator.kernel, "printed", None)) is not None:
            return made(printed)
        rules = members(self.wirings[owner].projection.rule) if owner in self.wirings else ()
        own = [rule.tensors[operator.name] for rule in rules if operator.name in rule.tensors]
        kinds = " and ".join(dict.fromkeys(type(rule).__name__ for rule in rules))
        if any(one is not own[0] for one in own):
            raise UnsupportedError(
                f"Simulator.backend: 'torch' finds two kernels {operator.name} for {kinds} of {owner}; give them "
                "different names, or choose one of cpu, reference"
            )
        found = own[0] if own else tensor_kernel(operator.name)
        if found is None:
            raise UnsupportedError(
                f"Simulator.backend: 'torch' has no kernel {operator.name} for {kinds} of {owner}; give it in "
                "Rule.tensors, functions on tensors by the names of kernels, or choose one of cpu, reference"
            )
        return found

    def _given(self, operator: Operator, owner: str) -> dict[str, Any]:
        """What the kernel of the clock engine may ask for."""
        if owner not in self.wirings:
            return dict(operator.arguments)
        return {**self.plan.projections[owner].names, **operator.arguments}

    def _offered(self, operator: Operator, owner: str) -> dict[str, Callable[[], Source]]:
        """By name, what makes ready each thing that its twin may ask for."""
        found = {
            name: make
            for name, value in self._given(operator, owner).items()
            if (make := self._made(value)) is not None
        }
        found |= {
            "step": lambda: lambda instant: instant.step,
            "samples": lambda: lambda instant: instant.samples,
            "dt": lambda: _always(self.plan.dt),
        }
        if owner in self.wirings:
            wiring = self.wirings[owner]
            found |= {
                "arriving": lambda: lambda instant: instant.arriving(wiring),
                "segments": lambda: lambda instant: wiring.segment_index,
                "sources": lambda: lambda instant: wiring.source_index,
                "targets": lambda: lambda instant: wiring.target_index,
                "changes": lambda: lambda instant: instant.proposed.get(owner, ()),
            }
        return found

    def _made(self, value: Any) -> Callable[[], Source] | None:
        """What makes an argument ready; None for one that is nothing on tensors."""
        if isinstance(value, (Stream, PerThread)):
            return None
        if not isinstance(value, Signal):
            return lambda: _always(self._number(value))
        name = value.name
        if name in self.learned:
            return lambda: lambda instant: instant.course.state[LEARNED][name]
        owner, _, key = name.partition(".")
        part = next((one for one in self.plan.network.populations if one.name == owner), None)
        if part is not None and value.region != "fixed":
            return self._of_population(part, key)
        if value.region == "scratch":
            return lambda: _always(None)
        return partial(self._fixed, value) if value.region == "fixed" else None

    def _of_population(self, part: Population, key: str) -> Callable[[], Source] | None:
        """What makes a signal of a population ready."""
        if key == "fired":
            return partial(self._fired, part)
        if key in part.model.state and key != LISTED:
            return partial(self._variable, part.name, key)
        if key in self._receptors(part):
            return lambda: lambda instant: instant.arrived(part.name, key, part.n)
        return None

    def _number(self, value: Any) -> Any:
        """A number in the precision in which kernels get it."""
        if isinstance(value, float) and not isinstance(value, Exact):
            return float(np.dtype(self.plan.precision).type(value))
        return value

    def _fired(self, part: Population) -> Source:
        if part.model.sends is not None:  # what it sends is no spike
            return lambda instant: torch.zeros_like(instant.sent(part.name))
        return lambda instant: instant.sent(part.name)

    def _variable(self, name: str, variable: str) -> Source:
        if name in self.units:
            return lambda instant: instant.course.state[name][variable]
        self.looks.add((name, variable))
        return lambda instant: instant.course.seen[name, variable][instant.t]

    def _receptors(self, part: Population) -> set[str]:
        """The receptors and modulators whose arrivals stand for one step."""
        rules = [one.rule for one in self.plan.network.projections if one.post is part and one.rule]
        return {*part.model.receptors, *(name for rule in rules for name in rule.modulators)}

    def _fixed(self, signal: Signal) -> Source:
        dtype = definite(signal, self.plan.precision)
        whole = dtype.kind in "iu"
        kept = np.array(signal.initial, np.int64 if whole else dtype)
        return _always(torch.from_numpy(np.broadcast_to(kept, signal.shape).copy()))


def _always(value: Any) -> Source:
    return lambda instant: value


def owner_of(name: str) -> str:
    """The part of the network that an operator or a signal belongs to."""
    return name.partition(".")[0]


def learned(plan: Plan) -> list[str]:
    """The signals that rules change: weights, traces and what rules declare."""
    plastic = {part.name for part in plan.network.projections if part.rule is not None}
    return [
        one.name
        for one in plan.signals
        if one.region in ("flow", "store")
        and (owner_of(one.name) in plastic or one.name.partition(".")[2].startswith(TRACES))
    ]
