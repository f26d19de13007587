"""The port for stores, where weights live; and the two ideal ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

from ...kernels.backend import Exact
from ...kernels.cpu.connectivity import reverse_index
from ...kernels.cpu.graded import WIDE
from .. import validation as check
from ..operators.convolved import multiply
from ..operators.operator import Phase
from ..operators.projection import ProjectionScope, Proposals
from ..operators.signals import Memory
from .tensor_store import TensorStore

MOST_BITS: Final = 16
LEVEL_BYTES: Final = 4  # of a synapse whose weight is one of few levels
FLOAT_BYTES: Final = 8  # of one with a weight of its own
GATHERED_BYTES: Final = 8  # of one that brings numbers, but for its weight: its source and its lag
# of one that learns, with its reverse index and the copy for interrupted runs
PLASTIC_BYTES: Final = 20
# of one in any other store, such as pairs of devices, and the copy for interrupted runs
OTHER_BYTES: Final = 32


@final
@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a store can do beyond its duties. A new store can do nothing of this until it says so.

    static: without a rule, its weights are plain numbers that never change. Then the engine may
    choose how synapses are laid out in memory. redraws: it keeps no synapses; they are drawn again
    at every spike. counts: it can add up weights in whole numbers, where ``ProjectionScope.scale``
    is given. adds: to carry out a proposal is to add to the signal `weights` within the rule's
    bounds, so a rule may do that. shares: where a rule learns, its kernels keep to the synapses of
    one thread's targets, which they find by `begin` and `end` or by proposals, and draw no random
    numbers by the place of a proposal.
    """

    static: bool = False
    redraws: bool = False
    counts: bool = False
    adds: bool = False
    shares: bool = False

    def __post_init__(self) -> None:
        for own in fields(self):
            check.keep(self, own.name, check.flag)


class Store(ABC):
    """Where the weights of a projection live, and the only one who may change them.

    1. `prepare` declares the signals (in region "store") that hold the weights;
    2. `read` adds operators to phase ``projection.phase`` that turn arriving spikes into input;
    3. `program` adds operators to phase LEARN that carry out a rule's proposals, as far as the
       store can;
    4. `weights` tells the effective weight of every synapse, in the order of `projection.synapses`.

    At the end of a batch with ``learn="sum"`` or "mean", what was proposed in all samples is carried
    out by the operators of `program`, which then run once without the others, unless `can.adds`.

    Where the source sends numbers instead of spikes, `multiply` takes the place of `read`: it adds
    operators that add the sum of weight * number to ``receiving`` in every step.

    What `prepare` returns is handed to `read` and `program`. `product` multiplies numbers with all
    weights at once. `tensors` says how the weights are read on backend "torch". can: what else the
    store does; bits: see `Ideal`.
    """

    can: ClassVar[Capabilities] = Capabilities()
    bits: int | None = None

    @abstractmethod
    def prepare(self, projection: ProjectionScope) -> dict[str, Any]: ...

    @abstractmethod
    def read(self, projection: ProjectionScope, scope: dict[str, Any]) -> None: ...

    def multiply(self, projection: ProjectionScope, scope: dict[str, Any]) -> None:
        rule = f"must be Ideal() or another store that multiplies, as the source of {projection.name} sends numbers"
        raise check.fail("Network", "connect store", rule, type(self).__name__)

    @abstractmethod
    def program(
        self, projection: ProjectionScope, scope: dict[str, Any], proposals: Proposals
    ) -> None: ...

    @abstractmethod
    def weights(self, projection: ProjectionScope, memory: Memory) -> NDArray[np.float64]: ...

    def product(
        self,
        projection: ProjectionScope,
        memory: Memory,
        x: NDArray[np.float64],
        *,
        transpose: bool = False,
        key: int = 0,
    ) -> NDArray[np.float64]:
        """The product of the weights with numbers, whatever their delays.

        x (batch, n_pre) -> (batch, n_post). transpose: backwards, (batch, n_post) -> (batch,
        n_pre). key: of what a reading draws. This one is exact.
        """
        from scipy.sparse import coo_array

        synapses = projection.synapses
        pairs, shape = (synapses.sources(), synapses.targets), (synapses.n_pre, synapses.n_post)
        table = coo_array((self.weights(projection, memory), pairs), shape=shape).tocsr()
        return np.asarray(x @ (table.T if transpose else table))

    def tensors(self, projection: ProjectionScope, memory: Memory) -> TensorStore | None:
        """How the weights of a projection without a rule are read on tensors.

        None where they cannot be, or where `can.static` says that they are plain numbers.
        """
        return None

    def bytes_per_synapse(self, *, plastic: bool, levels: bool, number: int = 0) -> int:
        """The memory that a synapse takes while it is simulated.

        levels: whether its weight is one of few levels. number: where its source sends numbers, the
        bytes of a weight in the precision of the simulation, else 0.
        """
        return OTHER_BYTES


