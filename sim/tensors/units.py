"""The units of one population on tensors: their kernel, its constants, one step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ...errors import UnsupportedError
from ...kernels.backend import tensor_kernel
from ...kernels.reference.random import uniform
from ...kernels.torch.settle import settle_step
from ...kernels.torch.surrogate import Spike
from ..description.neuron import NeuronModel
from ..description.parts import Population
from ..operators.operator import SELDOM, Operator, Phase, Stream, parameters
from ..plan.model_numbers import per_unit, zero_threshold
from ..plan.plan import Plan
from .course import Span, State, whole
from .own_step import check_asks, check_made, check_silent

LISTED = "resting"  # a list of units, in whose place `left` counts the steps of every unit


def twin(population: Population) -> Callable[..., Any]:
    """The kernel of a population's model as a function on tensors.

    Raises UnsupportedError for a model that has none.
    """
    model = population.model
    kernel = model.tensors
    if kernel is None and isinstance(model.kernel, str):
        kernel = tensor_kernel(model.kernel)
    if kernel is None:
        name = type(model).__name__
        raise UnsupportedError(
            f"Simulator.backend: 'torch' has no kernel for {name} of population {population.name!r}; give the class "
            f"{name}.tensors, a function on tensors, or choose one of cpu, reference"
        )
    found: Callable[..., Any] = getattr(kernel, "__func__", kernel)
    return found


def operator_of(plan: Plan, population: str) -> Operator:
    """The operator that advances the units of a population in the clock engine."""
    return next(
        one for one in plan.operators if one.label == population and one.phase is Phase.ADVANCE
    )


def _whole(population: Population) -> Callable[..., Any] | None:
    """The library's kernel for all steps of a span, if it has one."""
    model = population.model
    if model.tensors is not None or not isinstance(model.kernel, str):
        return None
    return tensor_kernel(f"{model.kernel.removesuffix('_step')}_layer")


class Units(torch.nn.Module):
    """The units of a population.

    key: of what they draw; counted: whether arrivals at them can be counted, see `relay_step`.
    trained: fields of the model that are parameters, by name.
    """

    def __init__(
        self, population: Population, *, dt: float, precision: str, key: int, counted: bool
    ) -> None:
        super().__init__()
        self.population, self.dt, self.precision, self.key = population, dt, precision, key
        self.counted = counted
        self.kernel = twin(population)
        self.asks = parameters(self.kernel)
        self.whole = _whole(population)
        self.asks_whole = [] if self.whole is None else parameters(self.whole)
        model = population.model
        self.variables = [name for name in model.state if name != LISTED]
        self.merges = "merged" in self.asks
        self.spike = Spike(model.surrogate.kernel, model.surrogate.slope)
        self.settles = [
            name
            for name, dtype in model.state.items()
            if dtype == "float" and not (name == "v" and zero_threshold(model, precision))
        ]
        self.trained: dict[str, torch.Tensor] = {}
        self._arrays: list[str] = []
        self._fixed = self._constants(model)
        for name, value in self._fixed.items():
            if np.ndim(value):
                self._arrays.append(name)
                self.register_buffer(
                    f"constant_{name}", self._tensor(name, value), persistent=False
                )

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the state."""
        return torch.float64 if self.precision == "float64" else torch.float32

    @property
    def sends(self) -> str | None:
        """The variable whose value is sent in every step; None for units that send spikes."""
        return self.population.model.sends

    def numbers(self) -> dict[str, Any]:
        """The kernel's constants, differentiable with respect to the trained fields."""
        model = self.population.model
        if self.trained:
            model = copy.copy(model)
            for name, parameter in self.trained.items():
                object.__setattr__(model, name, parameter)
            return {
                name: self._tensor(name, value) if isinstance(value, np.ndarray) else value
                for name, value in self._constants(model).items()
            }
        return self._fixed | {name: getattr(self, f"constant_{name}") for name in self._arrays}

    def step(
        self,
        numbers: Mapping[str, Any],
        state: State,
        arrivals: Mapping[str, Any],
        drive: Any,
        step: int,
        samples: Sequence[int],
    ) -> tuple[torch.Tensor, State]:
        """Advance all units by one step; return what they send and the new state.

        state: by variable (batch, n); arrivals: by receptor (batch, n), those missing are 0; drive:
        (batch, n), (n,) or a number; samples: their numbers, upon which draws depend.
        """
        model = self.population.model
        device = next(iter(state.values())).device
        nothing = torch.zeros((), dtype=self.dtype, device=device)
        nothing = nothing.expand(len(samples), self.population.n)
        scope: dict[str, Any] = {**dict.fromkeys(model.receptors, nothing), **arrivals, **numbers}
        scope |= {**state, "drive": drive, "spike": self.spike, "counted": int(self.counted)}
        if "chance" in self.asks:
            scope["chance"] = self._chances(step, samples, device)
        own = model.tensors is not None
        if own:
            check_asks(type(model).__name__, self.asks, scope)
        made = self.kernel(**{name: scope[name] for name in self.asks})
        if own:
            check_made(type(model).__name__, made, state, nothing.shape)
        fired, changed = made
        if own and self.sends is not None:
            check_silent(type(model).__name__, self.sends, fired)
        state = {**state, **changed}
        if step % SELDOM == 0 and not torch.is_grad_enabled():
            state |= {name: settle_step(state[name]) for name in self.settles}
        for receptor, variable in model.receives.items():
            if receptor in arrivals:
                state[variable] = state[variable] + arrivals[receptor]
        return (fired if self.sends is None else state[self.sends]), state

    def layer(
        self,
        numbers: Mapping[str, Any],
        state: State,
        arrivals: Mapping[str, Any],
        drive: Any,
        span: Span,
        wanted: Collection[str],
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], State] | None:
        """All steps of a span at once, where the library has a kernel for that; else None.

        arrivals, drive: of all steps (time, batch, n), or less where they never change. Returns
        what is sent (time, batch, n), what is seen of the variables `wanted`, and the state at the
        end.
        """
        if self.whole is None or next(iter(state.values())).device.type != "cpu":
            return None
        model = self.population.model
        scope: dict[str, Any] = {**dict.fromkeys(model.receptors, 0.0), **arrivals, **numbers}
        scope |= {**state, "drive": drive, "spike": self.spike, "counted": int(self.counted)}
        settles = self.settles and not torch.is_grad_enabled()
        scope |= {"settle": -span.start % SELDOM if settles else -1}
        scope |= {"steps": span.steps, "wanted": wanted}
        if not getattr(self.whole, "takes_turned", False):
            scope = {name: whole(value, span.steps) for name, value in scope.items()}
        made = self.whole(**{name: scope[name] for name in self.asks_whole})
        if made is None:
            return None
        sent, seen, changed = made
        return sent, seen, {**state, **changed}

    def _constants(self, model: NeuronModel) -> dict[str, Any]:
        found = per_unit(model, model.constants(self.dt), self.population.n)
        return {"dt": self.dt, **found}

    def _tensor(self, name: str, value: Any) -> torch.Tensor:
        """A constant per unit; whole numbers stay such."""
        array = np.asarray(value)
        exact = name in self.population.model.exact
        if array.dtype.kind == "f":
            array = array.astype("float64" if exact else self.precision)
        return torch.from_numpy(np.ascontiguousarray(array))

    def _chances(self, step: int, samples: Sequence[int], device: torch.device) -> torch.Tensor:
        """The uniform numbers (batch, n) that units draw in a step."""
        units = np.arange(self.population.n)
        rows = [uniform(Stream(self.key).key(sample), step, units) for sample in samples]
        return torch.from_numpy(np.stack(rows)).to(device)
