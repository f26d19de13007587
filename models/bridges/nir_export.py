"""Networks as graphs and files of NIR."""

from __future__ import annotations

import os
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ...sim import validation as check
from ...sim.description.convolution import Sliding
from ...sim.description.distributions import Distribution
from ...sim.description.drawn import drawn
from ...sim.description.network import Network
from ...sim.description.parts import Population, Projection
from ...sim.plan.draw_values import receptor_of
from ..cuba_li import CubaLI
from ..cuba_lif import CubaLIF
from ..spike_source import SpikeSource
from .nir_file import write_graph
from .nir_graph import NirGraph
from .nir_nodes import NirNode
from .nir_report import ANSWERS, QUESTIONS
from .nir_synapses import (
    factors,
    matrices,
    slides,
    sliding_nodes,
    synapses_of,
    with_bias,
    with_matrix,
)
from .nir_timing import layers_of
from .nir_waiting import begins, constant_current
from .nir_written import STEPPED, Asking, Written, passes, shaped, written

Shape = tuple[int, ...]


def to_nir(
    network: Network,
    path: str | os.PathLike[str] | None = None,
    *,
    spike: str,
    dt: float | None = None,
    edges: str = "none",
) -> NirGraph:
    """A graph of NIR that says what `network` does; written to `path` if one is given.

    Populations become neurons of the same names, and sources, SpikeSource or units that pass on
    their drive, become Inputs. Populations of which the spikes, or the numbers sent, are probed
    become Outputs, else those that reach no other. Constant currents become v_leak or biases. What
    drives an Input and what else is probed is not part of a graph. All else that NIR cannot say is
    refused: rules, devices, refractory times, initial values, other stimuli and models.

    spike: "dirac" or "one" as in `from_nir`: scales weights so that a tool that takes spikes for
    that does as the network. dt [s]: the step, where that or a model depends on it. edges: "none"
    writes every delay; "step" leaves out those of one step; "layers" leaves out the steps that
    layers lie apart, where one step leads from each to the next. The answers with which `from_nir`
    reads the graph back are kept in its metadata, which other tools pass by.

    Raises UnsupportedError for what NIR cannot say, ParameterError where an argument is missing or
    wrong, CapacityError for a matrix that is too large, DataError for a file.
    """
    check.instance("to_nir", "network", network, Network)
    check.one_of("to_nir", "spike", spike, QUESTIONS["spike"][1])
    check.one_of("to_nir", "edges", edges, QUESTIONS["edges"][1])
    if dt is not None:
        dt = check.within("to_nir", "dt", dt, above=0.0, unit="s")
    elif edges != "none":
        raise check.fail("to_nir", "dt", f"must be a time in s with edges={edges!r}", None)
    graph = _Export(drawn(network), spike, dt, edges).build()
    if path is not None:
        write_graph(graph, path)
    return graph


