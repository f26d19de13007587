"""Which names and parts a network has, so that adding one more takes the same time however many there are."""

from __future__ import annotations

from typing import Any, final


@final
class Register:
    """The names of a network's parts and probes, and the parts themselves, by identity."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.recorded: set[str] = set()  # names of probes
        self.parts: set[Any] = set()  # each compares by identity
        self.numbers: dict[str, int] = {}  # how many names a default has led to

    def take(self, name: str) -> bool:
        """Whether `name` was free; from now on it is not."""
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
        """Whether no probe had this name; from now on one has."""
        free = name not in self.recorded
        self.recorded.add(name)
        return free

    def copy(self) -> Register:
        """A register of its own, of the same parts."""
        copy = Register()
        copy.names, copy.recorded, copy.parts = set(self.names), set(self.recorded), set(self.parts)
        copy.numbers = dict(self.numbers)
        return copy
