"""What a reader of a kind of file is, and what must hold whenever one reads."""

from __future__ import annotations

import contextlib
import io
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from potentia import Network, cli
from potentia.errors import PotentiaError
from potentia.models import LIF
from potentia.sim import Constant, FixedProbability

HELD = 50  # one file of so many is also drawn, or shown to the HDF5 library: that takes long


class Foreign(Exception):
    """An error that no user should see."""


class Other(Exception):
    """A file was accepted that says something else."""


class Reader(ABC):
    """A kind of file; `share`: how many of all the files that are tried are of it."""

    share: ClassVar[int]

    def __init__(self, home: Path) -> None:
        self.home = home
        self.prepare()

    @abstractmethod
    def prepare(self) -> None:
        """Make what is sound."""

    @abstractmethod
    def changed(self, rng: np.random.Generator) -> Any:
        """What is sound, changed."""

    @abstractmethod
    def read(self, content: Any, seed: int) -> None:
        """Read it as a user would."""


@contextlib.contextmanager
def told() -> Any:
    """Let errors of Potentia's own pass that are one sentence; all others are foreign."""
    try:
        yield
    except PotentiaError as error:
        if "\n" in str(error) or not str(error):
            raise Foreign(f"{type(error).__name__} of several lines: {error!s:.200}") from None
        if "Unable to allocate" in str(error):
            raise MemoryError(str(error)) from None


def command(*words: str) -> None:
    """Carry out a command, whose output must be printable and whose error one sentence."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.argv
    sys.argv = ["potentia", *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli._guarded()
    finally:
        sys.argv = before
    lines = err.getvalue().splitlines()
    if code not in (0, 2) or (code == 2 and len(lines) != 1):
        raise Foreign(f"{words[0]} ended with {code}: {err.getvalue()[:300]!r}")
    for letter in out.getvalue() + err.getvalue():
        if not (letter.isprintable() or letter in "\n\t"):
            raise Foreign(f"{words[0]} printed {letter!a}")


def network() -> Network:
    """Spikes, traces, counts, rates and weights to be recorded."""
    net = Network(seed=2)
    cells, post = net.population(LIF(), 12, name="cells"), net.population(LIF(), 4, name="post")
    joined = net.connect(cells, post, FixedProbability(0.4), weight=3e-3, delay=1e-3)
    net.stimulate(cells, Constant(np.linspace(16e-3, 22e-3, 12)))
    net.probe(cells, "v", every=1e-3)
    net.probe(post, "rate", every=2e-3)
    net.probe(post, "counts", every=2e-3)
    net.probe(joined, "weights", every=0.01)
    net.probe(cells, "spikes")
    return net
