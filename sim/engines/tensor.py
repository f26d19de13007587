"""The clock engine's semantics on tensors: all samples of a batch at once, and modules to train."""

from __future__ import annotations

from typing import Any, final

from ...kernels import backend as backends
from ..description.network import Network
from ..plan.compile import compile_network
from ..tensors.plan import TensorPlan
from .clock import ClockEngine


def compile_tensors(network: Network, **how: Any) -> TensorPlan:
    """A plan of a network on tensors; how: see `compile_network`.

    Raises UnsupportedError for models, stores and rules that have no form on tensors.
    """
    return TensorPlan.of(compile_network(network, backend=backends.load(backends.TENSORS), **how))


@final
class TensorEngine(ClockEngine):
    """A clock engine that takes its steps on tensors."""
