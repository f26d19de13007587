"""The port for stores, where weights live; and the ideal one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from .build import Build
from .operator import Phase
from .signals import Memory, Signal

if TYPE_CHECKING:
    from .synapses import Synapses


@dataclass(frozen=True)
class Proposals:
    """What a rule asks of a store in one step: change synapse ``synapse[k]`` by ``change[k]``, k < count[0].

    synapse (capacity,) uint32; change (capacity,) float, in the unit of the weights; count (1,) int64;
    low, high: the rule's bounds on a weight.
    """

    synapse: Signal
    change: Signal
    count: Signal
    low: float
    high: float

    @property
    def scope(self) -> dict[str, Any]:
        return {
            "synapse": self.synapse,
            "change": self.change,
            "proposed": self.count,
            "low": self.low,
            "high": self.high,
        }


class Store(ABC):
    """Where the weights of a projection live, and the only one who may change them.

    1. `prepare` declares the signals (part "store") that hold the weights;
    2. `read` adds operators to phase ``synapses.phase`` that turn arriving spikes into input;
    3. `program` adds operators to phase LEARN that carry out a rule's proposals, as far as the store can;
    4. `weights` tells the effective weight of every synapse, in (source, delay) order.

    What `prepare` returns is handed to the other three.
    """

    @abstractmethod
    def prepare(self, synapses: Synapses, build: Build) -> dict[str, Any]: ...

    @abstractmethod
    def read(self, synapses: Synapses, scope: dict[str, Any], build: Build) -> None: ...

    @abstractmethod
    def program(self, synapses: Synapses, scope: dict[str, Any], proposals: Proposals, build: Build) -> None: ...

    @abstractmethod
    def weights(self, synapses: Synapses, memory: Memory) -> NDArray[np.float64]: ...


@final
@dataclass(frozen=True, kw_only=True)
class Ideal(Store):
    """Weights as plain numbers: read exactly, changed exactly, kept within the rule's bounds."""

    def prepare(self, synapses: Synapses, build: Build) -> dict[str, Any]:
        """One number for all synapses where that is enough, else one per synapse."""
        if np.ndim(synapses.weights) == 0 and not synapses.plastic:
            return {"weights": float(synapses.weights)}
        shape = (synapses.n,)
        return {"weights": build.signal(f"{synapses.name}.weights", "store", "float", shape, synapses.weights)}

    def read(self, synapses: Synapses, scope: dict[str, Any], build: Build) -> None:
        build.operator(synapses.phase, synapses.name, "deliver_step", {**synapses.scope, **scope})

    def program(self, synapses: Synapses, scope: dict[str, Any], proposals: Proposals, build: Build) -> None:
        build.operator(Phase.LEARN, synapses.name, "program_step", {**proposals.scope, **scope})

    def weights(self, synapses: Synapses, memory: Memory) -> NDArray[np.float64]:
        name = f"{synapses.name}.weights"
        if name in memory.views:
            return memory[name].astype(np.float64)
        return np.full(synapses.n, float(synapses.weights))
