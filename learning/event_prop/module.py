"""A network on no grid as a module of torch, with exact gradients."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import NetworkError
from ...kernels.cpu.event_queue import TICKS
from ...sim import validation as check
from ...sim.description.drawn import drawn
from ...sim.description.network import Network
from ...sim.description.parts import Population, Projection, name_of
from ...sim.engines.event_adjoint import EventAdjoint, Looks, check_known, is_source
from ...sim.engines.event_compile import compile_events
from ...sim.engines.event_samples import EventSamples, Fired
from ...sim.engines.event_solved import LIMIT, ticks
from ...sim.plan.draw_values import MAX_DELAY
from .needs_torch import once_differentiable, torch
from .spikes import EventSpikes
from .synapses import OWNER, Values, spell_out, with_values
from .trains import Given, all_trains, listed_inputs

MOST_THREADS: Final = 256


@final
class EventProp(torch.nn.Module):
    """A network whose weights and delays learn by exact gradients of its spike times.

    Every call runs each sample of a batch from time 0 on the event engine, with the spikes of
    ``Simulator(network, engine="event")``. The gradients of spike times and potentials are those of
    that very computation, by its adjoint: no grid, no surrogate, and work for spikes alone
    (Wunderlich and Pehle 2021, doi:10.1038/s41598-021-91786-z). They know nothing of spikes that
    would appear or vanish.

    Its parameters are float64: ``weights[name]`` (n_synapses,) in the receptor's unit and
    ``delays[name]`` (n_synapses,) [s], by the names of projections, in the order of
    `Simulator.weights` of the network that was handed over.

    Parameters
    ----------
    network : Network
        Of CubaLIF, and of SpikeSource, through which input enters; inputs are SpikeTrain and
        Constant; no rules.
    duration : float
        Of every sample [s].
    train : list of Projection or str, or None
        Projections whose weights learn; None: all that lead to units with a potential.
    train_delays : list of Projection or str
        Projections whose delays learn, each synapse its own.
    watch : list of Population or str
        Populations whose potentials are observed, at `watch_times`.
    watch_times : array_like, shape (n_times,)
        Ascending [s].
    least_delay : float
        Delays that learn stay at or above it [s]: a call first lifts those that an optimiser moved
        below.
    threads : int
        Among which samples are dealt; results are the same for any number.

    Raises
    ------
    UnsupportedError
        For a model, a rule or a stimulus whose adjoint is not known.
    NetworkError
        For a projection or population that the network does not have.
    ParameterError
        For a value out of range.
    """

    def __init__(
        self,
        network: Network,
        duration: float,
        *,
        train: Collection[Projection | str] | None = None,
        train_delays: Collection[Projection | str] = (),
        watch: Collection[Population | str] = (),
        watch_times: ArrayLike = (),
        least_delay: float = 1e-6,
        threads: int = 1,
    ) -> None:
        super().__init__()
        network = drawn(check.instance(OWNER, "network", network, Network).copy())
        self.duration = check.within(OWNER, "duration", duration, above=0.0, most=LIMIT, unit="s")
        self.least_delay = check.within(
            OWNER, "least_delay", least_delay, above=0.0, most=MAX_DELAY, unit="s"
        )
        self.threads = check.whole(OWNER, "threads", threads, least=1, most=MOST_THREADS)
        check_known(network)
        self._inputs = listed_inputs(network)
        trainable = {part.name: part for part in network.projections if not is_source(part.post)}
        weighed = list(trainable) if train is None else _chosen("train", train, trainable)
        delayed = _chosen("train_delays", train_delays, trainable)
        self._base, self._spelled = spell_out(
            network, [*weighed, *set(delayed).difference(weighed)]
        )
        for name in delayed:
            self._not_below(name)
        weights = {name: self._spelled[name].values.weights for name in weighed}
        delays = {name: self._spelled[name].values.delays for name in delayed}
        self.weights, self.delays = _parameters(weights), _parameters(delays)
        populations = {part.name: part for part in network.populations if not is_source(part)}
        self._watched = [populations[name] for name in _chosen("watch", watch, populations)]
        self._watch_times = _ascending(watch_times, self.duration)

    def forward(self, inputs: Any = None) -> EventSpikes:
        """The spikes of a batch, each sample from time 0.

        inputs: by the names of the network's SpikeTrain inputs, or alone where there is one: times
        (n_samples, n_units) or (n_samples, n_units, n_spikes) [s], inf where there is no spike, a
        tensor if gradients with respect to them are wanted; or a list of a SpikeTrain for each
        sample. Inputs that are not given are as described, in every sample. Raises ParameterError
        for what does not fit.
        """
        given, n_samples = all_trains(self._inputs, inputs)
        run = _Run(self, given, n_samples)
        named = inputs if isinstance(inputs, Mapping) else dict.fromkeys(self._inputs, inputs)
        tensors = [named.get(name) for name in run.differentiable]
        times, potentials = _Events.apply(
            run, *self.weights.values(), *self.delays.values(), *tensors
        )
        return run.told(times, potentials)

    def network(self) -> Network:
        """The network with the present weights and delays.

        On the event engine it makes the spikes of this module.
        """
        return with_values(self._base, self._values())

    def extra_repr(self) -> str:
        return f"{len(self._base.populations)} populations, {self.duration:g} s, threads={self.threads}"

    def _values(self) -> dict[str, Values]:
        """The present weights and delays of all projections that are spelled out.

        Delays that an optimiser brought out of their range are moved back to its end.
        """
        found = {
            name: {"weights": part.values.weights, "delays": part.values.delays}
            for name, part in self._spelled.items()
        }
        for kind, parameters in (("weights", self.weights), ("delays", self.delays)):
            for name, parameter in parameters.items():
                check.one_of(OWNER, kind, name, found)
                array = self._numbers(kind, name, parameter)
                if kind == "delays" and ((array < self.least_delay) | (array > MAX_DELAY)).any():
                    with torch.no_grad():
                        parameter.clamp_(self.least_delay, MAX_DELAY)
                    array = self._numbers(kind, name, parameter)
                found[name][kind] = array
        return {name: Values(**own) for name, own in found.items()}

    def _numbers(self, kind: str, name: str, parameter: Any) -> NDArray[np.float64]:
        """What a parameter holds, which a user may have replaced; or ParameterError."""
        field, n = f"{kind} of {name!r}", self._spelled[name].sources.size
        if not isinstance(parameter, torch.Tensor) or not parameter.is_floating_point():
            got = getattr(parameter, "dtype", parameter)
            raise check.fail(OWNER, field, "must be a parameter of floating-point numbers", got)
        array = check.finite_array(OWNER, field, parameter, ndim=1)
        if array.size != n:
            rule = f"must have {n} entries, one for each synapse"
            raise check.fail(OWNER, field, rule, array.size)
        return array

    def _not_below(self, name: str) -> None:
        delays = self._spelled[name].values.delays
        if (delays < self.least_delay).any():
            rule = f"must name projections whose delays are all >= least_delay = {self.least_delay:g} s"
            raise check.fail(OWNER, "train_delays", rule, f"{name!r} with {delays.min():g} s")


class _Run:
    """One batch: its samples, what they fired, and the way back."""

    def __init__(self, module: EventProp, given: Mapping[str, Given], n_samples: int) -> None:
        self.module, self.given = module, given
        self.differentiable = [name for name, own in given.items() if own.order is not None]
        self.learned = list(module.weights), list(module.delays)
        self.values = module._values()
        self.plan = compile_events(with_values(module._base, self.values))
        trains = {name: own.trains for name, own in given.items()}
        self.samples = EventSamples(self.plan, trains, n_samples=n_samples, threads=module.threads)
        self.fired: Fired = self.samples.run(int(ticks(module.duration)))
        self.adjoint = EventAdjoint(self.samples, self.fired, self._looks())

    def _looks(self) -> Looks:
        watched = [
            self.plan.begin(self._own(part.name)) + np.arange(part.n)
            for part in self.module._watched
        ]
        units = np.concatenate([np.zeros(0, np.int64), *watched])
        return Looks(ticks(self.module._watch_times), units)

    def _own(self, name: str) -> Population:
        return next(part for part in self.plan.populations if part.name == name)

    def told(self, times: Any, potentials: Any) -> EventSpikes:
        """What a call of the module returns."""
        samples = np.repeat(np.arange(self.samples.listed.n_samples), np.diff(self.fired.begin))
        own: dict[str, dict[str, Any]] = {"times": {}, "samples": {}, "units": {}}
        for population in self.module._base.populations:
            first = self.plan.begin(self._own(population.name))
            mine = (self.fired.units >= first) & (self.fired.units < first + population.n)
            which = np.flatnonzero(mine)
            own["times"][population.name] = times[torch.from_numpy(which)]
            own["samples"][population.name] = torch.from_numpy(samples[which])
            own["units"][population.name] = torch.from_numpy(self.fired.units[which] - first)
        widths = [part.n for part in self.module._watched]
        parts = torch.split(potentials, widths, dim=2) if widths else ()
        watched = {part.name: own for part, own in zip(self.module._watched, parts, strict=True)}
        sizes = {part.name: part.n for part in self.module._base.populations}
        return EventSpikes(sizes, len(self.fired.begin) - 1, potentials=watched, **own)

    def gradients(self, by_time: Any, by_look: Any) -> list[NDArray[np.float64]]:
        """The gradients of weights, delays and input times, in the order of `_Events.apply`."""
        slopes = self.adjoint.slopes(by_time.contiguous().numpy(), by_look.contiguous().numpy())
        weights, delays = self.learned
        found = [self._of_synapses(slopes.weights, name) for name in weights]
        found += [self._of_synapses(slopes.delays, name) for name in delays]
        for name in self.differentiable:
            own = slopes.arrivals[:, self.samples.listed.columns[name]]
            found.append(self.given[name].as_given(own))
        return found

    def _of_synapses(self, slopes: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        """Those of one projection, in the order of its parameters."""
        sizes = [part.n for part in self.plan.synapses.values()]
        first = int(sum(sizes[: list(self.plan.synapses).index(name)]))
        order = self.module._spelled[name].order(self.values[name])
        found = np.zeros(order.size)
        found[order] = slopes[first : first + order.size]
        return found


class _Events(torch.autograd.Function):
    """Spike times and potentials as a function of weights, delays and input times."""

    @staticmethod
    def forward(context: Any, run: _Run, *tensors: Any) -> Any:
        context.run, context.tensors = run, tensors
        times = torch.from_numpy(run.fired.times / TICKS)
        return times, torch.from_numpy(run.adjoint.potentials())

    @staticmethod
    @once_differentiable
    def backward(context: Any, by_time: Any, by_look: Any) -> Any:
        gradients = context.run.gradients(by_time, by_look)
        found = [
            torch.from_numpy(own).to(tensor).view(tensor.shape) if needed else None
            for own, tensor, needed in zip(
                gradients, context.tensors, context.needs_input_grad[1:], strict=True
            )
        ]
        return None, *found


def _chosen(field: str, parts: Any, known: Mapping[str, Any]) -> list[str]:
    """The names of projections or populations that a user listed, each once.

    Raises NetworkError for one that is not among the `known`.
    """
    if not isinstance(parts, (list, tuple, set, frozenset)):
        raise check.fail(OWNER, field, "must be a list of them or of their names", parts)
    names = list(dict.fromkeys(name_of(OWNER, field, part) for part in parts))
    for name in names:
        if name not in known:
            hint = check.nearest(name, known)
            raise NetworkError(
                f"{OWNER}.{field}: must be among {check.listed(list(known)) or 'none'}{hint} (got {name!r:.60})"
            )
    return names


def _parameters(values: Mapping[str, NDArray[np.float64]]) -> Any:
    """Parameters by the names of projections."""
    made = torch.nn.ParameterDict()
    for name, array in values.items():
        if hasattr(made, name):
            raise NetworkError(
                f"{OWNER}.train: a projection that learns cannot be called {name!r}, a name that torch uses itself"
            )
        made[name] = torch.nn.Parameter(torch.from_numpy(array.copy()))
    return made


def _ascending(times: ArrayLike, duration: float) -> NDArray[np.float64]:
    """Times of observations [s], which ascend within the duration."""
    found = check.finite_array(OWNER, "watch_times", times, ndim=1, least=0.0, unit="s")
    if (np.diff(found) <= 0).any() or (found > duration).any():
        raise check.fail(
            OWNER, "watch_times", f"must ascend and be at most duration = {duration:g} s", found
        )
    return found
