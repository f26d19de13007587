"""The parts of a network by name, and by the objects that users hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar, final
from weakref import WeakKeyDictionary

from ...errors import NetworkError
from .. import validation as check
from ..conversion import shown
from .network import Network
from .parts import Input, Population, Projection

PARTS: Final = (Population, Projection, Input)
Part = TypeVar("Part", bound=Population | Projection | Input)


@final
class KnownParts:
    """Finds parts of a network whose parts may be replaced by others of the same names."""

    def __init__(self, network: Network) -> None:
        self._names: WeakKeyDictionary[Population | Projection | Input, str] = WeakKeyDictionary()
        self.add(network)

    def add(self, network: Network) -> None:
        """Know the parts of `network` too.

        Those of earlier ones are still known, since users may hold them.
        """
        parts: list[Population | Projection | Input] = [
            *network.populations,
            *network.projections,
            *network.inputs,
        ]
        for part in parts:
            self._names[part] = part.name

    def find(self, asked: str, wanted: object, members: Sequence[Part], kind: str) -> Part:
        """The part among `members` that is `wanted`, by its name or as it is or was described.

        asked: what is called, such as "Simulator.set", and kind: what it asks for, for the message
        of a NetworkError.
        """
        known = {part.name: part for part in members}
        name = (
            wanted
            if isinstance(wanted, str)
            else self._names.get(wanted)
            if isinstance(wanted, PARTS)
            else None
        )
        if name in known:
            return known[name]
        if not isinstance(wanted, str):
            raise NetworkError(f"{asked}: {shown(wanted)} is not a {kind} of this network")
        hint, listed = check.nearest(wanted, known), check.listed(known) or "none"
        raise NetworkError(f"{asked}: no {kind} is called {shown(wanted)}{hint} (known: {listed})")
