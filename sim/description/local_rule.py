"""Learning rules that are plain functions on the numbers of one synapse."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ...kernels.printed import local_rule as printing
from ...kernels.printed.expression import NoFormula, Symbol, both, change_of, formulas
from ...kernels.printed.parts import ARRIVING, WEIGHT, Disposal, Formula, Sites
from ...kernels.printed.printed import Printed
from .. import validation as check
from ..operators.operator import Phase
from ..operators.projection import UNBOUNDED, ProjectionScope, Proposals
from ..operators.signals import Signal
from .rule import LONGEST, PAIRS, SIDES, EventRule, EventTrace, Rule

EVENTS: Final = ("arrival", "spike", "step")
PHASES: Final = {"arrival": Phase.ARRIVALS, "spike": Phase.LEARN, "step": Phase.LEARN}


@final
@dataclass(frozen=True)
class Trace:
    """A number that the events of one side of a synapse raise by 1: tau dx/dt = -x.

    side: "pre", raised by the arrivals at the synapse, or "post", by the spikes of its target.
    tau: its decay time [s], or the name of the rule's field that holds it. pairs: "all", or
    "nearest" where an event sets it to 1, so that it tells of the last event alone.
    """

    side: str
    tau: float | str
    pairs: str = "all"

    def __post_init__(self) -> None:
        check.one_of(self, "side", self.side, SIDES)
        check.one_of(self, "pairs", self.pairs, PAIRS)
        _tau(self, self.tau)


@final
@dataclass(frozen=True)
class Eligibility:
    """A number of each synapse that the rule itself changes: tau dx/dt = -x in between.

    tau: its decay time [s], or the name of the rule's field that holds it.
    """

    tau: float | str

    def __post_init__(self) -> None:
        _tau(self, self.tau)


@final
@dataclass(frozen=True)
class Average:
    """A number of each unit of one side that follows a value: tau dx/dt = value - x.

    side: "pre" or "post"; tau: its time constant [s], or the name of the rule's field that holds
    it; of: a function of state variables, such as ``lambda v_post: v_post``, and of fields. It is
    kept in every step, so the event engine has none.
    """

    side: str
    tau: float | str
    of: Callable[..., Any]

    def __post_init__(self) -> None:
        check.one_of(self, "side", self.side, SIDES)
        _tau(self, self.tau)
        if not callable(self.of):
            raise check.fail(
                self, "of", "must be a function such as lambda v_post: v_post", self.of
            )


@dataclass(frozen=True, kw_only=True)
class LocalRule(Rule):
    """A rule that says in plain functions what an event does to one synapse.

    A subclass is a frozen dataclass. Its static methods return new values: `arrival` when a spike
    arrives at the synapse, `spike` when its target fires, `step` in every step, after both, in which
    the condition `active` holds. They return one value, that of their first parameter, or a tuple,
    those of as many first parameters. These are the weight `w` and eligibilities. Parameters are
    bound by name:

    - `w`, the weight;
    - the names in `traces` and `eligibilities`, as they are just before the event raises them. At
      one time arrivals come first: an arrival does not see a spike of the target at the same time,
      but that spike sees the arrival;
    - the names in `averages` and, after this step, state variables of source and target, such as
      ``v_pre`` and ``v_post``;
    - the names in `modulators`: what arrived at them in this step;
    - `arriving`, the number that a source brings in this step which sends numbers, not spikes;
    - the rule's fields, and what `constants` gives; `low` and `high`, the bounds of a weight; `dt`.

    After an event the weight is kept within the bounds: of the fields `w_min` and `w_max` where the
    rule has them. The functions are called once, with symbols, to find their formulas: they may use
    arithmetic and the functions of NumPy such as `np.exp` and `np.where`, no `if`. The formulas are
    then printed and compiled for threads and events, and for tensors.
    """

    traces: ClassVar[Mapping[str, Trace]] = MappingProxyType({})
    eligibilities: ClassVar[Mapping[str, Eligibility]] = MappingProxyType({})
    averages: ClassVar[Mapping[str, Average]] = MappingProxyType({})
    arrival: ClassVar[Callable[..., Any] | None] = None
    spike: ClassVar[Callable[..., Any] | None] = None
    step: ClassVar[Callable[..., Any] | None] = None
    active: ClassVar[Callable[..., Any] | None] = None

    direct: ClassVar[bool] = True
    shares: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check all that can be known without a network; call it where you write one of your own."""
        for name in _taus(self):
            tau_of(self, name)
        for name in ("w_min", "w_max"):
            if getattr(self, name, None) is not None:
                check.keep(self, name, check.limit)
        low, high = self._limits()
        if low > high:
            raise check.fail(self, "w_max", f"must be at least w_min = {low:g}", high)
        for event in EVENTS:
            self._formula(event)
        for name in self.averages:
            self._averaged(name)

    @property
    def watches(self) -> tuple[str, ...]:  # type: ignore[override]
        """What its source may send: spikes or numbers, as its functions ask for."""
        if self.arrival is not None or any(one.side == "pre" for one in self.traces.values()):
            return ("spikes",)
        reads = self.step is not None and ARRIVING in asked(self.step)
        return ("numbers",) if reads else ("spikes", "numbers")

    def constants(self, low: float, high: float) -> Mapping[str, float]:
        """Further numbers for the functions, for these bounds of a weight; they hide fields."""
        return {}

    def bounds(self, weights: float | NDArray[np.float64]) -> tuple[float, float]:
        """The fields w_min and w_max, where the rule has them; initial weights must lie between."""
        low, high = self._limits()
        if np.size(weights):
            least, most = float(np.min(weights)), float(np.max(weights))
            if least < low or most > high:
                rule = f"initial weights must lie within [w_min, w_max] = [{low:g}, {high:g}]"
                field = "w_min" if least < low else "w_max"
                raise check.fail(self, field, rule, least if least < low else most)
        return low, high

    def learn(self, projection: ProjectionScope, proposals: Proposals) -> None:
        """Declare the traces, and the kernels that are printed from the formulas."""
        scope = {**projection.listed(), **projection.reverse(), **proposals.scope}
        if projection.graded:
            scope |= projection.arriving()
        disposal = _disposal(projection, proposals)
        if projection.weights is not None:
            scope["readable"] = projection.weights
        for name, trace in self.traces.items():
            nearest = trace.pairs == "nearest"
            made = projection.trace(trace.side, tau_of(self, name), nearest=nearest, late=True)
            scope |= made.named(name)
        for name in self.eligibilities:
            scope |= projection.eligibility(tau_of(self, name)).named(name)
        low, high = projection.bounds
        numbers = {**numbers_of(self, low, high), "dt": projection.build.dt}
        scope |= {f"own_{name}": value for name, value in numbers.items()}
        for name in self.averages:
            scope[name] = self._follow(projection, name, scope)
        for event, kernel in self._kernels(disposal, projection.name).items():
            if event == "spike":
                scope |= projection.target_spikes()
            projection.operator(PHASES[event], kernel, scope)

    def _follow(self, projection: ProjectionScope, name: str, scope: Mapping[str, Any]) -> Signal:
        """Declare an average and what keeps it; return its signal."""
        own, part = self.averages[name], projection.synapses
        n = part.n_pre if own.side == "pre" else part.n_post
        signal = projection.signal(f"average_{name}", "flow", "float", (n,))
        kept = math.exp(-projection.build.dt / tau_of(self, name))
        kernel = printing.average_kernel(type(self).__name__, self._averaged(name), self._sites)
        bound = {**projection.names, **scope, "average": signal, "kept": kept, "gained": 1 - kept}
        projection.build.operator(Phase.GATHER, projection.name, kernel, bound)
        return signal

    def event(self, low: float, high: float) -> EventRule | None:
        """The same at events in continuous time; None where it needs more than weights and traces."""
        if self.eligibilities or self.modulators or self.averages or self.step is not None:
            return None
        traces = {
            name: EventTrace(side=trace.side, tau=tau_of(self, name), pairs=trace.pairs)
            for name, trace in self.traces.items()
        }
        kernels = {
            event: printing.event_kernel(f"{type(self).__name__}_{event}", formula)
            for event in ("arrival", "spike")
            if (formula := self._formula(event)) is not None
        }
        return EventRule(**kernels, traces=traces, constants=numbers_of(self, low, high))

    def _kernels(self, disposal: Disposal, projection: str) -> dict[str, Printed]:
        """The printed kernels by event."""
        found = {}
        for event, print_kernel in (
            ("arrival", printing.arrival_kernel),
            ("spike", printing.spike_kernel),
            ("step", printing.step_kernel),
        ):
            formula = self._formula(event)
            if formula is None:
                continue
            change = change_of(formula.changes[WEIGHT], WEIGHT) if WEIGHT in formula.changes else 0
            blind = disposal is Disposal.BLIND
            if blind and (change is None or WEIGHT in _others(formula)):
                raise UnsupportedError(
                    f"{type(self).__name__} of projection {projection!r}: {event} reads the weight w, "
                    "which only the store Ideal() can tell; use that, or add to w what w is not in"
                )
            label = type(self).__name__
            found[event] = print_kernel(label, formula, self._sites, disposal)
        return found

    def _limits(self) -> tuple[float, float]:
        low, high = (getattr(self, name, None) for name in ("w_min", "w_max"))
        return (
            UNBOUNDED[0] if low is None else float(low),
            UNBOUNDED[1] if high is None else float(high),
        )

    @property
    def _sites(self) -> Sites:
        sides = {
            side: frozenset(name for name, own in self.traces.items() if own.side == side)
            for side in SIDES
        }
        follow = {
            side: frozenset(name for name, own in self.averages.items() if own.side == side)
            for side in SIDES
        }
        return Sites(
            pre=sides["pre"],
            post=sides["post"],
            synapse=frozenset(self.eligibilities),
            source=follow["pre"],
            target=follow["post"] | frozenset(self.modulators),
            numbers=frozenset(numbers_of(self, 0.0, 1.0)) | {"dt"},
        )

    def _averaged(self, name: str) -> Symbol:
        """What an average follows, as a formula."""
        own = self.averages[name]
        try:
            names, values = formulas(own.of)
        except NoFormula as error:
            raise check.fail(
                self, f"averages {name!r}", f"must be a formula, but {error}", own.of
            ) from None
        known = self._sites.numbers | frozenset(self.modulators if own.side == "post" else ())
        wrong = [one for one in names if one not in known and not one.endswith(f"_{own.side}")]
        if wrong or len(values) != 1:
            also = ", of modulators" if own.side == "post" else ""
            rule = f"must follow one value of fields{also} and of states that end with _{own.side}"
            raise check.fail(self, f"averages {name!r}", rule, ", ".join(names))
        return values[0]

    def _formula(self, event: str) -> Formula | None:
        """What an event does, as formulas; None where it does nothing."""
        function = getattr(self, event)
        if function is None:
            return None
        try:
            names, values = formulas(function)
        except NoFormula as error:
            raise check.fail(self, event, f"must be a formula, but {error}", function) from None
        changed = {WEIGHT, *self.eligibilities}
        if len(values) > len(names) or any(name not in changed for name in names[: len(values)]):
            rule = f"must return new values of its first parameters, which may be {', '.join(sorted(changed))}"
            got = f"{len(values)} of {', '.join(names) or 'no parameters'}"
            raise check.fail(self, event, rule, got)
        self._known(event, names)
        conditions = self._conditions() if event == "step" else []
        return Formula(dict(zip(names, values, strict=False)), conditions)

    def _conditions(self) -> list[Symbol]:
        """What must hold where `step` works."""
        if self.active is None:
            return []
        try:
            names, values = formulas(self.active)
        except NoFormula as error:
            raise check.fail(
                self, "active", f"must be a formula, but {error}", self.active
            ) from None
        self._known("active", names)
        return [part for value in values for part in both(value)]

    def _known(self, event: str, names: list[str]) -> None:
        """Refuse a parameter that is nothing of the synapse."""
        sites = self._sites
        known = [WEIGHT, *sorted(sites.pre | sites.post | sites.synapse | sites.target)]
        known += [*sorted(sites.source), ARRIVING, *sorted(sites.numbers)]
        for name in names:
            if name not in known and not name.endswith(("_pre", "_post")):
                near = check.nearest(name, known)
                rule = (
                    f"parameters must be among {', '.join(known)}, or end with _pre or _post{near}"
                )
                raise check.fail(self, event, rule, name)


