"""The signals and operators of one compiled population."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError, UnsupportedError
from .. import validation as check
from ..description.continuous import EventInput
from ..description.distributions import values
from ..description.inputs import Stimulus
from ..description.network import Network
from ..description.neuron import NeuronModel
from ..description.parts import Input, Population, Projection, modulators_of, spikes_only
from ..operators.build import Build
from ..operators.operator import FirstUnit, Nap, Phase, Shard, Stream, parameters
from ..operators.per_thread import PerThread, spread
from ..operators.signals import ANY, MOST_COUNT, Signal
from ..operators.synapses import Synapses
from ..operators.traces import Traces
from ..seed import stream_key
from .shards import owned

MANY: Final = 8  # shards in a network from which on shards may nap
SETTLING: Final = 64  # steps between two calls of `settle_step`


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
        self.state = {
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
        self._traces: Traces | None = None
        self.drive = self._drive(build)
        self.fired = build.signal(f"{name}.fired", "flow", "uint32", (n,), most=n - 1)
        self.count = build.signal(f"{name}.count", "flow", "int64", (1,), most=n)
        self.shards = build.shards[name]
        past = self.depth if model.sends is None else 1
        self.history = build.signal(f"{name}.history", "flow", "uint32", (past, n), most=n - 1)
        self.history_count = build.signal(f"{name}.history_count", "flow", "int64", (past,), most=n)
        self.sent: Signal | None = None
        if model.sends is not None and joined.outgoing:
            # until something was sent
            before = np.broadcast_to(initial.get(model.sends, 0), (self.depth, n))
            self.sent = build.signal(f"{name}.sent", "flow", "float", (self.depth, n), before)
        self.key = stream_key(network.seed, "population", name)
        self.signature = build.signal(f"{name}.signature", "flow", "uint64", (1,), most=ANY)

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
        """The phase in which arrivals at a receptor are added: `phase`, or ENTER for one that is a
        state variable.
        """
        return Phase.ENTER if receptor in self.population.model.receives else phase

    def _drive(self, build: Build) -> Signal | float:
        """The drive: one number where it never changes, is the same for all units and the kernel
        takes numbers.

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
        """fired_post, count_post: for each thread the units of its own that fire in a step;
        declared on first use.
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

    def traces(self, build: Build) -> Traces:
        """Traces of this population's spikes."""

        def spikes() -> dict[str, Any]:
            lists = (
                self.firing(build)
                if build.threads > 1
                else {"fired_post": self.fired, "count_post": self.count}
            )
            return {"fired": lists["fired_post"], "count": lists["count_post"]}

        if self._traces is None:
            threads = [thread for _, _, thread in self.shares(build)]
            name = f"{self.population.name}.trace_post"
            self._traces = Traces(
                build,
                name,
                self.population.n,
                "trace_spike_step",
                Phase.LEARN,
                spikes,
                threads=threads,
            )
        return self._traces

    def advance(self, build: Build) -> None:
        """The population's own operators: advance, then send."""
        name, model = self.population.name, self.population.model
        owner = f"{type(model).__name__} of population {name!r}"
        merging = self._merging(build, owner)
        _apart(model, build.precision)
        constants = build.constants(
            name, _per_unit(model, model.constants(build.dt), self.population.n), model.exact
        )
        scope: dict[str, Any] = {
            "key": Stream(self.key),
            "first_unit": FirstUnit(),
            **self.state,
            **self.receptors,
        }
        scope |= {**constants, "drive": self.drive, "fired": self.fired}
        draws = isinstance(scope["key"], Stream) and "key" in parameters(
            build.kernel(model.kernel, owner)
        )
        counts = self.count
        if len(self.shards) > 1:
            counts = build.signal(
                f"{name}.counts", "flow", "int64", (len(self.shards),), most=_sizes(self.shards)
            )
        scope |= merging
        leads, follows = (None, None) if draws else self._naps(build)
        build.operator(
            Phase.ADVANCE,
            name,
            model.kernel,
            scope,
            returns=counts,
            shards=self.shards,
            nap=leads,
            owner=owner,
        )
        for variable, signal in self.state.items():
            if signal.dtype == "float" and not (
                variable == "v" and _zero_threshold(model, build.precision)
            ):
                own: dict[str, Any] = {"every": SETTLING, "shards": self.shards, "nap": follows}
                build.operator(Phase.ADVANCE, signal.name, "settle_step", {"values": signal}, **own)
        if len(self.shards) > 1:
            starts = build.fixed(
                f"{name}.starts", np.array([low for low, _, _ in self.shards], np.int64)
            )
            own = {"fired": self.fired, "counts": counts, "starts": starts, "count": self.count}
            build.operator(Phase.GATHER, name, "gather_step", own)
        for signal in self.modulators.values():  # once all rules have read them
            build.operator(
                Phase.LEARN, signal.name, "clear_step", {"values": signal}, shards=self.shards
            )
        build.operator(Phase.SEND, name, "send_step", self.outgoing)
        if self.sent is not None and model.sends is not None:
            build.operator(
                Phase.SEND,
                name,
                "send_values_step",
                {"values": self.state[model.sends], "sent": self.sent},
            )

    def _merging(self, build: Build, owner: str) -> dict[str, Any]:
        """The arguments of a kernel that counts arrivals which make no spike of their own, if it
        asks for `merged`.

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


def initial_values(network: Network, population: Population) -> dict[str, Any]:
    """The initial values of state variables, by name: a number or (n,)."""
    start = dict(population.model.initial())
    for variable, value in population.initial.items():
        key = stream_key(network.seed, "initial", population.name, variable)
        start[variable] = values(
            value, population.n, key, "Network", f"population initial {variable}"
        )
    return start


def reached(described: Input) -> str:
    """The receptor that an input reaches."""
    return described.receptor or described.population.model.receptors[0]


def counts(described: Input) -> bool:
    """Whether an input reaches a receptor to which each arrival adds 1, whatever its weight."""
    return reached(described) in described.population.model.counts


def constants_of(described: Input, stimulus: Stimulus, dt: float) -> dict[str, Any]:
    """The kernel's constants for `stimulus`, which may replace the described one; weights of
    counted arrivals are 1.
    """
    given = stimulus.arguments(described.population.n, dt)
    if counts(described):
        given |= {name: np.ones(np.shape(given[name]))[()] for name in stimulus.weighs}
    return given


def suits(described: Input, stimulus: Stimulus) -> None:
    """Refuse a stimulus that does not fit the units or the receptor; it may replace the described
    one.
    """
    stimulus.fits(described.population.n)
    spikes_only(described.population, stimulus, described.receptor)
    if stimulus.goes == "receptor":
        conducts(
            described.population,
            reached(described),
            getattr(stimulus, "weight", 0.0),
            described.name,
        )


def event_input(described: Input, stimulus: Stimulus) -> EventInput | None:
    """What a stimulus, the described one or another in its place, is in continuous time; None for a
    level alone.

    Raises UnsupportedError where it does not say, ParameterError where that does not fit the
    population.
    """
    if not stimulus.kernel:
        return None
    told, name = stimulus.event(described.population.n), type(stimulus).__name__
    if told is None:
        raise UnsupportedError(
            f"Simulator.engine: input {described.name!r} is {name}, which does not tell by {name}.event what it is "
            "without steps; use engine='clock'"
        )
    if not isinstance(told, EventInput) or told.goes != stimulus.goes:
        kinds = {
            "receptor": "SpikeTimes or PoissonProcess",
            "drive": "PiecewiseConstant or HeldNoise",
        }
        rule = f"must return {kinds.get(stimulus.goes, 'an EventInput')} or None, as it goes to a {stimulus.goes}"
        raise check.fail(stimulus, "event", rule, told)
    told.fits(described.population.n)
    if told.goes == "receptor":
        conducts(
            described.population, reached(described), getattr(told, "weight", 0.0), described.name
        )
    return told


def conducts(population: Population, receptor: str, weights: Any, name: str) -> None:
    """Refuse weights below 0 where the receptor is a conductance."""
    if receptor in population.model.conductances and np.min(weights, initial=0.0) < 0:
        model, low = type(population.model).__name__, float(np.min(weights))
        raise ParameterError(
            f"Network: the weights of {name} must be >= 0, since {receptor!r} of {model} is a conductance; to "
            f"inhibit, give them and the receptor, one of {', '.join(population.model.receptors)} (got {low:g})"
        )


def _zero_threshold(model: NeuronModel, precision: str) -> bool:
    """Whether any threshold is 0: then a potential just below 0 must not be rounded to 0, where it
    would fire.
    """
    return bool((_field(model, "threshold").astype(precision) == 0).any())


def _apart(model: NeuronModel, precision: str) -> None:
    """Refuse a reset that rounding to `precision` lifts to the threshold: a refractory unit would
    fire.
    """
    threshold, reset = _field(model, "threshold"), _field(model, "reset")
    bad = (reset < threshold) & (reset.astype(precision) >= threshold.astype(precision))
    if bad.any():
        worst = float(np.broadcast_to(reset, bad.shape)[bad][0])
        rule = f"must lie below the threshold in {precision} too, which cannot tell them apart"
        raise check.fail(model, "reset", f"{rule}; choose dtype='float64' or a lower reset", worst)


def _field(model: NeuronModel, name: str) -> NDArray[np.float64]:
    """A field of a model, one number or (n,); NaN if there is none with numbers."""
    value = np.asarray(vars(model).get(name, np.nan))
    return value.astype(np.float64) if value.dtype.kind in "iuf" else np.asarray(np.nan)


def _per_unit(model: object, constants: Mapping[str, Any], n: int) -> Mapping[str, Any]:
    """A kernel's constants, checked to be one number or (n,) each: a shorter array would be read
    past its end.
    """
    for name, value in constants.items():
        if np.ndim(value) and np.shape(value) != (n,):
            rule = f"must be one number or one per unit ({n})"
            raise check.fail(model, f"constants {name}", rule, f"shape {np.shape(value)}")
    return constants


def constant_drive(
    inputs: Iterable[Input], population: Population, replaced: Mapping[str, Stimulus]
) -> NDArray[np.float64]:
    """The sum of all constant currents among `inputs` that go to a population (n,)."""
    drive = np.zeros(population.n)
    for part in inputs:
        stimulus = replaced.get(part.name, part.stimulus)
        if part.population is population:
            drive += np.asarray(stimulus.level)
    return drive


def _sizes(shards: Sequence[Shard]) -> NDArray[np.int64]:
    """The units of each shard."""
    return np.array([high - low for low, high, _ in shards], np.int64)


def _most(dtype: str, shards: Sequence[Shard]) -> NDArray[np.int64] | int | None:
    """`most` of a state variable: numbers of uint32 are units, counted from the first unit of their
    shard.
    """
    if dtype != "uint32":
        return None if dtype.startswith("float") else ANY
    sizes = _sizes(shards)
    return np.repeat(sizes - 1, sizes)
