"""What the kernels of one formula of a local rule read and change, in any language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple

from .expression import Symbol, change_of, names_in

WEIGHT: Final = "w"
ARRIVING: Final = "arriving"


class Disposal(Enum):
    """How a rule changes weights.

    DIRECT: it changes them itself; READ: it proposes changes, and can read them; BLIND: it proposes
    changes and cannot.
    """

    DIRECT = "direct"
    READ = "read"
    BLIND = "blind"


class Sites(NamedTuple):
    """Where the names in the formulas of a rule are found.

    pre, post: traces of each side; synapse: eligibilities; source, target: averages of each side and
    modulators (n_post,); numbers: constants. Names that end with _pre or _post are state variables
    of source and target; `arriving` is what a source that sends numbers brings in this step.
    """

    pre: frozenset[str]
    post: frozenset[str]
    synapse: frozenset[str]
    source: frozenset[str]
    target: frozenset[str]
    numbers: frozenset[str]

    def of_source(self, name: str) -> bool:
        """Whether a name stands for a number of the source unit."""
        return name in self.source or name.endswith("_pre")

    def of_target(self, name: str) -> bool:
        """Whether a name stands for a number of the target unit, of a trace or not."""
        return name in self.post or name in self.target or name.endswith("_post")


class Formula(NamedTuple):
    """What an event does to a synapse: the new value of each number that it changes, by name.

    conditions: of what happens in every step, all of which must hold.
    """

    changes: Mapping[str, Symbol]
    conditions: Sequence[Symbol] = ()

    @property
    def names(self) -> set[str]:
        """What it reads."""
        return names_in([*self.changes.values(), *self.conditions])


class Parts:
    """The pieces of which the kernels of one formula are put together.

    changed: by name, what is computed for each number that changes: its new value, or, where
    `added`, what is added to it. used: all names that are read.
    """

    def __init__(self, formula: Formula, sites: Sites, disposal: Disposal) -> None:
        self.sites, self.disposal = sites, disposal
        self.direct = disposal is Disposal.DIRECT
        sums = {name: change_of(value, name) for name, value in formula.changes.items()}
        if WEIGHT in sums and not self.direct and sums[WEIGHT] is None:
            sums[WEIGHT] = formula.changes[WEIGHT] - Symbol("name", WEIGHT)
        if WEIGHT in sums and self.direct:
            sums[WEIGHT] = None  # it is set, and kept within bounds
        self.added = {name: value is not None for name, value in sums.items()}
        self.changed = {name: _given(sums[name], value) for name, value in formula.changes.items()}
        self.conditions = list(formula.conditions)
        self.used = sorted(names_in([*self.changed.values(), *self.conditions]))

    @property
    def traces(self) -> list[str]:
        """The traces and eligibilities that are read or changed."""
        own = self.sites.pre | self.sites.post | self.sites.synapse
        return [name for name in sorted({*self.used, *self.changed}) if name in own]

    @property
    def raised(self) -> list[str]:
        """The eligibilities that are changed."""
        return [name for name in self.changed if name in self.sites.synapse]

    @property
    def others(self) -> list[str]:
        """Arrays of units and segments that are read, but for traces."""
        return [
            name
            for name in self.used
            if name == ARRIVING
            or self.sites.of_source(name)
            or (self.sites.of_target(name) and name not in self.sites.post)
        ]

    @property
    def numbers(self) -> list[str]:
        """The constants that are read, as kernels call them."""
        return [f"own_{name}" for name in self.used if name in self.sites.numbers]

    @property
    def spelling(self) -> dict[str, str]:
        """How each name is spelled in a formula of one synapse."""
        return {
            name: f"own_{name}" if name in self.sites.numbers else f"{name}_" for name in self.used
        }

    @property
    def lags(self) -> list[str]:
        """The delays, by which the source of a segment is found where it is asked for."""
        return ["lags"] if any(self.sites.of_source(name) for name in self.used) else []

    @property
    def readable(self) -> str:
        """The array in which weights are read."""
        return "weights" if self.direct else "readable"

    def at_target(self, condition: Symbol) -> bool:
        """Whether a condition is one on the target alone."""
        own = names_in([condition])
        return all(name in self.sites.numbers or self.sites.of_target(name) for name in own)


def _given(change: Symbol | None, value: Symbol) -> Symbol:
    """What is added, where that is known, else the new value."""
    return value if change is None else change
