"""Random populations: every model, each field the default, one number or one per unit; and where
they start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from potentia.models import (
    IF,
    LIF,
    AdaptiveLIF,
    AdEx,
    AlphaLIF,
    CobaLIF,
    CubaLI,
    CubaLIF,
    DiscreteAlphaLIF,
    DiscreteCubaLI,
    DiscreteCubaLIF,
    DiscreteLI,
    DiscreteLIF,
    EscapeLIF,
    Integral,
    Izhikevich,
    LeakyRate,
    RateSource,
    SpikeSource,
)
from potentia.models.leaky_rate import LAWS
from potentia.sim import NeuronModel, Uniform

from .case import Units
from .dice import Dice

Range = tuple[float, float]
POTENTIALS: dict[str, Range] = {
    "threshold": (4e-3, 16e-3),
    "reset": (-6e-3, 3e-3),
    "refractory": (0.0, 6e-3),
}
DISCRETE: dict[str, Range] = {
    "decay": (0.0, 1.0),
    "gain": (0.2, 1.5),
    "offset": (-0.05, 0.1),
    "threshold": (0.5, 1.5),
    "reset_value": (-0.5, 0.3),
}
RESETS = [
    {"resets": resets, "reset_at": reset_at, "inclusive": inclusive}
    for resets in ("subtract", "value", "none")
    for reset_at in ("spike", "before", "after", "carried")
    for inclusive in (False, True)
    if resets == "subtract" or reset_at != "carried"
]
CURRENTS: dict[str, Range] = {"tau_excitatory": (1e-3, 8e-3), "tau_inhibitory": (1e-3, 8e-3)}


@dataclass(frozen=True)
class Ranges:
    """What a model's fields, initial values, drive and weights lie in; all in the units of the
    model.

    signed: whether weights may be below 0; choices: values of fields that are no numbers, of which
    one mapping is picked.
    """

    fields: Mapping[str, Range]
    initial: Mapping[str, Range]
    drive: Range
    weight: float
    signed: bool = True
    choices: Sequence[Mapping[str, Any]] = ({},)


MODELS: dict[type[NeuronModel], Ranges] = {
    IF: Ranges(POTENTIALS, {"v": (-5e-3, 16e-3)}, (-1.0, 6.0), 8e-3),
    LIF: Ranges({"tau": (1e-3, 30e-3), **POTENTIALS}, {"v": (-5e-3, 16e-3)}, (0.0, 40e-3), 8e-3),
    AdaptiveLIF: Ranges(
        {
            "tau": (1e-3, 30e-3),
            "tau_adaptation": (5e-3, 0.2),
            "increment": (0.0, 5e-3),
            **POTENTIALS,
        },
        {"v": (-5e-3, 16e-3), "a": (0.0, 5e-3)},
        (0.0, 40e-3),
        8e-3,
    ),
    CubaLIF: Ranges(
        {"tau": (1e-3, 30e-3), **CURRENTS, **POTENTIALS},
        {"v": (-5e-3, 16e-3), "g_e": (0.0, 20e-3), "g_i": (-20e-3, 0.0)},
        (0.0, 30e-3),
        30e-3,
    ),
    AlphaLIF: Ranges(
        {"tau": (1e-3, 30e-3), **CURRENTS, **POTENTIALS},
        {
            "v": (-5e-3, 16e-3),
            "g_e": (0.0, 20e-3),
            "h_e": (0.0, 20e-3),
            "g_i": (-20e-3, 0.0),
            "h_i": (-20e-3, 0.0),
        },
        (0.0, 30e-3),
        30e-3,
    ),
    CobaLIF: Ranges(
        {
            "tau": (1e-3, 30e-3),
            **CURRENTS,
            "rest": (-66e-3, -56e-3),
            "reversal_excitatory": (-10e-3, 10e-3),
            "reversal_inhibitory": (-90e-3, -70e-3),
            "threshold": (-54e-3, -46e-3),
            "reset": (-70e-3, -56e-3),
            "refractory": (0.0, 6e-3),
        },
        {"v": (-66e-3, -48e-3), "g_e": (0.0, 1.0), "g_i": (0.0, 1.0)},
        (0.0, 25e-3),
        2.0,
        signed=False,
    ),
    AdEx: Ranges(
        {
            "tau": (2e-3, 20e-3),
            "tau_adaptation": (20e-3, 0.2),
            **CURRENTS,
            "rest": (-75e-3, -65e-3),
            "onset": (-55e-3, -48e-3),
            "slope": (0.5e-3, 3e-3),
            "a": (-0.1, 0.5),
            "increment": (0.0, 5e-3),
            "peak": (-40e-3, 20e-3),
            "reset": (-75e-3, -58e-3),
            "refractory": (0.0, 6e-3),
        },
        {"v": (-75e-3, -50e-3), "w": (-1e-3, 3e-3), "g_e": (0.0, 20e-3), "g_i": (-20e-3, 0.0)},
        (0.0, 60e-3),
        30e-3,
    ),
    Izhikevich: Ranges(
        {
            "a": (10.0, 100.0),
            "b": (150.0, 250.0),
            "c": (-65e-3, -50e-3),
            "d": (0.5, 8.0),
            "peak": (20e-3, 35e-3),
        },
        {"v": (-70e-3, -50e-3), "u": (-15.0, -8.0)},
        (0.0, 20.0),
        8e-3,
    ),
    SpikeSource: Ranges({}, {}, (0.0, 1.0), 1.0),
    EscapeLIF: Ranges(
        {"tau": (1e-3, 30e-3), "rate": (0.0, 500.0), "spread": (0.5e-3, 8e-3), **POTENTIALS},
        {"v": (-5e-3, 16e-3)},
        (0.0, 40e-3),
        8e-3,
    ),
    LeakyRate: Ranges(
        {"tau": (1e-3, 30e-3), "gain": (0.2, 1.5), "offset": (-0.2, 0.3)},
        {"r": (-1.0, 1.0)},
        (-0.5, 1.0),
        0.2,
        choices=[{}, *({"activation": law} for law in LAWS)],
    ),
    RateSource: Ranges({}, {"r": (-1.0, 1.0)}, (-0.5, 1.0), 0.2),
    DiscreteLIF: Ranges(DISCRETE, {"v": (-0.5, 1.5)}, (0.0, 0.3), 0.8, choices=RESETS),
    DiscreteCubaLIF: Ranges(
        {**DISCRETE, "decay_current": (0.0, 1.0), "response": (0.2, 1.5)},
        {"v": (-0.5, 1.5), "g": (-0.3, 0.5)},
        (0.0, 0.15),
        0.5,
        choices=[
            {**choice, "moved_by": moved_by} for choice in RESETS for moved_by in ("new", "old")
        ],
    ),
    DiscreteAlphaLIF: Ranges(
        {
            "decay_excitatory": (0.75, 1.0),
            "decay_inhibitory": (0.0, 0.7),
            "gain": (0.5, 2.0),
            "threshold": (0.5, 1.5),
        },
        {"v": (-0.5, 1.5), "g_e": (-0.3, 0.5), "g_i": (-0.3, 0.5)},
        (0.0, 0.3),
        0.8,
        choices=[
            {"resets": resets, "inclusive": inclusive}
            for resets in ("zero", "subtract", "none")
            for inclusive in (False, True)
        ],
    ),
    CubaLI: Ranges(
        {"tau": (3e-3, 25e-3), "tau_current": (1e-3, 8e-3)},
        {"v": (-5e-3, 8e-3), "g_e": (-5e-3, 8e-3)},
        (0.0, 20e-3),
        5e-3,
    ),
    Integral: Ranges({}, {"v": (-5e-3, 8e-3)}, (-0.5, 1.0), 3e-3),
    DiscreteLI: Ranges(
        {name: DISCRETE[name] for name in ("decay", "gain", "offset")},
        {"v": (-0.5, 1.5)},
        (0.0, 0.3),
        0.2,
    ),
    DiscreteCubaLI: Ranges(
        {
            **{name: DISCRETE[name] for name in ("decay", "gain", "offset")},
            "decay_current": (0.0, 1.0),
            "response": (0.2, 1.5),
        },
        {"v": (-0.5, 1.5), "g": (-0.3, 0.5)},
        (0.0, 0.15),
        0.2,
        choices=[{"moved_by": moved_by} for moved_by in ("new", "old")],
    ),
}
RANDOM = (EscapeLIF,)  # models that draw: what a unit does hangs on its place in its population
SHORTEST = 0.2e-3  # refractory time [s] under the event engine
COARSEST = {Izhikevich: 0.5e-3}  # the longest step [s] of models that have one


def units(dice: Dice, name: str, grid: float, *, event: bool, pure: bool, random: bool) -> Units:
    """A random population; pure: all fields of the model are numbers, or all are one per unit;
    random: of any model.
    """
    # others: see `rates`
    kinds = [kind for kind in MODELS if kind.sends is None and (kind.event or not event)]
    kinds = [kind for kind in kinds if grid <= COARSEST.get(kind, 1.0)]
    kinds = [kind for kind in kinds if random or kind not in RANDOM]
    kind, n = dice.pick(kinds), size(dice)
    ranges = MODELS[kind]
    chosen: dict[str, Any] = dict(dice.pick(ranges.choices))
    share = dice.pick([0.0, 1.0]) if pure else 0.5
    for own in fields(kind):  # type: ignore[arg-type]
        if own.name not in ranges.fields:
            continue
        low, high = ranges.fields[own.name]
        if own.name.startswith("tau"):
            low = max(low, grid)
        # without one, and without a grid, spikes may breed without end
        if own.name == "refractory" and event:
            low = SHORTEST
        if own.name == "refractory" and dice.chance(0.5):  # on the grid, and so often equal
            value = dice.per_unit(1 if event else 0, 6, n, share)
            chosen[own.name] = (value if isinstance(value, float) else value.round()) * grid
        elif own.name == "tau" and dice.chance(0.1):
            chosen[own.name] = grid * dice.per_unit(1.0, 1.4, n, share)
        elif share == 1.0 or dice.chance(0.6) or (event and own.name == "refractory"):
            chosen[own.name] = dice.per_unit(low, high, n, share)
    initial: dict[str, Any] = {}
    for variable, (low, high) in ranges.initial.items():
        if dice.chance(0.4):
            initial[variable] = (
                dice.law(low, high) if dice.chance(0.4) else dice.per_unit(low, high, n)
            )
    return Units(name, kind(**chosen), n, initial)


def lawful(dice: Dice, part: Units, grid: float, *, event: bool) -> Units:
    """The same units with some fields of the model given by distributions, within the ranges of the
    generator.
    """
    chosen: dict[str, Any] = {}
    for name, (least, high) in MODELS[type(part.model)].fields.items():
        if dice.chance(0.5):
            low = (
                max(least, grid)
                if name.startswith("tau")
                else SHORTEST
                if event and name == "refractory"
                else least
            )
            chosen[name] = Uniform(low, high) if name == "refractory" else dice.law(low, high)
    return replace(part, model=replace(part.model, **chosen))


def size(dice: Dice) -> int:
    """Mostly a few units, sometimes one, now and then many."""
    kind = dice.rng.random()
    if kind < 0.12:
        return 1
    return dice.whole(2, 9) if kind < 0.85 else dice.whole(10, 60)
