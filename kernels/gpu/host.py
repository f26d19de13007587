"""An emulated device: the same kernels, compiled for the processor, one thread after the other.

It tests kernels and program where there is no card. It is slow, and not meant for running networks.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DependencyError, UnsupportedError
from .device import Launch
from .signatures import FOLDER
from .source import digest, host_text, unit

OPTIONS = ("-std=c++17", "-O2", "-ffp-contract=off", "-fPIC", "-shared", "-w", "-U_FORTIFY_SOURCE")


class Memory:
    """An allocation in the host's memory."""

    def __init__(self, n_bytes: int) -> None:
        self._words = np.zeros(-(-n_bytes // 8), np.uint64)
        self.address = self._words.ctypes.data


class Host:
    """See `Device`."""

    most_threads = 32
    most_blocks = 2
    steps = 1

    def __init__(self, *, backwards: bool = False) -> None:
        # the last thread runs first, and the last launch that need not wait
        self._backwards = backwards

    def allocate(self, n_bytes: int) -> Memory:
        """New memory, all zero."""
        return Memory(n_bytes)

    def upload(self, address: int, array: NDArray[Any]) -> None:
        """Copy `array` to the device."""
        ctypes.memmove(address, array.ctypes.data, array.nbytes)

    def download(self, address: int, array: NDArray[Any]) -> None:
        """Fill `array` from the device."""
        ctypes.memmove(array.ctypes.data, address, array.nbytes)

    def prepare(self, launches: Sequence[Launch], precision: str) -> Callable[[int], None]:
        """A function that carries out all launches, in order, so many times over."""
        order = _last_first(launches) if self._backwards else launches
        calls = [
            (self._entry(launch.kernel, precision), _words(launch), launch) for launch in order
        ]

        def replay(times: int) -> None:
            for _ in range(times):
                for entry, words, _ in calls:  # the launch stays alive: words are addresses in it
                    entry(*words)

        return replay

    def _entry(self, kernel: str, precision: str) -> Any:
        """The compiled function of a kernel."""
        return getattr(library(precision, self._backwards, unit(kernel)), f"run_{kernel}")


def _last_first(launches: Sequence[Launch]) -> list[Launch]:
    """The launches in another order that they allow."""
    order: list[Launch] = []
    waiting = {place: set(launch.after) for place, launch in enumerate(launches)}
    while waiting:
        chosen = max(place for place, after in waiting.items() if not after)
        order.append(launches[chosen])
        del waiting[chosen]
        for after in waiting.values():
            after.discard(chosen)
    return order


def _words(launch: Launch) -> tuple[Any, Any, Any]:
    """Grid, block and the addresses of the arguments, as a driver takes them."""
    addresses = (ctypes.c_void_p * len(launch.arguments))(
        *(value.ctypes.data for value in launch.arguments)
    )
    return (ctypes.c_uint * 3)(*launch.grid), (ctypes.c_uint * 2)(*launch.block), addresses


@cache
def library(precision: str, backwards: bool, unit: str = "") -> ctypes.CDLL:
    """The kernels of a unit as a shared library, compiled once for every state of the sources."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "potentia"
    target = folder / f"kernels-{precision}{'-backwards' * backwards}-{digest(precision, unit)}.so"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _compile("#define REVERSED\n" * backwards + host_text(precision, unit), target)
    return ctypes.CDLL(str(target))


def _compile(text: str, target: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        raise DependencyError(
            "the kernels of the gpu compile for the host with g++, which is not installed"
        )
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        made = Path(folder) / target.name
        command = [compiler, *OPTIONS, f"-I{FOLDER}", "-x", "c++", "-", "-o", str(made)]
        done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
        if done.returncode:
            raise UnsupportedError(
                f"g++ cannot compile the kernels of the gpu: {done.stderr[:2000]}"
            )
        made.replace(target)
