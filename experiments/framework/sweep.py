"""One experiment at many settings.

It is a folder with a run for each point of a grid, spread over processes. sweep.json tells what is
swept; each run is a run folder like any other, and its run.json tells which point it is. So a sweep
that was broken off goes on with what is not done, and nothing else need be kept in step.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import math
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self, final

from potentia.errors import DataError, ParameterError, PotentiaError
from potentia.experiments.framework import runner
from potentia.experiments.framework.catalogue import load
from potentia.experiments.framework.experiment import read_settings
from potentia.experiments.framework.workers import working_for
from potentia.kernels.backend import BACKENDS
from potentia.sim import validation as check
from potentia.sim.disk import atomic
from potentia.sim.disk.lock import FolderLock
from potentia.sim.engines.choose import THREADS, cores
from potentia.sim.hdf5 import hdf5
from potentia.sim.progress import meter
from potentia.sim.runs import claim
from potentia.sim.runs.runfolder import RECORD, SWEEP, read_json, read_run, settle

LOCK: Final = ".sweep.lock"
PATIENCE: Final = 10.0  # [s]: workers whose sweep was killed take a moment to end
TABLE: Final = "sweep.csv"
SCHEMA: Final = 1
MOST_POINTS: Final = 10_000


@final
@dataclass(frozen=True)
class Sweep:
    """What is swept: settings that all points share, and the values of the others.

    backend and data as for a run.
    """

    experiment: str
    given: dict[str, Any]
    grid: dict[str, list[Any]]
    backend: str = "auto"
    data: str | None = None
    schema: int = SCHEMA

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The sweep of a folder. Raises DataError."""
        file = folder / SWEEP
        words = read_json(file)
        try:
            made = cls(**words)
        except TypeError:
            raise DataError(f"{file} is damaged: it is not what a sweep writes") from None
        if made.schema != SCHEMA:
            raise DataError(
                f"{file} has schema {made.schema!r:.40}; this version of Potentia reads schema {SCHEMA}"
            )
        kinds: dict[str, Any] = {
            "experiment": str,
            "given": dict,
            "grid": dict,
            "backend": str,
            "data": (str, type(None)),
        }
        if not all(isinstance(getattr(made, name), kind) for name, kind in kinds.items()) or not (
            made.grid and all(isinstance(values, list) and values for values in made.grid.values())
        ):
            raise DataError(f"{file} is damaged: it is not what a sweep writes")
        check.one_of(SWEEP, "backend", made.backend, ("auto", *BACKENDS))
        made.check()
        return made

    def check(self) -> None:
        """Raise ParameterError unless every point can be run."""
        n = math.prod(len(values) for values in self.grid.values())
        if n > MOST_POINTS:
            raise ParameterError(
                f"{self.experiment} --grid: must have at most {MOST_POINTS:,} points (got {n:,})"
            )
        for point in self.points():
            self.settings(point)

    def points(self) -> Iterator[dict[str, Any]]:
        """The settings that differ, point by point; the last key changes fastest."""
        for values in itertools.product(*self.grid.values()):
            yield dict(zip(self.grid, values, strict=True))

    def settings(self, point: Mapping[str, Any]) -> Any:
        """All settings of a point, checked."""
        experiment = load(self.experiment)
        return read_settings(self.experiment, experiment.settings, values={**self.given, **point})


@final
@dataclass(frozen=True)
class Point:
    """How one point of a sweep stands: its settings and its run, if there is one."""

    values: dict[str, Any]
    run: Path | None = None
    record: dict[str, Any] | None = None
    error: str = ""

    @property
    def done(self) -> bool:
        return self.record is not None and self.record["status"] == "done"

    @property
    def told(self) -> dict[str, Any]:
        """What JSON says of it."""
        metrics = self.record["metrics"] if self.done and self.record else None
        return {
            "settings": self.values,
            "metrics": metrics,
            "run": str(self.run) if self.run else None,
        }


def read_grid(name: str, texts: Sequence[str]) -> dict[str, list[Any]]:
    """``key=a,b,c`` as values of a setting, each of them checked; a list in brackets is one value.

    Raises ParameterError.
    """
    model, grid = load(name).settings, {}
    for text in texts:
        key, equals, values = (part.strip() for part in text.partition("="))
        if not equals or not values:
            raise ParameterError(f"{name} --grid: must have the form key=a,b,c (got {text!r:.80})")
        if key in grid:
            raise ParameterError(f"{name} --grid: {key} is given twice (got {text!r:.80})")
        read = [read_settings(name, model, [f"{key}={value}"]) for value in _split(values)]
        grid[key] = [settings.model_dump(mode="json")[key] for settings in read]
        if any(value in grid[key][:k] for k, value in enumerate(grid[key])):
            raise ParameterError(f"{name} --grid: {key} has a value twice (got {text!r:.80})")
    if not grid:
        raise ParameterError(
            f"{name} --grid: give at least one key=a,b,c; for a single run there is potentia run"
        )
    return grid


