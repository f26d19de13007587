"""Several rules on one projection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from .. import validation as check
from ..operators.projection import UNBOUNDED, ProjectionScope, Proposals
from .rule import Rule

EXAMPLE: Final = "(STDP(), STDP(tau_plus=5e-3))"


@final
@dataclass(frozen=True, kw_only=True)
class Rules(Rule):
    """Rules that change the same weights: ``connect(..., rule=(first, second))`` makes one of them.

    In each step the kernels of the first rule run before those of the second, in phase ARRIVALS and
    then in phase LEARN; on the event engine the first rule changes the weight at an event before
    the second sees it. Weights stay within the bounds of all rules. Each rule has signals and
    constants of its own; traces that several ask for alike, and modulators of one name, are shared.

    Threads learn at once where all rules can (`Rule.shares`). Rules change the weights themselves
    where all can (`Rule.direct`); else all propose, so that changes are carried out in order.
    """

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        given = _several(self, "rules", self.rules)
        rules = tuple(member for rule in given for member in members(rule))
        modulators = dict.fromkeys(name for rule in rules for name in rule.modulators)
        watches = [name for name in rules[0].watches if all(name in rule.watches for rule in rules)]
        for name, value in {
            "rules": rules,
            "direct": all(rule.direct for rule in rules),
            "shares": all(rule.shares for rule in rules),
            "modulators": tuple(modulators),
            "watches": tuple(watches),
        }.items():
            object.__setattr__(self, name, value)

    def bounds(self, weights: float | NDArray[np.float64]) -> tuple[float, float]:
        """The weights that all rules allow. Raises ParameterError where there are none."""
        each = [rule.bounds(weights) for rule in self.rules]
        low, high = (
            pick(ends) for pick, ends in zip((max, min), zip(*each, strict=True), strict=True)
        )
        if low > high:
            told = ", ".join(
                f"{type(rule).__name__} [{one:g}, {other:g}]"
                for rule, (one, other) in zip(self.rules, each, strict=True)
                if (one, other) != UNBOUNDED
            )
            raise check.fail(self, "rules", "must have bounds that leave a weight to all", told)
        return low, high

    def learn(self, projection: ProjectionScope, proposals: Proposals) -> None:
        """One rule after the other, each with names of its own for what it declares."""
        for number, rule in enumerate(self.rules):
            rule.learn(projection.of_rule(number), proposals)


def members(rule: Rule | None) -> tuple[Rule, ...]:
    """The rules that a projection learns by, in order."""
    if rule is None:
        return ()
    return rule.rules if isinstance(rule, Rules) else (rule,)


def one_of_several(owner: object, field: str, given: Any) -> Rule | None:
    """What a user gave as the rule of a projection as one rule: one alone stays itself."""
    if given is None or isinstance(given, Rule):
        return given
    rules = _several(owner, field, given)
    return rules[0] if len(rules) == 1 else Rules(rules=rules)


def _several(owner: object, field: str, given: Any) -> tuple[Rule, ...]:
    """Rules that a user gave one behind the other."""
    form = f"a Rule such as STDP() or several such as {EXAMPLE}"
    if not isinstance(given, (tuple, list)):
        raise check.fail(owner, field, f"must be {form}, or None", given)
    if not given:
        raise check.fail(owner, field, f"must be {form}, or None where nothing learns", given)
    for index, rule in enumerate(given):
        if not isinstance(rule, Rule):
            raise check.fail(owner, field, f"must be {form}; rule {index} is none", rule)
    return tuple(given)
