"""Random networks with parts of a user's own in place of the library's, and beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from potentia.hardware import Crossbar, Wires
from potentia.learning import STDP, InhibitorySTDP, TripletSTDP
from potentia.sim import (
    AllToAll,
    DistanceDependent,
    Distribution,
    FixedProbability,
    Ideal,
    OneToOne,
    Stimulus,
)
from potentia.sim.seed import stream_key

from .case import Case, Drive, Units, Wiring
from .dice import Dice
from .own import Drifting, Plain, Pulses, Regular, Rewarded, Saw, Triplet
from .own_rules import Gated
from .units import MODELS

# connectivities that join no two units twice, as wires need it
SINGLE = (AllToAll, DistanceDependent, FixedProbability, OneToOne)


def owned(case: Case, dice: Dice) -> Case:
    """The case with stores, rules and stimuli of a user's own, and wires under graded crossbars."""
    models = {units.name: units for units in case.populations}
    projections = tuple(_projection(dice, case, models, wiring) for wiring in case.projections)
    drives = [drive for units in case.populations for drive in _drives(dice, case, units)]
    rewarded = {part.post: models[part.post] for part in projections if _waits(part)}
    drives += [_reward(dice, case, units) for units in rewarded.values()]
    later = {
        drive.name: tuple(_other(dice, case, drive.stimulus) for _ in range(case.batch))
        for drive in drives
        if case.later and dice.chance(0.5)
    }
    return replace(
        case,
        projections=projections,
        inputs=(*case.inputs, *drives),
        later={**case.later, **later},
    )


def _waits(wiring: Wiring) -> bool:
    return any(isinstance(rule, (Gated, Rewarded)) for rule in wiring.rules)


def _projection(dice: Dice, case: Case, models: dict[str, Units], wiring: Wiring) -> Wiring:
    if models[wiring.pre].model.sends is not None:
        return _graded(dice, wiring)
    ideal = wiring.store is None or wiring.store == Ideal()
    rule: Any = wiring.rule
    if isinstance(rule, STDP) and dice.chance(0.6):
        rule = _rule(dice, case, wiring, rule)
    elif isinstance(rule, STDP):
        rule = _several(dice, case, wiring, rule)
    own = ideal and case.engine == "clock" and dice.chance(0.5)
    local = Dice(stream_key(case.seed, "local", wiring.name))  # all else stays as it was
    if isinstance(wiring.rule, STDP) and local.chance(0.4):
        rule = _local(local, case, wiring, wiring.rule, reads=ideal and not own)
    return replace(wiring, rule=rule, store=Plain() if own else wiring.store)


def _local(dice: Dice, case: Case, wiring: Wiring, rule: STDP, *, reads: bool) -> Any:
    """Another local rule, or pair STDP by nearest spikes, or by weight where the store tells it."""
    low, high = rule.bounds(_weights(wiring))
    span, ends = high - low, {"w_min": low, "w_max": high}
    pairs, gain = dice.pick(["all", "nearest"]), dice.number(0.0, 0.2 * span)
    taus = [dice.number(2e-3, 60e-3) for _ in range(2)]
    kinds = ["pair", "triplet", "inhibitory", *(["gated"] if case.engine == "clock" else [])]
    kind = dice.pick(kinds)
    if kind == "triplet":
        own = {
            "a2_plus": gain,
            "a3_minus": 0.1 * gain,
            "a2_minus": 0.7 * gain,
            "a3_plus": 0.5 * gain,
        }
        times = {"tau_plus": taus[0], "tau_minus": taus[1], "tau_x": taus[1], "tau_y": 2 * taus[0]}
        return TripletSTDP(**ends, **own, **times, pairs=pairs)
    if kind == "inhibitory":
        return InhibitorySTDP(**ends, gain=gain, tau=taus[0], target=dice.number(0.0, 50.0))
    if kind == "gated":
        times = {"tau": taus[0], "tau_mark": 5 * taus[1], "tau_reward": taus[1]}
        return Gated(**ends, gain=gain, **times)
    mu = dice.pick([0.0, 0.5, 1.0]) if reads else 0.0
    return replace(rule, **ends, pairs=pairs, mu=mu)


def _rule(dice: Dice, case: Case, wiring: Wiring, rule: STDP) -> Any:
    """Another rule with bounds that hold the same weights."""
    low, high = rule.bounds(_weights(wiring))
    span, ends = high - low, {"least": low, "most": high}
    if case.engine == "clock" and dice.chance(0.5):
        gain = dice.pick([-0.1, 0.2]) * span
        return dice.made(
            Rewarded,
            0.4,
            least=lambda: low,
            most=lambda: high,
            gain=lambda: gain,
            tau=lambda: dice.number(2e-3, 40e-3),
            tau_c=lambda: dice.number(5e-3, 0.5),
            tau_d=lambda: dice.number(0.5e-3, 20e-3),
        )
    own = {name: dice.number(2e-3, 60e-3) for name in ("tau_x", "tau_y", "tau_slow")}
    own = {name: tau for name, tau in own.items() if dice.chance(0.4)}
    amplitudes = dice.number(0.0, 0.2 * span), dice.number(0.0, 0.2 * span)
    return Triplet(**ends, a_plus=amplitudes[0], a_minus=amplitudes[1], **own)


