"""Devices: million cells per CPU second that are written, aged and read, on one thread.

"lognormal, breakdown, programming, stuck" draws all four for every cell, two normal and two uniform
numbers; the other cases are calls of devices as a user makes them, checks of the targets included.
numpy draws bare lognormal numbers. The ceiling is the hash of the four words that the first case
draws from, with nothing made of them. cpu_s and wall_s are of a million cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from potentia.hardware import BreakdownReRAM, PulsedReRAM, StuckAt
from potentia.hardware.devices import presets
from potentia.kernels.cpu import device as kernels
from potentia.kernels.cpu.random import GOLDEN_WORD, mix, row_key
from potentia.sim.seed import stream_key

from ._ceiling import _best
from ._measure import Measure, Row, clocked, peak_mb, take_turns

PEERS: tuple[str, ...] = ()
ALL = "lognormal, breakdown, programming, stuck"
MILLION = 1e6
HOUR = 3600.0  # [s]


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**64 - 1, description="of every random draw")
    cells: int = Field(1_000_000, ge=1000, le=100_000_000, description="of one array")
    repeats: int = Field(9, ge=1, le=1000, description="of every case, taking turns")


def run(settings: Settings, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    rows = take_turns(
        {name: _ready(name, work, settings) for name, work in _cases(settings).items()},
        settings.repeats,
    )
    taken = {row["case"]: row["cpu_s"] for row in rows}
    drawn = np.empty(settings.cells, np.uint64)
    limit = _best(lambda: _words(np.uint64(settings.seed), drawn)) / settings.cells * MILLION
    return {
        "bench": "devices",
        "rows": rows,
        "ratios": {"numpy/ours": taken["numpy lognormal"] / taken["lognormal"]},
        "ceiling_fraction": limit / taken[ALL],
    }


def _ready(name: str, work: Callable[[], Any], settings: Settings) -> Measure:
    """One repeat, after a first one that loads the kernels."""
    work()

    def measure() -> Row:
        _, cpu, wall = clocked(work)
        scale = MILLION / settings.cells
        row = {
            "engine": "numpy" if name.startswith("numpy") else "cpu",
            "cpu_s": cpu * scale,
            "wall_s": wall * scale,
        }
        return row | {"rss_mb": peak_mb(), "cells_per_s": settings.cells / cpu}

    return measure


def _cases(settings: Settings) -> dict[str, Callable[[], Any]]:
    """What each case does with one array of cells."""
    n, seed = settings.cells, settings.seed
    faults = StuckAt(low=0.05, high=0.05)
    pcm, hfox = presets.pcm_nandakumar(), presets.hfox_neurram()
    formed, pulsed = (
        BreakdownReRAM(),
        PulsedReRAM(write_error=0.02, device_spread=0.1, faults=faults),
    )
    targets, current = np.linspace(1e-6, 12e-6, n), np.full(n, 10e-6)
    rng = np.random.default_rng(seed)
    return {
        ALL: partial(_all, np.full(n, 1e-7), seed),
        "lognormal": partial(kernels.vary, np.uint64(seed), 0.149, 0.0, np.full(n, 1e-5)),
        "numpy lognormal": lambda: rng.lognormal(math.log(12.21e-6), 0.149, n),
        "BreakdownReRAM, written": partial(formed.write, targets, seed),
        "BreakdownReRAM with faults, written": partial(
            replace(formed, faults=faults).write, targets, seed
        ),
        "PulsedReRAM with spread and faults, written": partial(pulsed.write, targets, seed),
        "hfox-neurram, written": partial(hfox.write, targets, seed),
        "hfox-neurram, aged": partial(hfox.aged, current, HOUR, seed),
        "pcm-nandakumar, aged": partial(pcm.aged, current, HOUR, seed),
        "pcm-nandakumar, read": partial(pcm.read, current, seed, HOUR),
    }


def _all(conductances: NDArray[np.float64], seed: int) -> None:
    """Form, add the error of writing, stick: all in place."""
    form, write, stick = (np.uint64(stream_key(seed, name)) for name in ("form", "write", "stick"))
    kernels.form(form, 0.493, 12.21e-6, 0.149, conductances)
    kernels.program(write, 0, 2.6e-7, 2e-6, -1.2e-6, 0.0, 0.0, 25e-6, 0.0, math.inf, conductances)
    kernels.stick(stick, 0.05, 0.05, 1e-7, 12.21e-6, conductances)


@njit(cache=True)
def _words(key, words):
    """Fill `words` (n,) uint64 with the four words of each place, mixed."""
    first, second, third, fourth = (
        row_key(key, 0),
        row_key(key, 1),
        row_key(key, 2),
        row_key(key, 3),
    )
    for i in range(words.size):
        place = GOLDEN_WORD * np.uint64(i + 1)
        words[i] = (
            mix(first + place) ^ mix(second + place) ^ mix(third + place) ^ mix(fourth + place)
        )
