"""Descriptions, plans and run folders as HTML, for notebooks and reports. Every text is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .disk.files import read_regular

if TYPE_CHECKING:
    from .description.network import Network
    from .plan.plan import Plan

MOST_FIGURE = 1 << 26  # bytes
PNG = b"\x89PNG\r\n\x1a\n"
REPORT_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #2b2f33; max-width: 60em; margin: 2em auto; }
h1 { font-size: 1.5em; margin-bottom: 0; } h2 { font-size: 1.1em; margin: 2em 0 .5em; }
table { border-collapse: collapse; }
td, th { padding: .2em .9em .2em 0; text-align: left; vertical-align: top; }
tr + tr td { border-top: 1px solid #e6e9ec; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; } figure { margin: 1.5em 0; } figcaption, .status { color: #5c6770; }
"""


def network_html(network: Network) -> str:
    """A network as one table per kind of part."""
    parts = [f"<b>Network</b>, seed {network.seed}"]
    for title in ("populations", "projections", "inputs", "probes"):
        rows = [_split(str(member)) for member in getattr(network, title)]
        if rows:
            parts.append(f"<div><i>{title}</i></div>{table(rows)}")
    return "\n".join(parts)


def plan_html(plan: Plan) -> str:
    """A plan as a list of operators that unfold into their arguments."""
    first, *rest = str(plan).splitlines()
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


def report_html(record: Mapping[str, Any], figures: Iterable[Path]) -> str:
    """A page that needs no other file: what was run, its tables, its metrics, and its figures."""
    title = escape(f"{record.get('experiment', 'run')}")
    metrics, config = record.get("metrics") or {}, record.get("config") or {}
    about = [(key, record[key]) for key in ("seed", "backend", "spike_hash", "started", "ended") if record.get(key)]
    about += [(key, record["versions"][key]) for key in record.get("versions") or {}]
    parts = [
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>",
        f"<style>{REPORT_STYLE}</style></head><body><h1>{title}</h1>",
        f"<p class='status'>{escape(_about(record))}</p>",
    ]
    for part in record.get("tables") or ():
        heading = f"<h2>{escape(str(part['title']))}</h2>" if part["title"] else ""
        parts.append(heading + table(part["rows"], part["header"]))
    for heading, rows in (
        ("Metrics", metrics.items()),
        ("Settings", config.items()),
        ("How it was made", about),
    ):
        if rows:
            parts.append(f"<h2>{heading}</h2>{table(rows)}")
    for path in figures:
        picture = read_regular(path, most=MOST_FIGURE)
        if not picture.startswith(PNG):
            continue
        data = base64.b64encode(picture).decode()
        caption = escape(path.stem.replace("_", " "))
        shown = f"<img alt='{caption}' src='data:image/png;base64,{data}'>"
        parts.append(f"<figure>{shown}<figcaption>{caption}</figcaption></figure>")
    return "\n".join([*parts, "</body></html>"])


def _about(record: Mapping[str, Any]) -> str:
    """One line of what a run was and how it ended."""
    return f"{record.get('description') or ''} Status: {record.get('status')}.".strip()


def _split(line: str) -> tuple[str, str]:
    name, _, rest = line.partition(": ")
    return name, rest


def _cell(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (
            f"<td class='number'>{value:.6g}</td>" if isinstance(value, float) else f"<td class='number'>{value}</td>"
        )
    return f"<td>{escape(str(value))}</td>"
