"""What a call of `Simulator.module` asks for, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final

import numpy as np

from ...errors import ParameterError, UnsupportedError
from .. import validation as check
from ..conversion import shown
from ..description.known_parts import KnownParts
from ..description.network import Network
from ..description.parts import Population, Projection
from ..description.surrogate import Surrogate

OWNER: Final = "Simulator"
FIELD: Final = "module train"
EXAMPLE: Final = "[hidden_to_readout, (hidden, 'tau')]"
Trained = tuple[str, str | None]  # a projection, or a population and a field of its model


def trained(network: Network, parts: KnownParts, asked: Any) -> list[Trained]:
    """What is to be trained: projections, and fields of the models of populations, each once."""
    if not isinstance(asked, (list, tuple)):
        raise check.fail(OWNER, FIELD, f"must be a list such as {EXAMPLE}", asked)
    found = [_one(network, parts, one) for one in asked]
    for k, one in enumerate(found):
        if one in found[:k]:
            raise check.fail(OWNER, FIELD, "must name each part once", ".".join(filter(None, one)))
    return found


def surrogates(network: Network, parts: KnownParts, asked: Any) -> dict[str, Surrogate]:
    """The surrogate gradients of populations, by name; one surrogate is that of all."""
    if asked is None:
        return {}
    example = "ArcTan(), or a mapping from populations to such"
    if isinstance(asked, Surrogate):
        return {part.name: asked for part in network.populations}
    if not isinstance(asked, Mapping):
        raise check.fail(OWNER, "module surrogate", f"must be {example}", asked)
    found = {}
    for part, surrogate in asked.items():
        own = parts.find("Simulator.module", part, network.populations, "population")
        found[own.name] = check.instance(
            OWNER, "module surrogate", surrogate, Surrogate, "ArcTan()"
        )
    return found


def _one(network: Network, parts: KnownParts, asked: Any) -> Trained:
    members: Sequence[Population | Projection] = network.projections
    if isinstance(asked, str) and "." in asked:  # no name of a part has a dot
        asked = tuple(asked.split(".", 1))
    if not isinstance(asked, tuple):
        found = parts.find(f"Simulator.{FIELD}", asked, members, "projection")
        _trains(found)
        return found.name, None
    if len(asked) != 2:
        raise check.fail(OWNER, FIELD, f"must be a list such as {EXAMPLE}", asked)
    population = parts.find(f"Simulator.{FIELD}", asked[0], network.populations, "population")
    return population.name, _field(population, asked[1])


def _trains(projection: Any) -> None:
    if projection.convolution is not None and not projection.connectivity.scales:
        kind = type(projection.connectivity).__name__
        raise UnsupportedError(
            f"Simulator.{FIELD}: {projection.name!r} has one weight for all synapses of its {kind}; use a Conv2d with "
            "as many groups as channels"
        )
    if projection.store.can.redraws:
        store = type(projection.store).__name__
        raise UnsupportedError(
            f"Simulator.{FIELD}: {projection.name!r} keeps no weights, which {store} draws again at every spike; use "
            "store=Ideal()"
        )


def _field(population: Population, field: Any) -> str:
    """A field of a population's model that holds real numbers."""
    model = population.model
    own: list[str] = [one.name for one in fields(model) if one.init] if is_dataclass(model) else []
    known = [name for name in own if np.asarray(getattr(model, name)).dtype.kind == "f"]
    if field not in known:
        hint = check.nearest(field, known) if isinstance(field, str) else ""
        raise ParameterError(
            f"Simulator.{FIELD}: {shown(field)} is no parameter of {type(model).__name__}{hint} that could be trained "
            f"(known: {check.listed(known) or 'none'})"
        )
    return str(field)
