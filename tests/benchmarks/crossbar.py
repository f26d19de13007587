"""Crossbars with resistive wires: CPU seconds for all output currents, and for all effective
conductances.

Half of the cells have 10 kohm, half have `ratio` times that, at random; both lines have the same
resistance per segment. A call is measured as a user makes it, checks and copies included:
`output_currents` for one vector of voltages, `effective_conductance` for an array. Each row tells
how far its currents are from those of the other of the two ways, and how much of the current the
wires take away. The peer badcrossbar (Joksas and Mehonic 2020, doi:10.1016/j.softx.2020.100617)
solves the same circuit with sparse LU factors; its rows tell how far its currents are from ours.
The limit of a row is the time in which this machine moves the numbers that the iterations touch, in
a loop that does nothing else, or, for effective conductances, the time of as many multiplications
and additions in matrix products; the fraction of the bench is the worst of its rows.

The last rows are the CPU seconds of a step of a liquid whose 456 rows by 200 pairs of breakdown
cells are read, spike by spike, with ideal wires and with resistive ones; the spikes are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt

from potentia import Network, Simulator
from potentia.hardware import Macro40nm, Wires, effective_conductance, output_currents
from potentia.models import LIF, SpikeSource
from potentia.sim import AllToAll, Poisson

from . import _ceiling
from ._case import Case
from ._measure import Measure, Row, clocked, median, peak_mb, take_turns

PEERS: tuple[str, ...] = ("badcrossbar",)
LOW = 1e4  # [ohm]: a cell that conducts well
TOUCHED = 15  # numbers per node that an iteration loads or stores
# per cell and line that nested dissection takes in its products: see `kernels/cpu/ports.py`
FLOPS = 34
LEAST = 0.05  # [s] that a repeat lasts at least
LIQUID = (456, 200)  # sources, of which 200 stand for the liquid itself, and units
RATE, DT, STEPS = 50.0, 1e-3, 2000  # [Hz], [s], steps of a repeat
IDEAL, WIRED = "a step of a liquid, ideal wires", "a step of a liquid, 1 ohm"
Array = NDArray[np.float64]


class Settings(BaseModel):
    """What can be set."""

    model_config = ConfigDict(extra="forbid")

    seed: int = Field(1, ge=0, le=2**64 - 1, description="of every random draw")
    currents: list[tuple[PositiveInt, NonNegativeFloat]] = Field(
        [(64, 1.0), (128, 1.0), (128, 5.0), (256, 1.0), (512, 1.0), (512, 5.0)],
        description="rows (and columns) and resistance per segment [ohm] of every case for output currents",
    )
    effective: list[tuple[PositiveInt, NonNegativeFloat]] = Field(
        [(256, 1.0), (512, 5.0)], description="the same for effective conductances"
    )
    ratio: float = Field(10.0, ge=1, description="between the two resistances of cells")
    tolerance: float = Field(
        1e-9, ge=1e-13, le=0.1, description="relative residual of the currents"
    )
    repeats: int = Field(5, ge=1, le=100, description="of every case, taking turns")
    peer_repeats: int = Field(1, ge=1, le=100, description="of every case of the peer")


def run(settings: Settings, peers: Sequence[str]) -> dict[str, Any]:
    """Measure; return the report of a benchmark."""
    with ExitStack() as stack:

        def case(ready: Callable[..., Measure], n: int, r: float) -> Case:
            return stack.enter_context(Case(ready, settings, n=n, r=r))

        ours = {_name("potentia", n, r): case(ready, n, r) for n, r in settings.currents}
        ours |= {
            _name("potentia effective", n, r): case(ready_effective, n, r)
            for n, r in settings.effective
        }
        rows = take_turns(ours, settings.repeats)
    cost = {row["case"]: row["cpu_s"] for row in rows}
    fraction = min((row["limit_s"] / row["cpu_s"] for row in rows), default=0.0)
    steps = _steps(settings)
    rows += steps
    ratios = {"wires/ideal wires, a step of a liquid": steps[1]["cpu_s"] / steps[0]["cpu_s"]}
    for n, r in settings.currents if "badcrossbar" in peers else ():
        name = _name("badcrossbar", n, r)
        # one by one: it may take a gigabyte
        with Case(ready_badcrossbar, settings, n=n, r=r) as peer:
            rows.append(median(name, [peer() for _ in range(settings.peer_repeats)]))
        ratios[name.replace("badcrossbar", "badcrossbar/ours")] = (
            rows[-1]["cpu_s"] / cost[_name("potentia", n, r)]
        )
    return {"bench": "crossbar", "rows": rows, "ratios": ratios, "ceiling_fraction": fraction}


def _steps(settings: Settings) -> list[Row]:
    """The rows of the liquid."""
    with ExitStack() as stack:
        wires = {IDEAL: 0.0, WIRED: 1.0}
        cases = {
            name: stack.enter_context(Case(ready_liquid, settings, r=r))
            for name, r in wires.items()
        }
        return take_turns(cases, settings.repeats)


def ready_liquid(settings: Settings, *, r: float) -> Measure:
    """Steps of a liquid that never fires itself, behind segments of r [ohm]."""
    net = Network(seed=settings.seed)
    source, cells = (
        net.population(SpikeSource(), LIQUID[0]),
        net.population(LIF(threshold=1e3), LIQUID[1]),
    )
    net.stimulate(source, Poisson(rate=RATE))
    store = Macro40nm().store(wires=Wires(r_word=r, r_bit=r) if r else None)
    net.connect(source, cells, AllToAll(), weight=1e-3, delay=DT, store=store, name="liquid")
    simulator = Simulator(net, dt=DT, threads=1)
    simulator.run(STEPS * DT, progress=False)

    def measure() -> Row:
        result, cpu, wall = clocked(lambda: simulator.run(STEPS * DT, progress=False))
        row: Row = {
            "engine": "clock",
            "cpu_s": cpu / STEPS,
            "wall_s": wall / STEPS,
            "rss_mb": peak_mb(),
        }
        return row | {"cells_read": result.tallies["liquid.events"] / STEPS}

    return measure


def array(settings: Settings, n: int) -> tuple[Array, Array]:
    """Conductances (n, n) [S] and voltages (n,) up to 0.2 V."""
    rng = np.random.default_rng(settings.seed)
    g = np.where(rng.random((n, n)) < 0.5, 1.0 / LOW, 1.0 / (LOW * settings.ratio))
    return g, 0.2 * rng.random(n)


def ready(settings: Settings, *, n: int, r: float) -> Measure:
    """One repeat of `output_currents`: the fastest of many calls."""
    g, v = array(settings, n)
    exact = v @ effective_conductance(g, r_word=r, r_bit=r)
    found = output_currents(g, v, r_word=r, r_bit=r, tolerance=settings.tolerance)
    _, iterations = Wires(r_word=r, r_bit=r)._lines(g).currents(v[None], settings.tolerance)
    told = {
        "iterations": iterations,
        "difference": _apart(found, exact),
        "lost": 1 - found.sum() / (v @ g).sum(),
    }
    limit = max(iterations, 1) * TOUCHED * _ceiling.moving(n * n) * n * n

    def measure() -> Row:
        work = _fastest(
            lambda: output_currents(g, v, r_word=r, r_bit=r, tolerance=settings.tolerance)
        )
        return work | told | {"limit_s": limit}

    return measure


def ready_effective(settings: Settings, *, n: int, r: float) -> Measure:
    """One repeat of `effective_conductance`."""
    g, v = array(settings, n)
    found = v @ effective_conductance(g, r_word=r, r_bit=r)
    exact = output_currents(g, v, r_word=r, r_bit=r, tolerance=1e-13)
    told = {
        "iterations": None,
        "difference": _apart(found, exact),
        "lost": 1 - found.sum() / (v @ g).sum(),
    }
    limit = FLOPS * n**3 * _ceiling.product(n)

    def measure() -> Row:
        return (
            _fastest(lambda: effective_conductance(g, r_word=r, r_bit=r))
            | told
            | {"limit_s": limit}
        )

    return measure


def ready_badcrossbar(settings: Settings, *, n: int, r: float) -> Measure:
    """One call of the peer for one vector of voltages."""
    import badcrossbar

    g, v = array(settings, n)
    ours = output_currents(g, v, r_word=r, r_bit=r, tolerance=settings.tolerance)
    badcrossbar.compute(v[:2, None], 1 / g[:2, :2], r_i=1.0)  # what only its first call takes

    def measure() -> Row:
        found, cpu, wall = clocked(lambda: badcrossbar.compute(v[:, None], 1 / g, r_i=r))
        apart = _apart(np.asarray(found.currents.output)[0], ours)
        return {
            "engine": "sparse LU",
            "cpu_s": cpu,
            "wall_s": wall,
            "rss_mb": peak_mb(),
            "difference": apart,
        }

    return measure


def _fastest(work: Callable[[], Any]) -> Row:
    """The row of the fastest of as many calls as fit into a moment."""
    taken = []
    while sum(cpu for cpu, _ in taken) < LEAST:
        _, cpu, wall = clocked(work)
        taken.append((cpu, wall))
    cpu, wall = min(taken)
    return {"engine": "cpu", "cpu_s": cpu, "wall_s": wall, "rss_mb": peak_mb()}


def _apart(found: Array, expected: Array) -> float:
    """The largest relative difference of any output."""
    return float(np.max(np.abs(found - expected) / np.abs(expected)))


def _name(what: str, n: int, r: float) -> str:
    return f"{what}, {n} x {n}, {r:g} ohm"
