"""The process of the command line: its streams, and the signals that end it.

Nothing slow is imported here.

Until a command carries something out, a signal ends the process at once, with one line: there is
nothing to put in order. While one does (`interruptible`), a signal is raised as KeyboardInterrupt,
so that whatever was begun says how it ended, and then becomes `Stopped`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .errors import PotentiaError

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


SOON = 0.02  # [s]: once the callback is over


class Stopped(Exception):
    """A signal ended a command. number: of the signal; told: what was begun says of it."""

    def __init__(self, number: int, told: list[str]) -> None:
        super().__init__(number)
        self.number, self.told = number, told


def leave(number: int, frame: Any = None) -> None:
    """End the process at once."""
    with contextlib.suppress(OSError):
        os.write(2, b"potentia: interrupted\n")
    os._exit(128 + number)


@contextlib.contextmanager
def minding(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Let `handler` take the signals that end a process; only the main thread can do that."""
    here = SIGNALS if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, handler) for number in here}
    try:
        yield
    finally:
        for number, taken in before.items():
            signal.signal(number, taken)


@contextlib.contextmanager
def interruptible(ask: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Raise signals as KeyboardInterrupt in here, and `Stopped` once what was begun is in order.

    ask: asks what goes on to stop by itself, and tells whether it will; then only a second signal
    is raised.
    """
    number, asked = int(signal.SIGINT), False

    def interrupt(got: int, frame: Any) -> None:
        nonlocal number, asked
        number = got
        if not asked and ask():
            asked = True
            with contextlib.suppress(OSError):
                os.write(
                    2,
                    b"potentia: stopping with a checkpoint; interrupt again to stop without one\n",
                )
            return
        raise KeyboardInterrupt

    with minding(interrupt), arriving(lambda: number):
        try:
            yield
        except KeyboardInterrupt as error:
            raise Stopped(number, list(getattr(error, "__notes__", ()))) from None


@contextlib.contextmanager
def arriving(number: Callable[[], int]) -> Iterator[None]:
    """Send a signal again if it was raised where nobody can take it.

    Such a place is the callback of a weak reference.
    """
    before = sys.unraisablehook

    def again(fault: Any) -> None:
        if issubclass(fault.exc_type, KeyboardInterrupt):
            threading.Timer(SOON, os.kill, (os.getpid(), number())).start()
        else:
            before(fault)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before


def open_streams() -> None:
    """Open what stands for stdin, stdout and stderr where they are closed.

    Otherwise the next file would be taken for them.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115 (stays open)


# a folder into which strangers cannot write
SAFE = os.path.abspath(os.sep) if os.name == "posix" else sys.prefix
SETTINGS = ("NUMBA_CACHE_DIR", "MATPLOTLIBRC", "MPLCONFIGDIR")  # may name files to take code from
_home: list[str] = []  # where the command was started


@contextlib.contextmanager
def elsewhere() -> Iterator[None]:
    """Work in a folder of the system's, not in the current one.

    So nothing takes code or settings from the one that was current. That one may be a stranger's.
    Numba reads ``.numba_config.yaml`` in it, which can name a folder of machine code; matplotlib
    reads ``matplotlibrc``, which can name a module; Python looks for modules there. Paths that the
    user gave are to be made `absolute`.
    """
    try:
        home = os.getcwd()
    except OSError:  # it was removed
        home = SAFE
    before, path = dict(os.environ), list(sys.path)
    # where Potentia comes from, and what was named in full
    kept = [str(Path(__file__).resolve().parents[1])]
    kept += filter(os.path.isabs, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    for name in SETTINGS:
        if name in os.environ and not os.path.isabs(os.environ[name]):
            del os.environ[name]
    os.environ["PYTHONSAFEPATH"] = "1"  # for the processes that this one starts
    sys.path[:] = [entry for entry in path if entry not in ("", ".", home) or entry in kept]
    _home[:] = [home]
    os.chdir(SAFE)
    try:
        yield
    finally:
        return_home()
        _home.clear()
        sys.path[:] = path
        for name in {*SETTINGS, "PYTHONSAFEPATH"}:
            os.environ.pop(name, None)
            os.environ.update({name: before[name]} if name in before else {})


def return_home() -> None:
    """Go back to the folder in which the command was started, if that can be."""
    with contextlib.suppress(OSError):
        os.chdir(_home[0] if _home else os.curdir)


def absolute(path: Path | None) -> Path | None:
    """A path that the user gave, as seen from where the command was started."""
    return None if path is None else Path(*_home, path)


def printable(text: str) -> str:
    """`text` without letters that a terminal would act on.

    Such letters move the cursor, colour what follows or write from right to left.
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_printable, text))


def _printable(letter: str) -> str:
    if letter in "\n\t" or letter.isprintable() or unicodedata.category(letter) == "Zs":
        return letter
    return ascii(letter)[1:-1]


lost: list[str] = []  # why stdout could not be written


def say(text: str) -> None:
    """Print to stdout; once nobody reads it, go on in silence."""
    try:
        print(printable(text), flush=True)
    except OSError as error:
        forget_stdout(error)


def warn(text: str) -> None:
    """Print to stderr, if that can be."""
    with contextlib.suppress(OSError):
        print(printable(text), file=sys.stderr, flush=True)


def line(message: object) -> str:
    """A message on one line."""
    return " ".join(str(message).split())


def ending(error: BaseException) -> tuple[int, str]:
    """The exit code of a command that ended so, and the sentence that says why."""
    if isinstance(error, Stopped):
        return 128 + error.number, "; to go on: ".join(["interrupted", *error.told])
    if isinstance(error, KeyboardInterrupt):
        return 128 + signal.SIGINT, "interrupted"
    if isinstance(error, PotentiaError):
        return 2, line(error)
    if isinstance(error, OSError):  # a full disk, a file that is gone: the machine's, not ours
        return 2, f"{error.filename or 'the system'}: {line(error.strerror or error)}"
    if hasattr(error, "format_message"):  # typer, of arguments that it cannot read
        return 2, line(error.format_message()).partition(", unable to parse")[0]
    # the last line of defence: no traceback of a library reaches the user
    fault = f"{type(error).__name__}: {line(error)}"
    return 1, f"a fault of Potentia itself, please report it: {fault}"


def forget_stdout(error: OSError) -> None:
    """Print to nowhere from now on; remember why, unless whoever read it had enough."""
    if not isinstance(error, BrokenPipeError):
        lost.append(line(error.strerror or error))
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
