"""A run is a folder: run.json says what was run and how it ended.

Results and figures are beside it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import subprocess
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, final

from ...errors import DataError, PotentiaError
from ...version import __version__, by
from ..disk import atomic, files, json_text, lock
from ..hdf5 import hdf5
from .claim import BUSY, LOCK, RECORD, SWEEP, claim
from .report import report_html

__all__ = ["RECORD", "SWEEP", "RunFolder", "read_json", "read_run", "settle", "write_report"]

SCHEMA: Final = 1
REPORT: Final = "report.html"
MOST_BYTES: Final = 1 << 24  # of a run.json or a sweep.json
STATES: Final = ("running", "done", "failed", "interrupted")
NEEDED: Final[dict[str, type]] = {
    "experiment": str,
    "status": str,
    "seed": int,
    "config": dict,
    "metrics": dict,
}
OTHERS: Final[dict[str, type]] = {
    "versions": dict,
    "host": dict,
    "tables": list,
    "resumed": list,
    "commit": str,
    "spike_hash": str,
    "started": str,
    "ended": str,
    "description": str,
    "backend": str,
    "data": str,
    "error": str,
    "traceback": str,
}
PACKAGES: Final = ("numpy", "numba", "scipy", "h5py", "torch", "matplotlib")


@final
class RunFolder:
    """A new folder ``<base>/<experiment>-<stamp>`` of one run; two runs never share one.

    As a context manager it marks the run "done" if `finish` was called, "interrupted" by Ctrl-C,
    and "failed" otherwise. Raises DataError where the folder cannot be made or written. It is
    locked until the run ends.
    """

    def __init__(
        self,
        base: str | os.PathLike[str],
        experiment: str,
        *,
        config: Mapping[str, Any],
        seed: int,
        **about: Any,
    ) -> None:
        self.record: dict[str, Any] = {
            "schema": SCHEMA,
            "experiment": experiment,
            "status": "running",
            "seed": seed,
            "config": dict(config),
            **about,
            "started": _now(),
            "ended": None,
            "metrics": {},
            "spike_hash": None,
            "versions": _versions(),
            "commit": _commit(),
            "host": _host(),
        }
        self.path, self._lock = claim(Path(base), experiment, {RECORD: _text(self.record)})

    @classmethod
    def reopen(cls, path: Path, *, patience: float = lock.PATIENCE) -> Self:
        """The folder of a run that was broken off, to go on in it.

        Raises DataError if it is done or still runs.

        patience [s]: how long to wait for one that still runs.
        """
        read_run(path)
        held = lock.FolderLock(path, LOCK, BUSY, patience=patience)
        try:
            return cls._reopened(path, held)
        except BaseException:
            held.release()
            raise

    @classmethod
    def _reopened(cls, path: Path, held: lock.FolderLock) -> Self:
        record = read_run(path)
        if record["status"] == "done":
            raise DataError(f"{path} holds a run that is done; there is nothing to resume")
        atomic.sweep(path)
        folder = cls.__new__(cls)
        folder.path, folder._lock = path, held
        kept = {key: value for key, value in record.items() if key not in ("error", "traceback")}
        resumed = [*record.get("resumed", []), _now()]
        folder.record = kept | {
            "status": "running",
            "ended": None,
            "resumed": resumed,
            "versions": _versions(),
        }
        folder.record |= {"commit": _commit(), "host": _host()}
        folder._write()
        return folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self.record["status"] == "running":
                self._end(error)
        finally:
            self._lock.release()

    def _end(self, error: BaseException | None) -> None:
        """Note that the run did not finish, and why."""
        broken_off = isinstance(error, (KeyboardInterrupt, SystemExit))
        self.record |= {"status": "interrupted" if broken_off else "failed", "ended": _now()}
        if error is not None:
            self.record["error"] = f"{type(error).__name__}: {error}"[:1000]
            if isinstance(error, Exception) and not isinstance(error, PotentiaError):
                self.record["traceback"] = "".join(traceback.format_exception(error))[-20_000:]
        self._write()

    def finish(
        self,
        metrics: Mapping[str, Any],
        spike_hash: str,
        *,
        tables: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Note how the run ended and write the report.

        tables: each a title, a header and rows of cells.
        """
        self.record |= {
            "status": "done",
            "ended": _now(),
            "metrics": dict(metrics),
            "spike_hash": spike_hash,
        }
        if tables:
            self.record["tables"] = [dict(table) for table in tables]
        write_report(self.path, self.record)
        atomic.sweep(self.path)
        self._write()

    def discard(self) -> None:
        """Remove the folder if the run wrote nothing into it; the run is over."""
        self.record["status"] = "failed"
        if {path.name for path in self.path.iterdir()} <= {RECORD, LOCK}:
            (self.path / RECORD).unlink()
            self._lock.release()
            atomic.unmake([self.path])

    def _write(self) -> None:
        hdf5.write_file(self.path / RECORD, _text(self.record))


