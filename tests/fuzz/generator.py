"""A random network for every seed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from potentia.models import SpikeSource
from potentia.sim.plan.probes import EVERY

from .case import Case, Drive, Look, Units, Wiring
from .dice import Dice
from .drives import Driver, scattered
from .images import imaged
from .owned import owned
from .rates import rated
from .units import lawful, units
from .wirings import Wirer

# [s]; the default intervals of probes are multiples of each
GRIDS = (
    1e-4,
    1e-4,
    2e-4,
    2.5e-4,
    5e-4,
    1e-3,
)
MIXED = 40  # one seed in so many mixes numbers and arrays in a model, since each combination is compiled once: a second
UNMIXED = 1000  # seeds below never do
UNTAUGHT = 1000  # of seeds below, networks of the event engine do not learn
LAWFUL = 8  # one seed in so many has distributions in models and stimuli
OWNED = 0.25  # of the networks have parts of a user's own, several rules or wires behind rates
IMAGED = 0.15  # of the networks have convolutions or poolings
# seeds below draw what they always drew, so that versions can be compared by their spikes
PINNED = 100


def generate(seed: int) -> Case:
    """The random network of this seed."""
    dice, pure = Dice(seed), seed < UNMIXED or seed % MIXED != 0
    event, grid = dice.chance(0.3), dice.pick(GRIDS)
    network_seed = dice.whole(0, 2**32)
    how = {"event": event, "pure": pure, "random": seed >= PINNED}
    populations = [units(dice, f"p{k}", grid, **how) for k in range(dice.pick([1, 1, 2, 2, 3, 4]))]
    first, second = (dice.pick([1, 20, 60, 100, 130]) for _ in range(2))
    if dice.chance(0.05):
        second = 1500
    teaches = not event or seed >= UNTAUGHT
    projections = _projections(dice, populations, network_seed, grid, event=event, teaches=teaches)
    inputs: list[Drive] = []
    later: dict[str, tuple[Any, ...]] = {}
    samples = dice.whole(1, 3)
    for part in populations:
        driver = Driver(
            dice, part, grid, first + second, event=event, noise=not event or seed >= PINNED
        )
        for drive in driver.drives():
            inputs.append(drive)
            if dice.chance(0.6):
                later[drive.name] = tuple(driver.later(drive.stimulus) for _ in range(samples))
    if seed >= PINNED and seed % LAWFUL == 0:
        own = Dice(seed, 1)
        populations = [lawful(own, part, grid, event=event) for part in populations]
        inputs = [replace(drive, stimulus=scattered(own, drive.stimulus)) for drive in inputs]
    case = Case(
        seed,
        network_seed,
        tuple(populations),
        tuple(projections),
        tuple(inputs),
        tuple(_probes(dice, populations, projections, grid, event=event)),
        "event" if event else "clock",
        grid,
        dice.pick(["float32", "float64"]),
        dice.pick([1, 7, 50, 1000]),
        dice.chance(0.2),
        first,
        second,
        later,
    )
    if seed < PINNED:  # of several rules, the first
        single = [replace(wiring, rule=(*wiring.rules, None)[0]) for wiring in case.projections]
        return replace(case, projections=tuple(single))
    graded, own = Dice(seed, 2), Dice(seed, 3)
    case = rated(case, graded) if not event and graded.chance(0.2) else case
    case = owned(case, own) if own.chance(OWNED) else case
    pixels = Dice(seed, 4)
    return imaged(case, pixels) if pixels.chance(IMAGED) else case


def _projections(
    dice: Dice, populations: list[Units], seed: int, grid: float, *, event: bool, teaches: bool
) -> list[Wiring]:
    made = []
    for k in range(dice.pick([0, 1, 1, 2, 2, 3, 5])):
        pre, post = dice.pick(populations), dice.pick(populations)
        if (
            event
            and isinstance(post.model, SpikeSource)
            and populations.index(pre) >= populations.index(post)
        ):
            continue  # spikes that go in a circle of units that never rest breed without end
        made.append(
            Wirer(dice, pre, post, f"c{k}", seed).wiring(grid, event=event, teaches=teaches)
        )
    return made


def _probes(
    dice: Dice, populations: list[Units], projections: list[Wiring], grid: float, *, event: bool
) -> list[Look]:
    made = []
    for part in populations:
        kernels = part.model.event
        state = [
            name for name in part.model.state if not event or (kernels and name in kernels.state)
        ]
        for what in ("spikes", "counts", "rate", *state):
            if dice.chance(0.7 if what == "spikes" else 0.3):
                made.append(Look(part.name, what, _every(dice, what, grid), _ids(dice, part.n)))
    for wiring in projections:
        if dice.chance(0.4):
            made.append(Look(wiring.name, "weights", dice.pick([1, 7, 40]) * grid))
    return made


def _every(dice: Dice, what: str, grid: float) -> float | None:
    if what == "spikes" or (dice.chance(0.4) and EVERY.get(what, grid) >= grid):
        return None
    return dice.pick([1, 2, 7, 40]) * grid


def _ids(dice: Dice, n: int) -> Any:
    """All units, or some of them in any order."""
    if dice.chance(0.6):
        return None
    return dice.rng.permutation(n)[: dice.whole(1, n)]