@final
@dataclass(frozen=True, kw_only=True)
class Ideal(Store):
    """Weights as plain numbers: read exactly, changed exactly, kept within the rule's bounds.

    bits: None keeps every weight as a float. 1 to 16 round weights to 2**bits levels, so that a
    synapse needs 4 bytes instead of 8: those of a parametric distribution to equally likely levels
    with its mean and variance, those given one by one to the nearest of as many evenly spaced ones.
    One weight for all is exact in any case. Where targets are independent draws (FixedTotal,
    FixedOutDegree), one word of 32 bits may choose target and level: exact for a power of two of
    targets, else a target's chance of a level is off by a share of at most n_post * 2**bits /
    2**32.
    """

    bits: int | None = None
    can: ClassVar[Capabilities] = Capabilities(static=True, counts=True, adds=True, shares=True)

    def __post_init__(self) -> None:
        if self.bits is not None:
            check.keep(self, "bits", check.whole, least=1, most=MOST_BITS)

    def prepare(self, projection: ProjectionScope) -> dict[str, Any]:
        """The weights as a signal where a rule changes them; else they are part of a bundle."""
        synapses = projection.synapses
        if not synapses.plastic:
            return {}
        if self.bits is not None:
            raise check.fail(self, "bits", "must be None where a rule learns", self.bits)
        weights = np.broadcast_to(synapses.weights, (synapses.n,))
        return {"weights": projection.signal("weights", "store", "float", (synapses.n,), weights)}

    def read(self, projection: ProjectionScope, scope: dict[str, Any]) -> None:
        if not projection.synapses.plastic:
            projection.bundled = True
            return
        build, scale = projection.build, projection.scale
        own = {**projection.listed(), **scope, **build.waking(projection.names["receiving"])}
        own["pending"] = projection.pending()
        if projection.alike:
            own["weights"] = 1.0 if scale is None else int(scale)
        if scale is None or projection.alike:
            projection.operator(projection.phase, "deliver_step", own)
        else:
            projection.operator(
                projection.phase, "deliver_counted_step", {**own, "scale": Exact(scale)}
            )

    def multiply(self, projection: ProjectionScope, scope: dict[str, Any]) -> None:
        """Targets gather what their synapses bring, each thread for its own."""
        synapses, kernel = projection.synapses, "product_step"
        if synapses.convolution is not None:
            multiply(projection)
            return
        gathered = {**projection.spelled_lags(), **scope}
        if synapses.plastic:
            kernel = "plastic_product_step"
            gathered |= projection.reverse()
        else:
            gathered |= self._gathered(projection)
        for thread, (low, high) in enumerate(projection.owned):
            if low < high:
                own = {**gathered, "low": low, "high": high}
                projection.operator(projection.phase, kernel, own, thread=thread)

    def _gathered(self, projection: ProjectionScope) -> dict[str, Any]:
        """The synapses in the order of their targets, which take the place of the listing."""
        synapses, dtype = projection.synapses, projection.build.precision
        first, order = reverse_index(synapses.targets, synapses.n_post)
        weights = np.broadcast_to(np.asarray(synapses.weights, dtype), (synapses.n,))
        places = (synapses.segments() % synapses.lags.size).astype(np.uint32)
        arrays = {
            "first_post": first.astype(np.uint32),
            "source": synapses.sources()[order],
            "lag": places[order],
        }
        gathered = {name: projection.fixed(name, array) for name, array in arrays.items()}
        gathered["weights"] = projection.fixed("weights", weights[order], dtype="float")
        synapses.release()
        return gathered

    def product(
        self,
        projection: ProjectionScope,
        memory: Memory,
        x: NDArray[np.float64],
        *,
        transpose: bool = False,
        key: int = 0,
    ) -> NDArray[np.float64]:
        """Where numbers are multiplied in every step, of the same arrays."""
        convolution = projection.synapses.convolution
        if convolution is not None:
            return convolution.multiplied(x, precision=memory.precision, transpose=transpose)
        if f"{projection.name}.source" not in memory.views:
            return super().product(projection, memory, x, transpose=transpose, key=key)
        from scipy.sparse import csr_array

        names = ("weights", "source", "first_post")
        weights, source, first = (memory[f"{projection.name}.{name}"] for name in names)
        synapses = projection.synapses
        shape = (synapses.n_post, synapses.n_pre)
        table = csr_array((weights.astype(np.float64), source, first), shape=shape)
        return np.asarray(x @ (table if transpose else table.T))

    def program(
        self, projection: ProjectionScope, scope: dict[str, Any], proposals: Proposals
    ) -> None:
        projection.operator(Phase.LEARN, "program_step", {**proposals.scope, **scope})

    def weights(self, projection: ProjectionScope, memory: Memory) -> NDArray[np.float64]:
        """Those that learn are a signal.

        Others stand in bundles, where threads share them, and are drawn again.
        """
        if not projection.synapses.plastic:
            return constant_weights(projection, memory)
        return memory[f"{projection.name}.weights"].astype(np.float64)

    def bytes_per_synapse(self, *, plastic: bool, levels: bool, number: int = 0) -> int:
        if plastic:
            return PLASTIC_BYTES + (2 * (number - 4) if number else 0)
        if number:
            return GATHERED_BYTES + number
        return LEVEL_BYTES if levels else FLOAT_BYTES


