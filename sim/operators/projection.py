"""One projection as its store and its rule see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu.connectivity import reverse_index
from ...kernels.cpu.rows import count_listed
from .. import validation as check
from .build import Build, Scope
from .operator import Kernel, Operator, Phase, parameters
from .per_thread import PerThread, spread
from .signals import Signal
from .synapses import Synapses
from .traces import Trace, Traces

Bounds = tuple[float, float]
Share = tuple[int, int, int | None]  # targets low to high - 1, thread
UNBOUNDED: Bounds = (float("-inf"), float("inf"))


@final
@dataclass(eq=False)
class ProjectionScope:
    """A projection that is being compiled, as its store and rule see it.

    It has the synapses, and all that the kernels of store and rule may ask for.

    phase: in which the store delivers. owned: the range of targets that each thread owns. shares:
    (low, high, thread) of the targets on which a kernel of the store or the rule works at a time;
    one share of all, and no thread, where they do not keep apart what belongs to which. bounds: of
    the weights, where a rule has any. scale: arrivals are counted in whole numbers of 1 / scale;
    None where they are added up as floats. alike: each arrival adds 1, whatever its weight.
    bundled: the synapses are delivered together with others of their source. weights: the signal of
    the weights (n_synapses,) that a rule changes, where to change them is to add to it.
    n_rules: how many rules there are. all_fired: fired_post and count_post of all target units,
    whoever owns them. names: signals and numbers, by the names under which kernels ask for them:

    - history, history_count, fired_pre, count_pre: the spikes of the source, see `send_step`;
    - fired_post, count_post: the units of the target, or of the share of a thread, that fire in
      this step;
    - ``v_pre``, ``v_post`` ...: the state variables of both;
    - portion, portions: 0 and 1, see `target_spikes`;
    - begin_post, end_post: the first target of the share, and the one behind its last;
    - the modulators of the target, by their names;
    - sent: the numbers that a source sent, where it sends numbers, see `send_values_step`, and
      `arriving` for those that arrive in this step;
    - receiving: where arrivals are added up; key: of random draws.

    traces: of its arrivals and of its target, see `trace`; eligibilities: of its synapses. What a
    store or a rule declares is called after the projection: ``signal("trace", ...)`` is
    ``name.trace``. prefix: of these names for all rules of a projection but its first, such as
    ``rule2.`` in ``name.rule2.trace``.
    """

    synapses: Synapses
    build: Build
    phase: Phase = Phase.DELIVER
    owned: Sequence[tuple[int, int]] = ()
    shares: Sequence[Share] = ()
    bounds: Bounds = UNBOUNDED
    scale: float | None = None
    alike: bool = False
    bundled: bool = False
    weights: Signal | None = None
    n_rules: int = 1
    proposals: Proposals | None = None
    programming: list[Operator] = field(default_factory=list)
    prefix: str = ""
    names: dict[str, Any] = field(default_factory=dict)
    all_fired: dict[str, Any] = field(default_factory=dict)
    traces: dict[str, Traces] = field(default_factory=dict)
    eligibilities: dict[Any, Trace] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shares = self.shares or [(0, self.synapses.n_post, None)]

    @property
    def name(self) -> str:
        """The name of the projection."""
        return self.synapses.name

    @property
    def sum_dtype(self) -> str:
        """What deliveries add up."""
        return "float" if self.scale is None else "int64"

    def counted(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights as deliveries add them up.

        That is as they are, all 1, or as whole numbers of 1 / scale.
        """
        weights = np.ones_like(weights) if self.alike else weights
        return weights if self.scale is None else np.rint(weights * self.scale)

    def of_rule(self, number: int) -> ProjectionScope:
        """This projection as one of its rules sees it; rules are counted from 0.

        What a rule declares has names of its own.
        """
        return replace(self, prefix=f"rule{number + 1}.") if number else self

    def signal(self, name: str, *arguments: Any, **how: Any) -> Signal:
        """A new signal of this projection; see `Build.signal`."""
        return self.build.signal(f"{self.name}.{self.prefix}{name}", *arguments, **how)

    def fixed(self, name: str, array: Any, **how: Any) -> Signal:
        """A new signal of this projection that never changes; see `Build.fixed`."""
        return self.build.fixed(f"{self.name}.{self.prefix}{name}", array, **how)

    def tally(self, name: str, *arguments: Any) -> Signal:
        """A running total of this projection; see `Build.tally`."""
        return self.build.tally(f"{self.name}.{self.prefix}{name}", *arguments)

    def counter(self, name: str, *, once: bool = False) -> Any:
        """A running total of whole numbers to which the kernels of every share add; see `tally`.

        once: they note 0 or 1, and a step counts once, whichever of them noted 1.
        """
        total = self.tally(name)
        if len(self.shares) == 1:
            return total
        part = self.each_share(
            lambda k, low, high: self.signal(f"{name}.share{k}", "scratch", "int64", (1,))
        )
        joined = self.signal(f"{name}.any", "scratch", "int64", (1,)) if once else total
        kernel, into = ("most_step", "most") if once else ("total_step", "total")
        for one in part.values:
            self.build.operator(Phase.SEND, self.name, kernel, {"part": one, into: joined})
        if once:
            own = {"part": joined, "total": total}
            self.build.operator(Phase.SEND, self.name, "total_step", own)
        return part

    def operator(self, phase: Phase, kernel: Kernel, scope: Mapping[str, Any], **how: Any) -> None:
        """Let a kernel run in every step, once or for each share.

        See `Build.operator` and `spread`.
        """
        threads = [thread for _, _, thread in self.shares]
        if self.shared and self._looks_at_source(kernel, scope):
            self.build.meet()
        spread(self.build, phase, self.name, kernel, {**self.names, **scope}, threads, **how)

    def target_spikes(self) -> Scope:
        """The spikes of the target, as a kernel finds them that changes synapses of units that fire.

        fired_post, count_post: the units; portion, portions: on which of so many equal portions of
        each unit's synapses the kernel works. Where one rule alone changes the weights at once,
        every thread works on its portion for all units, so all have the same to do. Else each works
        on all synapses of its own units. For the one kernel of a rule that changes weights in phase
        LEARN.
        """
        direct = self.proposals is not None and self.proposals.direct
        if not (direct and self.n_rules == 1 and len(self.shares) > 1):
            return {}
        self.build.meet(Phase.LEARN)  # what arrives changes the synapses of a thread's own units
        numbers = self.each_share(lambda k, low, high: k)
        return {**self.all_fired, "portion": numbers, "portions": len(self.shares)}

    def _looks_at_source(self, kernel: Kernel, scope: Mapping[str, Any]) -> bool:
        """Whether a kernel asks for the state of source units, which other threads may advance."""
        asked = set(parameters(self.build.kernel(kernel, self.name))) - set(scope)
        return any(name.endswith("_pre") and name in self.names for name in asked)

    def trace(
        self,
        side: str,
        tau: float,
        jump: float = 1.0,
        *,
        nearest: bool = False,
        late: bool = False,
    ) -> Trace:
        """Traces with the decay time `tau` [s] that a spike raises by `jump`.

        Rules that ask for the same traces share them.

        side: "pre", of the arrivals (n_pre * n_lags,), one for each source and delay; "post", of
        the target's spikes (n_post,), one for each unit. Kernels in phase ARRIVALS find the
        target's as they were before the spikes of this step, those in phase LEARN with them; both
        find those of the arrivals with the ones of this step. nearest: a spike sets the trace to
        `jump`. late: kernels find all traces as they were before their own spikes raise them: those of the
        arrivals in phase ARRIVALS, the target's in phase LEARN. Raises ParameterError for "pre" where
        the source sends numbers.
        """
        if side == "pre" and self.graded:
            rule = f"must be 'post', as the source of {self.name} sends numbers, not spikes"
            raise check.fail("ProjectionScope", "trace side", rule, side)
        return self.traces[f"{side} late" if late else side].trace(tau, jump, nearest=nearest)

    def arriving(self) -> dict[str, Any]:
        """What a source that sends numbers brings in this step, made on first use.

        arriving (n_pre * n_lags,): the number of each source and delay, for kernels in phases
        ARRIVALS and LEARN. Raises ParameterError where the source sends spikes.
        """
        if not self.graded:
            rule = f"must send numbers for a rule that asks what is arriving over {self.name}"
            raise check.fail("ProjectionScope", "source", rule, "spikes")

        def make() -> dict[str, Any]:
            n = self.synapses.n_pre * self.synapses.lags.size
            scope = {"sent": self.names["sent"], **self.spelled_lags()}
            scope["arriving"] = self.signal("arriving", "scratch", "float", (n,))
            self.build.operator(Phase.GATHER, self.name, "arriving_step", scope)
            return {"arriving": scope["arriving"]}

        return self._once(("arriving",), make)

    def eligibility(
        self, tau: float, name: str = "", raised: Sequence[tuple[Phase, Kernel, Scope]] = ()
    ) -> Trace:
        """Traces of the synapses (n_synapses,) themselves, of decay time `tau` [s].

        The rule's kernels raise them. Where it gives these as `raised`, each with its phase and
        what it finds beside the traces, which are called trace_`name`, rules that ask for the same
        share the traces, and each kernel runs once.
        """
        key = (
            tau,
            *((phase, kernel, *self._bound(kernel, scope)) for phase, kernel, scope in raised),
        )
        if raised and key in self.eligibilities:
            return self.eligibilities[key]
        number = sum(one.startswith("eligibility") for one in self.traces)
        label = f"{self.name}.eligibility{number or ''}"
        made = Traces(self.build, label, self.synapses.n, region="store")
        self.traces[f"eligibility{number}"] = made
        self.eligibilities[key if raised else label] = trace = made.trace(tau, 1.0)
        for phase, kernel, scope in raised:
            self.operator(phase, kernel, {**scope, **trace.named(name)})
        return trace

    def _bound(self, kernel: Kernel, scope: Scope) -> list[tuple[str, Any]]:
        """What the parameters of a kernel are bound to: numbers, and which signals."""
        everything, asked = (
            {**self.names, **scope},
            parameters(self.build.kernel(kernel, self.name)),
        )
        found = [(name, everything.get(name)) for name in asked]
        return [
            (name, value if isinstance(value, (int, float)) else id(value)) for name, value in found
        ]

    def each_share(self, make: Callable[[int, int, int], Any]) -> Any:
        """``make(k, low, high)`` for each share, as a kernel finds it."""
        values = tuple(make(k, low, high) for k, (low, high, _) in enumerate(self.shares))
        return PerThread(values) if self.shared else values[0]

    @property
    def shared(self) -> bool:
        """Whether the kernels of store and rule work on the targets of one thread."""
        return self.shares[0][2] is not None

    def pending(self) -> Any:
        """Room in which a delivery collects the segments that it works on."""
        return self.each_share(lambda k, low, high: self.build.pending(f"{self.name}{k or ''}"))

    def listed(self) -> dict[str, Any]:
        """The synapses as signals, made on first use.

        lags (n_lags,) the delays [steps]; first (n_pre * n_lags + 1,) where the segment of each
        source and delay begins; begin, end (n_pre * n_lags,), perhaps longer: where the synapses of
        a share begin and end in it;
        targets (n,).
        """

        def make() -> dict[str, Any]:
            listing = self.synapses.listing
            targets = (
                narrow(listing.targets, self.synapses.n_post)
                if self.synapses.plastic
                else listing.targets
            )
            borders = [self.fixed("first", listing.first)]
            borders += [
                self.fixed(f"border{k}", self._below(low), layout=True) for k, low in self._cuts()
            ]
            borders += [self.fixed("last", listing.first[1:])]
            return {
                "first": borders[0],
                "begin": self.each_share(lambda k, low, high: borders[k]),
                "end": self.each_share(lambda k, low, high: borders[k + 1]),
                "targets": self.fixed("targets", targets),
            }

        return self.spelled_lags() | self._once(("first", "begin", "end", "targets"), make)

    def spelled_lags(self) -> dict[str, Any]:
        """lags (n_lags,): the distinct delays [steps] as a signal, made on first use."""
        return self._once(("lags",), lambda: {"lags": self.fixed("lags", self.synapses.lags)})

    def own_synapses(self) -> Any:
        """How many synapses each share has."""
        if len(self.shares) == 1:
            return [self.synapses.n]
        ends = [
            self.synapses.first[:-1],
            *(self._below(low) for _, low in self._cuts()),
            self.synapses.first[1:],
        ]
        totals = [int(end.sum(dtype=np.int64)) for end in ends]
        return [high - low for low, high in pairwise(totals)]

    def _cuts(self) -> list[tuple[int, int]]:
        """The number and the first target of every share but the first."""
        return [(k, low) for k, (low, _, _) in enumerate(self.shares) if k]

    def _below(self, border: int) -> NDArray[np.uint32]:
        """Where in each segment (n_segments,) the targets from `border` on begin.

        Targets ascend in it.
        """
        listing, lags = self.synapses.listing, self.synapses.lags.size
        counts = np.zeros((self.synapses.n_pre, lags), np.uint32)
        count_listed(listing.first, lags, listing.targets, 0, border, np.arange(lags), counts)
        return listing.first[:-1] + counts.reshape(-1)

    @property
    def graded(self) -> bool:
        """Whether the source sends numbers in every step, not spikes."""
        return "sent" in self.names

    def reverse(self) -> dict[str, Any]:
        """Signals to go from a target to its synapses, made on first use.

        first_post (n_post + 1,); synapse_post (n,) the synapses of each target; segment_post (n,)
        their segments.
        """

        def make() -> dict[str, Any]:
            synapses = self.synapses
            first, order = reverse_index(synapses.targets, synapses.n_post)
            segments = narrow(synapses.segments()[order], synapses.n_pre * synapses.lags.size)
            made = {"first_post": first, "synapse_post": order, "segment_post": segments}
            return {name: self.fixed(name, array) for name, array in made.items()}

        return self._once(("first_post", "synapse_post", "segment_post"), make)

    def _once(self, names: Sequence[str], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `make` returns under these names, made where it is not there yet."""
        if names[0] not in self.names:
            self.names |= make()
        return {name: self.names[name] for name in names}


def narrow(indices: NDArray[np.uint32], below: int) -> NDArray[Any]:
    """Indices in two bytes each where that is enough for all `below` some number."""
    return indices.astype(np.uint16) if below <= 1 << 16 else indices


@dataclass(frozen=True)
class Proposals:
    """What a rule asks of a store in one step.

    Synapse ``synapse[k]`` is to change by ``change[k]``, for all k < count[0].

    synapse (capacity,) uint32; change (capacity,) float, in the unit of the weights; count (1,)
    int64; low, high: the rule's bounds on a weight. Each share has lists of its own. Where the
    store merely adds and the rule can do that itself, `direct` is 1, `weights` (n_synapses,) are
    changed at once, and nothing is proposed.
    """

    synapse: Any
    change: Any
    count: Any
    low: float
    high: float
    weights: Any
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