def _several(dice: Dice, case: Case, wiring: Wiring, rule: STDP) -> Any:
    """The rule and others behind and before it, which keep the weights within the same bounds."""
    low, high = rule.bounds(_weights(wiring))
    slow = replace(rule, w_min=low, w_max=high, tau_plus=dice.number(2e-3, 80e-3))
    others = [slow, replace(slow, a_plus=-0.05 * (high - low)), _rule(dice, case, wiring, rule)]
    rules = [replace(rule, w_min=low, w_max=high), *(dice.pick(others) for _ in range(2))]
    order = dice.rng.permutation(dice.whole(2, 3))
    return tuple(rules[k] for k in order)


def _weights(wiring: Wiring) -> Any:
    """Numbers that span the initial weights of a projection."""
    weight: Any = wiring.weight
    if isinstance(weight, Distribution):  # bounds of these rules are given, whatever is drawn
        return np.zeros(0) if wiring.rule is None else np.array([_middle(wiring.rule)])
    if weight is None:
        matrix = wiring.connectivity.matrix  # type: ignore[attr-defined]
        table = matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)
        return table[table != 0]
    return np.asarray(weight)


def _middle(rule: Any) -> float:
    return float((rule.w_min + rule.w_max) / 2 if rule.w_max is not None else rule.w_min)


def _graded(dice: Dice, wiring: Wiring) -> Wiring:
    """A rule of numbers, a store of a user's own, or wires under a crossbar without a rule."""
    store = wiring.store
    crossbar = isinstance(store, Crossbar)
    plain = store is None or store == Ideal()
    weights = np.zeros(0) if isinstance(wiring.weight, Distribution) else _weights(wiring)
    if weights.size and (plain or crossbar) and dice.chance(0.5):
        low, high = float(weights.min()), float(weights.max())
        span = max(abs(low), abs(high))
        if span == 0:
            return wiring
        low, high = min(low, 0.0), max(high, 0.0)
        rate = dice.pick([-0.02, 0.05]) * span
        rule = Drifting(least=low, most=high, rate=rate)
        return replace(wiring, rule=rule, store=Plain() if plain and dice.chance(0.5) else store)
    if plain and dice.chance(0.3):
        return replace(wiring, store=Plain())
    if crossbar and isinstance(wiring.connectivity, SINGLE) and dice.chance(0.5):
        wires = Wires(r_word=dice.pick([1.0, 50.0]), r_bit=dice.pick([2.0, 50.0]))
        return replace(wiring, store=replace(store, wires=wires))  # type: ignore[type-var]
    return wiring


def _drives(dice: Dice, case: Case, units: Units) -> Iterator[Drive]:
    if not dice.chance(0.6):
        return
    kinds = [Regular, Pulses] + [Saw] * (case.engine == "clock")
    kind = dice.pick(kinds)
    if kind is Regular and units.model.sends is not None:
        kind = Pulses
    stimulus = _stimulus(dice, case, units, kind)
    yield Drive(f"{units.name}_own", units.name, stimulus, None)


def _stimulus(dice: Dice, case: Case, units: Units, kind: type[Stimulus]) -> Stimulus:
    ranges, period = MODELS[type(units.model)], dice.whole(1, 20) * case.grid
    top = 0.5 * ranges.drive[1]
    if kind is Regular:
        count, unit = dice.whole(1, 30), dice.whole(0, units.n - 1)
        return Regular(period, count, unit, dice.number(0.1 * ranges.weight, ranges.weight))
    if kind is Saw:
        return Saw(top, period)
    return Pulses(top, period, dice.whole(1, 12))


def _other(dice: Dice, case: Case, stimulus: Stimulus) -> Stimulus:
    """Another stimulus of the same class."""
    return replace(stimulus, period=dice.whole(1, 20) * case.grid)  # type: ignore[call-arg]


def _reward(dice: Dice, case: Case, units: Units) -> Drive:
    """Rewards now and then, for one unit or another."""
    period = dice.whole(3, 25) * case.grid
    rewards = Regular(period, dice.whole(1, 20), dice.whole(0, units.n - 1), 1.0)
    return Drive(f"{units.name}_reward", units.name, rewards, "reward")
