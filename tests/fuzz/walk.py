"""Carries out hostile calls in a forked process with limits, so that crashes and endless loops are
counted as well.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import multiprocessing
import os
import resource
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from potentia.errors import LONGEST, PotentiaError

from .doors import Door, doors
from .hostile import HOSTILE
from .use import use

SECONDS: Final = 2.0  # of processor time that a call may take, with the use of what it made
COMPILING: Final = 20.0  # that it may take the first time, when machine code is made
MEMORY: Final = 4 << 30  # bytes that a call may take
TICK: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Case:
    """A call of the door of this number with hostile values, by name, for some of
    its parameters.
    """

    door: int
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Fault:
    """A call that did not end well: what was called, how it ended, and where."""

    call: str
    kind: str
    told: str


def cases(every: Sequence[Door], most: int, seed: int = 0) -> list[Case]:
    """At most so many: each parameter with each value, then two hostile values at a time."""
    rng = np.random.default_rng(seed)
    single = [
        Case(k, ((name, value),))
        for k, door in enumerate(every)
        for name in door.parameters
        for value in HOSTILE
    ]
    if most <= len(single):
        return [single[k] for k in np.sort(rng.choice(len(single), most, replace=False))]
    many, names = [k for k, door in enumerate(every) if len(door.parameters) > 1], list(HOSTILE)
    pairs = []
    for _ in range(most - len(single)):
        k = int(rng.choice(many))
        chosen = rng.choice(every[k].parameters, 2, replace=False)
        pairs.append(
            Case(k, tuple((str(name), names[rng.integers(len(names))]) for name in chosen))
        )
    return single + pairs


def walk(every: Sequence[Door], planned: Sequence[Case]) -> Iterator[Fault]:
    """Carry out all calls; yield those that do not end in a value or one sentence."""
    at, second_try = 0, False
    while at < len(planned):
        reached, faults, ended = _visit(
            every, planned[at:], COMPILING if not second_try else SECONDS
        )
        yield from faults
        at += reached
        if ended is None:
            continue
        if ended == "time-out" and not second_try:
            # with what was compiled meanwhile kept on disk, it must be done in time
            second_try = True
            continue
        yield Fault(_told(every, planned[at]), ended, "")
        at, second_try = at + 1, False


def _visit(
    every: Sequence[Door], planned: Sequence[Case], first: float
) -> tuple[int, list[Fault], str | None]:
    """How many calls a process carried out, the faults among them, and how the next one ended it,
    if it did.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    done, faults, ended = 0, [], None
    with tempfile.TemporaryDirectory() as folder:
        arguments = (every, planned, theirs, first, folder)
        child = multiprocessing.get_context("fork").Process(target=_work, args=arguments)
        child.start()
        theirs.close()
        with contextlib.suppress(EOFError):
            while True:
                kind, *told = json.loads(ours.recv_bytes())
                done += kind == "done"
                ended = "time-out" if kind == "slow" else ended
                if kind == "fault":
                    faults.append(Fault(*told))
        child.join()
    if ended is None and done < len(planned):
        stopped = -(child.exitcode or 0) in (signal.SIGXCPU, signal.SIGALRM)
        ended = "time-out" if stopped else f"crash ({child.exitcode})"
    return done, faults, ended


def _work(
    every: Sequence[Door], planned: Sequence[Case], pipe: Any, first: float, folder: str
) -> None:
    _confine(folder)
    limit = first
    for case in planned:
        began = time.process_time()
        resource.setrlimit(resource.RLIMIT_CPU, (int(began + limit) + 2, resource.RLIM_INFINITY))
        signal.alarm(int(10 * limit))  # for one that sleeps
        found = list(judge(every[case.door], case))
        if time.process_time() - began > SECONDS:
            pipe.send_bytes(b'["slow"]')
            break
        for kind, told in found:
            pipe.send_bytes(json.dumps(["fault", _told(every, case), kind, told]).encode())
        pipe.send_bytes(b'["done"]')
        limit = COMPILING
    os._exit(0)


def _confine(folder: str) -> None:
    """Work in `folder`, in silence, with little memory and on small files."""
    warnings.simplefilter("ignore")
    faulthandler.disable()
    os.chdir(folder)
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(null, stream)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 28, 1 << 28))
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, resource.RLIM_INFINITY))


def judge(door: Door, case: Case) -> Iterator[tuple[str, str]]:
    """How a call ended, if not well."""
    try:
        function, arguments = door.make()
        arguments |= {name: HOSTILE[value]() for name, value in case.values}
        made = function(**arguments)
        use(made)
    except PotentiaError as error:
        message = str(error)
        if not message.isprintable():
            yield "several lines or control characters", ascii(message)[:200]
        if not 0 < len(message) <= LONGEST:
            yield "length of a message", f"{len(message)} characters"
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        ours = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if "potentia" in frame.filename
        ]
        place = ours[-1] if ours else place
        yield (
            "foreign exception",
            f"{type(error).__name__}: {ascii(str(error))[:120]} at {place.filename}:{place.lineno}",
        )


def _told(every: Sequence[Door], case: Case) -> str:
    return (
        f"{every[case.door].name}({', '.join(f'{name}=<{value}>' for name, value in case.values)})"
    )


def all_doors() -> list[Door]:
    """Every door, once each has been gone through with good arguments, so that most machine code is
    there.
    """
    every = doors()
    for door in every:
        function, arguments = door.make()
        made = function(**arguments)
        with contextlib.suppress(PotentiaError):  # what fits no network as it is
            use(made)
    return every
