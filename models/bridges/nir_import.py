"""Networks from NIR, the neuromorphic intermediate representation.

Pedersen et al. (2024), "Neuromorphic intermediate representation", Nature Communications 15, 8122,
doi:10.1038/s41467-024-52259-9.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, final

import numpy as np
from scipy.sparse import coo_array

from ...errors import CapacityError, NetworkError, PotentiaError
from ...sim import validation as check
from ...sim.description.connectivity import OneToOne
from ...sim.description.explicit import Explicit, FromSparse
from ...sim.description.network import Network
from ...sim.description.parts import Population
from ...sim.notice import silence
from ..spike_source import SpikeSource
from .names import Names
from .nir_file import read_graph
from .nir_flows import flows_of, is_unit
from .nir_graph import NirGraph, flattened
from .nir_maps import MOST_ENTRIES, Map, Windows, composed, entries_of, plain
from .nir_nodes import NEURONS
from .nir_report import ANSWERS, NirAnswers, NirReport
from .nir_shapes import Shape, shapes_of
from .nir_timing import Way, delays_of
from .nir_units import Asked, Unit, even, passing, unit_of
from .nir_waiting import check_waiting, drive_always, initial_of

SPIKES = ("IF", "LIF", "CubaLIF", "Threshold")


def from_nir(
    source: str | os.PathLike[str] | NirGraph | Any,
    *,
    scheme: str | None = None,
    dt: float | None = None,
    reset: str | None = None,
    reset_at: str | None = None,
    spike: str | None = None,
    edges: str | None = None,
    inputs: str | None = None,
    start: str | None = None,
    seed: int = 0,
) -> tuple[Network, NirReport]:
    """The network that a NIR file or graph describes, and a report of what was assumed for it.

    source: the path of a file, a `NirGraph`, or a graph of the package nir. NIR leaves open how a
    graph is simulated; for each question that `source` makes arise an answer must be given:

    - scheme: "exact", "euler" (forward) or "semi-implicit" (Euler with the new current);
    - dt [s]: the length of a step, where something depends on it;
    - reset: "value" (to v_reset), "subtract" (v_threshold) or "none";
    - reset_at: "spike", or in the next step "before" or "after" input and decay, or "carried";
    - spike: "one", 1 for the length of a step, or "dirac", an impulse of area 1;
    - edges: "none" (no delay, for the event engine), "step" (one step each) or "layers" (none
      forward, one step from a node to itself);
    - inputs: "spikes" or "numbers" come in;
    - start: "zero" or "leak", where v starts if some v_leak is not 0.

    A graph by `to_nir` brings answers along, which count where none are given.

    Neurons, inputs and what an Output adds up (a spike as 1) become populations of the names of
    their nodes; what lies between them is folded into one projection. What comes out is probed. Files are treated as
    hostile. Raises DataError for a file, ParameterError, NetworkError or UnsupportedError for a
    graph or an answer that cannot be, CapacityError for what is too large.
    """
    given = {
        "scheme": scheme,
        "reset": reset,
        "reset_at": reset_at,
        "spike": spike,
        "edges": edges,
        "inputs": inputs,
        "start": start,
    }
    graph = graph_of(source)
    answers = NirAnswers(dt, given, kept_answers(graph))
    with silence():  # potentials of NIR are in no unit
        return _Import(graph, answers, seed).build()


def graph_of(source: Any) -> NirGraph:
    """The graph that `source` is, holds or leads to."""
    if isinstance(source, NirGraph):
        return source
    if isinstance(source, (str, os.PathLike)):
        return read_graph(source)
    if not hasattr(source, "to_dict"):
        rule = "must be the path of a NIR file, a NirGraph or a graph of the package nir"
        raise check.fail("from_nir", "source", rule, source)
    try:
        told = source.to_dict()
    except PotentiaError:
        raise
    except Exception as error:  # of a foreign object, in a circle for one
        rule = "must be a graph that tells what it holds"
        raise check.fail("from_nir", "source", rule, type(error).__name__) from None
    return NirGraph.from_dict(told)


def kept_answers(graph: NirGraph) -> dict[str, Any]:
    """The answers that `to_nir` has left in a graph, for those that are not given."""
    kept = graph.metadata.get(ANSWERS)
    if kept is None:
        return {}
    return check.mapping("NIR graph", f"metadata {ANSWERS!r}", kept, "{'spike': 'dirac'}")


@final
class _Import:
    """The steps from a graph to a network."""

    def __init__(self, graph: NirGraph, answers: NirAnswers, seed: int) -> None:
        self._graph, self._answers = flattened(graph), answers
        self._shapes = shapes_of(self._graph)
        self._flows = flows_of(self._graph, self._shapes)
        self._network = Network(seed=seed)
        self._names = Names()
        self._populations: dict[str, Population] = {}
        self._units: dict[str, Unit] = {}

    def build(self) -> tuple[Network, NirReport]:
        """The network and the report."""
        shown = {name: self._shown_by(name) for name in self._flows if self._is_output(name)}
        units = [name for name in self._graph.nodes if is_unit(self._graph, name)]
        units += [name for name, source in shown.items() if source == name]
        if not units:
            raise NetworkError("NIR graph: must hold a neuron or an Input (got none)")
        ways = [
            Way(source, target, delay)
            for target in units
            if target in self._flows
            for source, delay in self._flows[target].maps
        ]
        delays, late = delays_of(ways, self._answers)
        for name in units:
            self._populate(name, late.get(name, 0))
        self._connect(delays)
        names = {node: made.name for node, made in self._populations.items()}
        outputs = {node: names[source] for node, source in shown.items()}
        self._probe(shown)
        slow = {names[node]: steps for node, steps in late.items()}
        return self._network, NirReport(self._answers.rows(), names, outputs, slow)

    def _is_output(self, name: str) -> bool:
        return self._graph.nodes[name].type == "Output"

    def _shown_by(self, name: str) -> str:
        """The unit that an Output shows as it is, or itself where it adds something up."""
        flow = self._flows[name]
        if len(flow.maps) == 1 and flow.constant is None:
            (((source, delay), map),) = flow.maps.items()
            if np.ndim(map) == 0 and map == 1.0 and delay == 0:
                return source
        return name

    def _n(self, name: str) -> int:
        extents: Shape = self._shapes[name][1]
        n = 1
        for extent in extents:
            n *= extent
        return n

    def _sends_spikes(self, name: str) -> bool:
        node = self._graph.nodes[name]
        if node.type == "Input":
            return self._answers.ask("inputs", name) == "spikes"
        return node.type in SPIKES

    def _unit(self, name: str) -> Unit:
        node = self._graph.nodes[name]
        if node.type in NEURONS:
            return unit_of(self._asked(name))
        if node.type == "Input" and self._sends_spikes(name):
            return Unit(model=SpikeSource(), spike=None, number=None)
        self._answers.dt(name)
        constant = None if node.type == "Input" else self._flows[name].constant
        drive = 0.0 if constant is None else even(constant)
        return Unit(model=passing(), spike=1.0, number=1.0, drive=drive)

    def _asked(self, name: str) -> Asked:
        flow = self._flows[name]
        kinds = {self._sends_spikes(source) for source, _ in flow.maps}
        constant = 0.0 if flow.constant is None else even(flow.constant)
        return Asked(
            self._graph.nodes[name], self._answers, True in kinds, False in kinds, constant
        )

    def _populate(self, name: str, late: int) -> None:
        unit = self._units[name] = self._unit(name)
        begin = late * self._answers.dt(name) if late else 0.0
        if late:
            check_waiting(self._graph.nodes[name], unit)
        made = self._network.population(
            unit.model,
            self._n(name),
            name=self._names.fresh(name),
            initial=initial_of(unit, begin),
        )
        drive_always(self._network, made, unit, begin, self._name_input)
        self._populations[name] = made

    def _name_input(self, population: str) -> str:
        return self._names.fresh(f"{population[:80]} constant")

    def _connect(self, delays: Mapping[Way, float]) -> None:
        """Add the projections, each with all ways from one population to another."""
        together: dict[tuple[str, str], list[tuple[float, Map]]] = {}
        for way, delay in delays.items():
            map = self._flows[way.target].maps[way.source, way.delay]
            together.setdefault((way.source, way.target), []).append((delay, map))
        for (source, target), parts in together.items():
            self._project(source, target, parts)

    def _project(self, source: str, target: str, parts: list[tuple[float, Map]]) -> None:
        """Join two populations: one projection, whose synapses may have several delays."""
        unit, spikes = self._units[target], self._sends_spikes(source)
        factor = unit.spike if spikes else unit.number
        pre, post = self._populations[source], self._populations[target]
        common: dict[str, Any] = {
            "receptor": unit.receptor if spikes else None,
            "name": self._names.fresh(f"{pre.name[:48]} to {post.name[:48]}"),
        }
        if len(parts) > 1:
            joined = _listed([(delay, composed(factor, map)) for delay, map in parts], post.n)
            if joined is not None:
                self._network.connect(pre, post, **joined, **common)
            return
        ((delay, map),) = parts
        weights = composed(factor, map)
        if np.ndim(weights) < 2:
            self._network.connect(
                pre, post, OneToOne(), weight=even(weights), delay=delay, **common
            )
        elif isinstance(weights, Windows):
            windows, common["weight"] = weights.connectivity, weights.factor
            self._network.connect(pre, post, windows, delay=delay, **common)
        elif _any(weights):
            connectivity = FromSparse(weights.T)
            self._network.connect(pre, post, connectivity, delay=delay, **common)

    def _probe(self, shown: Mapping[str, str]) -> None:
        """Record what comes out."""
        for name in dict.fromkeys(shown.values()):
            population = self._populations[name]
            self._network.probe(population, population.model.sends or "spikes")


def _any(weights: Map) -> bool:
    return bool(weights.nnz if hasattr(weights, "nnz") else weights.any())


def _listed(parts: list[tuple[float, Map]], n: int) -> dict[str, Any] | None:
    """Synapses one by one, each with its weight and delay; None where there are none."""
    total = sum(n if np.ndim(map) < 2 else entries_of(plain(map)) for _, map in parts)
    if total > MOST_ENTRIES:
        rule = f"ways of different delays between two populations would make {total:,} synapses"
        raise CapacityError(f"NIR graph: {rule}; at most {MOST_ENTRIES:,} are made one by one")
    columns: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    for delay, map in parts:
        if np.ndim(map) < 2:
            units, weights = np.arange(n), np.broadcast_to(map, (n,))
            columns.append((units, units, weights, np.full(n, delay)))
            continue
        matrix = coo_array(plain(map))
        matrix.eliminate_zeros()
        columns.append((matrix.col, matrix.row, matrix.data, np.full(matrix.data.size, delay)))
    sources, targets, weights, delays = (
        np.concatenate(column) for column in zip(*columns, strict=True)
    )
    if not sources.size:
        return None
    return {"connectivity": Explicit(sources, targets), "weight": weights, "delay": delays}
