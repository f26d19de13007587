"""Units that send numbers, added to a random network: joined to themselves and, both ways, to those
that spike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from potentia.hardware import DAC, Crossbar, PulsedReRAM, Tile
from potentia.sim import Ideal

from .case import Case, Look, Units, Wiring
from .crossbars import adc
from .dice import Dice
from .drives import Driver
from .units import MODELS, lawful, size
from .wirings import CONNECTIVITIES, Wirer

NAME = "rates"


def rated(case: Case, dice: Dice) -> Case:
    """The case with a population of rate units."""
    own = _units(dice, case.grid)
    own = lawful(dice, own, case.grid, event=False) if dice.chance(0.15) else own
    made = [
        _graded(dice, own, post, f"g{k}", case)
        for k, post in enumerate([own, *case.populations])
        if _takes(post)
    ]
    for k, pre in enumerate(case.populations):
        if dice.chance(0.5):
            made.append(
                Wirer(dice, pre, own, f"s{k}", case.network_seed).wiring(
                    case.grid, event=False, teaches=True
                )
            )
    driver = Driver(dice, own, case.grid, case.first + case.second, event=False, noise=True)
    return replace(
        case,
        populations=(*case.populations, own),
        projections=(*case.projections, *made),
        inputs=(*case.inputs, *driver.drives()),
        probes=(
            *case.probes,
            Look(NAME, str(own.model.sends), dice.pick([1, 7]) * case.grid),
            Look(NAME, "spikes"),
        ),
    )


def _units(dice: Dice, grid: float) -> Units:
    n, kind = size(dice), dice.pick([kind for kind in MODELS if kind.sends is not None])
    ranges = MODELS[kind]
    # all fields one number, or all one per unit: each mixture is compiled once
    share = dice.pick([0.0, 1.0])
    chosen: dict[str, Any] = dict(dice.pick(ranges.choices))
    for name, (low, high) in ranges.fields.items():
        if share or dice.chance(0.7):
            least = max(low, grid) if name.startswith("tau") else low
            chosen[name] = dice.per_unit(least, high, n, share)
    starts = ranges.initial if dice.chance(0.5) else {}
    initial = {variable: dice.per_unit(*ends, n) for variable, ends in starts.items()}
    return Units(NAME, kind(**chosen), n, initial)


def _takes(post: Units) -> bool:
    """Whether numbers can reach these units as a current."""
    return "arrived" not in post.model.receptors


def _crossbar(dice: Dice) -> Crossbar:
    cell = PulsedReRAM(read_noise=dice.pick([0.0, 0.02]), write_error=dice.pick([0.0, 0.02]))
    return Crossbar(
        cell, adc=adc(dice), dac=_dac(dice), tile=dice.pick([None, Tile(rows=4, columns=3)])
    )


def _dac(dice: Dice) -> DAC | None:
    if dice.chance(0.3):
        return None
    return dice.made(
        DAC,
        0.35,
        bits=lambda: dice.whole(2, 10),
        range=lambda: dice.number(0.5, 3.0),
        signed=lambda: False,
        offset=lambda: 0.3,
        gain=lambda: 0.02,
        dnl=lambda: 0.2,
        inl=lambda: 0.3,
        conversion_time=lambda: 1e-8,
    )


def _graded(dice: Dice, pre: Units, post: Units, name: str, case: Case) -> Wiring:
    wirer = Wirer(dice, pre, post, name, case.network_seed)
    top = dice.pick([-0.3, 0.5]) * MODELS[type(post.model)].drive[1]
    wirer.receptor, wirer.low, wirer.high = None, min(top, 0.0), max(top, 0.0)
    if dice.chance(0.2):
        return wirer.procedural(case.grid)
    connectivity = wirer._connectivity(dice.pick(CONNECTIVITIES))
    n = len(wirer._edges(connectivity))
    weight = None if type(connectivity).__name__ == "FromSparse" else wirer._weight(n)
    store = dice.pick([None, Ideal(), Ideal(bits=dice.pick([1, 4, 8])), _crossbar(dice)])
    return wirer._made(connectivity, weight, wirer._delay(case.grid, n, event=False), store, None)
