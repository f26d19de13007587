"""The synapses of one projection whose store reads them itself on tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ..description.parts import Projection
from ..description.tensor_store import Moment, TensorStore
from ..operators.synapses import Synapses
from .ring import Rows


class StoredWiring(torch.nn.Module):
    """The same as `Wiring` for a store that is not plain numbers; see `TensorStore`.

    like: an empty tensor of the device and the precision of all.
    """

    like: torch.Tensor

    def __init__(
        self,
        projection: Projection,
        synapses: Synapses,
        store: TensorStore,
        receptor: str | None,
        precision: str,
    ) -> None:
        super().__init__()
        self.projection, self.receptor = projection, receptor
        self.pre, self.post = projection.pre, projection.post
        self.synapses, self.store = synapses, store
        self.lags = np.asarray(synapses.lags, np.int64)
        self.depth = int(self.lags.max())
        self.register_buffer("like", torch.from_numpy(np.zeros(0, precision)), persistent=False)
        self.trained: list[torch.Tensor] = []  # a list, so that no module owns it twice

    def begin(self) -> torch.Tensor:
        """The numbers (n_synapses,) with which training begins."""
        found = self.store.begin()
        if found is None:
            kind = type(self.projection.store).__name__
            raise UnsupportedError(
                f"Simulator.module train: the weights of {self.projection.name!r} live in {kind}, "
                "which does not say how they are trained; use store=Ideal()"
            )
        return torch.from_numpy(self.synapses.drawn(found)).to(self.like.dtype)

    def written(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The weights that are written for trained numbers."""
        return self.synapses.drawn(self.store.written(self.synapses.placed(values)))

    def matrices(self) -> Any:
        """What the store works out once for a span."""
        return self.store.ready(self._stored(), self.like)

    def product(
        self, ready: Any, past: torch.Tensor | None, sent: torch.Tensor, moment: Moment
    ) -> torch.Tensor:
        """What arrives in a span (time, batch, n_post); see `Wiring.product`."""
        if past is None:
            past = sent.new_zeros((self.depth, *sent.shape[1:]))
        every = torch.cat([past[past.shape[0] - self.depth :], sent])
        return self.store.arriving(ready, every, self.depth, moment)

    def at(self, ready: Any, ring: Rows, t: int, moment: Moment) -> torch.Tensor | None:
        """What arrives in step t (batch, n_post); None for nothing."""
        rows = [ring.before(t, lag) for lag in range(self.depth, 0, -1)]
        known = next((row for row in rows if row is not None), None)
        if known is None:
            return None
        empty = torch.zeros_like(known)
        every = torch.stack([*(empty if row is None else row for row in rows), empty])
        return self.store.arriving(ready, every, self.depth, moment)[0]

    def add(self, sent: torch.Tensor, depth: int, receiving: torch.Tensor, moment: Moment) -> None:
        """Add what arrives in a span to receiving (time, batch, n_post), in place."""
        self.store.add(sent, depth, moment, receiving)

    def _stored(self) -> torch.Tensor | None:
        """What is trained in the order of the store, None for nothing."""
        if not self.trained:
            return None
        values = self.trained[0]
        if self.synapses.places is None:
            return values
        order = torch.from_numpy(self.synapses.placed(np.arange(self.synapses.n)))
        return values[order.to(values.device)]
