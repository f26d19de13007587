"""What an object shows of itself on one screen, as text and for notebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, final

from ..errors import one_line
from .html import sections_html

MOST_LINES: Final = 24
MOST_COLUMNS: Final = 110  # of a line, without its indent

Section = tuple[Sequence[Any], Callable[[Any], str]]


@final
@dataclass(frozen=True)
class Outline:
    """A title over named sections: members, and how one of them is told in a line.

    ``str(outline)`` has at most MOST_LINES lines: sections that are too long share the room, and
    say how many members they leave out. Only members that are shown are asked for.
    """

    title: str
    sections: Mapping[str, Section]

    def __str__(self) -> str:
        lines = [one_line(self.title, MOST_COLUMNS)]
        for name, told in self._told().items():
            lines += [f"{name}:", *(f"  {line}" for line in told)]
        return "\n".join(lines)

    def html(self) -> str:
        """The same as tables. Every text is escaped."""
        return sections_html(one_line(self.title, MOST_COLUMNS), self._told())

    def _told(self) -> dict[str, list[str]]:
        """The lines of every section that has members."""
        filled = {name: section for name, section in self.sections.items() if len(section[0])}
        room = _shares(
            [len(members) for members, _ in filled.values()], MOST_LINES - 1 - len(filled)
        )
        return {
            name: _lines(*section, most)
            for (name, section), most in zip(filled.items(), room, strict=True)
        }


def _shares(wanted: Sequence[int], room: int) -> list[int]:
    """How many lines each section gets of `room`.

    It gets what it wants, or an equal share of what the shorter ones leave.
    """
    shares = [0] * len(wanted)
    for left, place in zip(
        range(len(wanted), 0, -1), sorted(range(len(wanted)), key=wanted.__getitem__), strict=True
    ):
        shares[place] = min(wanted[place], room // left)
        room -= shares[place]
    return shares


def _lines(members: Sequence[Any], show: Callable[[Any], str], most: int) -> list[str]:
    """A line for each member, or for the first of them and one that counts the rest."""
    shown = len(members) if len(members) <= most else most - 1
    lines = [one_line(show(member), MOST_COLUMNS) for member in islice(members, shown)]
    return lines if shown == len(members) else [*lines, f"... and {len(members) - shown:,} more"]
