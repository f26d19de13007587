"""A network compiled for the event engine: units, exact kernels, synapses in order of delay."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError, UnsupportedError
from ...kernels.cpu.event_learning import Learning
from ...kernels.cpu.event_loop import Wires
from ...kernels.cpu.event_queue import TICKS
from ...kernels.cpu.event_units import Units
from ...kernels.cpu.verdict import AGAIN, FAILED, NEITHER, STUCK
from ..description.network import Network
from ..description.parts import Population, Probe
from ..operators.connections import Connections
from .event_rules import Learner, gather, judge
from .event_solved import kernels_of


@dataclass(frozen=True)
class EventSynapses:
    """The synapses of one projection in (source, delay, target) order.

    weights (n,); n_segments of one source and delay; per_source (n_pre,), how many synapses each
    source has.
    """

    name: str
    weights: NDArray[np.float64]
    n_segments: int
    per_source: NDArray[np.int64]

    @property
    def n(self) -> int:
        return int(self.weights.size)

    def outgoing(self) -> NDArray[np.int64]:
        """How many synapses each source has (n_pre,)."""
        return self.per_source

    def sources(self) -> NDArray[np.uint32]:
        """The source of every synapse (n,)."""
        return np.repeat(np.arange(self.per_source.size, dtype=np.uint32), self.per_source)


@dataclass
class EventPlan:
    """A compiled network: what `print(plan)` shows is what runs.

    populations: in order of rank; first (n_populations + 1,): the first unit of each; units: at
    time 0, nothing predicted yet; synapses by projection; learners: the projections that learn;
    learning: all of them at time 0.
    """

    network: Network
    populations: list[Population]
    first: NDArray[np.int64]
    units: Units
    wires: Wires
    synapses: dict[str, EventSynapses]
    probes: list[Probe] = field(default_factory=list)
    verdicts: list[tuple[Population, NDArray[np.int64]]] = field(default_factory=list)
    learners: list[Learner] = field(default_factory=list)
    learning: Learning = field(default_factory=lambda: gather([], 0))

    def weights(self, name: str, memory: Any) -> NDArray[np.float64]:
        """The weights (n_synapses,) that a projection has in `memory`."""
        learner = self.learner(name)
        return (
            self.synapses[name].weights.copy()
            if learner is None
            else learner.weights(memory.learning)
        )

    def learner(self, name: str) -> Learner | None:
        """The projection of this name, if it learns."""
        return next((part for part in self.learners if part.projection.name == name), None)

    @property
    def synapse_bytes(self) -> int:
        """Bytes that the synapses take: targets, weights, and segments with their delays."""
        return sum(
            int(getattr(self.wires, name).nbytes)
            for name in ("target", "weight", "segment", "chain")
        )

    def connections(self, name: str, weights: NDArray[np.float64]) -> Connections:
        """The synapses of a projection, which have these weights (n_synapses,)."""
        part = next(part for part in self.network.projections if part.name == name)
        number, synapses = list(self.synapses).index(name), self.synapses[name]
        own = self.wires.segment[self.wires.segment["projection"] == number]
        begin = int(own["first"].min(initial=self.wires.target.size))
        targets = self.wires.target[begin : begin + synapses.n].astype(np.int64) - self.begin(
            part.post
        )
        return Connections(
            sources=synapses.sources().astype(np.int64),
            targets=targets,
            delays=np.repeat(own["delay"], own["end"] - own["first"]) / TICKS,
            weights=weights,
            n_pre=part.pre.n,
            n_post=part.post.n,
        )

    def __reduce__(self) -> Any:
        raise UnsupportedError(
            "Plan: cannot be copied or pickled, since it holds addresses; do so with the Simulator"
        )

    def judge(self, parameters: NDArray[np.float64]) -> None:
        """Raise NetworkError if a user's own kernel broke a rule.

        Kernels note that behind their parameters.
        """
        judge(self.learners, self.learning)
        for population, places in self.verdicts:
            if (verdicts := parameters[places]).any():
                parameters[places] = 0.0  # all copies of the units share them
                owner = f"{type(population.model).__name__} of population {population.name!r}"
                raise NetworkError(f"{owner}: {BROKEN[int(verdicts.max())]}")

    def index(self, population: Population) -> int:
        """The place of a population in order of rank."""
        return next(k for k, part in enumerate(self.populations) if part is population)

    def begin(self, population: Population) -> int:
        """The first unit of a population."""
        return int(self.first[self.index(population)])

    def meta(self) -> dict[str, Any]:
        """How results of this plan are made."""
        return {
            "seed": self.network.seed,
            "precision": "float64",
            "backend": "cpu",
            "engine": "event",
        }

    def __str__(self) -> str:
        synapses = sum(part.n for part in self.synapses.values())
        lines = [
            f"Plan: {self.first[-1]} neurons, {synapses} synapses, no grid: from event to event, float64, backend cpu"
        ]
        for population in self.populations:
            kernels = kernels_of(population)
            names = [
                _name(kernel) for kernel in (kernels.flow, kernels.next, kernels.fire) if kernel
            ]
            lines.append(f"  {population}: {', '.join(names)} on {', '.join(kernels.state)}")
        lines += [f"  {described}" for described in self.network.inputs]
        for projection in self.network.projections:
            part, learner = self.synapses[projection.name], self.learner(projection.name)
            learns = "" if learner is None else f", {', '.join(learner.names)}"
            told = (
                f"{part.n} synapses in {part.n_segments} segments of one source and delay{learns}"
            )
            lines.append(f"  {projection}: {told}")
        lines += [f"  {probe}" for probe in self.probes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def _name(kernel: Any) -> str:
    return kernel if isinstance(kernel, str) else str(kernel.__name__)


BROKEN = {
    FAILED: "an event kernel raised an error, such as a division of whole numbers by zero",
    NEITHER: "the event kernel `next` must return a time, inf for never (got nan)",
    AGAIN: "the event kernel `next` must be asked again only after a femtosecond or more (got a time from -1e-15 to 0)",
    STUCK: "after a spike the event kernel `next` must not return 0 where the refractory time is 0 (got a unit that "
    "would fire for ever at one time)",
}
