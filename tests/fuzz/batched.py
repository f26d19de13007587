"""Batches: samples depend neither on threads nor on each other, and what they learn is added up."""

from __future__ import annotations

import numpy as np

from potentia import Simulator
from potentia.sim import Ideal

from .case import Case
from .judges import Difference, equal, same


def batches(case: Case) -> bool:
    """No sample depends on threads or on the samples beside it; the simulator stays; sample 0 alone
    is a plain run.
    """
    learn = "each" if any(wiring.rule for wiring in case.projections) else None
    simulator = case.simulator(threads=2)
    simulator.run(case.seconds(case.first))
    before = simulator._engine.snapshot()
    duration = case.seconds(case.second)
    samples = simulator.run(duration, inputs=case.later, batch=case.batch, learn=learn).samples
    for name, array in simulator._engine.snapshot().items():
        equal(f"batch: state {name}", array, before[name])
    other = case.simulator(threads=1)
    other.run(case.seconds(case.first))
    for k in range(case.batch):
        fewer = {name: stimuli[: k + 1] for name, stimuli in case.later.items()}
        same(
            f"sample {k} of a batch",
            other.run(duration, inputs=fewer, batch=k + 1, learn=learn)[k],
            samples[k],
        )
    for first in range(1, case.batch):
        rest = {name: stimuli[first:] for name, stimuli in case.later.items()}
        how = {"batch": case.batch - first, "learn": learn, "first": first}
        same(
            f"sample {first}, the first of a batch",
            other.run(duration, inputs=rest, **how)[0],
            samples[first],
        )
    plain = other.run(duration, batch=2, learn=learn)
    same("sample 0 without other stimuli", plain[0], other.run(duration))
    return True


def taught(case: Case) -> bool:
    """What a batch learns by sum or mean depends on no thread, and moves the weights alone; of one
    sample that sees what the simulator sees, the sum is what a run learns.
    """
    names = [wiring.name for wiring in case.projections if wiring.rule]
    if not names:
        return False
    duration = case.seconds(case.second)
    for learn in ("sum", "mean"):
        made = [case.simulator(threads=threads) for threads in (2, 1)]
        samples = []
        for simulator in made:
            simulator.run(case.seconds(case.first))
            how = {"inputs": case.later, "batch": case.batch, "learn": learn}
            samples.append(simulator.run(duration, **how).samples)
        for k, (one, other) in enumerate(zip(*samples, strict=True)):
            same(f"sample {k} of a batch that learns by {learn}", one, other)
        _same_weights(f"after a batch that learns by {learn}", made, names)
        results = [simulator.run(duration) for simulator in made]
        same(f"after a batch that learns by {learn}", *results, tallies=False)
    _single(case, names)
    return True


def _single(case: Case, names: list[str]) -> None:
    """The sum over one sample without other stimuli is what a run learns, where weights are plain
    numbers.
    """
    if not all(isinstance(w.store or Ideal(), Ideal) for w in case.projections if w.rule):
        return
    batch, plain = case.simulator(), case.simulator()
    for simulator in (batch, plain):
        simulator.run(case.seconds(case.first))
    batch.run(case.seconds(case.second), batch=1, learn="sum")
    plain.run(case.seconds(case.second))
    _same_weights("the sum over one sample", [batch, plain], names)


def _same_weights(name: str, made: list[Simulator], names: list[str]) -> None:
    for part in names:
        one, other = (simulator.weights(part) for simulator in made)
        if not np.array_equal(one, other):
            raise Difference(f"{name}: weights of {part}: {one[:9]} and {other[:9]}")