def read_run(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The run.json of a run folder, its main fields checked. Raises DataError.

    A run whose status is "running", but whose folder nobody has locked, was killed: it counts as
    interrupted.
    """
    file = Path(path) / RECORD
    record = read_json(file, missing=f"{path} is no run folder: it has no {RECORD}")
    _check(file, record)
    if record["status"] == "running" and lock.holder(Path(path), LOCK) is None:
        record["status"] = "interrupted"
    return dict(record)


def settle(path: Path, *, patience: float = lock.PATIENCE) -> None:
    """Note in run.json that a run was interrupted, if it was killed before it could do so itself.

    patience [s]: how long to wait for a run that is just ending. Raises DataError.
    """
    held = lock.FolderLock(path, LOCK, BUSY, patience=patience)
    try:
        record = read_json(path / RECORD)
        _check(path / RECORD, record)
        if record["status"] == "running":
            record |= {"status": "interrupted", "ended": _now()}
            hdf5.write_file(path / RECORD, _text(record))
    finally:
        held.release()


def tidy(path: Path) -> None:
    """Remove the lock from the folder of a run that is done.

    This is for a run that was killed before it could do so itself.
    """
    if os.path.lexists(path / LOCK):
        with contextlib.suppress(DataError):
            settle(path, patience=0.0)


def read_json(file: Path, *, missing: str | None = None) -> Any:
    """What a JSON file holds.

    Raises DataError; missing: what to say where there is no such file.
    """
    return json_text.parse(files.read_regular(file, most=MOST_BYTES, missing=missing), str(file))


def write_report(folder: Path, record: Mapping[str, Any]) -> Path:
    """Write report.html with every figure of the folder inside.

    What is no regular file, or no PNG, is passed over.
    """
    page = report_html(record, files.members(folder, "*.png"))
    hdf5.write_file(folder / REPORT, page.encode())
    return folder / REPORT


def _check(file: Path, record: Any) -> None:
    """Raise DataError unless `record` is what a run.json of this version holds."""
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        schema = record.get("schema") if isinstance(record, dict) else None
        versions = record.get("versions") if isinstance(record, dict) else None
        writer = str(versions.get("potentia", "")) if isinstance(versions, dict) else ""
        known = f"this version of Potentia ({__version__}) reads schema {SCHEMA}"
        raise DataError(f"{file} has schema {schema!r:.40},{by(writer):.80}; {known}")
    for name, kind in (NEEDED | OTHERS).items():
        value = record.get(name)
        if not isinstance(value, kind) and (name in NEEDED or value is not None):
            raise DataError(f"{file}: {name} must be of type {kind.__name__} (got {value!r:.60})")
    for table in record.get("tables") or ():
        titled = isinstance(table, dict) and isinstance(table.get("title"), str)
        if not titled or not _rows(table):
            raise DataError(
                f"{file}: each of the tables must have a title, a header and rows (got {table!r:.60})"
            )
    if record["status"] not in STATES:
        raise DataError(
            f"{file}: status must be one of {', '.join(STATES)} (got {record['status']!r:.60})"
        )


def _rows(table: dict[str, Any]) -> bool:
    """Whether a table has a header and rows of cells."""
    header, rows = table.get("header"), table.get("rows")
    return (
        isinstance(header, list)
        and isinstance(rows, list)
        and all(isinstance(row, list) for row in rows)
    )


def finite(value: Any) -> Any:
    """`value` with NaN and infinities as None, since JSON has no words for them."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(record: Mapping[str, Any]) -> bytes:
    return json.dumps(finite(record), indent=2, ensure_ascii=False, default=str).encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    found = {"potentia": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _host() -> dict[str, Any]:
    return {
        "name": platform.node(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "process": os.getpid(),
    }


def _commit() -> str | None:
    """The git commit of the source that runs, where it runs from a checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(root), "rev-parse", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
