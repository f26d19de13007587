"""The port for learning rules."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..operators.build import Build
from .store import Proposals

if TYPE_CHECKING:
    from ..operators.synapses import Synapses


class Rule(ABC):
    """How a projection learns: it watches arrivals and spikes and proposes changes; the store disposes.

    `learn` adds operators to phase LEARN whose kernels append to `proposals`. They find in
    ``synapses.scope`` the arrivals (history, history_count, lags, first, targets) and the target's spikes
    of this step (fired_post, count_post), and in ``synapses.reverse(build)`` the synapses of each target.
    A kernel first writes the synapse and the change, then raises the count; the store's operator, which runs
    after it, takes the proposals in order and sets the count back to 0. direct: where the proposals say so, the
    kernels change the weights themselves, which spares writing the proposals down.
    """

    direct: ClassVar[bool] = False

    def bounds(self, weights: float | NDArray[np.float64]) -> tuple[float, float]:
        """The least and the greatest weight that the rule allows, for these initial weights."""
        return (float("-inf"), float("inf"))

    @abstractmethod
    def learn(self, synapses: Synapses, proposals: Proposals, build: Build) -> None: ...
