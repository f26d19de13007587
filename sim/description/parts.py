"""The parts of a network, as `Network` makes and checks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from .. import validation as check
from ..operators.convolution import Convolution
from .connectivity import Connectivity
from .convolution import Sliding
from .distributions import Distribution
from .inputs import Stimulus
from .neuron import NeuronModel
from .rule import Rule
from .rules import members
from .store import Store


@final
@dataclass(frozen=True, eq=False)
class Population:
    """`n` units of one neuron model. Made by `Network.population`."""

    name: str
    model: NeuronModel
    n: int
    initial: Mapping[str, float | ArrayLike | Distribution]

    def __len__(self) -> int:
        return self.n

    def __str__(self) -> str:
        starts = [f", {variable} from {_show(value)}" for variable, value in self.initial.items()]
        return f"{self.name}: {self.n} x {_call(self.model)}{''.join(starts)}"


@final
@dataclass(frozen=True, eq=False)
class Projection:
    """Synapses from `pre` to `post`. Made by `Network.connect`."""

    name: str
    pre: Population
    post: Population
    connectivity: Connectivity
    weight: float | ArrayLike | Distribution | None
    delay: float | ArrayLike | Distribution
    store: Store
    rule: Rule | None
    receptor: str | None

    @property
    def static(self) -> bool:
        """Whether the synapses are plain numbers that never change."""
        return self.store.can.static and self.rule is None

    @property
    def shares(self) -> bool:
        """Whether threads can learn at once, each on targets of its own."""
        return self.rule is not None and self.rule.shares and self.store.can.shares

    @property
    def convolution(self) -> Convolution | None:
        """The kernel from which all synapses follow, so that none is stored; None where they are
        listed: where weights change or differ from those of the kernel, or delays differ.
        """
        weight, delay, store = self.weight, self.delay, self.store
        if not isinstance(self.connectivity, Sliding) or not self.static:
            return None
        if store.can.redraws or store.bits is not None:
            return None
        if any(
            isinstance(value, Distribution) or np.ndim(value)
            for value in (0 if weight is None else weight, delay)
        ):
            return None
        own = self.connectivity.convolution
        return own if weight is None else own.scaled(float(weight))  # type: ignore[arg-type]

    @property
    def graded(self) -> bool:
        """Whether the source sends numbers in every step, not spikes."""
        return self.pre.model.sends is not None

    def __str__(self) -> str:
        parts = [
            _call(self.connectivity),
            f"weight={_show(self.weight)}",
            f"delay={_show(self.delay)}",
        ]
        parts += [_call(self.store)]
        parts += [_call(rule) for rule in members(self.rule)]
        return f"{self.name}: {', '.join(parts)}"


@final
@dataclass(frozen=True, eq=False)
class Input:
    """A stimulus tied to a population. Made by `Network.stimulate`."""

    name: str
    population: Population
    stimulus: Stimulus
    receptor: str | None

    def __str__(self) -> str:
        return f"{self.name}: {_call(self.stimulus)}"


@final
@dataclass(frozen=True, eq=False)
class Probe:
    """What to record.

    Made by `Network.probe`; `every` [s] between samples, `ids` the units or synapses recorded.
    """

    target: Population | Projection
    what: str
    every: float | None
    ids: tuple[int, ...] | None

    @property
    def name(self) -> str:
        return f"{self.target.name}.{self.what}"

    def __str__(self) -> str:
        every = "" if self.every is None else f" every {self.every:g} s"
        kind = "synapse" if isinstance(self.target, Projection) else "unit"
        return (
            self.name
            + every
            + ("" if self.ids is None else f", {len(self.ids)} {kind}{'s' * (len(self.ids) > 1)}")
        )


def name_of(owner: str, field: str, part: object) -> str:
    """The name of a population or a projection, given as such or by its name.

    An object counts by its name alone, so one of a copy of the network, or of the one that a saved
    result came from, will do.
    """
    if isinstance(part, (Population, Projection)):
        return part.name
    if not isinstance(part, str):
        raise check.fail(owner, field, "must be a population or a projection, or its name", part)
    return str(part)


def modulators_of(population: Population, projections: Iterable[Projection]) -> list[str]:
    """The modulators of a population: what rules on projections to it ask for, each once."""
    rules = [part.rule for part in projections if part.post is population and part.rule is not None]
    return list(dict.fromkeys(name for rule in rules for name in rule.modulators))


def spikes_only(population: Population, stimulus: Stimulus, receptor: str | None) -> None:
    """Refuse a current to a modulator, which sums spikes."""
    if (
        receptor is not None
        and receptor not in population.model.receptors
        and stimulus.goes == "drive"
    ):
        rule = f"must be None or a receptor of {population.name} for a current: {receptor!r} is a modulator"
        raise check.fail(stimulus, "receptor", rule, receptor)


def _call(part: Any) -> str:
    """A dataclass as its constructor call, of other objects only the name.

    Arguments that equal the defaults are left out.
    """
    if not is_dataclass(part):
        return f"{type(part).__name__}(...)"
    shown = []
    for own in fields(part):
        value = getattr(part, own.name)
        default: Any = own.default
        plain = np.ndim(value) == 0 and np.ndim(default) == 0
        if own.name.startswith("_") or (plain and (value is default or value == default)):
            continue
        shown.append(f"{own.name}={_show(value)}")
    return f"{type(part).__name__}({', '.join(shown)})"


def _show(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple) and all(isinstance(entry, (int, float)) for entry in value):
        return repr(value)
    if np.ndim(value):
        return f"array{np.shape(value)}"
    if hasattr(value, "__dataclass_fields__"):
        return _call(value)
    return repr(value)
