"""docs/benchmarks.md: what every benchmark measured last, on which machine, and a line for each
time before.

The file is a title and a section per benchmark, in alphabetical order. Writing one leaves the
others as they are.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import potentia
from potentia.errors import DataError
from potentia.sim.hdf5 import hdf5

from ._measure import Row

ROOT: Final = Path(potentia.__file__).resolve().parent
PLACE: Final = ROOT / "docs" / "benchmarks.md"
TITLE: Final = "# Benchmarks"
ABOUT: Final = (
    "Written by `potentia bench NAME --history`; not to be edited. cpu_s and wall_s are seconds per biological second\n"
    "where time is simulated, rss_mb the peak memory of a process of its own; medians of repeats that took turns.\n"
    '"limit" is the time of the bare arithmetic on the same machine, measured in the same call, over ours.'
)
EARLIER: Final = ("date", "commit", "processor", "case", "cpu_s", "ratios", "limit")


def table(rows: Sequence[Row]) -> tuple[list[str], list[list[Any]]]:
    """Columns and cells of a report's rows; a row without a column, or with a nested value, has an
    empty cell.
    """
    columns = list(
        dict.fromkeys(
            key for row in rows for key, value in row.items() if not isinstance(value, dict)
        )
    )
    return columns, [["" if row.get(key) is None else row[key] for key in columns] for row in rows]


def check(path: Path = PLACE) -> None:
    """Raise DataError unless a history can be written to `path`."""
    if not path.parent.is_dir():
        raise DataError(
            f"--history writes to {path}, whose folder does not exist; use it in a checkout of the source"
        )
    if path.exists() and not path.read_text(encoding="utf-8").startswith(TITLE):
        raise DataError(
            f"--history: {path} is not a history of benchmarks: it does not begin with {TITLE!r}"
        )


def write(
    report: dict[str, Any],
    settings: dict[str, Any],
    about: str,
    path: Path = PLACE,
    machine: Row | None = None,
) -> None:
    """Replace or add the section of the report's benchmark; `about` is a line on
    what it measures.
    """
    check(path)
    machine = describe_machine() if machine is None else machine
    sections = read(path)
    name = report["bench"]
    line = _line(report, machine)
    same = line[:3]  # measured again on one day, commit and processor: the later figures count
    before = [old for old in earlier(sections.get(name, "")) if old[:3] != same]
    sections[name] = _section(report, settings, about, machine, [*before, line])
    text = "\n\n".join(
        [TITLE, ABOUT, *(f"## {key}\n\n{sections[key]}" for key in sorted(sections))]
    )
    hdf5.write_file(path, (text + "\n").encode())


def read(path: Path) -> dict[str, str]:
    """The text of every section, by the name of its benchmark."""
    if not path.exists():
        return {}
    parts = re.split(r"^## (.+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {name.strip(): text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def earlier(section: str) -> list[list[str]]:
    """The lines of a section's table of all measurements, the oldest first."""
    lines = section.partition(_markdown_head(EARLIER))[2].strip().splitlines()
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


def describe_machine() -> Row:
    """What the figures depend on."""
    memory = (
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        if hasattr(os, "sysconf")
        else None
    )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "caches": _caches(),
        "memory": "unknown" if memory is None else f"{memory:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "software": f"Potentia {potentia.__version__}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba")),
    }


def _section(
    report: dict[str, Any],
    settings: dict[str, Any],
    about: str,
    machine: Row,
    lines: list[list[str]],
) -> str:
    columns, cells = table(report["rows"])
    facts = [f"- {key}: {value}" for key, value in machine.items()]
    parts = [
        about,
        "\n".join(facts),
        f"Settings: `{json.dumps(settings, sort_keys=True)}`",
        _markdown(columns, [[_show(cell) for cell in row] for row in cells]),
        f"Ratios: {_ratios(report)}. Limit: {_show(report['ceiling_fraction'])}.",
        "All measurements:",
        _markdown(EARLIER, lines),
    ]
    return "\n\n".join(parts)


def _line(report: dict[str, Any], machine: Row) -> list[str]:
    """The measurement in one line: its first case."""
    first = report["rows"][0]
    made = [machine["date"], machine["commit"], machine["processor"], first["case"], first["cpu_s"]]
    return [_show(cell) for cell in [*made, _ratios(report), report["ceiling_fraction"]]]


def _ratios(report: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in report["ratios"].items()) or "none"


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join([_markdown_head(columns), *("| " + " | ".join(row) + " |" for row in rows)])


def _markdown_head(columns: Sequence[str]) -> str:
    return "| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns)


def _show(cell: Any) -> str:
    """A cell without what would end it; never empty, so that a line can be split again."""
    if cell is None or cell == "":
        return "-"
    text = f"{cell:.4g}" if isinstance(cell, float) else str(cell)
    return text.replace("|", "/").replace("\n", " ")


def _commit() -> str:
    """The commit of the checkout, with a + where tracked files differ from it; the history itself
    aside.
    """
    try:
        commit = _git("rev-parse", "--short=10", "HEAD")
        changed = _git(
            "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/benchmarks.md"
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return commit + ("+" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, timeout=10, check=True
    )
    return done.stdout.strip()


def _processor() -> str:
    """The processor's name as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        facts = dict(re.findall(r"^(.+?)\s*:\s*(.*)$", info.read_text(), re.MULTILINE))
        if "model name" in facts:
            family = (
                f" (family {facts['cpu family']}, model {facts['model']})"
                if "cpu family" in facts
                else ""
            )
            return facts["model name"] + family
    return platform.processor() or platform.machine()


def _caches() -> str:
    """Sizes of the caches that the first core sees, such as "L1d 48K"."""
    found = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (folder / name).read_text().strip() for name in ("level", "type", "size")
        )
        found.append(f"L{level}{'' if kind == 'Unified' else kind[0].lower()} {size}")
    return ", ".join(found) or "unknown"
