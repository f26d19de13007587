"""A network in which one part is another one: a new network, for descriptions never change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from .network import Network
from .parts import Input, Population, Projection

Part = TypeVar("Part", Population, Projection, Input)


def replaced(network: Network, old: Part, new: Part) -> Network:
    """The same network with `new`, which has the same name, in the place of `old`.

    Parts that refer to a replaced one are replaced too; all others are shared with `network`.
    """
    places: dict[Any, Any] = {old: new}
    made = Network(seed=network.seed)
    made.populations.extend(places.get(part, part) for part in network.populations)
    for projection in network.projections:
        own = places.get(projection, projection)
        pre, post = places.get(own.pre, own.pre), places.get(own.post, own.post)
        if (pre, post) != (own.pre, own.post):
            own = replace(own, pre=pre, post=post)
        places[projection] = own
        made.projections.append(own)
    for described in network.inputs:
        tied = places.get(described, described)
        target = places.get(tied.population, tied.population)
        made.inputs.append(tied if target is tied.population else replace(tied, population=target))
    for probe in network.probes:
        probed = places.get(probe.target, probe.target)
        made.probes.append(probe if probed is probe.target else replace(probe, target=probed))
    return made