@final
@dataclass(frozen=True, kw_only=True)
class Procedural(Store):
    """No memory for synapses: targets and weights are drawn again when needed.

    They are drawn whenever a spike needs them, or in every step where the source sends numbers, but
    not for sources that send 0. The spikes are those of ``Ideal(bits=bits)``, which holds the same
    draws. Only the number of synapses of each source and delay is kept. For FixedTotal and
    FixedOutDegree with multapses; the weight and the delay each a number or a parametric
    distribution. Knight and Nowotny (2021), doi:10.1038/s43588-020-00022-7.
    """

    bits: int = 8  # of a weight drawn from a parametric distribution: 2**bits levels
    can: ClassVar[Capabilities] = Capabilities(static=True, redraws=True, counts=True)

    def __post_init__(self) -> None:
        check.keep(self, "bits", check.whole, least=1, most=MOST_BITS)

    def prepare(self, projection: ProjectionScope) -> dict[str, Any]:
        """Nothing: the bundle keeps the number of draws of each (source, delay)."""
        return {}

    def read(self, projection: ProjectionScope, scope: dict[str, Any]) -> None:
        projection.bundled = True

    def multiply(self, projection: ProjectionScope, scope: dict[str, Any]) -> None:
        """All synapses are drawn again in every step, by the thread that owns their targets."""
        synapses = projection.synapses
        assert synapses.rows is not None
        first = np.append(0, np.cumsum(synapses.lag_counts().reshape(-1), dtype=np.uint32))
        own = {
            **projection.spelled_lags(),
            "first": projection.fixed("first", first.astype(np.uint32)),
            "row_seed": np.uint64(synapses.rows.key),
            "skip": int(synapses.rows.skip_self),
            "table": projection.fixed("table", synapses.levels, dtype="float"),
            "drawn": projection.signal("drawn", "scratch", "uint32", (2 * WIDE,)),
            "sums": projection.signal("sums", "scratch", "float64", (synapses.n_post,)),
        }
        owners = [thread for thread, (low, high) in enumerate(projection.owned) if low < high]
        thread = owners[0] if len(owners) == 1 else None
        for kernel in ("drawn_product_step", "add_step"):
            projection.operator(projection.phase, kernel, own, thread=thread)

    def program(
        self, projection: ProjectionScope, scope: dict[str, Any], proposals: Proposals
    ) -> None:
        raise check.fail(
            self, "rule", "must be None: there are no weights to change", projection.name
        )

    def weights(self, projection: ProjectionScope, memory: Memory) -> NDArray[np.float64]:
        return constant_weights(projection, memory)

    def bytes_per_synapse(self, *, plastic: bool, levels: bool, number: int = 0) -> int:
        return 0


def constant_weights(projection: ProjectionScope, memory: Memory) -> NDArray[np.float64]:
    """The weights of a projection that never learns (n_synapses,).

    They are in the precision in which they act.
    """
    synapses = projection.synapses
    weights = np.broadcast_to(np.asarray(synapses.weights, memory.precision), (synapses.n,))
    return weights.astype(np.float64)
