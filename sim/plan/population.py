"""The signals and operators of one compiled population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..description.network import Network
from ..description.parts import Input, Population, Projection, modulators_of
from ..operators.build import Build
from ..operators.operator import SELDOM, FirstUnit, Nap, Phase, Shard, Stream, parameters
from ..operators.per_thread import PerThread, spread
from ..operators.signals import ANY, MOST_COUNT, Signal
from ..operators.synapses import Synapses
from ..operators.traces import Traces
from ..seed import stream_key
from .inputs import constant_drive, constants_of, reached, suits
from .model_numbers import apart, initial_values, per_unit, zero_threshold
from .shards import owned

MANY: Final = 8  # shards in a network from which on shards may nap


class Joined(NamedTuple):
    """The projections and inputs of one population, in the order of the description."""

    outgoing: list[Projection]
    incoming: list[Projection]
    inputs: list[Input]


def joined(network: Network) -> dict[str, Joined]:
    """The projections and inputs of every population, by its name."""
    found = {part.name: Joined([], [], []) for part in network.populations}
    for projection in network.projections:
        found[projection.pre.name].outgoing.append(projection)
        found[projection.post.name].incoming.append(projection)
    for described in network.inputs:
        found[described.population.name].inputs.append(described)
    return found


class PopulationScope:
    """The signals of one population, under the names by which kernels ask for them."""

    def __init__(
        self,
        network: Network,
        population: Population,
        joined: Joined,
        synapses: Mapping[str, Synapses],
        build: Build,
    ) -> None:
        self.population, self.joined = population, joined
        name, n, model = population.name, population.n, population.model
        outgoing = [synapses[part.name] for part in joined.outgoing]
        self.depth = 1 + max((int(part.lags.max()) for part in outgoing), default=0)
        initial = initial_values(network, population)
        self.state = self._state(initial, build)
        self.receptors = {
            key: self.state[model.receives[key]]
            if key in model.receives
            else build.signal(f"{name}.{key}", "flow", "float", (n,))
            for key in model.receptors
        }
        self.modulators = {
            key: build.signal(f"{name}.{key}", "flow", "float", (n,))
            for key in modulators_of(population, joined.incoming)
        }
        self.standing: dict[str, Signal] = {}
        self._firing: dict[str, Any] = {}
        self._traces: dict[Phase, Traces] = {}
        self.drive = self._drive(build)
        self.fired = build.signal(f"{name}.fired", "flow", "uint32", (n,), most=n - 1)
        self.count = build.signal(f"{name}.count", "flow", "int64", (1,), most=n)
        self.shards = build.shards[name]
        past = self.depth if model.sends is None else 1
        self.history = build.signal(f"{name}.history", "flow", "uint32", (past, n), most=n - 1)
        self.history_count = build.signal(f"{name}.history_count", "flow", "int64", (past,), most=n)
        self.sent = self._sent(initial, build)
        self.key = stream_key(network.seed, "population", name)
        self.signature = build.signal(f"{name}.signature", "flow", "uint64", (1,), most=ANY)

    def _state(self, initial: Mapping[str, Any], build: Build) -> dict[str, Signal]:
        """The state variables, by name."""
        name, n, model = self.population.name, self.population.n, self.population.model
        return {
            variable: build.signal(
                f"{name}.{variable}",
                "state",
                dtype,
                (n,),
                initial.get(variable, 0),
                model.units.get(variable, ""),
                most=_most(dtype, build.shards[name]),
            )
            for variable, dtype in model.state.items()
        }

    def _sent(self, initial: Mapping[str, Any], build: Build) -> Signal | None:
        """The ring of the numbers that graded units sent; their initial values until they do."""
        variable, shape = self.population.model.sends, (self.depth, self.population.n)
        if variable is None or not self.joined.outgoing:
            return None
        before = np.broadcast_to(initial.get(variable, 0), shape)
        return build.signal(f"{self.population.name}.sent", "flow", "float", shape, before)

    def stimulate(self, described: Input, network: Network, build: Build) -> None:
        stimulus, n = described.stimulus, self.population.n
        suits(described, stimulus)
        if not stimulus.kernel:
            return
        receptor = reached(described)
        flow = {
            key: build.signal(
                f"{described.name}.{key}",
                "flow",
                dtype,
                shape,
                initial,
                most=MOST_COUNT,
                finite=False,
            )
            for key, (dtype, shape, initial) in stimulus.flow(n).items()
        }
        scope = {
            **build.constants(
                described.name, constants_of(described, stimulus, build.dt), stimulus.exact
            ),
            **flow,
            "drive": self.drive,
            **self.standing,
            **build.waking(self.receiving(receptor)),
            "key": np.uint64(stream_key(network.seed, "input", described.name)),
        }
        phase = self.arrival(receptor) if stimulus.goes == "receptor" else Phase.ARRIVE
        build.operator(phase, described.name, stimulus.kernel, scope)

    def receiving(self, receptor: str) -> Signal:
        """Where arrivals at a receptor, or at a modulator, are added up."""
        return (self.receptors | self.modulators)[receptor]

    def arrival(self, receptor: str, phase: Phase = Phase.ARRIVE) -> Phase:
        """The phase in which arrivals at a receptor are added.

        It is `phase`, or ENTER for a receptor that is a state variable.
        """
        return Phase.ENTER if receptor in self.population.model.receives else phase

    def _drive(self, build: Build) -> Signal | float:
        """The drive, as a number or as a signal.

        It is one number where it never changes, is the same for all units and the kernel takes
        numbers.

        Where it changes, an operator resets it to its constant part, and the stimuli add their
        currents to that, as do projections from units that send numbers.
        """
        name, changing = (
            self.population.name,
            [part for part in self.joined.inputs if part.stimulus.goes == "drive"],
        )
        base = constant_drive(self.joined.inputs, self.population, {})
        graded = any(part.graded and part.receptor is None for part in self.joined.incoming)
        if not graded and not any(part.stimulus.kernel for part in changing):
            if isinstance(self.population.model.kernel, str) and (base == base[0]).all():
                return float(base[0])
            return build.signal(f"{name}.drive", "fixed", "float", base.shape, base)
        drive = build.signal(f"{name}.drive", "flow", "float", base.shape, base)
        self.base = build.signal(f"{name}.base", "fixed", "float", base.shape, base)
        self.standing = {key: build.renewal(f"{name}.{key}") for key in ("until", "renewed")}
        lasting = int(not graded and all(part.stimulus.lasts for part in changing))
        scope = {"base": self.base, "drive": drive, "lasting": lasting, **self.standing}
        build.operator(Phase.ARRIVE, name, "hold_step", scope)
        return drive

    def firing(self, build: Build) -> dict[str, Any]:
        """fired_post, count_post: for each thread the units of its own that fire in a step.

        They are declared on first use.
        """
        if self._firing:
            return self._firing
        name, shares = self.population.name, self.shares(build)
        low = [begin for begin, _, _ in shares]
        high = [end for _, end, _ in shares]
        if len(shares) == 1:
            lists, counts = [self.fired], [self.count]
        else:
            lists = [
                build.signal(f"{name}.fired{k}", "scratch", "uint32", (high[k] - low[k],))
                for k in range(len(shares))
            ]
            counts = [
                build.signal(f"{name}.count{k}", "scratch", "int64", (1,))
                for k in range(len(shares))
            ]
            own: dict[str, list[Any]] = {
                "low": low,
                "high": high,
                "own_fired": lists,
                "own_count": counts,
            }
            scope: dict[str, Any] = {"fired": self.fired, "count": self.count}
            scope |= {key: PerThread(tuple(values)) for key, values in own.items()}
            spread(
                build,
                Phase.ARRIVALS,
                name,
                "share_step",
                scope,
                [thread for _, _, thread in shares],
            )
        self._firing = {
            "fired_post": PerThread(tuple(lists)),
            "count_post": PerThread(tuple(counts)),
        }
        return self._firing

    def shares(self, build: Build) -> list[tuple[int, int, int]]:
        """(low, high, thread) of the units that each thread owns."""
        ranges = enumerate(owned(self.shards, build.threads))
        return [(low, high, thread) for thread, (low, high) in ranges if low < high]

    def traces(self, build: Build, phase: Phase = Phase.LEARN) -> Traces:
        """Traces of this population's spikes, raised in phase LEARN or RAISE."""

        def spikes() -> dict[str, Any]:
            lists = (
                self.firing(build)
                if build.threads > 1
                else {"fired_post": self.fired, "count_post": self.count}
            )
            return {"fired": lists["fired_post"], "count": lists["count_post"]}

        if phase not in self._traces:
            threads = [thread for _, _, thread in self.shares(build)]
            name = f"{self.population.name}.trace_post{'_late' if phase is Phase.RAISE else ''}"
            self._traces[phase] = Traces(
                build, name, self.population.n, "trace_spike_step", phase, spikes, threads=threads
            )
        return self._traces[phase]

    def advance(self, build: Build) -> None:
        """The population's own operators: advance, settle, gather what fired, send."""
        name, model = self.population.name, self.population.model
        owner = f"{type(model).__name__} of population {name!r}"
        merging = self._merging(build, owner)
        apart(model, build.precision)
        constants = build.constants(
            name, per_unit(model, model.constants(build.dt), self.population.n), model.exact
        )
        scope: dict[str, Any] = {"key": Stream(self.key), "first_unit": FirstUnit()}
        scope |= {**self.state, **self.receptors, **constants}
        scope |= {"drive": self.drive, "fired": self.fired}
        draws = isinstance(scope["key"], Stream) and "key" in parameters(
            build.kernel(model.kernel, owner)
        )
        counts = self._counts(build)
        leads, follows = (None, None) if draws else self._naps(build)
        build.operator(
            Phase.ADVANCE,
            name,
            model.kernel,
            scope | merging,
            returns=counts,
            shards=self.shards,
            nap=leads,
            owner=owner,
        )
        self._settle(build, follows)
        if counts is not self.count:
            starts = np.array([low for low, _, _ in self.shards], np.int64)
            own = {"fired": self.fired, "counts": counts, "count": self.count}
            own["starts"] = build.fixed(f"{name}.starts", starts)
            build.operator(Phase.GATHER, name, "gather_step", own)
        for signal in self.modulators.values():  # once all rules have read them
            build.operator(
                Phase.LEARN, signal.name, "clear_step", {"values": signal}, shards=self.shards
            )
        self._send(build)

    def _counts(self, build: Build) -> Signal:
        """How many units of each shard fired in this step; `count` where there is one shard."""
        n = len(self.shards)
        if n == 1:
            return self.count
        name = f"{self.population.name}.counts"
        return build.signal(name, "flow", "int64", (n,), most=_sizes(self.shards))

    def _settle(self, build: Build, nap: Nap | None) -> None:
        """Set to zero, now and then, what has decayed to almost nothing."""
        model = self.population.model
        for variable, signal in self.state.items():
            if signal.dtype != "float":
                continue
            if variable == "v" and zero_threshold(model, build.precision):
                continue
            own: dict[str, Any] = {"every": SELDOM, "shards": self.shards, "nap": nap}
            build.operator(Phase.ADVANCE, signal.name, "settle_step", {"values": signal}, **own)

    def _send(self, build: Build) -> None:
        """Enter spikes, and the numbers of graded units, into the rings that deliveries read."""
        name, variable = self.population.name, self.population.model.sends
        build.operator(Phase.SEND, name, "send_step", self.outgoing)
        if self.sent is not None and variable is not None:
            own = {"values": self.state[variable], "sent": self.sent}
            build.operator(Phase.SEND, name, "send_values_step", own)

    def _merging(self, build: Build, owner: str) -> dict[str, Any]:
        """Arguments of a kernel that counts arrivals which make no spike of their own.

        Such a kernel asks for `merged`; none for any other kernel.
        counted: 1 if every arrival adds 1 to the receptor, else 0: a store that reads currents and
        a user's stimulus may add other numbers. Nothing is counted then, and no tally told.
        """
        model = self.population.model
        if "merged" not in parameters(build.kernel(model.kernel, owner)):
            return {}
        counted = set(model.receptors) <= set(model.counts)
        counted = counted and all(part.store.can.counts for part in self.joined.incoming)
        counted = counted and all(
            part.stimulus.weighs for part in self.joined.inputs if part.stimulus.goes == "receptor"
        )
        name, shape = f"{self.population.name}.merged", (self.population.n,)
        merged = (
            build.tally(name, shape=shape)
            if counted
            else build.signal(name, "flow", "int64", shape, most=ANY)
        )
        return {"merged": merged, "counted": int(counted)}

    def _naps(self, build: Build) -> tuple[Nap | None, Nap | None]:
        """How shards may nap: of the operator that decides, and of others.

        None where some arrivals set no marks.
        """
        stimuli = [part.stimulus for part in self.joined.inputs]
        stores = [part.store for part in self.joined.incoming]
        steady = not isinstance(self.drive, Signal) or self.drive.region == "fixed"
        wakes = all(part.wakes for part in stimuli)
        wakes = wakes and not any(part.graded for part in self.joined.incoming)
        wakes = (
            wakes
            and all(part.can.static for part in stores)
            and isinstance(self.population.model.kernel, str)
        )
        if not (build.naps and steady and wakes and build.asleep.shape[0] >= MANY):
            return None, None
        first = build.first_shard[self.population.name]
        watched = (
            *self.state,
            *(key for key, signal in self.receptors.items() if signal.region == "flow"),
        )
        receptors = tuple(self.receptors.values())
        return Nap(build.asleep, first, watched, receptors), Nap(build.asleep, first)

    @property
    def outgoing(self) -> dict[str, Signal]:
        return {
            "fired": self.fired,
            "count": self.count,
            "history": self.history,
            "history_count": self.history_count,
            "signature": self.signature,
        }


def _sizes(shards: Sequence[Shard]) -> NDArray[np.int64]:
    """The units of each shard."""
    return np.array([high - low for low, high, _ in shards], np.int64)


def _most(dtype: str, shards: Sequence[Shard]) -> NDArray[np.int64] | int | None:
    """The greatest value that a state variable may have, for `Signal.most`.

    Numbers of uint32 are units, counted from the first unit of their shard.
    """
    if dtype != "uint32":
        return None if dtype.startswith("float") else ANY
    sizes = _sizes(shards)
    return np.repeat(sizes - 1, sizes)
