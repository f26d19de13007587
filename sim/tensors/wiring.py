"""The synapses of one projection on tensors: products of what sources sent with weights."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from ...kernels.cpu.connectivity import reverse_index
from ...kernels.torch.deliver import Delivered, deliver, multiply
from ...kernels.torch.product import times
from ..description.parts import Projection
from ..description.tensor_store import Moment
from ..operators.synapses import Synapses
from .course import Turned, whole
from .ring import Rows

DENSE: Final = 0.1  # share of all pairs from which on weights are a matrix
SMALL: Final = 1 << 14  # pairs up to which they are one in any case


class Wiring(torch.nn.Module):
    """The synapses of a projection.

    weights (n_synapses,): in the order of `Simulator.weights`. receptor: which they reach, None for
    the drive. alike: each arrival adds 1, whatever its weight. trained: the parameter in the place
    of the weights, if any.
    """

    fixed_weights: torch.Tensor

    def __init__(
        self,
        projection: Projection,
        synapses: Synapses,
        weights: NDArray[np.float64],
        receptor: str | None,
        precision: str,
        *,
        alike: bool = False,
    ) -> None:
        super().__init__()
        self.projection, self.receptor, self.alike = projection, receptor, alike
        self.pre, self.post = projection.pre, projection.post
        self.lags = np.asarray(synapses.lags, np.int64)
        listing = synapses.listing
        self.first = np.asarray(listing.first, np.int64)
        self.targets = np.asarray(listing.targets, np.int64)
        self.sources = np.asarray(synapses.sources(), np.int64)
        self.place = np.repeat(
            np.tile(np.arange(self.lags.size), synapses.n_pre), np.diff(self.first)
        )
        self.order = (
            None if synapses.places is None else synapses.placed(np.arange(self.targets.size))
        )
        self.incoming: tuple[NDArray[Any], ...] | None = None
        self._index()
        values = torch.from_numpy(np.ascontiguousarray(weights, precision))
        self.register_buffer("fixed_weights", values, persistent=False)
        self.trained: list[torch.Tensor] = []  # a list, so that no module owns it twice

    @property
    def weights(self) -> torch.Tensor:
        """The present weights (n_synapses,) with which arrivals act."""
        found = self.trained[0] if self.trained else self.fixed_weights
        return torch.ones_like(found) if self.alike else found

    def begin(self) -> torch.Tensor:
        """The numbers (n_synapses,) with which training begins: the weights themselves."""
        return self.fixed_weights.clone()

    def written(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The weights for trained numbers: these."""
        return values

    def _index(self) -> None:
        """Where the weights of each lag stand in a matrix (n_pre, n_post)."""
        pairs = self.pre.n * self.post.n
        self.dense = pairs <= SMALL or self.targets.size >= DENSE * pairs * self.lags.size
        if not self.dense:
            return
        cells = self.sources * self.post.n + self.targets
        for g in range(self.lags.size):
            own = np.flatnonzero(self.place == g)
            whole = self.lags.size == 1 and np.array_equal(cells, np.arange(pairs))
            at = None if whole else torch.from_numpy(cells[own])
            chosen = None if self.lags.size == 1 else torch.from_numpy(own)
            self.register_buffer(f"cells_{g}", at, persistent=False)
            self.register_buffer(f"own_{g}", chosen, persistent=False)

    def stored(self) -> torch.Tensor:
        """The weights in order of (source, delay), as they are delivered."""
        if self.order is None:
            return self.weights
        return self.weights[torch.from_numpy(self.order).to(self.weights.device)]

    def matrices(self) -> list[torch.Tensor]:
        """For each lag the weights (n_pre, n_post); empty where they are kept as a list."""
        if not self.dense:
            return []
        weights, shape = self.stored(), (self.pre.n, self.post.n)
        made = []
        for g in range(self.lags.size):
            cells, own = getattr(self, f"cells_{g}"), getattr(self, f"own_{g}")
            values = weights if own is None else weights[own]
            if cells is not None:
                empty = weights.new_zeros(self.pre.n * self.post.n)
                values = empty.index_add(0, cells, values)
            made.append(values.view(shape))
        return made

    def product(
        self,
        matrices: list[torch.Tensor],
        past: torch.Tensor | None,
        sent: torch.Tensor,
        moment: Moment,
    ) -> torch.Tensor | Turned:
        """What arrives in a span (time, batch, n_post), whatever the moment.

        sent (time, batch, n_pre): what sources send in the span; past (depth, batch, n_pre): what
        they sent before it, None where that is nothing.
        """
        if not self.dense:
            return self._listed(past, sent)
        total: torch.Tensor | Turned | None = None
        for lag, matrix in zip(self.lags.tolist(), matrices, strict=True):
            arrived = _shifted(matrix, lag, past, sent)
            if total is not None:
                arrived = whole(total, sent.shape[0]) + whole(arrived, sent.shape[0])
            total = arrived
        assert total is not None
        return total

    def _listed(self, past: torch.Tensor | None, sent: torch.Tensor) -> torch.Tensor:
        depth = int(self.lags.max())
        before = sent.new_zeros((depth, *sent.shape[1:])) if past is None else past[-depth:]
        every = torch.cat([before, sent])
        if sent.device.type == "cpu":
            wiring = (depth, self.lags, self.first, self.targets, self.post.n)
            arrived: torch.Tensor = Delivered.apply(every, self.stored(), *wiring)
            return arrived
        return self._sparse(every, depth)

    def _sparse(self, every: torch.Tensor, depth: int) -> torch.Tensor:
        """The same by sparse products of torch, on a device."""
        weights, (time, batch) = self.stored(), (every.shape[0] - depth, every.shape[1])
        total = every.new_zeros((time * batch, self.post.n))
        for g, lag in enumerate(self.lags.tolist()):
            own = np.flatnonzero(self.place == g)
            at = torch.from_numpy(np.stack([self.targets[own], self.sources[own]]))
            table = torch.sparse_coo_tensor(
                at.to(weights.device),
                weights[torch.from_numpy(own).to(weights.device)],
                (self.post.n, self.pre.n),
            )
            rows = every[depth - lag : depth - lag + time].reshape(time * batch, -1)
            total = total + torch.sparse.mm(table, rows.T).T
        return total.view(time, batch, self.post.n)

    def at(
        self, matrices: list[torch.Tensor], ring: Rows, t: int, moment: Moment
    ) -> torch.Tensor | None:
        """What arrives in step t (batch, n_post); None for nothing."""
        if not self.dense:
            depth = int(self.lags.max())
            rows = [ring.before(t, lag) for lag in range(depth, 0, -1)]
            known = next((row for row in rows if row is not None), None)
            if known is None:
                return None
            empty = torch.zeros_like(known)
            past = torch.stack([empty if row is None else row for row in rows])
            return self._listed(past, empty[None])[0]
        total = None
        for lag, matrix in zip(self.lags.tolist(), matrices, strict=True):
            row = ring.before(t, lag)
            if row is not None:
                total = row @ matrix if total is None else total + row @ matrix
        return total

    def add(self, sent: torch.Tensor, depth: int, receiving: torch.Tensor, moment: Moment) -> None:
        """Add what arrives in a span to receiving (time, batch, n_post), in place.

        In the order of the clock engine, so to the bit what it adds. sent (depth + time, batch,
        n_pre): from `depth` steps before the span on.
        """
        if not self.projection.graded:
            wiring = (self.lags, self.first, self.targets)
            deliver(sent, depth, *wiring, self.stored(), receiving)
            return
        if self.incoming is None:
            first, order = reverse_index(self.targets.astype(np.uint32), self.post.n)
            self.incoming = (first, self.sources[order], self.place[order], order)
        multiply(sent, depth, self.lags, self.incoming, self.stored(), receiving)


def _shifted(
    matrix: torch.Tensor, lag: int, past: torch.Tensor | None, sent: torch.Tensor
) -> torch.Tensor | Turned:
    """What was sent `lag` steps before each step of the span, times a matrix."""
    time, held = sent.shape[0], sent.shape[0] > 1 and sent.stride(0) == 0
    early = min(lag, time)
    if past is None and held:
        product = sent[0] @ matrix
        return Turned(torch.stack([torch.zeros_like(product), product]), early)
    if past is None:
        return _times(sent, matrix, early)
    first = past.shape[0] - lag
    before = _times(past[first : first + early], matrix)
    if early == time:
        return before
    after = (sent[0] @ matrix).expand(time - early, -1, -1) if held else None
    return torch.cat([before, _times(sent[: time - early], matrix) if after is None else after])


def _times(sent: torch.Tensor, matrix: torch.Tensor, early: int = 0) -> torch.Tensor:
    """The product (time, batch, n_post), later by `early` steps."""
    time, batch, n = sent.shape
    made: torch.Tensor = times(sent.reshape(time * batch, n), matrix, early * batch)
    return made.view(time, batch, -1)
