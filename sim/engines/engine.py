"""What an engine is to a simulator, and what a compiled network is to whoever looks at it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..description.inputs import Stimulus
from ..description.network import Network
from ..description.parts import Population, Projection
from ..operators.connections import Connections
from ..progress import Progress
from ..results.result import Result
from ..results.sink import Sink

if TYPE_CHECKING:
    from ..description.surrogate import Surrogate
    from ..tensors.module import NetworkModule

Arrays = Mapping[str, NDArray[Any]]


class CompiledSynapses(Protocol):
    """The synapses of one projection as an engine has them."""

    @property
    def n(self) -> int:
        """How many there are."""

    def outgoing(self) -> NDArray[Any]:
        """How many each source has (n_pre,)."""

    def sources(self) -> NDArray[Any]:
        """The source of every synapse (n,)."""


class CompiledNetwork(Protocol):
    """A network made ready for an engine; ``print(plan)`` shows what a run does."""

    @property
    def network(self) -> Network:
        """The description that was compiled."""

    @property
    def synapses(self) -> Mapping[str, CompiledSynapses]:
        """The synapses of every projection, by its name."""

    @property
    def synapse_bytes(self) -> int:
        """Bytes that the synapses take."""

    def meta(self) -> dict[str, Any]:
        """How results are made: seed, engine, backend, precision, and dt [s] where there is one."""

    def _repr_html_(self) -> str: ...


class Engine(Protocol):
    """Simulates one network. Its state is its own; nobody else changes it.

    What is changed between runs makes another engine, which may share arrays with this one: only
    one of the two may go on.

    A run counts only once somebody sets `standing`, the number of the state that the simulation
    stands at, to `reached`, that of the state to which the last run has come. Until then `settle`
    takes the run back.
    """

    standing: int
    reached: int

    @property
    def plan(self) -> CompiledNetwork:
        """The compiled network."""

    @property
    def network(self) -> Network:
        """The network described."""

    @property
    def time(self) -> float:
        """Where the simulation stands [s]."""

    def steps(self, duration: float, field: str = "run duration") -> int:
        """How often a run of `duration` [s] tells of its progress.

        field: where users give the duration. Raises ParameterError for one that cannot be run.
        """

    def covering(self, duration: float) -> float:
        """The shortest run [s] that covers `duration` [s]."""

    def settle(self) -> None:
        """Take back a run that was broken off."""

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Copies of all that changes in a run, by name."""

    def restore(self, arrays: Arrays) -> None:
        """Take over the arrays of a `snapshot` of the same network.

        Raises DataError unless every one fits.
        """

    def run(
        self,
        duration: float,
        progress: Progress,
        sink: Sink | None = None,
        state: Arrays | None = None,
    ) -> Result:
        """Go on for `duration` [s] and return the records.

        A `sink` takes the records section by section; then only the last section is returned.

        state: a `snapshot` on the way, from which such a run goes on that was broken off.
        """

    def run_batch(
        self,
        duration: float,
        stimuli: Sequence[Mapping[str, Stimulus]],
        progress: Progress,
        learn: str | None = None,
        first: int = 0,
    ) -> list[Result]:
        """Run a copy of the present state for each entry of `stimuli`; time does not go on.

        first: the number of the first sample, upon which its draws depend. learn: where a rule
        changes weights, each copy has weights of its own; by "mean" or "sum" the engine has then
        reached a state in which its own are changed.
        """

    def variables(self, population: Population) -> tuple[str, ...]:
        """The state variables that can be set."""

    def state(self, population: Population, variable: str) -> NDArray[np.float64]:
        """The present values of a state variable (n,)."""

    def reset(self, *, keep_weights: bool) -> Engine:
        """An engine at time 0; with `keep_weights` the content of all stores stays as it is."""

    def with_state(
        self, population: Population, values: Mapping[str, NDArray[np.float64]]
    ) -> Engine:
        """An engine in which state variables have other values, each (n,)."""

    def writes(self, projection: Projection) -> bool:
        """Whether the weights of a projection can be changed without compiling anew."""

    def bounds(self, projection: Projection) -> tuple[float, float]:
        """Between which numbers the weights of a projection must lie."""

    def with_weights(self, projection: Projection, weights: NDArray[np.float64]) -> Engine:
        """An engine in which a projection that `writes` has other weights (n_synapses,)."""

    def order(self, numbered: Network, projection: Projection) -> NDArray[np.int64]:
        """Where each synapse of a projection stands in the description (n_synapses,).

        numbered: the network in which every weight of the projection is its own number.
        """

    def stimulated(self, network: Network, name: str) -> Engine:
        """An engine for a network in which one input has another stimulus, which begins now.

        The stimulus must be of the same kind.
        """

    def twin(self) -> Engine:
        """An engine in the same state; the two share nothing that changes in a run."""

    def recompiled(self, network: Network, fresh: Collection[str] = ()) -> Engine:
        """An engine for a network of the same parts, in the present state.

        fresh: the projections whose stores are new.
        """

    def connections(self, projection: str) -> Connections:
        """The synapses of a projection with their present weights."""

    def product(
        self, projection: str, x: NDArray[np.float64], *, transpose: bool, key: int
    ) -> NDArray[np.float64]:
        """The product of a projection's weights with numbers; see `Store.product`."""

    def weights(self, projection: str) -> NDArray[np.float64]:
        """The present weights of a projection (n_synapses,)."""


@runtime_checkable
class Trainable(Protocol):
    """An engine whose network torch can train."""

    def module(
        self,
        trained: Sequence[tuple[str, str | None]],
        surrogates: Mapping[str, Surrogate],
        pieces: int | None,
    ) -> NetworkModule:
        """The network in its present state as a torch module.

        trained: projections (name, None), and fields of models of populations (name, field);
        surrogates: by population; pieces: steps between two states that are kept for the way back.
        """
