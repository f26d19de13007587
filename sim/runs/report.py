"""A run folder as one page of HTML that needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from ..disk.files import read_regular
from ..html import table

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


def report_html(record: Mapping[str, Any], figures: Iterable[Path]) -> str:
    """A page that needs no other file: what was run, its tables, its metrics, and its figures."""
    title = escape(f"{record.get('experiment', 'run')}")
    metrics, config = record.get("metrics") or {}, record.get("config") or {}
    about = [
        (key, record[key])
        for key in ("seed", "backend", "spike_hash", "started", "ended")
        if record.get(key)
    ]
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
