"""Judges of random networks see what is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from potentia.models import LIF, SpikeSource
from potentia.sim import (
    AllToAll,
    Choice,
    SpikeTrain,
)
from potentia.sim.engines import batch_learning
from potentia.tests.fuzz import networks
from potentia.tests.fuzz.case import Case, Drive, Look, Units, Wiring
from potentia.tests.fuzz.generator import generate

# of devices out of their range
pytestmark = pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")


def test_judges_see_what_is_counted_wrong(monkeypatch):
    """A source that tells nothing of what it merges, on either engine."""

    def forgetful(case, **changes):
        result = networks.judges.whole(case, **changes)
        return replace(result, tallies={name: 0 for name in result.tallies})

    monkeypatch.setattr(networks.counting, "whole", forgetful)
    assert _seen("counted", range(120)) == {"clock", "event"}


@pytest.mark.parametrize("part", ["delay", "refractory", "weight"])
def test_judges_see_what_does_not_converge(monkeypatch, part):
    """A clock engine with other delays, refractory times or weights."""
    clocked = networks.symmetries._clocked

    def changed(case, step):
        case = clocked(case, step)
        if part == "refractory":
            longer = [units.model for units in case.populations]
            longer = [
                replace(m, refractory=m.refractory + 5e-5) if hasattr(m, part) else m
                for m in longer
            ]
            return replace(
                case,
                populations=tuple(
                    replace(u, model=m) for u, m in zip(case.populations, longer, strict=True)
                ),
            )
        wirings = tuple(
            replace(w, **{part: getattr(w, part) + 5e-5})
            if isinstance(getattr(w, part), (float, np.ndarray))
            else w
            for w in case.projections
        )
        return replace(case, projections=wirings)

    monkeypatch.setattr(networks.symmetries, "_clocked", changed)
    assert _seen("converges", range(300))


@pytest.mark.parametrize("part", ["threshold", "reset", "tau", "refractory"])
def test_judges_see_what_is_solved_wrong(monkeypatch, part):
    """Formulas with other parameters by a billionth, or refractory times longer by a picosecond."""
    by_formulas = networks.solved._units

    def changed(case, units, kicks):
        for unit in by_formulas(case, units, kicks):
            of = {
                name: value * (1 + 1e-9) + 1e-12 * (part == "refractory")
                for name, value in unit.fields.items()
                if name == part
            }
            yield replace(unit, fields={**unit.fields, **of})

    monkeypatch.setattr(networks.solved, "_units", changed)
    assert _seen("solved", range(60)) == {"event"}


@pytest.mark.parametrize("first", [1, -1])
def test_arrivals_that_a_step_adds_up(first):
    """Excitation 10 ns before inhibition fires a unit; the clock, which adds them up in one step of
    0.1 us, has no spike. So its judge says nothing, and formulas have the last word.
    """
    case = Case(
        0,
        1,
        (Units("source", SpikeSource(), 1), Units("cell", LIF(), 1)),
        tuple(
            Wiring(f"c{sign}", "source", "cell", AllToAll(), sign * 20e-3, Choice((delay,)))
            for sign, delay in ((first, 1e-3), (-first, 1e-3 + 10e-9))
        ),
        (Drive("in", "source", SpikeTrain([5e-3], [0])),),
        (Look("cell", "spikes"),),
        engine="event",
    )
    assert len(networks.judges.whole(case).spikes("cell")) == (first > 0)
    assert networks.symmetries.converges(case) == (first < 0)
    assert networks.solved.solved(case)


def test_judges_see_what_batches_learn_wrong(monkeypatch):
    """A sum of changes that leaves the weights where they were."""
    monkeypatch.setattr(
        batch_learning.Changes, "weights", lambda self, way, name, bounds: self._before[name]
    )
    assert _seen("taught", range(1000, 1200)) == {"clock", "event"}


def test_runs_that_are_taken_up_again_were_broken_off(tmp_path):
    """The judge of resumed runs stops them before their end, with a checkpoint there."""
    kept = set()
    for seed in range(40):
        case = replace(generate(seed), chunk=7)
        duration = case.seconds(case.first + case.second)
        path = tmp_path / str(seed)
        stopped = networks.kept._stops(case.simulator(), duration, path, 1 + seed % 3)
        if stopped and any(part.suffix == ".snapshot" for part in path.iterdir()):
            kept.add(case.engine)
    assert kept == {"clock", "event"}


def _seen(judge: str, seeds: range) -> set[str]:
    """The engines of networks in which a judge finds a difference, looked at up to the first of
    each.
    """
    found: set[str] = set()
    for case in map(generate, seeds):
        if case.engine not in found:
            verdict = networks.judged(case, judge)
            found |= {case.engine} if getattr(verdict, "kind", "") == "Difference" else set()
    return found
