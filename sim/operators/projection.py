"""One projection as its store and its rule see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu.connectivity import reverse_index
from .build import Build
from .operator import Kernel, Operator, Phase
from .signals import Signal
from .synapses import Synapses

Bounds = tuple[float, float]
UNBOUNDED: Bounds = (float("-inf"), float("inf"))


@final
@dataclass(eq=False)
class ProjectionScope:
    """A projection that is being compiled: its synapses, and what the kernels of its store and rule may ask for.

    phase: in which the store delivers. owned: the range of targets that each thread owns. bounds: of the weights,
    where a rule has any. scale: arrivals are counted in whole numbers of 1 / scale; None where they are added up as
    floats. alike: each arrival adds 1, whatever its weight. bundled: the synapses are delivered together with others of
    their source. names: signals and numbers, by the names under which kernels ask for them:

    - history, history_count, fired_pre, count_pre: the spikes of the source, see `send_step`;
    - fired_post, count_post: the units of the target that fire in this step;
    - ``v_pre``, ``v_post`` ...: the state variables of both;
    - receiving: where arrivals are added up; key: of random draws.

    What a store or a rule declares is called after the projection: ``signal("trace", ...)`` is ``name.trace``.
    """

    synapses: Synapses
    build: Build
    phase: Phase = Phase.DELIVER
    owned: Sequence[tuple[int, int]] = ()
    bounds: Bounds = UNBOUNDED
    scale: float | None = None
    alike: bool = False
    bundled: bool = False
    names: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the projection."""
        return self.synapses.name

    @property
    def sum_dtype(self) -> str:
        """What deliveries add up."""
        return "float" if self.scale is None else "int64"

    def counted(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights as deliveries add them up: as they are, all 1, or as whole numbers of 1 / scale."""
        weights = np.ones_like(weights) if self.alike else weights
        return weights if self.scale is None else np.rint(weights * self.scale)

    def signal(self, name: str, *arguments: Any, **how: Any) -> Signal:
        """A new signal of this projection; see `Build.signal`."""
        return self.build.signal(f"{self.name}.{name}", *arguments, **how)

    def fixed(self, name: str, array: Any, **how: Any) -> Signal:
        """A new signal of this projection that never changes; see `Build.fixed`."""
        return self.build.fixed(f"{self.name}.{name}", array, **how)

    def tally(self, name: str, *arguments: Any) -> Signal:
        """A running total of this projection; see `Build.tally`."""
        return self.build.tally(f"{self.name}.{name}", *arguments)

    def operator(self, phase: Phase, kernel: Kernel, scope: Mapping[str, Any], **how: Any) -> Operator:
        """Let a kernel run in every step; see `Build.operator`."""
        return self.build.operator(phase, self.name, kernel, {**self.names, **scope}, **how)

    def listed(self) -> dict[str, Signal]:
        """The synapses as signals, made on first use.

        lags (n_lags,) the delays [steps]; first (n_pre * n_lags + 1,) where the segment of each source and delay
        begins; targets (n,).
        """

        def make() -> dict[str, Any]:
            listing = self.synapses.listing
            targets = narrow(listing.targets, self.synapses.n_post) if self.synapses.plastic else listing.targets
            return {"lags": self.synapses.lags, "first": listing.first, "targets": targets}

        return self._once(("lags", "first", "targets"), make)

    def reverse(self) -> dict[str, Signal]:
        """Signals to go from a target to its synapses, made on first use.

        first_post (n_post + 1,); synapse_post (n,) the synapses of each target; segment_post (n,) their segments.
        """

        def make() -> dict[str, Any]:
            synapses = self.synapses
            first, order = reverse_index(synapses.targets, synapses.n_post)
            segments = narrow(synapses.segments()[order], synapses.n_pre * synapses.lags.size)
            return {"first_post": first, "synapse_post": order, "segment_post": segments}

        return self._once(("first_post", "synapse_post", "segment_post"), make)

    def _once(self, names: Sequence[str], make: Callable[[], dict[str, Any]]) -> dict[str, Signal]:
        """Fixed signals of these names, from the arrays that `make` returns where they are not there yet."""
        if names[0] not in self.names:
            for name, array in make().items():
                self.names[name] = self.fixed(name, array)
        return {name: self.names[name] for name in names}


def narrow(indices: NDArray[np.uint32], below: int) -> NDArray[Any]:
    """Indices in two bytes each where that is enough for all `below` some number."""
    return indices.astype(np.uint16) if below <= 1 << 16 else indices


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
