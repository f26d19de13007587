"""Descriptions and plans as HTML, for notebooks. Every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any


def sections_html(title: str, sections: Mapping[str, Sequence[str]]) -> str:
    """A title, and a table for each section that has lines.

    What stands before ": " in a line is its first cell.
    """
    parts = [f"<b>{escape(title)}</b>"]
    for name, lines in sections.items():
        if lines:
            parts.append(
                f"<div><i>{escape(name)}</i></div>{table([_split(line) for line in lines])}"
            )
    return "\n".join(parts)


def unfolding_html(text: str) -> str:
    """A first line, and lines that unfold into the indented ones below them."""
    first, *rest = text.splitlines()
    blocks: list[tuple[str, list[str]]] = []
    for line in rest:
        if line.startswith("      ") and blocks:
            blocks[-1][1].append(line.strip())
        else:
            blocks.append((line.strip(), []))
    shown = [
        f"<details><summary><code>{escape(head)}</code></summary>"
        f"{table([line.split(None, 1) for line in lines])}</details>"
        for head, lines in blocks
    ]
    return f"<b>{escape(first)}</b>\n" + "\n".join(shown)


def table(rows: Iterable[Sequence[Any]], header: Sequence[str] = ()) -> str:
    """Rows of cells as an HTML table; numbers to the right."""
    lines = ["<table>"]
    if header:
        lines.append("<tr>" + "".join(f"<th>{escape(str(cell))}</th>" for cell in header) + "</tr>")
    lines += ["<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in rows]
    return "\n".join([*lines, "</table>"])


def _split(line: str) -> tuple[str, str]:
    name, _, rest = line.partition(": ")
    return name, rest


def _cell(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (
            f"<td class='number'>{value:.6g}</td>"
            if isinstance(value, float)
            else f"<td class='number'>{value}</td>"
        )
    return f"<td>{escape(str(value))}</td>"
