"""The clock engine's semantics on tensors: all samples of a batch at once, and modules to train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from ...kernels import backend as backends
from ..description.network import Network
from ..description.surrogate import Surrogate
from ..plan.compile import compile_network
from ..tensors.module import NetworkModule
from ..tensors.plan import TensorPlan
from .changes import set_population, set_projection
from .clock import ClockEngine
from .engine import Engine
from .train_request import Trained


def compile_tensors(network: Network, **how: Any) -> TensorPlan:
    """A plan of a network on tensors; how: see `compile_network`.

    Raises UnsupportedError for models, stores and rules that have no form on tensors.
    """
    return TensorPlan.of(compile_network(network, backend=backends.load(backends.TENSORS), **how))


@final
class TensorEngine(ClockEngine):
    """A clock engine that takes its steps on tensors."""

    plan: TensorPlan

    def module(
        self, trained: Sequence[Trained], surrogates: Mapping[str, Surrogate], pieces: int | None
    ) -> NetworkModule:
        """The network in its present state for torch; see `Simulator.module`."""
        start = self._like(self.memory.replicate(("store",)), self.step)

        def described(values: Mapping[Trained, NDArray[np.float64]]) -> Network:
            engine: Engine = start
            for (part, field), value in values.items():
                engine = _changed(engine, part, field, value)
            return engine.network

        return NetworkModule(
            self.plan,
            start.memory,
            self.step,
            trained=trained,
            surrogates=surrogates,
            pieces=pieces,
            described=described,
        )


def _changed(engine: Engine, part: str, field: str | None, value: NDArray[np.float64]) -> Engine:
    """An engine for a network in which a projection has other weights, or a model another field."""
    if field is None:
        found = next(one for one in engine.network.projections if one.name == part)
        return set_projection(engine, found, {"weights": value})
    population = next(one for one in engine.network.populations if one.name == part)
    return set_population(engine, population, {field: value if value.ndim else float(value)})
