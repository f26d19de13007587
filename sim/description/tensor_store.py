"""The port for stores on tensors: what arrives through a projection in a span of time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


@final
@dataclass(frozen=True)
class Moment:
    """When something arrives: from `step` on, at `samples`, upon whose numbers draws depend.

    totals: by the names of `TensorStore.tallies`, one row for each sample.
    """

    step: int
    samples: Sequence[int]
    totals: Mapping[str, Tensor] = field(default_factory=dict)


class TensorStore(ABC):
    """How the weights of one projection are read on tensors; see `Store.tensors`.

    1. `ready` works out, once for a span of time, what the readings need of the weights;
    2. `arriving` tells what arrives in that span, as a function that torch differentiates;
    3. `begin` and `written`, where weights can be trained: the numbers (n_synapses,) with which
       training begins, and the weights to be written where it has come to others.

    All have one number for each synapse, in the order of `ProjectionScope.synapses`.

    Without gradients a run calls `add`. This one adds what `arriving` tells; a store whose sums
    are to be those of the other backends bit for bit adds in their order. tallies: the names of the
    running totals (`ProjectionScope.tally`) that `add` raises.
    """

    tallies: Sequence[str] = ()

    @abstractmethod
    def ready(self, trained: Tensor | None, like: Tensor) -> Any:
        """What `arriving` is handed as `ready`.

        trained (n_synapses,): None where the weights are not trained; like: a tensor of the
        device and the precision of all.
        """

    @abstractmethod
    def arriving(self, ready: Any, sent: Tensor, depth: int, moment: Moment) -> Tensor:
        """What arrives in a span (time, batch, n_post).

        sent (depth + time, batch, n_pre): spikes, or the numbers of graded units, from `depth`
        steps before the span on. What was sent `lag` steps ago arrives.
        """

    def begin(self) -> NDArray[np.float64] | None:
        """The numbers with which training begins; None where the weights cannot be trained."""
        return None

    def written(self, trained: NDArray[np.float64]) -> NDArray[np.float64]:
        """The weights that are written for numbers that training has come to."""
        return trained

    def add(self, sent: Tensor, depth: int, moment: Moment, receiving: Tensor) -> None:
        """Add what arrives to receiving (time, batch, n_post), in place; nothing is trained."""
        receiving += self.arriving(self.ready(None, receiving), sent, depth, moment)
