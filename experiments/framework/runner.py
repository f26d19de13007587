"""Running an experiment into a folder of its own.

And going on with one that broke off, and running it again to compare.
"""

from __future__ import annotations

import math
import shlex
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from potentia.errors import DataError, NetworkError, ParameterError, PotentiaError, UnsupportedError
from potentia.experiments.framework.catalogue import load
from potentia.experiments.framework.experiment import Context, Experiment, is_timed, read_settings
from potentia.kernels.backend import BACKENDS
from potentia.sim import validation as check
from potentia.sim.disk.lock import PATIENCE
from potentia.sim.runs.runfolder import RunFolder, finite, read_run, write_report

SAME = 1e-6  # relative: metrics may be sums over threads; spikes are compared bit by bit


def execute(
    experiment: Experiment,
    settings: Any,
    *,
    backend: str = "auto",
    data: Path | None = None,
    base: Path = Path("runs"),
    say: Callable[[str], None] = print,
    plots: bool = True,
) -> RunFolder:
    """Run `experiment` in a new folder below `base`; return the folder, finished.

    Where settings do not fit together or data are missing, before anything was written, no folder
    is left behind.
    """
    check_data(data)
    config = settings.model_dump(mode="json")
    folder = RunFolder(
        base,
        experiment.name,
        config=config,
        seed=config.get("seed", 0),
        backend=backend,
        data=None if data is None else str(data.resolve()),
        description=experiment.description,
    )
    context = Context(backend=backend, data=data, folder=folder.path, say=say, plots=plots)
    with _telling(folder.path), folder:
        try:
            _carry_out(experiment, settings, context, folder)
        except (ParameterError, NetworkError, UnsupportedError, DataError):
            folder.discard()
            raise
    return folder


def check_data(data: Path | None) -> None:
    """Raise DataError unless this is a folder, or none is wanted."""
    if data is not None and not data.is_dir():
        raise DataError(f"--data: {data} is not a folder")


def resume(
    path: Path, *, say: Callable[[str], None] = print, patience: float = PATIENCE
) -> RunFolder:
    """Go on with a run that was broken off, in its folder.

    The end is that of an unbroken run, bit for bit. What the experiment simulates into the folder
    goes on from its last checkpoint; all else is done again. patience [s]: how long to wait for one
    that still runs.
    """
    experiment, settings, backend, data = _described(_read(path))
    if data is not None and not data.is_dir():
        raise DataError(f"{path}: the run needs the data in {data}, which is not a folder")
    with _telling(path), RunFolder.reopen(path, patience=patience) as folder:
        context = Context(backend=backend, data=data, folder=path, say=say, resume=True)
        _carry_out(experiment, settings, context, folder)
    return folder


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Let a Ctrl-C say with which command the run goes on."""
    try:
        yield
    except KeyboardInterrupt as error:
        error.add_note(f"potentia resume {shlex.quote(str(path))}")
        raise


def _carry_out(experiment: Experiment, settings: Any, context: Context, folder: RunFolder) -> None:
    metrics = experiment.run(settings, context)
    folder.finish(finite(metrics), context.spike_hash, tables=context.tables)


def verify(path: Path) -> list[str]:
    """Run the experiment of a run folder again.

    Returns a sentence per difference in spikes and metrics.
    """
    record = _finished(path)
    experiment, settings, backend, data = _described(record)
    with tempfile.TemporaryDirectory(prefix="potentia-verify-") as base:
        how: dict[str, Any] = {"backend": backend, "data": data, "base": Path(base), "plots": False}
        try:
            folder = execute(experiment, settings, say=lambda text: None, **how)
        except KeyboardInterrupt:  # nothing is left to go on with
            raise KeyboardInterrupt from None
    return compare(record, folder.record)


def compare(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """A sentence per difference between two records, apart from metrics of time and memory."""
    found = []
    if before.get("spike_hash") != now["spike_hash"]:
        found.append(
            f"the spike hash was {before.get('spike_hash')} and is now {now['spike_hash']}"
        )
    for name in sorted(before["metrics"].keys() | now["metrics"].keys()):
        old, new = before["metrics"].get(name), now["metrics"].get(name)
        if not is_timed(name) and not _same(old, new):
            found.append(f"{name} was {old} and is now {new}")
    return found


def replot(path: Path, say: Callable[[str], None]) -> None:
    """Draw the figures of a run folder again, and its report."""
    record = _finished(path)
    experiment = load(record["experiment"])
    if experiment.plot is None:
        raise ParameterError(f"{experiment.name} plots its figures only while it runs")
    try:
        experiment.plot(Context(backend="auto", data=None, folder=path, say=say))
    except PotentiaError:
        raise
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        TypeError,
        ValueError,
    ) as error:
        told = f"{type(error).__name__} {error!s:.100}".partition("\n")[0]
        raise DataError(f"{path} holds no run whose figures can be plotted: {told}") from None
    say(str(write_report(path, record)))


def _described(record: dict[str, Any]) -> tuple[Experiment, Any, str, Path | None]:
    """What a record says was run: experiment, settings, backend and folder of data."""
    experiment = load(record["experiment"])
    settings = read_settings(experiment.name, experiment.settings, values=record["config"])
    data = None if record.get("data") is None else Path(str(record["data"]))
    return experiment, settings, str(record.get("backend", "auto")), data


def _read(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = read_run(path)
    check.one_of("run.json", "backend", record.get("backend", "auto"), ("auto", *BACKENDS))
    return record


def _finished(path: Path) -> dict[str, Any]:
    record = _read(path)
    if record["status"] != "done":
        raise DataError(
            f"{path} holds a run whose status is {record['status']!r}; only one that is 'done' will do"
        )
    return record


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, float) or isinstance(new, float):
        numbers = all(isinstance(value, (int, float)) for value in (old, new))
        return numbers and math.isclose(old, new, rel_tol=SAME, abs_tol=1e-12)
    return bool(old == new)
