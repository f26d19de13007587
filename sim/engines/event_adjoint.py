"""Gradients of a loss on the spikes of a batch and on potentials, sample by sample on threads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ...kernels.cpu import event_adjoint as kernels
from ...kernels.cpu import event_marks
from ...kernels.cpu.caching import cached
from ..description.network import Network
from ..description.parts import Population
from .batch import Progress
from .event_plan import EventPlan
from .event_samples import CHUNK, EventSamples, Fired, spread_or_alone
from .event_solved import kernels_of

# the models whose adjoint is known, by their kernels `flow`, `next` and `fire` and their variables
CURRENTS: Final = ("cuba_lif_flow", "cuba_lif_next", None, ("v", "g_e", "g_i"))
SOURCES: Final = ("relay_flow", "relay_next", "relay_fire", ("arrived", "merged"))
OWNER: Final = "EventProp"


@dataclass(frozen=True, eq=False)
class Looks:
    """Observations of potentials: times (n_looks,) [ticks], ascending, of the units (n_watched,)."""

    times: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    units: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True, eq=False)
class Slopes:
    """Derivatives of a loss.

    weights, delays (n_synapses,), in the order of the plan's wires; arrivals (n_samples, n), of
    the times of listed input.
    """

    weights: NDArray[np.float64]
    delays: NDArray[np.float64]
    arrivals: NDArray[np.float64]


def check_known(network: Network) -> None:
    """Raise UnsupportedError for what has no adjoint: another model, a rule, an input that draws."""
    for population in network.populations:
        if _solved(population) not in (CURRENTS, SOURCES):
            raise UnsupportedError(
                f"{OWNER}: population {population.name!r} is of {type(population.model).__name__}; exact gradients are "
                "known for CubaLIF, and for SpikeSource, which brings input"
            )
    for projection in network.projections:
        if projection.rule is not None:
            raise UnsupportedError(
                f"{OWNER}: projection {projection.name!r} learns by {type(projection.rule).__name__}; exact gradients "
                "need rule=None"
            )


def is_source(population: Population) -> bool:
    """Whether the units of a population only hand on spikes."""
    return _solved(population) == SOURCES


def _solved(population: Population) -> tuple[Any, ...]:
    """By what the units of a population are solved."""
    kernels = kernels_of(population)
    return kernels.flow, kernels.next, kernels.fire, kernels.state


class EventAdjoint:
    """The way back through a batch that was run."""

    def __init__(self, samples: EventSamples, fired: Fired, looks: Looks) -> None:
        self.samples, self.fired = samples, fired
        plan, listed = samples.plan, samples.listed
        self.cells, self.paths = cells_of(samples), paths_of(plan)
        self.batch = kernels.Batch(
            fired.begin,
            fired.times,
            fired.units,
            listed.spike,
            listed.variable,
            looks.times,
            looks.units,
        )
        self._watching = np.full(int(plan.first[-1]), -1, np.int64)
        self._watching[looks.units] = np.arange(looks.units.size)

    def potentials(self) -> NDArray[np.float64]:
        """The potentials [V] at the observations (n_samples, n_looks, n_watched)."""
        shape = self.samples.listed.n_samples, self.batch.look.size, self.batch.watched.size
        looks = np.zeros(shape)
        if not looks.size:
            return looks

        def work(first: int, stop: int, marks: Any, seen: Any) -> None:
            cached(kernels.observe)(
                self.cells, self.paths, self.batch, first, stop, marks, seen, self._watching, looks
            )

        self._spread(work)
        return looks

    def slopes(self, by_time: NDArray[np.float64], by_look: NDArray[np.float64]) -> Slopes:
        """Derivatives of a loss, from those with respect to spike times (n_spikes,) and to
        potentials (n_samples, n_looks, n_watched).

        Sums run sample by sample within chunks, and then over these: any number of threads gives
        the same bits.
        """
        n = self.samples.listed.n_samples
        looks = np.ascontiguousarray(by_look.reshape(n, -1))
        sums = np.zeros((2, -(-n // CHUNK), self.paths.weight.size))
        arrivals = np.zeros(self.samples.listed.spike.shape)

        def work(first: int, stop: int, marks: Any, seen: Any) -> None:
            weight, delay = sums[:, first // CHUNK]
            cached(kernels.adjoint)(
                self.cells,
                self.paths,
                self.batch,
                first,
                stop,
                marks,
                seen,
                self._watching,
                by_time,
                looks,
                weight,
                delay,
                arrivals,
            )

        self._spread(work)
        weights, delays = sums.sum(axis=1)
        return Slopes(weights, delays, arrivals)

    def _spread(self, do: Any) -> None:
        """Do ``do(first, stop, marks, seen)`` for all chunks of samples."""
        n = self.samples.listed.n_samples
        chunks = range(0, n, CHUNK)
        workers = min(self.samples.threads, len(chunks))

        def work(worker: int, tick: Progress) -> None:
            marks, seen = self._marks(), np.zeros(self.batch.watched.size, np.int64)
            for first in chunks[worker::workers]:
                do(first, min(first + CHUNK, n), marks, seen)
                tick(1)

        spread_or_alone(work, workers)

    def _marks(self) -> Any:
        """Room for the marks of the sample that has most."""
        most = int(np.diff(self.fired.begin).max(initial=0))
        n_marks = 2 * most + self.batch.look.size * self.batch.watched.size
        n_units = int(self.samples.plan.first[-1])
        sizes = {"begin": n_units + 1, "low": n_units, "place": most, "gained": most}
        whole = ("begin", "low", "time", "kind", "index", "place")
        return event_marks.Marks(
            **{
                name: np.zeros(
                    sizes.get(name, n_marks),
                    np.bool_ if name == "clamped" else np.int64 if name in whole else np.float64,
                )
                for name in event_marks.Marks._fields
            }
        )


def cells_of(samples: EventSamples) -> Any:
    """The units of a plan as the adjoint reads them."""
    plan, neuron = samples.plan, samples.memory.units.neuron
    n = int(plan.first[-1])
    cells = event_marks.Cells(
        relay=np.zeros(n, np.bool_),
        refractory=np.ascontiguousarray(neuron["refractory"]),
        drive=np.ascontiguousarray(neuron["drive"]),
        **{
            name: np.ones(n)
            for name in event_marks.Cells._fields
            if name not in ("relay", "refractory", "drive")
        },
    )
    for k, population in enumerate(plan.populations):
        own = slice(int(plan.first[k]), int(plan.first[k + 1]))
        if is_source(population):
            cells.relay[own] = True
            continue
        model: Any = population.model
        cells.tau[own], cells.threshold[own], cells.reset[own] = (
            model.tau,
            model.threshold,
            model.reset,
        )
        cells.tau_first[own], cells.tau_second[own] = model.tau_excitatory, model.tau_inhibitory
        rows = neuron["row"][own]
        for variable, name in enumerate(("v", "first", "second")):
            getattr(cells, name)[own] = plan.units.state[rows + variable]
    return cells


def paths_of(plan: EventPlan) -> Any:
    """The synapses of a plan as the adjoint reads them."""
    wires = plan.wires
    begin = np.array([plan.units.neuron["row"][base] for base in wires.projection["base"]])
    variable = wires.projection["row"] - begin if wires.projection.size else begin
    return event_marks.Paths(
        wires.chain_first,
        wires.chain,
        wires.segment,
        wires.target.astype(np.int64),
        wires.weight,
        np.asarray(variable, np.int64),
    )
