"""Random networks and what must not matter to them: ``python -m potentia.tests.fuzz.networks
--first 0 --count 200``.

Each network is put before a few judges; one that fails is made as small as can be and printed as a
script. ``--seed 7`` puts one before all judges.
"""

from __future__ import annotations

import argparse
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass

from potentia.errors import DivergenceError, ParameterError

from . import batched, counting, judges, kept, solved, symmetries, tensors
from .case import Case
from .dice import Dice
from .generator import generate
from .judges import Judge
from .shrinking import shrink

JUDGES: dict[str, Judge] = {
    **judges.BITWISE,
    "saved": kept.saved,
    "pickled": kept.pickled,
    "recorded": kept.recorded,
    "resumed": kept.resumed,
    "batches": batched.batches,
    "taught": batched.taught,
    "single": symmetries.single,
    "permuted": symmetries.permuted,
    "switched": symmetries.switched,
    "converges": symmetries.converges,
    "solved": solved.solved,
    "counted": counting.counted,
    "tensors": tensors.tensors,
    "on tensors": tensors.on_tensors,
}
OFTEN = (
    "reference",
    "threads",
    "cut",
    "batches",
    "unprobed",
    "permuted",
    "switched",
    "converges",
    "solved",
)
# which these are for
ENGINES = {"reference": "clock", "threads": "clock", "converges": "event", "solved": "event"}
# one network in so many
SELDOM = {
    "saved": 4,
    "turned back": 4,
    "set again": 4,
    "pickled": 4,
    "recorded": 8,
    "gpu": 20,
    "single": 4,
    "counted": 3,
    "resumed": 4,
    "taught": 3,
    "tensors": 3,
    "on tensors": 8,
}


@dataclass(frozen=True)
class Fault:
    """What a judge found wrong with the network of a seed."""

    seed: int
    judge: str
    kind: str
    message: str

    def __str__(self) -> str:
        return f"seed {self.seed}, judge {self.judge!r}: {self.kind}: {self.message}"

    def report(self, seconds: float = 60.0) -> str:
        """The fault, its smallest network found as a script, and how to see it again."""
        case = smallest(self, seconds)
        again = f"python -m potentia.tests.fuzz.networks --seed {self.seed} --judge {self.judge}"
        return f"{self}\nof the network, made smaller:\n\n{case.script()}\n\nAgain: {again}"


def judged(case: Case, name: str) -> Fault | bool:
    """What the judge called `name` finds wrong, or whether it could say anything at all."""
    try:
        return judges.quietly(JUDGES[name], case)
    except Exception as error:
        if isinstance(error, DivergenceError) and judges.diverges(case):
            return False  # this network has no result
        if isinstance(error, ParameterError) and "; drawn for " in str(error):
            return False  # a value that was drawn does not go with the others, and is refused
        return Fault(case.seed, name, type(error).__name__, str(error)[:600])


def smallest(fault: Fault, seconds: float) -> Case:
    """The smallest network on which the same judge fails in the same way."""

    def fails(case: Case) -> bool:
        found = judged(case, fault.judge)
        return isinstance(found, Fault) and (found.kind, found.message[:15]) == (
            fault.kind,
            fault.message[:15],
        )

    return shrink(generate(fault.seed), fails, seconds)


def chosen(case: Case) -> list[str]:
    """The judges of a network: three of those that are quick and know its engine, and now and then
    one that is not.
    """
    often = [name for name in OFTEN if ENGINES.get(name, case.engine) == case.engine]
    names = [often[k] for k in sorted(Dice(case.seed, 1).rng.permutation(len(often))[:3])]
    return names + [
        name
        for name, period in SELDOM.items()
        if case.seed % period == list(SELDOM).index(name) % period
    ]


def faults(
    seed: int, names: list[str] | None = None, said: Counter[str] | None = None
) -> list[Fault]:
    """What judges, those `chosen` for the seed if not named, find wrong; said: counts verdicts by
    judge.
    """
    case, found = generate(seed), []
    for name in chosen(case) if names is None else names:
        verdict = judged(case, name)
        if isinstance(verdict, Fault):
            found.append(verdict)
        if said is not None:
            said[name] += verdict is not False
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, help="one network, before all judges")
    parser.add_argument("--judge", choices=JUDGES, help="this one only")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument(
        "--shrink", type=float, default=60.0, help="seconds for making a fault smaller; 0 for not"
    )
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # devices are asked outside of what was measured
    seeds = range(given.first, given.first + given.count) if given.seed is None else [given.seed]
    names = [given.judge] if given.judge else list(JUDGES) if given.seed is not None else None
    said: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    n_faults, begin = 0, time.monotonic()
    for seed in seeds:
        try:
            found = faults(seed, names, said)
        except Exception:
            print(f"seed {seed}: no network:\n{traceback.format_exc()}", flush=True)
            n_faults += 1
            continue
        n_faults += len(found)
        if seed % 100 == 99:
            print(
                f"... {seed + 1 - seeds[0]} networks, {time.process_time():.0f} s of the processor",
                flush=True,
            )
        for fault in found:
            kind = (fault.judge, fault.message[:15])
            print(
                fault if kind in seen or not given.shrink else fault.report(given.shrink),
                flush=True,
            )
            seen.add(kind)
    seconds = time.monotonic() - begin
    print(
        f"{len(seeds)} networks from seed {seeds[0]} on, {n_faults} faults, {seconds / len(seeds):.3f} s a network"
    )
    print("verdicts: " + ", ".join(f"{name} {count}" for name, count in sorted(said.items())))


if __name__ == "__main__":
    main()