def _others(formula: Formula) -> set[str]:
    """What the changes of eligibilities read."""
    own = {name: value for name, value in formula.changes.items() if name != WEIGHT}
    return Formula(own).names


def _disposal(projection: ProjectionScope, proposals: Proposals) -> Disposal:
    if proposals.direct:
        return Disposal.DIRECT
    return Disposal.BLIND if projection.weights is None else Disposal.READ


def _tau(owner: object, tau: float | str) -> None:
    if not isinstance(tau, str):
        check.keep(owner, "tau", check.within, above=0.0, most=LONGEST, unit="s")


def asked(function: Callable[..., Any]) -> list[str]:
    """What a function of a rule asks for."""
    return list(inspect.signature(function).parameters)


def tau_of(rule: LocalRule, name: str) -> float:
    """The decay time [s] of a trace, an eligibility or an average of a rule."""
    tau, known = _taus(rule)[name], _fields(rule)
    if not isinstance(tau, str):
        return float(tau)
    if tau not in known:
        near = check.nearest(tau, known)
        raise check.fail(rule, name, f"must name a field of the rule as its tau{near}", tau)
    return float(check.within(rule, tau, getattr(rule, tau), above=0.0, most=LONGEST, unit="s"))


def numbers_of(rule: LocalRule, low: float, high: float) -> dict[str, float]:
    """All numbers that the formulas of a rule may ask for, for these bounds of a weight."""
    own = {
        name: float(value)
        for name, value in ((name, getattr(rule, name)) for name in _fields(rule))
        if isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    }
    given = check.mapping(rule, "constants", rule.constants(low, high), "{'gain': 1e-3}")
    more = {name: check.real(rule, f"constants {name!r}", one) for name, one in given.items()}
    return {**own, **more, "low": low, "high": high}


def _taus(rule: LocalRule) -> dict[str, float | str]:
    own: dict[str, Any] = {**rule.traces, **rule.eligibilities, **rule.averages}
    return {name: part.tau for name, part in own.items()}


def _fields(rule: LocalRule) -> list[str]:
    return [field.name for field in dataclasses.fields(rule)]
