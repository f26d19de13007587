"""What an engine is to a simulator, and what a compiled network is to whoever looks at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from ..description.inputs import Stimulus
from ..description.network import Network
from ..operators.connections import Connections
from ..progress import Progress
from ..results.result import Result
from ..results.sink import Sink

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

    A run counts only once somebody sets `standing`, the number of the state that the simulation stands at, to
    `reached`, that of the state to which the last run has come. Until then `settle` takes the run back.
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

    def steps(self, duration: float) -> int:
        """How often a run of `duration` [s] tells of its progress. Raises ParameterError for one that cannot be run."""

    def covering(self, duration: float) -> float:
        """The shortest run [s] that covers `duration` [s]."""

    def settle(self) -> None:
        """Take back a run that was broken off."""

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Copies of all that changes in a run, by name."""

    def restore(self, arrays: Arrays) -> None:
        """Take over the arrays of a `snapshot` of the same network; DataError unless every one fits."""

    def run(self, duration: float, progress: Progress, sink: Sink | None = None, state: Arrays | None = None) -> Result:
        """Go on for `duration` [s]; a `sink` takes the records segment by segment, and only the last one is returned.

        state: a `snapshot` on the way, from which such a run goes on that was broken off.
        """

    def run_batch(
        self, duration: float, stimuli: Sequence[Mapping[str, Stimulus]], progress: Progress, learn: str | None = None
    ) -> list[Result]:
        """Run a copy of the present state for each entry of `stimuli`; time does not go on.

        learn: where a rule changes weights, each copy has weights of its own; by "mean" or "sum" the engine has then
        reached a state in which its own are changed.
        """

    def connections(self, projection: str) -> Connections:
        """The synapses of a projection with their present weights."""

    def weights(self, projection: str) -> NDArray[Any]:
        """The present weights of a projection (n_synapses,) float64."""
