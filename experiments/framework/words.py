"""What the command line prints of experiments, runs and sweeps, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from potentia.experiments.framework import sweep
from potentia.experiments.framework.catalogue import load
from potentia.experiments.framework.experiment import format_table, settings_rows
from potentia.experiments.framework.sweep_figure import shown

MOST_COLUMNS: Final = 6  # metrics in the table of a sweep; its file has all of them


def of_settings(name: str) -> str:
    """The settings of the experiment called `name`, as ``--set`` takes them.

    Raises ParameterError if there is none.
    """
    experiment = load(name)
    header = ("setting", "default", "unit", "may be", "meaning")
    table = format_table(settings_rows(experiment.settings), header=header)
    return f"{name}: {experiment.description}\nSettings, each as --set KEY=VALUE:\n\n{table}\n"


def of_run(record: Mapping[str, Any]) -> str:
    """A run.json."""
    lines = [f"{record['experiment']}, seed {record['seed']}, {record['status']}"]
    for title in ("config", "metrics", "versions"):
        rows = [(f"  {key}", value) for key, value in (record.get(title) or {}).items()]
        if rows:
            lines += [f"{title}:", format_table(rows)]
    return "\n".join([*lines, f"spike hash {record.get('spike_hash')}"])


def of_sweep(points: Sequence[sweep.Point]) -> str:
    """The points of a sweep: settings, the first metrics that differ, and how each ended."""
    header, rows = sweep.columns(points)
    kept = [
        header.index(name) for name in [*points[0].values, *shown(points)[:MOST_COLUMNS], "status"]
    ]
    return format_table([[row[k] for k in kept] for row in rows], header=[header[k] for k in kept])
