"""The synapses of one projection that learns: every sample has weights of its own."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ...kernels.cpu.connectivity import reverse_index
from ...kernels.torch.deliver import deliver, multiply
from ..description.parts import Projection
from ..description.tensor_store import Moment
from ..operators.synapses import Synapses
from .ring import Buffer, Rows

WEIGHTS: Final = "weights"  # how their signal is called, and in `Moment.totals` they


class PlasticWiring(torch.nn.Module):
    """The same as `Wiring` where rules change the weights, which stand in `Moment.totals`.

    They are (batch, n_synapses), in order of (source, delay). source_index, target_index,
    segment_index (n_synapses,): where each synapse begins and ends, and its (source, lag). alike:
    see `Wiring`.
    """

    source_index: torch.Tensor
    target_index: torch.Tensor
    segment_index: torch.Tensor

    def __init__(
        self, projection: Projection, synapses: Synapses, receptor: str | None, *, alike: bool
    ) -> None:
        super().__init__()
        self.projection, self.receptor, self.alike = projection, receptor, alike
        self.pre, self.post, self.synapses = projection.pre, projection.post, synapses
        self.lags = np.asarray(synapses.lags, np.int64)
        self.first = np.asarray(synapses.listing.first, np.int64)
        own = {"source": synapses.sources(), "target": synapses.targets}
        for name, index in {**own, "segment": synapses.segments()}.items():
            tensor = torch.from_numpy(index.astype(np.int64))
            self.register_buffer(f"{name}_index", tensor, persistent=False)
        self.incoming: tuple[NDArray[Any], ...] | None = None
        self.trained: list[torch.Tensor] = []  # a list, so that no module owns it twice

    def begin(self) -> torch.Tensor:
        """Where training begins: nowhere, for the weights are the rule's to change."""
        kind, name = type(self.projection.rule).__name__, self.projection.name
        raise UnsupportedError(
            f"Simulator.module train: the weights of {name!r} are changed by its rule {kind} alone; train others"
        )

    def written(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The weights for trained numbers: these."""
        return values

    def arriving(self, ring: Rows | Buffer, t: int) -> torch.Tensor | None:
        """What each (source, lag) brings in step t (batch, n_segments); None for nothing."""
        rows = ring.arriving(t, self.lags)
        return None if rows is None else rows.permute(1, 2, 0).flatten(1)

    def at(self, ready: Any, ring: Rows, t: int, moment: Moment) -> torch.Tensor | None:
        """What arrives in step t (batch, n_post); None for nothing."""
        arriving, weights = self.arriving(ring, t), self._acting(moment)
        if arriving is None:
            return None
        empty = weights.new_zeros((len(weights), self.post.n))
        return empty.index_add(1, self.target_index, weights * arriving[:, self.segment_index])

    def add(self, sent: torch.Tensor, depth: int, receiving: torch.Tensor, moment: Moment) -> None:
        """Add what arrives in a step to receiving (1, batch, n_post), in place, bit for bit."""
        weights, targets = self._acting(moment), self.target_index.numpy()
        if not self.projection.graded:
            deliver(sent, depth, self.lags, self.first, targets, weights, receiving)
            return
        if self.incoming is None:
            first, order = reverse_index(self.synapses.targets, self.post.n)
            source, lag = np.divmod(self.segment_index.numpy()[order], self.lags.size)
            self.incoming = (first, source, lag, order)
        multiply(sent, depth, self.lags, self.incoming, weights, receiving)

    def _acting(self, moment: Moment) -> torch.Tensor:
        """The weights (batch, n_synapses) with which arrivals act."""
        weights = moment.totals[WEIGHTS]
        return torch.ones_like(weights) if self.alike else weights
