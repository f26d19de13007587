"""A network as a torch module: its weights and parameters are trained, and go back to a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.checkpoint import checkpoint

from ...kernels.torch.surrogate import Spike
from .. import validation as check
from ..description.network import Network
from ..description.surrogate import Surrogate
from ..operators.signals import Memory
from . import memory as states
from .course import LEARNED, PAST, Course, Span, State
from .given import Given
from .network import TensorNetwork
from .outputs import Tallies, outputs, tallies
from .plan import TensorPlan
from .spans import batched, fitting
from .trained import OWNER, check_fields, check_finite, check_state, trainable


@final
@dataclass(frozen=True)
class ModuleState:
    """Where a module has come to: the step, the state of every population, what probes count."""

    step: int
    populations: dict[str, State]
    tallies: Tallies

    def detach(self) -> ModuleState:
        """The same state, through which no gradients pass back to earlier calls."""
        kept = {
            name: {key: one.detach() for key, one in own.items()}
            for name, own in self.populations.items()
        }
        return ModuleState(self.step, kept, {k: one.detach() for k, one in self.tallies.items()})


@final
class NetworkModule(torch.nn.Module):
    """The network of a simulator for torch: differentiable, in batches.

    Made by `Simulator.module`, whose present state every call begins with. Its parameters bear the
    names of their projections, and have a weight per synapse in the order of `Simulator.weights`, or
    are the kernel of a convolution; those of models are called ``population.field``.
    """

    def __init__(
        self,
        plan: TensorPlan,
        memory: Memory,
        step: int,
        *,
        trained: Sequence[tuple[str, str | None]],
        surrogates: Mapping[str, Surrogate],
        pieces: int | None,
        described: Callable[[Mapping[tuple[str, str | None], NDArray[np.float64]]], Network],
        again: tuple[Callable[..., Any], tuple[Any, ...]],
    ) -> None:
        super().__init__()
        self._again = again
        self._plan, self._memory, self._step, self._pieces = plan, memory, step, pieces
        self._described, self._trained = described, tuple(trained)
        self._tensors = TensorNetwork(plan, memory)
        for name, surrogate in surrogates.items():
            self._tensors.units[name].spike = Spike(
                surrogate.kernel, surrogate.slope, through_reset=surrogate.through_reset
            )
        for part, field in self._trained:
            self._train(part, field)
        self._shapes = {one: tuple(self._parameter(*one).shape) for one in self._trained}
        self._kinds = {name: one.dtype for name, one in self.named_buffers()}
        for units in self._tensors.units.values():
            units.counted = False  # nobody asks a module how many arrivals were merged
        self._counted = tallies(plan, memory)
        start = states.read(plan, self._tensors, memory, step)
        # what nobody has sent need not be multiplied
        self._start = {
            name: {key: one for key, one in own.items() if key != PAST or one.any()}
            for name, own in start.items()
            if name in self._tensors.units or name == LEARNED
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """For copies and pickles: made again, then given the parameters."""
        made, arguments = self._again
        grown = {name: one.requires_grad for name, one in self.named_parameters()}
        return made, arguments, (self.state_dict(), self.training, grown)

    def __setstate__(self, kept: tuple[dict[str, Any], bool, dict[str, bool]]) -> None:
        parameters, training, grown = kept
        self.load_state_dict(parameters)
        self.train(training)
        for name, one in self.named_parameters():
            one.requires_grad_(grown[name])

    def forward(
        self,
        inputs: Mapping[str, torch.Tensor] | None = None,
        *,
        steps: int | None = None,
        first: int = 0,
        state: ModuleState | None = None,
        keep: bool = False,
    ) -> Any:
        """What the probes of the network see of a batch.

        Parameters
        ----------
        inputs : mapping from names of inputs to tensors (time, batch, n)
            In the place of their stimuli: for spikes how many arrive at each unit, each with the
            weight of the stimulus; for a current its value. One that does not change may have a
            single step. Other inputs keep their stimuli.
        steps : int
            How many; None for as many as the inputs have.
        first : int
            The number of the first sample, upon which all that is drawn depends, such as the noise
            of reading devices: the same number draws the same again.
        state : ModuleState
            Where to begin; None for the state of the simulator.
        keep : bool
            Whether to return the state at the end too.

        Returns
        -------
        dict from names of probes, such as "readout.spikes", to tensors (time, batch, n)
            Spikes are 1 or 0. Counts, rates and samples of a variable have one entry per sampling
            time. With `keep` a tuple of it and of the ModuleState.

        Raises
        ------
        ParameterError
            For unknown inputs, shapes that do not fit, numbers that are not finite, a state of
            another network or batch, and parameters that were given another shape or precision,
            that are not finite, or that their model refuses, such as a threshold below the reset.
        DivergenceError
            Where a state variable is NaN or infinite at the end.
        """
        self._bind()
        like = self._like()
        given = Given.of(self._plan, {} if inputs is None else inputs, steps, first, like)
        step, populations, counted = self._step, self._start, self._counted
        if state is not None:
            check.instance(OWNER, "state", state, ModuleState, "that of an earlier call")
            step, populations, counted = state.step, state.populations, state.tallies
            size = fitting(OWNER, populations, self._start, given.batch if inputs else None)
            given = replace(given, batch=given.batch if inputs else size)
        begin = batched(populations, given.batch, like.device)
        span = given.span(self._memory, self._step, step).to(like.device)
        course = self._run(begin, span)
        check_state(self._plan, self._tensors.units, course.state, step + span.steps)
        seen, counted = outputs(self._plan, course, step, counted)
        return (seen, ModuleState(step + span.steps, course.state, counted)) if keep else seen

    def network(self) -> Network:
        """The network with the present weights and parameters, for any engine and backend.

        Raises ParameterError for a parameter that was given another shape or is not finite.
        """
        values = {}
        for part, field in self._trained:
            name = part if field is None else f"{part}.{field}"
            own = self._kept(part, field)
            values[part, field] = check.finite_array(OWNER, f"parameter {name}", own)
            if field is None:
                values[part, field] = self._tensors.wirings[part].written(values[part, field])
        return self._described(values)

    def _like(self) -> torch.Tensor:
        """A tensor of the device and the precision of all."""
        precision = torch.float64 if self._plan.precision == "float64" else torch.float32
        own = next(chain(self.parameters(), self.buffers()), torch.zeros(0))
        return torch.zeros(0, dtype=precision, device=own.device)

    def _train(self, part: str, field: str | None) -> None:
        """Make a parameter of a projection's weights, or of a field of a population's model."""
        if field is None:
            wiring = self._tensors.wirings[part]
            parameter = torch.nn.Parameter(wiring.begin())
            wiring.trained.append(parameter)
            self._free(part, "projection")
            self.register_parameter(part, parameter)
            return
        units = self._tensors.units[part]
        value = np.asarray(getattr(units.population.model, field), np.float64)
        parameter = torch.nn.Parameter(torch.tensor(value, dtype=units.dtype))
        if not isinstance(getattr(self, part, None), torch.nn.ParameterDict):
            self._free(part, "population")
            self.add_module(part, torch.nn.ParameterDict())
        getattr(self, part)[field] = parameter
        units.trained[field] = parameter
        trainable(units.population.model, field, units.numbers)

    def _free(self, part: str, kind: str) -> None:
        """Raise ParameterError where the name of a part means something else."""
        if hasattr(self, part):
            rule = "must not be the name of something that a torch.nn.Module has"
            raise check.fail(OWNER, "train", f"{rule}; name the {kind} otherwise", part)

    def _parameter(self, part: str, field: str | None) -> Any:
        """The present parameter, None where a user has taken it away."""
        own: Any = getattr(self, part, None)
        if field is None:
            return own
        return own[field] if own is not None and field in own else None

    def _kept(self, part: str, field: str | None) -> torch.Tensor:
        """The present parameter; raises ParameterError unless it has the shape it was made with."""
        value, own = self._parameter(part, field), self._shapes[part, field]
        name = part if field is None else f"{part}.{field}"
        if not isinstance(value, torch.Tensor) or value.is_meta:
            rule = f"must be a tensor of shape {own} that holds numbers"
            got = "no numbers, on device meta" if value is not None else "none"
            raise check.fail(OWNER, f"parameter {name}", rule, got)
        if tuple(value.shape) != own:
            rule = f"must keep the shape {own} that it was made with"
            raise check.fail(OWNER, f"parameter {name}", rule, f"shape {tuple(value.shape)}")
        return value

    def _bind(self) -> None:
        """Let the present parameters act, also those that took the place of others.

        Raises ParameterError where one has another shape or precision than the simulator, or is
        not what a network could have.
        """
        precision = self._plan.precision
        for part, field in self._trained:
            value = self._kept(part, field)
            self._precise(value.dtype, getattr(torch, precision))
            if field is None:
                check_finite(part, value)
                self._tensors.wirings[part].trained[:] = [value]
            else:
                self._tensors.units[part].trained[field] = value
        for units in self._tensors.units.values():
            check_fields(units)
        for name, one in self.named_buffers():
            self._precise(one.dtype, self._kinds[name])

    def _precise(self, found: torch.dtype, wanted: torch.dtype) -> None:
        if found != wanted:
            rule = f"must stay that of the simulator, {self._plan.precision}"
            rule += "; choose another by Simulator(..., dtype=)"
            raise check.fail(OWNER, "precision", rule, str(found).removeprefix("torch."))

    def _run(self, begin: dict[str, State], span: Span) -> Course:
        """The course of a span, in pieces where only their first states are to be kept."""
        wanted, run = self._plan.wanted, self._tensors.run
        if self._pieces is None or not torch.is_grad_enabled():
            return run(begin, span, wanted, exact=False)
        courses, state = [], begin
        for low in range(0, span.steps, self._pieces):
            piece = span.part(low, min(low + self._pieces, span.steps))
            course = checkpoint(run, state, piece, wanted, exact=False, use_reentrant=False)
            courses.append(course)
            state = course.state
        sent = {name: torch.cat([one.sent[name] for one in courses]) for name in courses[0].sent}
        seen = {place: torch.cat([one.seen[place] for one in courses]) for place in wanted}
        return Course(sent, seen, state)
