"""The port for stores, where weights live; and the ideal one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

from ...kernels.backend import Exact
from .. import validation as check
from ..operators.build import Build
from ..operators.operator import Phase
from ..operators.signals import Memory, Signal

if TYPE_CHECKING:
    from ..operators.synapses import Synapses

MOST_BITS: Final = 16


@dataclass(frozen=True)
class Proposals:
    """What a rule asks of a store in one step: change synapse ``synapse[k]`` by ``change[k]``, k < count[0].

    synapse (capacity,) uint32; change (capacity,) float, in the unit of the weights; count (1,) int64;
    low, high: the rule's bounds on a weight. Where the store merely adds and the rule can do that itself, `direct` is
    1, `weights` (n_synapses,) are changed at once, and nothing is proposed.
    """

    synapse: Signal
    change: Signal
    count: Signal
    low: float
    high: float
    weights: Signal
    direct: int

    @property
    def scope(self) -> dict[str, Any]:
        return {
            "synapse": self.synapse,
            "change": self.change,
            "proposed": self.count,
            "low": self.low,
            "high": self.high,
            "weights": self.weights,
            "direct": self.direct,
        }


class Store(ABC):
    """Where the weights of a projection live, and the only one who may change them.

    1. `prepare` declares the signals (part "store") that hold the weights;
    2. `read` adds operators to phase ``synapses.phase`` that turn arriving spikes into input;
    3. `program` adds operators to phase LEARN that carry out a rule's proposals, as far as the store can;
    4. `weights` tells the effective weight of every synapse, in the order of `Simulator.weights`.

    What `prepare` returns is handed to the other three. static: without a rule the synapses are plain numbers that
    never change, so nobody needs a list of them; redraws: there is never such a list; counts: deliveries add up weights
    in whole numbers where ``synapses.scale`` is given; adds: to program is to add to the signal `weights` within the
    rule's bounds; bits: see `Ideal`.
    """

    static: ClassVar[bool] = False
    redraws: ClassVar[bool] = False
    counts: ClassVar[bool] = False
    adds: ClassVar[bool] = False
    bits: int | None = None

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
    """Weights as plain numbers: read exactly, changed exactly, kept within the rule's bounds.

    bits: None keeps every weight as a float. 1 to 16 round weights to 2**bits levels, so that a synapse needs 4 bytes
    instead of 8: those of a law to equally likely levels with the law's mean and variance, those given one by one
    to the nearest of as many evenly spaced ones. One weight for all is exact in any case. Where targets are independent
    draws (FixedTotal, FixedOutDegree), one word of 32 bits may choose target and level: exact for a power of two of
    targets, else a target's chance of a level is off by a share of at most n_post * 2**bits / 2**32.
    """

    bits: int | None = None
    static: ClassVar[bool] = True
    counts: ClassVar[bool] = True
    adds: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.bits is not None:
            check.keep(self, "bits", check.whole, least=1, most=MOST_BITS)

    def prepare(self, synapses: Synapses, build: Build) -> dict[str, Any]:
        """The weights as a signal where a rule changes them; else they are part of a bundle."""
        if not synapses.plastic:
            return {}
        if self.bits is not None:
            raise check.fail(self, "bits", "must be None where a rule learns", self.bits)
        weights = np.broadcast_to(synapses.weights, (synapses.n,))
        return {"weights": build.signal(f"{synapses.name}.weights", "store", "float", (synapses.n,), weights)}

    def read(self, synapses: Synapses, scope: dict[str, Any], build: Build) -> None:
        if not synapses.plastic:
            build.bundle(synapses)
            return
        waking = build.waking(synapses.scope["receiving"])
        own = {**synapses.spell(build), **scope, **waking, "pending": build.pending(synapses.name)}
        if synapses.alike:
            own["weights"] = 1.0 if synapses.scale is None else int(synapses.scale)
        if synapses.scale is None or synapses.alike:
            build.operator(synapses.phase, synapses.name, "deliver_step", own)
        else:
            own["scale"] = Exact(synapses.scale)
            build.operator(synapses.phase, synapses.name, "deliver_counted_step", own)

    def program(self, synapses: Synapses, scope: dict[str, Any], proposals: Proposals, build: Build) -> None:
        build.operator(Phase.LEARN, synapses.name, "program_step", {**proposals.scope, **scope})

    def weights(self, synapses: Synapses, memory: Memory) -> NDArray[np.float64]:
        """Those that learn are a signal; others stand in bundles, where threads share them, and are drawn again."""
        if not synapses.plastic:
            return constant_weights(synapses, memory)
        return memory[f"{synapses.name}.weights"].astype(np.float64)


@final
@dataclass(frozen=True, kw_only=True)
class Procedural(Store):
    """No memory for synapses: targets and weights are drawn again whenever a spike needs them.

    The spikes are those of ``Ideal(bits=bits)``, which holds the same draws. Only the number of synapses of each
    source and delay is kept. For FixedTotal and FixedOutDegree with multapses, a weight that is a number or a law,
    and a delay that is a number or a law. Knight and Nowotny (2021), doi:10.1038/s43588-020-00022-7.
    """

    bits: int = 8  # of a weight drawn from a law: 2**bits levels
    static: ClassVar[bool] = True
    redraws: ClassVar[bool] = True
    counts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check.keep(self, "bits", check.whole, least=1, most=MOST_BITS)

    def prepare(self, synapses: Synapses, build: Build) -> dict[str, Any]:
        """Nothing: the bundle keeps the number of draws of each (source, delay)."""
        return {}

    def read(self, synapses: Synapses, scope: dict[str, Any], build: Build) -> None:
        build.bundle(synapses)

    def program(self, synapses: Synapses, scope: dict[str, Any], proposals: Proposals, build: Build) -> None:
        raise check.fail(self, "rule", "must be None: there are no weights to change", synapses.name)

    def weights(self, synapses: Synapses, memory: Memory) -> NDArray[np.float64]:
        return constant_weights(synapses, memory)


def sum_dtype(synapses: Synapses) -> str:
    """What deliveries of these synapses add up."""
    return "float" if synapses.scale is None else "int64"


def constant_weights(synapses: Synapses, memory: Memory) -> NDArray[np.float64]:
    """The weights of a projection that never learns (n_synapses,), in the precision in which they act."""
    weights = np.broadcast_to(np.asarray(synapses.weights, memory.precision), (synapses.n,))
    return weights.astype(np.float64)