@final
class _Export:
    """The steps from a network to a graph."""

    def __init__(self, network: Network, spike: str, dt: float | None, edges: str) -> None:
        self._network, self._dt, self._edges = network, dt, edges
        self._spike = spike
        self._into: dict[Population, list[Projection]] = {}
        self._out_of: dict[Population, list[Projection]] = {}
        for projection in network.projections:
            self._check(projection)
            self._into.setdefault(projection.post, []).append(projection)
            self._out_of.setdefault(projection.pre, []).append(projection)
        self._nodes: dict[str, NirNode] = {}
        self._joined: dict[tuple[str, str], None] = {}  # edges, in the order in which they are made
        self._names = {part.name for part in network.populations}
        self._answers: dict[str, str] = {"spike": spike, "edges": edges}
        self._late = self._lateness()
        self._shapes = self._found_shapes()

    def build(self) -> NirGraph:
        for population in self._network.populations:
            self._add(population)
        for projection in self._network.projections:
            self._join(projection)
        for population in self._network.populations:
            self._add_bias(population)
            self._show(population)
        answers: dict[str, Any] = dict(self._answers)
        if answers.get("scheme") == STEPPED:
            answers["scheme"] = "euler"
        if self._dt is not None:
            answers["dt"] = np.float64(self._dt)
        return NirGraph(self._nodes, list(self._joined), {ANSWERS: answers})

    def _check(self, projection: Projection) -> None:
        """Refuse what NIR has no words for."""
        if projection.rule is not None:
            raise _unsaid(f"how {projection.name!r} learns")
        if not projection.store.can.static:
            raise _unsaid(f"what {type(projection.store).__name__} does to {projection.name!r}")
        own = projection.receptor
        if own is not None and own not in projection.post.model.receptors:
            raise _unsaid(f"that {projection.name!r} reaches a modulator")

    def _is_source(self, population: Population) -> bool:
        model = population.model
        return population not in self._into and (isinstance(model, SpikeSource) or passes(model))

    def _is_sum(self, population: Population) -> bool:
        """Whether a population only adds up what comes out."""
        return population not in self._out_of and passes(population.model)

    def _lateness(self) -> dict[Population, int]:
        """How many steps each population is behind the first ones, where that is left out."""
        lags: dict[tuple[Population, Population], int] = {}
        for part in self._network.projections if self._edges == "layers" else ():
            delays, pair = synapses_of(self._network, part).delays, (part.pre, part.post)
            if np.size(delays):
                lag = self._lag(part, float(np.min(delays)))
                lags[pair] = min(lag, lags.get(pair, lag))
        driven = {part.population for part in self._network.inputs if begins(part.stimulus) == 0}
        return layers_of(self._network.populations, lags, driven)

    def _lag(self, projection: Projection, delay: float) -> int:
        """A delay [s] in steps."""
        assert self._dt is not None
        return check.steps(f"Projection {projection.name!r:.60}", "delay", delay, self._dt)

    def _written_delay(self, projection: Projection, delay: float) -> float:
        """The delay [s] that the graph gives to synapses of `delay` [s]."""
        if self._edges == "none" or self._dt is None:
            return delay
        lag = self._lag(projection, delay)
        if self._edges == "step" or projection.pre is projection.post:
            return 0.0 if lag == 1 else lag * self._dt
        return (lag - (self._late[projection.post] - self._late[projection.pre])) * self._dt

    def _found_shapes(self) -> dict[Population, Shape]:
        """The shapes of populations that convolutions join; others have one dimension."""
        shapes: dict[Population, Shape] = {}
        for projection in self._network.projections:
            own = projection.connectivity
            if isinstance(own, Sliding):
                shapes.setdefault(projection.pre, tuple(own.input_shape))
                shapes.setdefault(projection.post, tuple(own.output_shape))
        changed = True
        while changed:
            flat = {
                part
                for part in shapes
                if any(not self._slides(each, shapes) for each in self._into.get(part, ()))
            }
            changed = bool(flat)
            shapes = {part: shape for part, shape in shapes.items() if part not in flat}
        return shapes

    def _slides(self, projection: Projection, shapes: dict[Population, Shape]) -> bool:
        """Whether a projection stays a convolution between populations of these shapes."""
        own: Any = projection.connectivity
        return slides(projection) and (
            shapes.get(projection.pre) == tuple(own.input_shape)
            and shapes.get(projection.post) == tuple(own.output_shape)
        )

    def _shape(self, population: Population) -> Shape:
        return self._shapes.get(population, (population.n,))

    def _answer(self, question: str, answer: str, name: str) -> None:
        """Note what `from_nir` must be told; it asks each question once for a whole graph."""
        other = self._answers.setdefault(question, answer)
        if other == STEPPED and answer != "exact":
            other = self._answers[question] = answer
        if other != answer and (answer != STEPPED or other == "exact"):
            rule = f"one {question} for all populations, and {name!r} would need {answer!r}"
            raise UnsupportedError(f"to_nir: a graph of NIR is read with {rule} beside {other!r}")

    def _put(self, name: str, kind: str, parameters: dict[str, Any]) -> str:
        """Add a node under `name`, or that with a number."""
        fresh, k = name, 2
        while fresh in self._nodes or (fresh != name and fresh in self._names):
            fresh, k = f"{name} {k}", k + 1
        self._nodes[fresh] = NirNode(kind, parameters, {}, fresh)
        return fresh

    def _add(self, population: Population) -> None:
        shape = {"shape": self._shape(population)}
        if self._is_source(population):
            spikes = isinstance(population.model, SpikeSource)
            self._answer("inputs", "spikes" if spikes else "numbers", population.name)
            self._put(population.name, "Input", shape)
        elif self._is_sum(population):
            self._put(population.name, "Output", shape)
        else:
            self._check_begin(population)
            made = self._written(population)
            for question, answer in made.answers.items():
                self._answer(question, answer, population.name)
            fields = {
                name: shaped(value, self._shape(population))
                for name, value in made.parameters.items()
            }
            self._put(population.name, made.type, fields)
            self._start(population, fields)

    def _check_begin(self, population: Population) -> None:
        """Refuse a neuron that moves from the beginning where NIR's begins later."""
        late, offset = self._late[population], getattr(population.model, "offset", 0.0)
        if late and np.any(np.asarray(offset)):
            raise UnsupportedError(
                f"to_nir.edges: must not be 'layers', for {population.name!r} begins {late} steps "
                "late then, and its offset acts from the beginning; give edges='step' (got 'layers')"
            )

    def _written(self, population: Population) -> Written:
        incoming = self._into.get(population, [])
        spiking = [part for part in incoming if part.pre.model.sends is None]
        return written(
            Asking(
                population=population,
                dirac=self._spike == "dirac",
                given=self._dt,
                constant=self._constant(population),
                receptors=frozenset(self._receptor(part) for part in spiking),
                numbers=len(spiking) < len(incoming),
            )
        )

    def _receptor(self, projection: Projection) -> str:
        return receptor_of(projection, synapses_of(self._network, projection).weights)

    def _start(self, population: Population, fields: dict[str, NDArray[np.float64]]) -> None:
        """Note where v starts: at 0, or at v_leak where it says so."""
        leak = fields.get("v_leak", np.zeros(1)).reshape(-1)
        starts = {
            name: value
            for name, value in population.initial.items()
            if (isinstance(value, Distribution) or np.any(value))
            and not self._fades(population, name, value)
        }
        if not starts:
            if leak.any():
                self._answer("start", "zero", population.name)
            return
        (name, *others), late = starts, self._late[population]
        at_leak = name in ("v", "r") and not isinstance(starts[name], Distribution)
        at_leak = at_leak and bool(np.all(np.asarray(starts[name]) == leak))
        if others or late or not at_leak:
            raise _unsaid(f"where {name} of {population.name!r} starts")
        self._answer("start", "leak", population.name)

    def _fades(self, population: Population, name: str, value: Any) -> bool:
        """Whether the start of a current is told by a bias and v_leak."""
        fading = isinstance(population.model, (CubaLIF, CubaLI)) and name == "g_e"
        return fading and not isinstance(value, Distribution) and not self._late[population]

    def _constant(self, population: Population) -> Any:
        """The current from outside, one number or (n,), which must be there from the beginning."""
        begin = self._late[population] * (self._dt or 0.0)
        total: Any = 0.0
        for described in self._network.inputs:
            if described.population is population:
                total = total + constant_current(described, begin)
        return total

    def _join(self, projection: Projection) -> None:
        """Add the nodes of a projection."""
        pre, post = projection.pre, projection.post
        factor = self._factor(projection)
        synapses = synapses_of(self._network, projection)
        if self._slides(projection, self._shapes):
            nodes = sliding_nodes(projection, factor)
            self._chain(projection, float(synapses.delays), nodes)
            return
        single = factors(synapses, projection)
        if single is not None and np.ndim(synapses.delays) == 0 and self._alike(pre, post):
            weights = (single * factor).reshape(self._shape(post))
            scaled: list[tuple[str, dict[str, Any]]] = [("Scale", {"scale": weights})]
            same = (weights == 1).all() and not np.any(self._bias(post))
            self._chain(projection, float(synapses.delays), [] if same else scaled)
            return
        if len(self._shape(post)) > 1:
            raise _unsaid(f"how {projection.name!r} reaches the pixels of {post.name!r} one by one")
        for delay, matrix in matrices(synapses, projection).items():
            weights = matrix * np.reshape(factor, (-1, 1))
            self._chain(projection, delay, [("Linear", {"weight": weights})], flat=True)

    def _alike(self, pre: Population, post: Population) -> bool:
        return self._shape(pre) == self._shape(post)

    def _factor(self, projection: Projection) -> Any:
        """By what weights are multiplied."""
        post, spikes = projection.post, projection.pre.model.sends is None
        if self._is_sum(post):
            return 1.0
        made = self._written(post)
        factor = made.spike if spikes else made.number
        if factor is None or (not spikes and projection.receptor is not None):
            raise _unsaid(f"how the numbers of {projection.name!r} reach their targets")
        return factor

    def _chain(
        self,
        projection: Projection,
        delay: float,
        nodes: list[tuple[str, dict[str, Any]]],
        *,
        flat: bool = False,
    ) -> None:
        """Nodes in a row from one population to another, behind a delay."""
        pre, shape = projection.pre, self._shape(projection.pre)
        last = pre.name
        row = list(nodes)
        delay = self._written_delay(projection, delay)
        if flat and len(shape) > 1:
            row.insert(0, ("Flatten", {"start_dim": 0, "end_dim": -1, "input_type": shape}))
        if delay > 0:
            row.insert(0, ("Delay", {"delay": np.full(shape, delay)}))
        for kind, parameters in row:
            own = projection.name if kind != "Delay" else f"{projection.name} delay"
            name = self._put(own, kind, parameters)
            self._joined[last, name] = None
            last = name
        if (last, projection.post.name) in self._joined:
            raise _unsaid(f"that there is another projection such as {projection.name!r}")
        self._joined[last, projection.post.name] = None

    def _bias(self, population: Population) -> Any:
        """What must always reach the node of a population."""
        if self._is_source(population):
            return 0.0
        sums = self._is_sum(population)
        return self._constant(population) if sums else self._written(population).bias

    def _add_bias(self, population: Population) -> None:
        """Let a node in front of a population, or its leak, add what must always reach it."""
        bias = self._bias(population)
        if not np.any(bias):
            return
        shape, own = self._shape(population), self._nodes[population.name]
        constant = np.broadcast_to(np.asarray(bias, np.float64), (population.n,)).copy()
        before = [source for source, target in self._joined if target == population.name]
        if any(self._take(name, self._nodes[name], constant, shape) for name in before):
            return
        if own.type in ("LI", "LIF"):  # which r * bias moves as a v_leak that is higher by it
            v_leak = own["v_leak"] + own["r"] * constant.reshape(shape)
            fields = {**own.parameters, "v_leak": v_leak}
            self._nodes[population.name] = NirNode(own.type, fields, own.metadata, own.name)
            self._answer("start", "zero", population.name)
            return
        made = ((name, with_matrix(self._nodes[name])) for name in before)
        if not any(node and self._take(name, node, constant, shape) for name, node in made):
            raise _unsaid(f"the constant current of {population.name!r}, which no matrix reaches")

    def _take(self, name: str, node: NirNode, constant: Any, shape: Shape) -> bool:
        """Put `node` in its place with a constant, if it can have one."""
        changed = with_bias(node, constant, shape)
        if changed is not None:
            self._nodes[name] = changed
        return changed is not None

    def _show(self, population: Population) -> None:
        """Add an Output for a population that is recorded, or that reaches no other."""
        if self._is_sum(population) or self._is_source(population):
            return
        what = population.model.sends or "spikes"
        shown = [probe.target for probe in self._network.probes if probe.what == what]
        ends = population in shown if shown else population not in self._out_of
        if ends:
            name = self._put(f"{population.name} out", "Output", {"shape": self._shape(population)})
            self._joined[population.name, name] = None


def _unsaid(what: str) -> UnsupportedError:
    return UnsupportedError(f"to_nir: NIR cannot say {what}")
