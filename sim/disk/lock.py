"""One writer at a time in a folder: locks that the system releases when their holder dies.

The lock is `flock` on a small file in the folder, in which the holder says who it is. It holds
between processes and between threads of one. On a network file system it holds between machines as
far as that system's locks do: NFS from version 4 on, or with its lock service, but not where it is
mounted with ``nolock``. Where the system has no `flock`, only the threads of one process are kept
apart.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import stat
import threading
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from ...errors import DataError, PotentiaWarning

try:
    import fcntl
except ImportError:  # no POSIX system
    fcntl = None  # type: ignore[assignment]

MOST_BYTES: Final = 4096  # of what a holder says
PATIENCE: Final = 0.3  # [s] to wait: whoever only looks at a lock holds it for a moment
PAUSE: Final = 0.02  # [s] between two tries
# what file systems without locks say
NO_LOCKS: Final = (
    errno.ENOLCK,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
)
CAREFUL: Final = (
    getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
)

_held: dict[tuple[str, str], FolderLock] = {}  # by this process
_guard = threading.Lock()


class FolderLock:
    """The right to write to `folder`, until `release`.

    name: of the lock file; a folder may have several for different rights. doing: what the holder
    does, for the message by which others are refused. patience [s]: how long to wait for another
    holder. Raises DataError.
    """

    def __init__(self, folder: Path, name: str, doing: str, *, patience: float = PATIENCE) -> None:
        self.path, self.doing = folder / name, doing
        self.holder = {"host": platform.node(), "process": os.getpid(), "since": _now()}
        self._handle: int | None = None
        self._key = _key(folder, name)
        until = time.monotonic() + patience
        while not self._taken():
            if time.monotonic() > until:
                raise DataError(self._refusal())
            time.sleep(PAUSE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.release()

    def moved(self, folder: Path) -> None:
        """Follow the folder to its new name."""
        with _guard:
            _held.pop(self._key, None)
            self.path = folder / self.path.name
            self._key = _key(folder, self.path.name)
            _held[self._key] = self

    def release(self) -> None:
        """Give the lock up and remove its file. A second call does nothing."""
        with _guard:
            if _held.get(self._key) is not self:
                return
            if self._handle is not None:
                with contextlib.suppress(OSError):
                    os.unlink(self.path)
                os.close(self._handle)
                self._handle = None
            del _held[self._key]

    def _taken(self) -> bool:
        with _guard:
            if self._key in _held:
                return False
            if fcntl is not None:
                try:
                    if not self._locked():
                        return False
                except OSError as error:
                    raise DataError(
                        f"{self.path.parent} cannot be locked: {error.strerror or error}"
                    ) from None
            _held[self._key] = self
            return True

    def _locked(self) -> bool:
        """Try to lock the file and to write into it who does."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | CAREFUL, 0o666)
        good = False
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, f"{self.path.name} is no regular file")
            good = _lock(handle, fcntl.LOCK_EX) and self._still_there(handle)
            if good:
                os.ftruncate(handle, 0)
                os.write(handle, json.dumps(self.holder).encode())
                self._handle = handle
        except BaseException:
            if good:
                os.unlink(self.path)
            good = False
            raise
        finally:
            if not good:
                os.close(handle)
        return good

    def _still_there(self, handle: int) -> bool:
        """Whether the file that was opened is still in the folder.

        Its holder may have removed it since.
        """
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self.path, follow_symlinks=False))
        except FileNotFoundError:
            return False

    def _refusal(self) -> str:
        who = holder(self.path.parent, self.path.name) or {}
        known = {key: f"{who[key]!s:.60}" for key in ("process", "host", "since") if key in who}
        told = "".join(f"{word} {known[key]}" for key, word in _WORDS.items() if key in known)
        return f"{self.path.parent} {self.doing}{told or ', by another process'}"


_WORDS: Final = {"process": ", as process", "host": " on", "since": ", since"}


def holder(folder: Path, name: str) -> dict[str, Any] | None:
    """What the holder of a lock says of itself; None if nobody holds it."""
    with _guard:  # on NFS, closing a file gives up all locks of this process on it
        own = _held.get(_key(folder, name))
        if own is not None:
            return own.holder
        with _looking(folder / name) as handle:
            if handle is None or fcntl is None or _lock(handle, fcntl.LOCK_SH):
                return None
            try:
                told = json.loads(os.read(handle, MOST_BYTES))
            except (ValueError, RecursionError, OSError):  # it has only just been locked
                return {}
            return told if isinstance(told, dict) else {}


def mark(handle: int) -> None:
    """Lock an open file for as long as it is open, where the system can do that."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def marked(path: Path) -> bool:
    """Whether somebody has locked a file with `mark`."""
    with _looking(path) as handle:
        return (
            handle is not None
            and fcntl is not None
            and not _lock(handle, fcntl.LOCK_SH, quiet=True)
        )


@contextlib.contextmanager
def _looking(path: Path) -> Iterator[int | None]:
    """A regular file open for reading, as a number; None where there is none."""
    try:
        handle = os.open(path, os.O_RDONLY | CAREFUL)
    except OSError:
        yield None
        return
    try:
        yield handle if stat.S_ISREG(os.fstat(handle).st_mode) else None
    finally:
        os.close(handle)


def _lock(handle: int, kind: int, *, quiet: bool = False) -> bool:
    """Lock an open file; False if another holds it.

    Where the file system has no locks, all get them, with a word.
    """
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        if not quiet:
            warnings.warn(
                "this file system has no locks: two runs in one folder are not noticed",
                PotentiaWarning,
                2,
            )
    return True


def _forked() -> None:
    """A child does not hold what its parent holds.

    It must not keep it locked when the parent has died.
    """
    _guard._at_fork_reinit()  # type: ignore[attr-defined]  # another thread may have held it
    for held in _held.values():
        if held._handle is not None:
            os.close(held._handle)
            held._handle = None
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _key(folder: Path, name: str) -> tuple[str, str]:
    return os.path.realpath(folder), name


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
