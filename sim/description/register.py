"""The names and parts of a network in sets: adding a part takes no longer the more there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, final

Stamp = tuple[tuple[int, int], ...]


@final
class Register:
    """The names of a network's parts and probes, and the parts themselves, by identity.

    stamp: `stamp_of` the lists that it was made for; it differs once somebody else has changed one
    of them.
    """

    def __init__(
        self, parts: Iterable[Any] = (), probes: Iterable[Any] = (), stamp: Stamp = ()
    ) -> None:
        self.parts: set[Any] = set(parts)  # each compares by identity
        self.names: set[str] = {part.name for part in self.parts}
        self.recorded: set[str] = {probe.name for probe in probes}
        self.numbers: dict[str, int] = {}  # how many names a default has led to
        self.stamp = stamp

    def take(self, name: str) -> bool:
        """Take a name; return whether it was free."""
        free = name not in self.names
        self.names.add(name)
        return free

    def number(self, default: str) -> str:
        """Take the first free name of default, default1, default2 and so on."""
        count = self.numbers.get(default, 0)
        while not self.take(name := f"{default}{count or ''}"):
            count += 1
        self.numbers[default] = count + 1
        return name

    def record(self, name: str) -> bool:
        """Enter the name of a probe; return whether it was free."""
        free = name not in self.recorded
        self.recorded.add(name)
        return free


def stamp_of(lists: Sequence[Sequence[Any]]) -> Stamp:
    """Identity and length of each list."""
    return tuple((id(members), len(members)) for members in lists)
