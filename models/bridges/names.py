"""Names of parts from names that other tools give."""

from __future__ import annotations

from typing import final

from ...sim.description.network import MAX_NAME


@final
class Names:
    """Names without '.', '/' and what cannot be printed, none too long, and each once."""

    def __init__(self, *taken: str) -> None:
        self._taken = dict.fromkeys(taken, 1)

    def fresh(self, name: str) -> str:
        """`name` in such letters, with a number behind it if it is taken."""
        plain = "".join(
            letter if letter.isprintable() and letter not in "./" else "_" for letter in name
        )
        plain = plain[: MAX_NAME - 8] or "node"
        fresh = plain
        while fresh in self._taken:
            self._taken[plain] += 1
            fresh = f"{plain} {self._taken[plain]}"
        self._taken[fresh] = 1
        return fresh
