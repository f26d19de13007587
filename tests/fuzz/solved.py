"""Event networks before textbook formulas: every spike of every unit, from what reached it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np

from potentia import Network, Result, Simulator
from potentia.kernels.reference.random import mix, normal
from potentia.learning import STDP, LocalRule
from potentia.models import CubaLIF, SpikeSource
from potentia.sim import Constant, Noise, Poisson, SpikeTrain, Step, TimedArray
from potentia.sim.description.local_rule import asked, numbers_of, tau_of
from potentia.sim.plan.model_numbers import initial_values
from potentia.sim.seed import stream_key

from .case import Case, Look, Units, Wiring
from .drives import spelled
from .event_course import TICKS, fault, tick
from .event_oracle import Unit
from .judges import Difference
from .own import Triplet

Kick = tuple[int, str, float]  # tick, receptor, weight
MODELS = ("IF", "LIF", "AdaptiveLIF", "CubaLIF")  # of which there are formulas


def solved(case: Case) -> bool:
    """Units of the event engine fire when they reach threshold, and then only.

    What reaches a unit is worked out from the spikes that its sources are said to have fired, so
    each unit is judged by itself, to rounding. Of rules, pair STDP and the triplet rule are known.
    """
    if case.engine != "event":
        return False
    case = case.settled()
    case = replace(case, probes=tuple(Look(units.name, "spikes") for units in case.populations))
    simulator, duration = case.simulator(), case.seconds(case.first + case.second)
    synapses = {wiring.name: simulator.synapses(wiring.name) for wiring in case.projections}
    result = simulator.run(duration)
    said = False
    for units in case.populations:
        incoming = [wiring for wiring in case.projections if wiring.post == units.name]
        rules = [rule for wiring in incoming for rule in wiring.rules]
        if not all(isinstance(rule, (LocalRule, Triplet)) for rule in rules):
            continue
        kicks: list[list[Kick]] = [[] for _ in range(units.n)]
        for wiring in incoming:
            _by_synapses(kicks, wiring, synapses[wiring.name], result)
        for unit, own in _by_stimuli(case, units, duration):
            kicks[unit].append(own)
        trains = result.spikes(units.name).trains()
        if isinstance(units.model, SpikeSource):
            _relayed(units, kicks, trains, tick(duration))
        elif type(units.model).__name__ in MODELS:
            for k, unit in enumerate(_units(case, units, kicks)):
                if told := fault(unit, trains[k].tolist(), duration):
                    raise Difference(f"unit {k} of {units.name}: {told}")
        said = True
    return said


def _relayed(units: Units, kicks: list[list[Kick]], trains: Any, stop: int) -> None:
    """A source fires when anything arrives, and then only."""
    for k, (own, train) in enumerate(zip(kicks, trains, strict=True)):
        expected = sorted({time for time, _, _ in own if time <= stop})
        if expected != [tick(time) for time in train]:
            raise Difference(
                f"unit {k} of {units.name}: spikes {train[:9]} for inputs at "
                f"{[time / TICKS for time in expected[:9]]} s"
            )


def _by_synapses(kicks: list[list[Kick]], wiring: Wiring, synapses: Any, result: Result) -> None:
    """Add what arrives along a projection to what arrives at its targets."""
    pre = [[tick(time) for time in train] for train in result.spikes(wiring.pre).trains()]
    post = [[tick(time) for time in train] for train in result.spikes(wiring.post).trains()]
    columns = (synapses.sources, synapses.targets, synapses.delays, synapses.weights)
    for source, target, delay, weight in zip(*columns, strict=True):
        times = [time + tick(delay) for time in pre[source]]
        receptor = wiring.receptor or ("inhibitory" if weight < 0 else "excitatory")
        weights = [weight] * len(times)
        if wiring.rules:
            weights = _learned(wiring.rules, synapses.weights, weight, times, post[target])
        kicks[target] += [(time, receptor, w) for time, w in zip(times, weights, strict=True)]


def _learned(
    rules: Any, initial: Any, w: float, arrivals: list[int], spikes: list[int]
) -> list[float]:
    """The weight of a synapse at each arrival, by what the docstrings of its rules say."""
    bounds = [rule.bounds(initial) for rule in rules]
    low, high = max(low for low, _ in bounds), min(high for _, high in bounds)
    found = []
    events = sorted([(time, 0) for time in arrivals] + [(time, 1) for time in spikes])
    for now, kind in events:
        if kind == 0:
            found.append(w)
        for rule, (_, most) in zip(rules, bounds, strict=True):
            told = (rule, most, now)
            if isinstance(rule, LocalRule) and not _plain(rule):
                w = _local(rule, w, now, kind, (arrivals, spikes), (low, high))
            else:
                change = _fallen(*told, spikes) if kind == 0 else _risen(*told, arrivals, spikes)
                w += change
            w = min(max(w, low), high)
    return found


def _plain(rule: Any) -> bool:
    """Whether it is additive pair STDP, all pairs counted."""
    return isinstance(rule, STDP) and rule.mu == 0 and rule.pairs == "all"


def _local(
    rule: LocalRule,
    w: float,
    now: int,
    kind: int,
    events: tuple[list[int], list[int]],
    bounds: tuple[float, float],
) -> float:
    """What a function of a local rule makes of a weight, for traces that are worked out here."""
    known: dict[str, Any] = {"w": w, **numbers_of(rule, *bounds)}
    for name, trace in rule.traces.items():
        pre = trace.side == "pre"
        times = [t for t in events[0 if pre else 1] if t < now or (t == now and pre and kind == 1)]
        latest = times[-1:] if trace.pairs == "nearest" else times
        known[name] = _trace(now, latest, tau_of(rule, name))
    function: Any = rule.spike if kind else rule.arrival
    return w if function is None else float(function(*(known[name] for name in asked(function))))


def _plus(rule: Any, most: float) -> float:
    return float(0.005 * most if rule.a_plus is None else rule.a_plus)


def _risen(rule: Any, most: float, now: int, arrivals: list[int], spikes: list[int]) -> float:
    """What a rule adds to a weight at a spike of the target."""
    earlier, before = [t for t in arrivals if t <= now], [t for t in spikes if t < now]
    if isinstance(rule, Triplet):
        slow = _trace(now, before, rule.tau_slow)
        return rule.a_plus * _trace(now, earlier, rule.tau_x) * (1 + slow)
    return _plus(rule, most) * _trace(now, earlier, rule.tau_plus)


def _fallen(rule: Any, most: float, now: int, spikes: list[int]) -> float:
    """What a rule adds to a weight at an arrival."""
    before = [time for time in spikes if time < now]
    if isinstance(rule, Triplet):
        return -rule.a_minus * _trace(now, before, rule.tau_y)
    minus = 1.05 * _plus(rule, most) if rule.a_minus is None else rule.a_minus
    return -float(minus * _trace(now, before, rule.tau_minus))


def _trace(now: int, earlier: list[int], tau: float) -> float:
    return float(np.exp(-(now - np.array(earlier, np.float64)) / TICKS / tau).sum())


def _by_stimuli(case: Case, units: Units, duration: float) -> Iterator[tuple[int, Kick]]:
    """The spikes from outside that reach a population: unit, and what arrives at it."""
    for drive in case.inputs:
        stimulus = drive.stimulus
        if drive.population != units.name or stimulus.goes != "receptor":
            continue
        receptor = drive.receptor or units.model.receptors[0]
        if isinstance(stimulus, Poisson):
            train = _drawn(case, units, drive.name, stimulus, duration)
        else:
            train = spelled(stimulus)
        assert isinstance(train, SpikeTrain)
        weights = np.broadcast_to(np.asarray(train.weight), np.shape(train.times))
        for time, unit, weight in zip(train.times, train.ids, weights, strict=True):  # type: ignore[arg-type]
            yield int(unit), (tick(time), receptor, float(weight))


def _drawn(case: Case, units: Units, name: str, stimulus: Poisson, duration: float) -> SpikeTrain:
    """A Poisson train as sources relay it, which the name of the input and the seed decide."""
    net = Network(seed=case.network_seed)
    sources = net.population(SpikeSource(), units.n, name="sources")
    net.stimulate(sources, replace(stimulus, weight=1.0), name=name)
    net.probe(sources, "spikes")
    spikes = Simulator(net, engine="event").run(duration).spikes("sources")
    weights = np.broadcast_to(np.asarray(stimulus.weight, np.float64), units.n)
    return SpikeTrain(spikes.times, spikes.ids, weights[spikes.ids])


def _units(case: Case, units: Units, kicks: list[list[Kick]]) -> Iterator[Unit]:
    """The units of a population by formulas."""
    net = case.network()
    population = next(part for part in net.populations if part.name == units.name)
    start = initial_values(net, population)
    state = {} if units.model.event is None else units.model.event.state
    levels = _levels(case, units)
    for k in range(units.n):
        variables = {"excitatory": "g_e", "inhibitory": "g_i"}
        cuba = isinstance(units.model, CubaLIF)
        arriving = [(t / TICKS, variables[r] if cuba else "v", w) for t, r, w in kicks[k]]
        yield Unit(
            model=type(units.model).__name__,
            fields={
                own.name: _of(getattr(units.model, own.name), k) for own in fields(units.model)
            },  # type: ignore[arg-type]
            state={name: _of(start.get(name, 0.0), k) for name in state},
            kicks=arriving,
            levels=[(time, float(row[k])) for time, row in levels],
        )


def _of(value: Any, k: int) -> float:
    return float(value[k] if np.ndim(value) else value)


def _levels(case: Case, units: Units) -> list[tuple[float, Any]]:
    """When [s] the drive of a population changes, and what it is from then on, one per unit."""
    own = [drive for drive in case.inputs if drive.population == units.name]
    tables: list[tuple[Any, Any]] = []
    for drive in own:
        stimulus = spelled(drive.stimulus)
        if isinstance(stimulus, Constant):
            tables.append((np.zeros(1), np.atleast_1d(np.asarray(stimulus.value))[None, :]))
        elif isinstance(stimulus, Step):
            tables.append((np.asarray(stimulus.times), np.asarray(stimulus.values)))
        elif isinstance(stimulus, TimedArray):
            values = np.asarray(stimulus.values)
            past = np.zeros((1, values.shape[1]))
            times = np.arange(len(values) + 1) * stimulus.interval
            tables.append((times, np.concatenate([values, past])))
        elif isinstance(stimulus, Noise):
            tables.append(_noise(case, units, drive.name, stimulus))
    ticks = sorted({0, *(tick(time) for times, _ in tables for time in times)})
    return [
        (at / TICKS, sum((_held(*table, at, units.n) for table in tables), np.zeros(units.n)))
        for at in ticks
    ]


def _held(times: Any, values: Any, at: int, n: int) -> Any:
    """The row of a table that holds at a tick."""
    before = [k for k, time in enumerate(times) if tick(time) <= at]
    return np.broadcast_to(values[before[-1]], n) if before else np.zeros(n)


def _noise(case: Case, units: Units, name: str, stimulus: Noise) -> tuple[Any, Any]:
    """What a noise drew in each of its intervals."""
    assert stimulus.interval is not None
    count = int(case.seconds(case.first + case.second) / stimulus.interval) + 2
    stream = mix(np.uint64(stream_key(case.network_seed, "input", name)))
    rows, columns = np.arange(count)[:, None], np.arange(units.n)
    values = np.asarray(stimulus.mean) + np.asarray(stimulus.std) * normal(stream, rows, columns)
    return np.arange(count) * stimulus.interval, values
