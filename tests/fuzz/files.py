"""Files changed at random, and whether reading them ends well: ``python -m
potentia.tests.fuzz.files --count 2000``.

Each change is read in a process with limits, one for many. What must not happen: a process that
dies (crash), two seconds of work (hang), a gigabyte (memory), an error of a library or of more than
one line (foreign), and a file that is accepted though it says something else (other). ``--seed 7
--kind results`` shows what becomes of one.
"""

from __future__ import annotations

import argparse
import faulthandler
import mmap
import os
import resource
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .reader import Foreign, Other, Reader
from .readers import KINDS

SECONDS = 2.0  # of processor time for one file
PATIENCE = 60.0  # [s] without any progress, as of one that waits for a pipe
MEMORY = 1 << 30  # bytes more than before
BATCH = 400  # files read by one process
FAST = "/dev/shm" if os.path.isdir("/dev/shm") else None  # files are written often and never kept


@dataclass(frozen=True)
class Fault:
    """What went wrong with one changed file."""

    kind: str
    seed: int
    what: str

    def __str__(self) -> str:
        return f"{self.kind}, seed {self.seed}: {self.what}"


def faults(kind: str, first: int, count: int) -> Iterator[Fault]:
    """What goes wrong with the files of a kind and of the seeds from `first` on."""
    with (
        tempfile.TemporaryDirectory(prefix="potentia-fuzz-", dir=FAST) as home,
        mmap.mmap(-1, 4096) as shared,
    ):
        reader = KINDS[kind](Path(home))
        seed, end = first, first + count
        while seed < end:
            stop = min(seed + BATCH, end)
            number, told = _batch(reader, kind, seed, stop, shared)
            yield from told
            (reached,) = struct.unpack_from("<q", shared)
            if number:
                yield Fault(kind, reached, _ending(number))
            seed = reached + 1 if number else stop


def _ending(number: int) -> str:
    if number == signal.SIGPROF:
        return f"hang: more than {SECONDS} s of work"
    return (
        "hang: nothing happens"
        if number == signal.SIGKILL
        else f"crash: {signal.Signals(number).name}"
    )


def _batch(
    reader: Reader, kind: str, first: int, stop: int, shared: mmap.mmap
) -> tuple[int, list[Fault]]:
    """Read the files of some seeds in a process of its own: the signal that ended it, and what it
    says.
    """
    struct.pack_into("<q", shared, 0, first)
    incoming, outgoing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(incoming)
        _work(reader, first, stop, shared, outgoing)
        os._exit(0)
    os.close(outgoing)
    with open(incoming, "rb") as pipe:
        status = _await(child, shared)
        lines = pipe.read().decode("utf-8", "backslashreplace").splitlines()
    told = [line.partition(" ") for line in lines]
    found = [Fault(kind, int(seed), what) for seed, _, what in told]
    return (os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0), found


def _await(child: int, shared: mmap.mmap) -> int:
    """The status of a process, once it has ended; it is ended where nothing happens in it."""
    seen, since = b"", time.monotonic()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        if shared[:8] != seen:
            seen, since = shared[:8], time.monotonic()
        elif time.monotonic() - since > PATIENCE:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)


def _work(reader: Reader, first: int, stop: int, shared: mmap.mmap, outgoing: int) -> None:
    """Read the files of some seeds and say on `outgoing` what went wrong, a line for each."""
    faulthandler.disable()  # that of pytest, which would print where a process died
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for seed in range(first, stop):
        struct.pack_into("<q", shared, 0, seed)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        what = judged(reader, seed)
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        if what:
            os.write(
                outgoing,
                f"{seed} {' '.join(what.split())[:300]}\n".encode("utf-8", "backslashreplace"),
            )


def judged(reader: Reader, seed: int) -> str:
    """What goes wrong with the file of one seed; nothing as a rule."""
    try:
        reader.read(reader.changed(np.random.default_rng([seed, 17])), seed)
    except Other as error:
        return f"other: {error}"
    except Foreign as error:
        return f"foreign: {error}"
    except MemoryError as error:
        return f"memory: {error}"
    except BaseException as error:
        return f"foreign: {type(error).__name__}: {error}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", choices=KINDS, help="of files, all if left out")
    parser.add_argument("--seed", type=int, help="read this one alone, here")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument(
        "--count", type=int, default=2000, help="in all, shared out by what each kind takes"
    )
    parser.add_argument(
        "--seconds", type=float, default=1e9, help="after which no further part is begun"
    )
    given = parser.parse_args()
    if given.seed is not None:
        with tempfile.TemporaryDirectory() as home:
            print(judged(KINDS[given.kind](Path(home)), given.seed) or "well")
        return
    kinds = [given.kind] if given.kind else list(KINDS)
    shares = {kind: KINDS[kind].share for kind in kinds}
    begun, read, found = time.monotonic(), Counter[str](), Counter[str]()
    for part in range(10):
        for kind in kinds:
            if time.monotonic() - begun > given.seconds:
                break
            count = round(given.count * shares[kind] / sum(shares.values()) / 10)
            for fault in faults(kind, given.first + part * count, count):
                found[fault.what.partition(":")[0]] += 1
                print(fault, flush=True)
            read[kind] += count
        print(
            f"{sum(read.values()):,} in {time.monotonic() - begun:.0f} s: {dict(read)}; {dict(found)}",
            flush=True,
        )
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
