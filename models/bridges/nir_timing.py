"""How long what one unit of a NIR graph sends takes to another one."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar, final

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import NegativeCycleError, bellman_ford, connected_components

from ...errors import NetworkError
from ...sim import validation as check
from .nir_report import NirAnswers

Unit = TypeVar("Unit", bound=Hashable)


@final
@dataclass(frozen=True)
class Way:
    """A way from one unit to another, with the delay [s] that the graph gives it."""

    source: str
    target: str
    delay: float


def delays_of(ways: list[Way], answers: NirAnswers) -> tuple[dict[Way, float], dict[str, int]]:
    """The delay [s] of each way in our network, and how many steps each unit is late.

    On the clock engine a way takes at least one step. With edges "layers" a unit is therefore that
    many steps late, and ways between units take what is left of their delays.

    Raises ParameterError for a delay that is no multiple of dt, NetworkError for loops that are too
    fast.
    """
    if not ways:
        return {}, {}
    edges = answers.ask("edges", ways[0].target)
    if edges == "none":
        return {way: way.delay for way in ways}, {}
    dt = answers.dt(ways[0].target)
    steps = {way: _steps(way, dt) for way in ways}
    if edges == "step":
        return {way: max(lag, 1) * dt for way, lag in steps.items()}, {}
    for way in ways:
        if way.source == way.target:
            steps[way] = max(steps[way], 1)
    late = _late_of(steps)
    return {
        way: (lag + late[way.target] - late[way.source]) * dt for way, lag in steps.items()
    }, late


def _steps(way: Way, dt: float) -> int:
    if way.delay == 0:
        return 0
    return check.steps(f"NIR way from {way.source!r:.60}", "delay", way.delay, dt)


def _late_of(steps: dict[Way, int]) -> dict[str, int]:
    """The fewest steps by which each unit must be late, so that every way takes one at least.

    A way of `lag` steps from p to q asks for late[q] - late[p] >= 1 - lag: the longest paths of
    these differences are the answer (Bellman 1958, doi:10.1090/qam/102435).
    """
    names = sorted(_units(steps))
    place = {name: k for k, name in enumerate(names)}
    least: dict[tuple[int, int], int] = {}
    for way, lag in steps.items():
        pair = place[way.source], place[way.target]
        least[pair] = min(lag, least.get(pair, lag))
    n = len(names)
    # from one more place, 0 leads to each of the others; explicit zeros are edges here
    rows = [n] * n + [source for source, _ in least]
    columns = [*range(n), *(target for _, target in least)]
    lengths = [0.0] * n + [float(lag - 1) for lag in least.values()]
    graph = csr_array(coo_array((lengths, (rows, columns)), shape=(n + 1, n + 1)))
    try:
        distances = bellman_ford(graph, indices=np.array([n]))[0]
    except NegativeCycleError:
        _, parts = connected_components(graph, connection="strong")
        sizes = np.bincount(parts)
        left = [name for name, part in zip(names, parts, strict=False) if sizes[part] > 1]
        raise NetworkError(
            "from_nir.edges: must not be 'layers' where a loop over several nodes takes fewer steps "
            f"than it has nodes; give edges='step' (got a loop of {check.listed(left, 5)})"
        ) from None
    return {name: round(-float(distances[k])) for name, k in place.items()}


def _units(ways: Iterable[Way]) -> set[str]:
    return {name for way in ways for name in (way.source, way.target)}


def layers_of(
    units: Collection[Unit], lags: Mapping[tuple[Unit, Unit], int], driven: Collection[Unit]
) -> dict[Unit, int]:
    """By how many steps `delays_of` will find each unit late, once these are left out of a graph.

    lags: the fewest steps from one unit to another, at least one. driven: units that are not late,
    since a constant current reaches them from the beginning. A unit that no way of a single step
    reaches is not late either; any other by the number of such ways from the nearest that is not.
    A way may take no fewer steps than that number grows along it, else its target is not late.
    """
    onwards: dict[Unit, list[Unit]] = {unit: [] for unit in units}
    for (source, target), lag in lags.items():
        if lag == 1 and source != target:
            onwards[source].append(target)
    reached = {target for targets in onwards.values() for target in targets}
    first = [unit for unit in units if unit not in reached or unit in driven]
    while True:
        late = _distances(first, onwards)
        more = [unit for unit in units if unit not in late]  # in circles that nothing leads to
        if not more:
            more = [
                target
                for (source, target), lag in lags.items()
                if lag < late[target] - late[source]
            ]
        if not more:
            return late
        first += more


def _distances(first: Iterable[Unit], onwards: Mapping[Unit, list[Unit]]) -> dict[Unit, int]:
    """How many steps lead to each unit from the nearest of the first ones."""
    found, row = dict.fromkeys(first, 0), list(first)
    for unit in row:  # which grows
        for target in onwards[unit]:
            if target not in found:
                found[target] = found[unit] + 1
                row.append(target)
    return found
