"""The event engine before two independent truths: textbook formulas of single units, and the clock
as dt shrinks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from potentia import Network, Simulator
from potentia.models import IF, LIF, AdaptiveLIF, CubaLIF, SpikeSource
from potentia.sim import Constant, Explicit, Population, SpikeTrain, Step
from potentia.tests.fuzz.event_course import fault, top
from potentia.tests.fuzz.event_oracle import Unit

SIZES = {"short": 30, "long": 2_000}  # examples of each test
GRID = 0.4e-3  # [s]: inputs, delays and refractory times are multiples of it
DURATION = 60e-3  # [s]
COARSE = 1e-5  # dt [s]
SHAKEN = 4e-3  # of a threshold
MODELS: dict[str, Any] = {"IF": IF, "LIF": LIF, "AdaptiveLIF": AdaptiveLIF, "CubaLIF": CubaLIF}
TIMES = {
    "tau": (2e-3, 40e-3),
    "tau_adaptation": (5e-3, 0.2),
    "tau_excitatory": (1e-3, 30e-3),
    "tau_inhibitory": (1e-3, 30e-3),
}
POTENTIALS = {"threshold": (8e-3, 20e-3), "reset": (-5e-3, 5e-3), "increment": (0.0, 5e-3)}
OWN = {
    "IF": (),
    "LIF": ("tau",),
    "AdaptiveLIF": ("tau", "tau_adaptation", "increment"),
    "CubaLIF": ("tau", "tau_excitatory", "tau_inhibitory"),
}


def examples(request: pytest.FixtureRequest, strategy: Any, check: Any) -> None:
    """Let `check` judge as many examples as the size of the run asks for; two in five must be fit
    to be judged.
    """
    said: list[bool] = []
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    count = SIZES[request.config.getoption("--fuzz-size")]
    run = given(strategy)(lambda case: said.append(check(case)))
    settings(max_examples=count, deadline=None, suppress_health_check=slow)(run)()
    assert np.mean(said) > 0.4


def numbers(low: float, high: float, n: int) -> Any:
    """One number for all units or one for each."""
    one = st.floats(low, high)
    return one | st.lists(one, min_size=n, max_size=n).map(np.array)


@st.composite
def populations(draw: Any, names: tuple[str, ...] = tuple(MODELS)) -> dict[str, Any]:
    """A model with its fields, its size, where it starts and its constant drive."""
    name, n = draw(st.sampled_from(names)), draw(st.integers(1, 6))
    known = TIMES | POTENTIALS
    fields = {key: draw(numbers(*known[key], n)) for key in (*OWN[name], "threshold", "reset")}
    fields["refractory"] = (
        draw(st.integers(0, 12).map(lambda k: k * GRID))
        if draw(st.booleans())
        else np.array(
            draw(st.lists(st.integers(0, 12).map(lambda k: k * GRID), min_size=n, max_size=n))
        )
    )
    start = {"v": draw(numbers(-5e-3, 7e-3, n))}
    if name == "AdaptiveLIF":
        start["a"] = draw(numbers(0.0, 5e-3, n))
    if name == "CubaLIF":
        start |= {"g_e": draw(numbers(0.0, 20e-3, n)), "g_i": draw(numbers(-20e-3, 0.0, n))}
    drive = (0.1, 1.5) if name == "IF" else (4e-3, 30e-3)
    return {
        "model": name,
        "n": n,
        "fields": fields,
        "start": start,
        "drive": draw(numbers(*drive, n)),
    }


def kicks(n: int, most: int, grid: float | None) -> Any:
    """Times, units and weights of spikes from outside, off any grid or on one."""
    when = (
        st.floats(1e-4, DURATION)
        if grid is None
        else st.integers(1, round(DURATION / grid)).map(lambda k: k * grid)
    )
    return st.lists(st.tuples(when, st.integers(0, n - 1), st.floats(-6e-3, 9e-3)), max_size=most)


def train(spikes: list[tuple[float, int, float]], scale: float = 1.0) -> SpikeTrain:
    times, ids, weights = (
        (list(column) for column in zip(*spikes, strict=True)) if spikes else ([], [], [])
    )
    return SpikeTrain(times, ids, np.array(weights) * scale)


def of(value: Any, k: int) -> float:
    """What unit `k` has of a number or an array with one entry per unit."""
    return float(value[k] if np.ndim(value) else value)


# Single units


@st.composite
def alone(draw: Any) -> dict[str, Any]:
    case = draw(populations())
    steps = draw(st.lists(st.floats(1e-3, DURATION), max_size=3, unique=True).map(sorted))
    low, high = (-0.5, 1.5) if case["model"] == "IF" else (-10e-3, 25e-3)
    levels = draw(st.lists(st.floats(low, high), min_size=len(steps), max_size=len(steps)))
    return case | {"kicks": draw(kicks(case["n"], 12, None)), "steps": steps, "levels": levels}


def by_formulas(case: dict[str, Any], k: int) -> Unit:
    """Unit `k` of a case."""
    fields = {name: of(value, k) for name, value in case["fields"].items()}
    drive = of(case["drive"], k)
    levels = [
        (0.0, drive),
        *((time, drive + level) for time, level in zip(case["steps"], case["levels"], strict=True)),
    ]
    own = sorted((time, weight) for time, unit, weight in case["kicks"] if unit == k)
    if case["model"] == "CubaLIF":
        arriving = [(time, "g_e" if weight >= 0 else "g_i", 4 * weight) for time, weight in own]
    else:
        arriving = [(time, "v", weight) for time, weight in own]
    state = {name: of(value, k) for name, value in case["start"].items()}
    return Unit(model=case["model"], fields=fields, state=state, kicks=arriving, levels=levels)


def described_alone(case: dict[str, Any]) -> Network:
    """The network of a case of `alone`."""
    net = Network()
    cells = net.population(
        MODELS[case["model"]](**case["fields"]), case["n"], name="cells", initial=case["start"]
    )
    net.stimulate(cells, Constant(case["drive"]))
    if case["steps"]:
        net.stimulate(cells, Step(case["steps"], case["levels"]))
    if case["model"] == "CubaLIF":
        for receptor, sign in (("excitatory", 1), ("inhibitory", -1)):
            own = [kick for kick in case["kicks"] if (kick[2] >= 0) == (sign > 0)]
            net.stimulate(cells, train(own, 4.0), receptor=receptor)
    else:
        net.stimulate(cells, train(case["kicks"]))
    net.probe(cells, "spikes")
    return net


def as_formulas_have_it(case: dict[str, Any]) -> bool:
    """Every spike of every unit; whether any of them was fit to be judged.

    Not judged is a unit whose spikes a threshold changed by a ten-thousandth would make more or
    fewer, for then a crossing may lie between two looks. Such a change moves a spike by as much as
    1e-4 of the threshold; rounding, some 1e-15 of it, by that part: a millionth of what the change
    moves it by is allowed.
    """
    trains = Simulator(described_alone(case), engine="event").run(DURATION).spikes("cells").trains()
    judged = False
    for k, spikes in enumerate(trains):
        unit = by_formulas(case, k)
        told = fault(unit, spikes.tolist(), DURATION)
        assert not told, (k, told)
        expected, *others = (
            np.array(unit.spikes(DURATION, raised)) for raised in (0.0, 1e-4, -1e-4)
        )
        if any(len(other) != len(expected) for other in others):
            continue
        judged = True
        assert len(spikes) == len(expected), (k, spikes, expected)
        moved = (
            np.max([np.abs(other - expected) for other in others], axis=0)
            if expected.size
            else expected
        )
        assert (np.abs(spikes - expected) <= 1e-14 + 1e-6 * moved).all(), (
            k,
            spikes - expected,
            moved,
        )
    return judged


def test_single_units_by_formulas(request):
    """Every model, every field per unit, starts, steps of current, spikes off any grid."""
    examples(request, alone(), as_formulas_have_it)


CLOSE = (1e-3, 1e-5, 1e-7, 1e-9)  # shares of a threshold


@st.composite
def grazed(draw: Any) -> dict[str, Any]:
    """A case of `alone` whose units would come highest within a share of their thresholds."""
    case = draw(alone())
    close = st.sampled_from(CLOSE).flatmap(lambda share: st.sampled_from([share, -share]))
    return case | {"close": draw(st.lists(close, min_size=case["n"], max_size=case["n"]))}


def as_a_threshold_that_is_grazed_has_it(case: dict[str, Any]) -> bool:
    """A unit fires when it just reaches its threshold, and not where it just does not.

    Thresholds lie by the shares `close` above or below the highest potential that each unit has by
    the formulas. Whether any of them was fit to be judged: the highest potential must lie above
    the reset and be more than a start.
    """
    tops, count = [], case["n"]
    for k in range(count):
        unit = by_formulas(case, k)
        tops.append(top(unit, DURATION))
    resets = np.broadcast_to(np.asarray(case["fields"]["reset"]), count)
    fit = np.array(tops) > np.maximum(resets, 0.0) + 1e-3
    thresholds = np.where(fit, np.array(tops) * (1 + np.array(case["close"])), 1.0)
    case = case | {"fields": case["fields"] | {"threshold": thresholds}}
    trains = Simulator(described_alone(case), engine="event").run(DURATION).spikes("cells").trains()
    for k, spikes in enumerate(trains):
        told = fault(by_formulas(case, k), spikes.tolist(), DURATION)
        assert not told, (k, told)
        assert bool(spikes.size) == (fit[k] and case["close"][k] < 0), (k, spikes, tops[k])
    return bool(fit.any())


def test_thresholds_that_are_grazed(request):
    """Every model, from both sides of the threshold, down to a billionth of it."""
    examples(request, grazed(), as_a_threshold_that_is_grazed_has_it)


# Networks


@st.composite
def networks(draw: Any) -> dict[str, Any]:
    """Up to three populations that reach each other by random synapses, some of them sources of
    spikes.
    """
    parts: list[dict[str, Any]] = draw(
        st.lists(populations() | populations() | sources(), min_size=2, max_size=3)
    )
    for part in parts:
        part["kicks"] = draw(kicks(part["n"], 15, GRID))
    pairs = st.tuples(st.integers(0, len(parts) - 1), st.integers(0, len(parts) - 1))
    chosen = draw(st.lists(pairs, min_size=2, max_size=5))
    # no avalanche
    ends = [
        (pre, post) for pre, post in chosen if parts[post]["model"] != "SpikeSource" or pre < post
    ]
    return {
        "parts": parts,
        "wires": [(*end, draw(synapses(*(parts[k]["n"] for k in end)))) for end in ends],
    }


def sources() -> Any:
    """Units that fire whenever a spike comes in."""
    return st.integers(1, 5).map(lambda n: {"model": "SpikeSource", "n": n})


def synapses(n_pre: int, n_post: int) -> Any:
    """Sources, targets, weights and delays."""
    delay = st.integers(1, 20).map(lambda k: k * GRID)
    one = st.tuples(
        st.integers(0, n_pre - 1), st.integers(0, n_post - 1), st.floats(-4e-3, 2e-3), delay
    )
    return st.lists(one, min_size=5, max_size=12)


def described(case: dict[str, Any], shaken: np.random.Generator | None = None) -> Network:
    """The network of a case; shaken: with thresholds, refractory times and delays a little off,
    each for itself.
    """
    net = Network()
    made: list[Population] = []
    for k, part in enumerate(case["parts"]):
        n, name = part["n"], f"p{k}"
        if part["model"] == "SpikeSource":
            made.append(net.population(SpikeSource(), n, name=name))
            net.stimulate(made[k], train([(time, unit, 1.0) for time, unit, _ in part["kicks"]]))
        else:
            fields = dict(part["fields"])
            if shaken is not None:
                fields["threshold"] = fields["threshold"] * (
                    1 + SHAKEN * shaken.choice([-1.0, 1.0], n)
                )
                fields["refractory"] = fields["refractory"] + 2 * COARSE * shaken.random(n)
            made.append(
                net.population(MODELS[part["model"]](**fields), n, name=name, initial=part["start"])
            )
            net.stimulate(made[k], Constant(part["drive"]))
            excite(net, made[k], part["kicks"])
        net.probe(made[k], "spikes")
    for pre, post, wires in case["wires"]:
        connect(net, made[pre], made[post], wires, shaken)
    return net


def excite(net: Network, cells: Any, spikes: list[tuple[float, int, float]]) -> None:
    """Spikes from outside, to the receptor that fits their sign."""
    for k, receptor in enumerate(cells.model.receptors):
        several = len(cells.model.receptors) > 1
        own = [kick for kick in spikes if not several or (kick[2] < 0) == bool(k)]
        net.stimulate(cells, train(own, 4.0 if several else 1.0), receptor=receptor)


def connect(
    net: Network, pre: Any, post: Any, wires: list[Any], shaken: np.random.Generator | None
) -> None:
    for k, receptor in enumerate(post.model.receptors):
        several = len(post.model.receptors) > 1
        own = [wire for wire in wires if not several or (wire[2] < 0) == bool(k)]
        if own:
            ids, targets, weights, delays = (np.array(column) for column in zip(*own, strict=True))
            if shaken is not None:
                delays = delays + 2 * COARSE * shaken.random(delays.size)
            weights = weights * (4 if several else 1)
            net.connect(
                pre, post, Explicit(ids, targets), weight=weights, delay=delays, receptor=receptor
            )


def trains_of(simulator: Simulator) -> list[np.ndarray]:
    """The spikes of all units of all populations."""
    result = simulator.run(DURATION)
    return [
        spikes for name in sorted(result.spike_records) for spikes in result.spikes(name).trains()
    ]


def as_the_clock_has_it(case: dict[str, Any]) -> bool:
    """Every spike of every unit, as dt shrinks; whether the case was fit to be judged.

    On the clock a spike comes up to dt late, and what it does therefore too: as if refractory times
    and delays were dt longer, and thresholds higher by what a potential rises in dt. Not judged is
    a network that makes more or fewer spikes when it is shaken by about as much as that at a dt of
    10 us. Of the others every spike must be there at some dt from there on down, and no further off
    than twice what shaking moves it, in proportion to dt, beside dt itself.
    """
    exact = trains_of(Simulator(described(case), engine="event"))
    sizes = [spikes.size for spikes in exact]
    moved = 0.0
    for seed in range(4):
        other = trains_of(Simulator(described(case, np.random.default_rng(seed)), engine="event"))
        if [spikes.size for spikes in other] != sizes:
            return False
        moved = max(
            [
                moved,
                *(
                    np.abs(one - two).max(initial=0.0)
                    for one, two in zip(exact, other, strict=True)
                ),
            ]
        )
    told = []
    for dt in (COARSE, COARSE / 4, COARSE / 16, COARSE / 50):
        clock = trains_of(Simulator(described(case), dt=dt, dtype="float64"))
        if [spikes.size for spikes in clock] == sizes:
            late = max(
                np.abs(one - two).max(initial=0.0) for one, two in zip(exact, clock, strict=True)
            )
            if late <= 1.001 * dt + 2 * moved * dt / COARSE:
                return True
            told.append(f"at dt = {dt} s {late} s late, with {moved} s when shaken")
        else:
            told.append(
                f"at dt = {dt} s {[spikes.size for spikes in clock]} spikes instead of {sizes}"
            )
    raise AssertionError("; ".join(told))


def test_networks_by_the_clock(request):
    """Random populations, synapses, delays, refractory times, starts and inputs."""
    examples(request, networks(), as_the_clock_has_it)
