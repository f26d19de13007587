"""Backend "torch" has the spikes of the cpu, in double precision."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from potentia import Result
from potentia.errors import UnsupportedError

from . import batched, judges, kept
from .case import Case
from .judges import LISTS, Difference, close

# what must not matter on tensors either
MATTERS_NOT = (
    *(judges.BITWISE[name] for name in ("cut", "turned back", "set again", "unprobed")),
    *(kept.saved, kept.pickled, kept.recorded, kept.resumed, batched.batches, batched.taught),
)


def tensors(case: Case) -> bool:
    """One network on tensors and on the cpu, run in one piece and, as a batch, sample by sample."""
    if case.engine == "event":
        return False
    probes = tuple(look for look in case.probes if look.what not in LISTS)
    case = replace(case, probes=probes, dtype="float64", deterministic=False)
    try:
        here = case.simulator(backend="torch")
    except UnsupportedError as error:
        if "does not run Crossbar" in str(error):
            raise Difference(f"tensors: {error}") from error
        return False  # a model, another store or a rule that has no form on tensors
    there, duration = case.simulator(), case.seconds(case.first + case.second)
    ours, theirs = here.run(duration), there.run(duration)
    close("tensors", ours, theirs)
    if ours.tallies != theirs.tallies:
        raise Difference(f"tensors: tallies {ours.tallies} and {theirs.tallies}")
    for wiring in case.projections:
        one, other = (made.weights(wiring.name) for made in (here, there))
        # of the rules of a user's own, products round otherwise
        if not np.allclose(one, other, rtol=1e-10, atol=1e-10 * np.abs(other).max(initial=0.0)):
            raise Difference(f"tensors: weights of {wiring.name} differ: {one[:9]}, {other[:9]}")
    runs = [_batch(case, backend) for backend in ("torch", "cpu")]
    for k, (sample, expected) in enumerate(zip(*runs, strict=True)):
        close(f"tensors, sample {k}", sample, expected)
    return True


class OnTensors(Case):
    """One whose simulators run on tensors."""

    def options(self, **changes: Any) -> dict[str, Any]:
        return super().options(**{"backend": "torch", **changes})


def on_tensors(case: Case) -> bool:
    """What one of the other judges says of the network on tensors."""
    if case.engine == "event":
        return False
    probes = tuple(look for look in case.probes if look.what not in LISTS)
    given = {own.name: getattr(case, own.name) for own in fields(case)}
    case = OnTensors(**given | {"probes": probes, "deterministic": False})
    try:
        case.simulator()
    except UnsupportedError:
        return False
    return MATTERS_NOT[case.seed // 3 % len(MATTERS_NOT)](case)


def _batch(case: Case, backend: str) -> list[Result]:
    """A batch after a first run."""
    simulator = case.simulator(backend=backend)
    simulator.run(case.seconds(case.first))
    duration = case.seconds(case.second)
    learn = "each" if any(wiring.rule for wiring in case.projections) else None
    return list(simulator.run(duration, inputs=case.later, batch=case.batch, learn=learn))
