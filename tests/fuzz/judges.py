"""What must not matter: ways to run one network that have to give the same, bit for bit.

Each judge takes a case and raises `Difference` where two ways differ. It returns False where it
cannot say anything about this case.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np

from potentia import Result, Simulator
from potentia.errors import DivergenceError
from potentia.hardware import Crossbar
from potentia.kernels.gpu import devices
from potentia.learning import LocalRule
from potentia.models import AdEx, CobaLIF, LeakyRate
from potentia.sim import Ideal, Procedural, Rules
from potentia.sim.plan import shards
from potentia.sim.results.records import concatenate

from .case import Case, Look
from .own import Drifting, Rewarded, Saw, Triplet

Judge = Callable[[Case], bool]


class Difference(AssertionError):
    """Two ways to run a network that ought to be equal are not."""


def same(name: str, here: Result, there: Result, *, tallies: bool = True) -> None:
    """Raise unless two results are equal, bit for bit."""
    for field in ("spike_records", "sample_records"):
        one, other = getattr(here, field), getattr(there, field)
        if one.keys() != other.keys():
            raise Difference(f"{name}: records {sorted(one)} and {sorted(other)}")
        for key in one:
            for column in ("times", "ids", "values"):
                if hasattr(one[key], column):
                    equal(
                        f"{name}: {column} of {key}",
                        getattr(one[key], column),
                        getattr(other[key], column),
                    )
    for field in ("start", "stop", "hash") + ("tallies",) * tallies:
        if getattr(here, field) != getattr(there, field):
            raise Difference(
                f"{name}: {field} {getattr(here, field)!r} and {getattr(there, field)!r}"
            )


def same_state(
    name: str, here: Simulator, there: Simulator, *, besides: Collection[str] = ()
) -> None:
    """Raise unless two simulators stand at the same state, bit for bit; `besides` may differ."""
    snapshots = (simulator._engine.snapshot() for simulator in (here, there))
    one, other = ({key: state[key] for key in state if key not in besides} for state in snapshots)
    if one.keys() != other.keys():
        raise Difference(f"{name}: states {sorted(one)} and {sorted(other)}")
    for key in one:
        equal(f"{name}: state {key}", one[key], other[key])


def equal(name: str, one: Any, other: Any) -> None:
    if one.shape != other.shape or one.dtype != other.dtype:
        raise Difference(
            f"{name}: {one.dtype}{list(one.shape)} and {other.dtype}{list(other.shape)}"
        )
    unequal = ~((one == other) | (_nan(one) & _nan(other)))
    if unequal.any():
        at = tuple(map(int, np.argwhere(unequal)[0]))
        raise Difference(
            f"{name}: {unequal.sum()} of {one.size} differ, first at {at}: {one[at]!r} and {other[at]!r}"
        )


def _nan(array: Any) -> Any:
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, np.bool_)


def whole(case: Case, **changes: Any) -> Result:
    """The result of one run as long as both."""
    result: Result = case.simulator(**changes).run(case.seconds(case.first + case.second))
    return result


def diverges(case: Case) -> bool:
    """Whether a state variable of the network goes to infinity."""
    try:
        quietly(lambda case: bool(whole(case)), case)
    except DivergenceError:
        return True
    return False


LISTS = ("resting", "left")  # variables that are lists, each shard and each backend with its own
# these round otherwise where compiled: see `kernels/reference`
ROUNDED = (
    AdEx,
    CobaLIF,
    Crossbar,
    LeakyRate,
    LocalRule,
    Rules,
    Drifting,
    Rewarded,
    Saw,
    Triplet,
)


def reference(case: Case) -> bool:
    """The kernels that are written to be read give what those that are compiled give, in double
    precision at least.
    """
    if case.engine == "event":
        return False
    case = replace(case, probes=tuple(look for look in case.probes if look.what not in LISTS))
    parts = [part for wiring in case.projections for part in (wiring.store, *wiring.rules)]
    parts += [units.model for units in case.populations]
    parts += [drive.stimulus for drive in case.inputs]
    if any(isinstance(part, ROUNDED) for part in parts):
        case = replace(case, dtype="float64")
        close("reference", whole(case, backend="reference"), whole(case))
    else:
        same("reference", whole(case, backend="reference"), whole(case))
    return True


def close(name: str, here: Result, there: Result) -> None:
    """Raise unless two results have the same spikes, and the rest alike up to rounding."""
    for key, spikes in here.spike_records.items():
        for column in ("times", "ids"):
            equal(
                f"{name}: {column} of {key}",
                getattr(spikes, column),
                getattr(there.spike_records[key], column),
            )
    for key, samples in here.sample_records.items():
        one, other = samples.values, there.sample_records[key].values
        if one.shape != other.shape or not np.allclose(one, other, rtol=1e-7, atol=1e-11):
            raise Difference(f"{name}: values of {key} differ by up to {np.abs(one - other).max()}")
    if here.hash != there.hash:
        raise Difference(f"{name}: another hash")


def threads(case: Case) -> bool:
    """Two threads, and shards so small that all of two or three have some, give what one gives."""
    if case.engine == "event":
        return False
    expected = whole(case)
    same("2 threads", whole(case, threads=2), expected)
    case = replace(case, probes=tuple(look for look in case.probes if look.what not in LISTS))
    expected = whole(case)
    with small_shards():
        same("small shards", whole(case), expected)
        for n in (2, 3):
            same(f"{n} threads with small shards", whole(case, threads=n), expected)
    return True


@contextmanager
def small_shards() -> Iterator[None]:
    """Populations are cut into shards of two units."""
    units = shards.UNITS
    shards.UNITS = 2  # type: ignore[misc]
    try:
        yield
    finally:
        shards.UNITS = units  # type: ignore[misc]


def cut(case: Case) -> bool:
    """Several runs, one of them of no length, and other chunks give what one run gives."""
    simulator = case.simulator(**({} if case.engine == "event" else {"chunk": 13}))
    steps = case.first + case.second
    cuts = [0, case.first // 3, case.first, case.first, steps]
    runs = [simulator.run(case.seconds(stop - start)) for start, stop in pairwise(cuts)]
    other = case.simulator()
    result = other.run(case.seconds(steps))
    joined = concatenate(runs)
    same("several runs", joined, result, tallies=not float_tallies(result))
    same_state("several runs", simulator, other)
    return True


def float_tallies(result: Result) -> bool:
    return any(isinstance(value, float) for value in result.tallies.values())


def turned_back(case: Case) -> bool:
    """A simulator that is set back is a new one, and a run until something holds is a run."""
    simulator, end = case.simulator(), case.seconds(case.first)
    simulator.run(end)
    simulator.reset()
    fresh = case.simulator()
    same_state("set back", simulator, fresh)
    result = simulator.run_until(lambda piece: piece.stop > end * (1 - 1e-9), most=end, every=end)
    same("until", result, fresh.run(end), tallies=not float_tallies(result))
    same_state("run until", simulator, fresh)
    return True


def set_again(case: Case) -> bool:
    """To set what is there already changes nothing on the clock: all is compiled
    anew and goes on.
    """
    simulator, other = case.simulator(), case.simulator()
    for described in simulator.network.inputs:
        simulator.stimulate(described.name, described.stimulus)
    same_state("stimulated with the same", simulator, other)
    for made in (simulator, other):
        made.run(case.seconds(case.first))
    if case.engine == "clock":
        for population in simulator.network.populations:
            names = [field.name for field in fields(population.model) if field.init]  # type: ignore[arg-type]
            given = {name: getattr(population.model, name) for name in names}
            if given:
                simulator.set(population, **given)
        for projection in simulator.network.projections:
            plain = isinstance(projection.store, Ideal) and projection.store.bits is None
            if plain and not simulator._session.options.deterministic:
                simulator.set(projection.name, weights=simulator.weights(projection))
    listed = {
        "wiring",
        *(
            f"{units.name}.{ring}"
            for units in case.populations
            for ring in ("history", "history_count")
        ),
    }
    # weights that are set are listed one by one
    same_state("set to the same", simulator, other, besides=listed)
    same(
        "set to the same",
        simulator.run(case.seconds(case.second)),
        other.run(case.seconds(case.second)),
    )
    return True


def unprobed(case: Case) -> bool:
    """Probes change nothing; a probe of some units sees what one of all sees of them."""
    everything = case.simulator()
    result = everything.run(case.seconds(case.first + case.second))
    bare = case.simulator(())
    if bare.run(case.seconds(case.first + case.second)).hash != result.hash:
        raise Difference("probes: the hash is another without them")
    state, probes = bare._engine.snapshot(), everything._engine.snapshot()
    for name in sorted(state.keys() & probes.keys() - {"wiring", "before"}):
        equal(f"without probes: state {name}", state[name], probes[name])
    wide = case.simulator(tuple(replace(look, ids=None) for look in case.probes))
    full = wide.run(case.seconds(case.first + case.second))
    for look in case.probes:
        if look.ids is not None:
            _some(look, result, full)
    return True


def _some(look: Look, result: Result, full: Result) -> None:
    """Compare what a probe of some units saw with what one of all saw."""
    ids = np.asarray(look.ids)
    if look.what == "spikes":
        here, there = result.spikes(look.target), full.spikes(look.target)
        inside = np.isin(there.ids, ids)
        equal(f"ids of {look}: times", here.times, there.times[inside])
        equal(f"ids of {look}: ids", here.ids, there.ids[inside])
    elif look.what != "rate":
        one, other = result.samples(look.target, look.what), full.samples(look.target, look.what)
        equal(f"ids of {look}: values", one.values, other.values[:, ids])
        equal(f"ids of {look}: ids", one.ids, ids)


def gpu(case: Case) -> bool:
    """The gpu's kernels, compiled for the processor, give what the cpu gives where arrivals are
    whole numbers.
    """
    stores = [wiring.store for wiring in case.projections]
    if (
        case.engine == "event"
        or shutil.which("g++") is None
        or any(isinstance(part, Crossbar) for part in stores)
        or _own(case)
        or _drawn_products(case)
    ):
        return False
    left = tuple(look for look in case.probes if look.what not in LISTS)
    case = replace(
        case,
        probes=left,
        deterministic=True,
        first=min(case.first, 20),
        second=min(case.second, 20),
    )
    with switched(devices.SWITCH, "host"):
        there = whole(case, backend="gpu")
    same("gpu on the host", there, whole(case))
    return True


def _own(case: Case) -> bool:
    """Whether a kernel of a user's own runs in the network, which has none for a card."""
    rules = [rule for wiring in case.projections for rule in wiring.rules]
    stimuli = [drive.stimulus for drive in case.inputs]
    return any(isinstance(part, (Drifting, Rewarded, Saw, Triplet)) for part in rules + stimuli)


def _drawn_products(case: Case) -> bool:
    """Whether numbers meet synapses that are drawn again, which a card adds in any order."""
    sends = {units.name for units in case.populations if units.model.sends is not None}
    return any(w.pre in sends and isinstance(w.store, Procedural) for w in case.projections)


@contextmanager
def switched(name: str, value: str) -> Iterator[None]:
    """An environment variable has this value."""
    import os

    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name) if before is None else os.environ.update({name: before})


BITWISE: dict[str, Judge] = {
    "reference": reference,
    "threads": threads,
    "cut": cut,
    "turned back": turned_back,
    "set again": set_again,
    "unprobed": unprobed,
    "gpu": gpu,
}


def quietly(judge: Judge, case: Case) -> bool:
    """What a judge says; warnings, such as of devices read later than they were measured, are no
    faults.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return judge(case)