def begin(sweep: Sweep, base: Path) -> Path:
    """Make the folder of a sweep, all of whose points are checked before."""
    sweep.check()
    folder, held = claim.claim(
        base, f"{sweep.experiment}-sweep", {SWEEP: json.dumps(asdict(sweep), indent=2).encode()}
    )
    held.release()
    return folder


def carry_out(
    folder: Path, *, workers: int | None = None, progress: bool | None = None
) -> list[Point]:
    """Run all points of a sweep that are not done, and write the table.

    At most `workers` run at once, all cores if None. A point that fails does not stop the others;
    its `error` tells why. Raises DataError where another process carries out the same sweep.
    """
    sweep = Sweep.read(folder)
    held = FolderLock(folder, LOCK, "holds a sweep that is still running")
    try:
        claim.sweep(folder)
        atomic.sweep(folder)
        return _carry_out(sweep, folder, workers, progress)
    except KeyboardInterrupt as error:
        for file in folder.glob(f"*/{RECORD}"):
            with contextlib.suppress(DataError):
                settle(file.parent, patience=PATIENCE)
        error.__notes__ = [f"potentia resume {shlex.quote(str(folder))}"]
        raise
    finally:
        claim.sweep(folder)
        held.release()


def _carry_out(
    sweep: Sweep, folder: Path, workers: int | None, progress: bool | None
) -> list[Point]:
    from joblib import Parallel, delayed, parallel_config

    found = _found(folder, sweep)
    waiting = [k for k, point in enumerate(found) if not point.done]
    workers = min(
        cores() if workers is None else check.whole("sweep", "workers", workers, least=1),
        len(waiting) or 1,
    )
    threads = max(cores() // workers, 1)
    try:
        with (
            meter(len(waiting), progress, "runs") as tick,
            parallel_config("loky", inner_max_num_threads=threads),
        ):
            jobs = (
                delayed(_work)(k, sweep, found[k], folder, threads, os.getpid()) for k in waiting
            )
            for k, point in Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)(
                jobs
            ):
                found[k] = point
                tick(1)
    finally:
        _write_table(folder, found)
    return found


def standing(folder: Path) -> list[Point]:
    """How all points of a sweep stand."""
    return _found(folder, Sweep.read(folder))


def columns(points: Sequence[Point]) -> tuple[list[str], list[list[Any]]]:
    """A table of all points: their settings, metrics, and how each ended."""
    keys = list(points[0].values) if points else []
    records = [point.record or {} for point in points]
    metrics = list(dict.fromkeys(name for record in records for name in record.get("metrics", {})))
    rows = [
        [
            *point.values.values(),
            *(record.get("metrics", {}).get(name) for name in metrics),
            record.get("status", "missing"),
            record.get("spike_hash"),
            point.run.name if point.run else None,
        ]
        for point, record in zip(points, records, strict=True)
    ]
    return [*keys, *metrics, "status", "spike_hash", "run"], rows


def _work(
    k: int, sweep: Sweep, point: Point, folder: Path, threads: int, parent: int
) -> tuple[int, Point]:
    """Run a point, or go on with its run, on some threads.

    It works for as long as the process `parent` lives.
    """

    def silent(text: str) -> None:
        pass

    before = os.environ.get(THREADS)
    os.environ[THREADS] = str(threads)
    try:
        with working_for(parent):
            if point.run is not None:
                run = runner.resume(point.run, say=silent, patience=PATIENCE)
            else:
                data = None if sweep.data is None else Path(sweep.data)
                settings = sweep.settings(point.values)
                run = runner.execute(
                    load(sweep.experiment),
                    settings,
                    backend=sweep.backend,
                    data=data,
                    base=folder,
                    say=silent,
                )
    except PotentiaError as error:
        return k, Point(point.values, point.run, error=" ".join(str(error).split()))
    finally:
        os.environ.pop(THREADS)
        os.environ.update({} if before is None else {THREADS: before})
    return k, Point(point.values, run.path, run.record)


def _found(folder: Path, sweep: Sweep) -> list[Point]:
    """The points of a sweep with the runs that the folder holds of them."""
    runs: dict[str, tuple[Path, dict[str, Any]]] = {}
    for file in sorted(folder.glob(f"*/{RECORD}")):
        if file.parent.is_symlink():
            continue
        record = read_run(file.parent)
        key = json.dumps(record["config"], sort_keys=True)
        if key not in runs or record["status"] == "done":
            runs[key] = (file.parent, record)
    found = []
    for values in sweep.points():
        config = json.dumps(sweep.settings(values).model_dump(mode="json"), sort_keys=True)
        found.append(Point(values, *runs.get(config, (None, None))))
    return found


def _write_table(folder: Path, points: Sequence[Point]) -> None:
    header, rows = columns(points)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    hdf5.write_file(folder / TABLE, text.getvalue().encode())


def _split(text: str) -> list[str]:
    """The parts between commas that stand outside of brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
