"""The port for neuron models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from .operator import Kernel


class NeuronModel(ABC):
    """What a unit is: parameters, state variables and the kernel that advances them by one step.

    A model is a frozen, keyword-only dataclass that

    1. names its `kernel`: a kernel of the library by name, or a Python function, which the backend compiles;
    2. lists its `state` variables with their dtypes, ``"float"`` for the simulation's precision;
    3. lists its `receptors`, the vectors into which arriving weights are summed (the kernel zeroes them);
    4. gives the kernel's `constants` at a step dt, each a number or an array (n,) with one entry per unit.

    The kernel's parameters are bound by name: state variables, receptors, constants, `drive` (n,) the injected
    current, `fired` (n,) uint32 the buffer for the firing indices, ascending, and `step` if it wants it. It
    returns the number of spikes.
    """

    kernel: ClassVar[Kernel]
    state: ClassVar[Mapping[str, str]]
    receptors: ClassVar[tuple[str, ...]]
    units: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def constants(self, dt: float) -> Mapping[str, Any]:
        """The kernel's constants at step `dt` [s]."""

    def initial(self) -> Mapping[str, Any]:
        """Initial values of state variables; those not named start at 0."""
        return {}

    def receptor(self, weights_negative: bool) -> str:
        """The receptor that a projection without an explicit one reaches, by the sign of its weights."""
        return self.receptors[-1 if weights_negative else 0]
