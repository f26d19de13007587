"""The port for learning rules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..operators.projection import UNBOUNDED, ProjectionScope, Proposals


class Rule(ABC):
    """How a projection learns: it watches arrivals and spikes and proposes changes; the store disposes.

    `learn` adds operators to phase LEARN whose kernels append to `proposals`. They find in ``projection.names`` the
    arrivals and the target's spikes of this step, in ``projection.listed()`` the synapses of each source and in
    ``projection.reverse()`` those of each target. A kernel first writes the synapse and the change, then raises the
    count; the store's operator, which runs after it, takes the proposals in order and sets the count back to 0.
    direct: where the proposals say so, the kernels change the weights themselves, which spares writing the proposals
    down.
    """

    direct: ClassVar[bool] = False

    def bounds(self, weights: float | NDArray[np.float64]) -> tuple[float, float]:
        """The least and the greatest weight that the rule allows, for these initial weights."""
        return UNBOUNDED

    @abstractmethod
    def learn(self, projection: ProjectionScope, proposals: Proposals) -> None: ...
