"""What must come out the same of other descriptions: units alone or in another order, other stimuli
from some time on, time without a grid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potentia import Result, Simulator
from potentia.sim import (
    Constant,
    Explicit,
    Ideal,
    Noise,
    Poisson,
    Procedural,
    SpikeTrain,
    Step,
    Stimulus,
    TimedArray,
)
from potentia.sim.plan.model_numbers import initial_values

from .case import Case, Look, Units, Wiring
from .drives import spelled
from .judges import Difference, same, whole
from .own import Saw
from .units import RANDOM

Ids = NDArray[np.int64]
# [s] of the clock engine beside the event engine, the second where the first is too long
STEPS = (
    1e-6,
    1e-7,
)
HAIR = 1e-5  # share of a threshold: what comes about of a potential in a step of 0.1 us
LONGEST = 0.3  # [s] that is run in such steps
# how far the first spikes may lie apart there, and how much more each spike after [s]
ALIKE = (
    20e-6,
    4e-6,
)


def single(case: Case) -> bool:
    """Each unit of an unconnected population fires as it does alone, with its own parameters."""
    return _rearranged(case, "alone", lambda n: [np.array([unit]) for unit in range(min(n, 4))])


def permuted(case: Case) -> bool:
    """Units in another order do the same in that order."""
    return _rearranged(case, "permuted", lambda n: [np.roll(np.arange(n)[::-1], 1)])


def _rearranged(case: Case, name: str, orders: Callable[[int], list[Ids]]) -> bool:
    """Compare the units of unconnected populations with those chosen by `orders`."""
    said, case = False, case.settled()
    for units in case.populations:
        if units.n == 1 or isinstance(units.model, RANDOM):
            continue
        lone = _lone(case, units)
        expected = whole(lone)
        for order in orders(units.n):
            _same_units(
                f"{units.name}, units {order.tolist()} {name}",
                whole(_chosen(lone, order)),
                expected,
                order,
            )
            said = True
    return said


def _lone(case: Case, units: Units) -> Case:
    """The population by itself, with stimuli that are no draws, recording all of its state."""
    drives = tuple(
        drive
        for drive in case.inputs
        if drive.population == units.name
        and not isinstance(drive.stimulus, (Noise, Poisson, Saw))
        and drive.receptor in (None, *units.model.receptors)
    )
    kernels = units.model.event
    state = kernels.state if case.engine == "event" and kernels else units.model.state
    kinds = units.model.state
    looks = tuple(Look(units.name, what, case.grid) for what in state if kinds.get(what) == "float")
    lone = replace(
        case,
        populations=(units,),
        projections=(),
        inputs=drives,
        later={},
        probes=(Look(units.name, "spikes"), *looks),
    )
    starts = initial_values(lone.network(), lone.network().populations[0])
    given = {name: starts[name] for name in units.initial}
    return replace(lone, populations=(replace(units, initial=given),))


def _chosen(case: Case, order: Ids) -> Case:
    """The same with only the units in `order`, in that order."""
    (units,) = case.populations
    model = type(units.model)(
        **{
            own.name: _of(getattr(units.model, own.name), units.n, order)
            for own in fields(units.model)
        }
    )
    initial = {name: _of(value, units.n, order) for name, value in units.initial.items()}
    inputs = tuple(
        replace(drive, stimulus=_stimulus(drive.stimulus, units.n, order)) for drive in case.inputs
    )
    return replace(
        case, populations=(Units(units.name, model, order.size, initial),), inputs=inputs
    )


def _of(value: Any, n: int, order: Ids) -> Any:
    """The entries of a value that is given per unit."""
    return value[order] if isinstance(value, np.ndarray) and value.shape[-1:] == (n,) else value


def _stimulus(stimulus: Stimulus, n: int, order: Ids) -> Stimulus:
    """What of a stimulus reaches the units in `order`."""
    stimulus = spelled(stimulus)
    if isinstance(stimulus, SpikeTrain):
        place = np.full(n, -1)
        place[order] = np.arange(order.size)
        ids = place[np.asarray(stimulus.ids)]
        weight = (
            stimulus.weight
            if np.ndim(stimulus.weight) == 0
            else np.asarray(stimulus.weight)[ids >= 0]
        )
        return SpikeTrain(np.asarray(stimulus.times)[ids >= 0], ids[ids >= 0], weight)
    if isinstance(stimulus, Constant):
        return Constant(_of(stimulus.value, n, order))
    assert isinstance(stimulus, (Step, TimedArray))
    values = np.asarray(stimulus.values)
    return replace(stimulus, values=values[:, order] if values.shape[1] == n else values)


def _same_units(name: str, here: Result, there: Result, order: Ids) -> None:
    """Compare unit k of `here` with unit ``order[k]`` of `there`."""
    for key, spikes in here.spike_records.items():
        mine, theirs = spikes.trains(), there.spike_records[key].trains()
        for k, unit in enumerate(order):
            if not np.array_equal(mine[k], theirs[unit]):
                raise Difference(
                    f"{name}: spikes of unit {unit}: {mine[k][:9]} and {theirs[unit][:9]}"
                )
    for key, samples in here.sample_records.items():
        values, expected = samples.values, there.sample_records[key].values[:, order]
        if not np.array_equal(values, expected):
            row, k = np.argwhere(values != expected)[0]
            raise Difference(
                f"{name}: {key} of unit {order[k]}, sample {row}: {values[row, k]!r} and {expected[row, k]!r}"
            )


def switched(case: Case) -> bool:
    """A second run with other stimuli equals one long run in which the stimuli
    change on the way.
    """
    draws = any(
        isinstance(drive.stimulus, (Noise, Poisson, Saw)) and drive.name in case.later
        for drive in case.inputs
    )
    if any(wiring.rule for wiring in case.projections) or not case.later or draws:
        return False
    said, case = False, case.settled()
    for k in range(case.batch):
        joined = _joined(case, k)
        if joined is None:
            continue
        simulator = case.simulator()
        first = simulator.run(case.seconds(case.first))
        sample = simulator.run(
            case.seconds(case.second), inputs={n: s[k : k + 1] for n, s in case.later.items()}
        )[0]
        other = joined.simulator()
        begun, rest = (other.run(case.seconds(steps)) for steps in (case.first, case.second))
        # some fire at the switch, which is of either run
        if case.engine == "event" and begun.hash != first.hash:
            if sample.hash != rest.hash:
                raise Difference(f"sample {k} as one long run: another hash")
        else:
            same(f"sample {k} as one long run", sample, rest)
        said = True
    return said


def _joined(case: Case, k: int) -> Case | None:
    """The case with stimuli that become those of sample `k` after the first run; None where that
    cannot be written.
    """
    inputs = []
    for drive in case.inputs:
        if drive.name not in case.later:
            inputs.append(drive)
            continue
        same_place = [other for other in case.inputs if other.population == drive.population]
        if (
            isinstance(drive.stimulus, Constant)
            and sum(part.stimulus.goes == "drive" for part in same_place) > 1
        ):
            return None  # constants are added up first, and rounded once
        join = _join_spikes if drive.stimulus.goes == "receptor" else _join_steps
        inputs.append(
            replace(drive, stimulus=join(drive.stimulus, case.later[drive.name][k], case))
        )
    return replace(case, inputs=tuple(inputs), later={})


def _join_spikes(before: Any, after: Any, case: Case) -> SpikeTrain:
    """Spikes that the first run saw, and those of the other train after it, in its first step at
    the earliest.
    """
    early, late = (spelled(part) for part in (before, after))
    now, event = case.seconds(case.first), case.engine == "event"
    seen = (
        early.times <= now
        if event
        else np.maximum(np.rint(early.times / case.grid) - 1, 0) < case.first
    )
    left = late.times > (now if event else now + 1e-6 * case.grid)
    next_step = 0.0 if event else case.seconds(case.first + 1)
    weights = [np.broadcast_to(train.weight, train.times.shape) for train in (early, late)]
    return SpikeTrain(
        np.concatenate([early.times[seen], np.maximum(late.times[left], next_step)]),
        np.concatenate([early.ids[seen], late.ids[left]]),
        np.concatenate([weights[0][seen], weights[1][left]]),
    )


def _join_steps(before: Stimulus, after: Stimulus, case: Case) -> Step:
    """Levels up to the switch, the level that holds there, levels after it."""
    switch, tables = case.first, [_levels(part, case) for part in (before, after)]
    width = max(values.shape[1] for _, values in tables)
    rows: dict[int, Any] = {switch: np.zeros(width)}
    for (steps, values), inside in zip(
        tables, (lambda s: s < switch, lambda s: s > switch), strict=True
    ):
        wide = np.broadcast_to(values, (steps.size, width))
        rows |= {int(s): row for s, row in zip(steps, wide, strict=True) if inside(s)}
    held = np.flatnonzero(steps <= switch)
    if held.size:
        rows[switch] = wide[held[-1]]
    chosen = sorted(rows)
    return Step(np.array(chosen) * case.grid, np.stack([rows[s] for s in chosen]))


def _levels(stimulus: Any, case: Case) -> tuple[Ids, Any]:
    """From which steps on a current has which values (n_levels, n or 1)."""
    stimulus = spelled(stimulus)
    if isinstance(stimulus, Constant):
        return np.zeros(1, np.int64), np.atleast_1d(np.asarray(stimulus.value))[None, :]
    if isinstance(stimulus, Step):
        return np.rint(stimulus.times / case.grid).astype(np.int64), stimulus.values
    repeat, values = round(stimulus.interval / case.grid), stimulus.values
    return np.arange(len(values) + 1) * repeat, np.concatenate(
        [values, np.zeros((1, values.shape[1]))]
    )


def _stored(wiring: Wiring) -> Wiring:
    """Synapses that are drawn again at every spike, held in memory: there would be
    too many delays.
    """
    return (
        replace(wiring, store=Ideal(bits=wiring.store.bits))
        if isinstance(wiring.store, Procedural)
        else wiring
    )


def converges(case: Case) -> bool:
    """With ever shorter steps the clock engine comes to what the event engine says.

    A step delays a spike by up to a step, and every spike on the way to another adds to it, so what
    is too far off with the first of `STEPS` must be close enough with the second. Two kinds of
    networks say nothing even then. Where sources merge another number of spikes than on the event
    engine, whatever follows differs; `counted` looks for what they lose. And where a few steps more
    or less (`_moved`) change what the event engine itself says, what follows hangs on less than a
    step. `solved` judges such networks.
    """
    if case.engine != "event" or case.seconds(case.first + case.second) > LONGEST:
        return False
    case = replace(
        case.settled(), probes=tuple(Look(units.name, "spikes") for units in case.populations)
    )
    exact = whole(case)
    for step in STEPS:
        close = whole(_clocked(case, step))
        begin, message = _apart(case, exact, close)
        if not message:
            return True
    if any(
        close.tallies[name] != exact.tallies[name]
        for name in close.tallies
        if name.endswith(".merged")
    ):
        return False
    if any(_apart(case, exact, whole(other))[0] <= begin + ALIKE[0] for other in _moved(case)):
        return False
    raise Difference(f"clock and event: {message}")


def _moved(case: Case) -> Iterator[Case]:
    """The same with thresholds a hair higher and refractory times five steps longer, or less, and
    with delays of excitation five steps longer and those of inhibition shorter, or the reverse.

    So it is found whether units start on their threshold, just graze it or are reached just after
    they wake, and whether arrivals that one step of the clock adds up come one after the other.
    """
    for sign in (-1.0, 1.0):
        models = [_slower_model(units.model, sign) for units in case.populations]
        pairs = zip(case.populations, models, strict=True)
        yield replace(case, populations=tuple(replace(u, model=model) for u, model in pairs))
    simulator = case.simulator()
    for sign in (-1.0, 1.0):
        listed = [_listed(simulator, wiring, sign) for wiring in case.projections]
        yield replace(case, projections=tuple(listed))


def _slower_model(model: Any, sign: float) -> Any:
    if not hasattr(model, "threshold"):
        return model
    later = np.maximum(model.refractory + sign * 5 * STEPS[-1], 0.0)
    later = later if np.ndim(later) else float(later)
    return replace(model, threshold=model.threshold * (1 + sign * HAIR), refractory=later)


def _listed(simulator: Simulator, wiring: Wiring, sign: float) -> Wiring:
    """A projection synapse by synapse, with excitation later by five steps if `sign` is 1."""
    synapses = simulator.synapses(wiring.name)
    later = synapses.delays + sign * np.sign(synapses.weights) * 5 * STEPS[-1]
    return replace(
        wiring,
        connectivity=Explicit(synapses.sources, synapses.targets),
        weight=synapses.weights,
        delay=np.where(synapses.delays > 0, np.maximum(later, 1e-9), 0.0),
        store=None,
    )


def _clocked(case: Case, step: float) -> Case:
    """The same on the clock engine in steps of `step` [s]."""
    first, second = (round(case.seconds(steps) / step) for steps in (case.first, case.second))
    stored = tuple(_stored(wiring) for wiring in case.projections)
    own = {"engine": "clock", "dtype": "float64", "deterministic": False, "chunk": 100000}
    return replace(case, grid=step, first=first, second=second, projections=stored, **own)


def _apart(case: Case, exact: Result, close: Result) -> tuple[float, str]:
    """When [s] two results part, and which unit's spikes do; infinity and nothing
    if all are alike.
    """
    first, message = np.inf, ""
    for units in case.populations:
        pairs = zip(
            exact.spikes(units.name).trains(), close.spikes(units.name).trains(), strict=True
        )
        for unit, (one, other) in enumerate(pairs):
            parting = _parting(one, other, exact.stop)
            if parting < first:
                first = parting
                message = f"unit {unit} of {units.name} at {first:g} s: {one[:12].tolist()} and {other[:12].tolist()}"
    return first, message


def _parting(one: NDArray[np.float64], other: NDArray[np.float64], stop: float) -> float:
    """When [s] two trains begin to differ by more than steps do; one of them may just miss the end
    [s].
    """
    n = min(one.size, other.size)
    longer = one if one.size > n else other
    apart = ALIKE[0] + ALIKE[1] * np.arange(longer.size)
    off = np.append(np.abs(one[:n] - other[:n]) > apart[:n], stop - longer[n:] > apart[n:])
    if not off.any():
        return float(np.inf)
    k = int(off.argmax())
    return float(min(train[k] for train in (one, other) if k < train.size))
