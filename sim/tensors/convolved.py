"""The synapses of a convolution on tensors: the kernel alone, which all pixels share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...kernels.torch.convolution import convolve, deliver, multiply
from ..description.parts import Projection
from ..description.tensor_store import Moment
from ..operators.convolution import Convolution
from .ring import Rows


class ConvolvedWiring(torch.nn.Module):
    """The synapses of a projection that follow from a kernel; it has the methods of `Wiring`.

    fixed_weights: the kernel, of the shape that the user gave it. receptor: which they reach, None
    for the drive. trained: the parameter in the place of the kernel, if any. alike: see `Wiring`.
    """

    fixed_weights: torch.Tensor

    def __init__(
        self,
        projection: Projection,
        convolution: Convolution,
        lags: Any,
        receptor: str | None,
        precision: str,
        *,
        alike: bool = False,
    ) -> None:
        super().__init__()
        self.projection, self.receptor, self.convolution = projection, receptor, convolution
        self.alike = alike
        self.pre, self.post, self.precision = projection.pre, projection.post, precision
        self.lags = np.asarray(lags, np.int64)
        shape = np.shape(getattr(projection.connectivity, "kernel", convolution.kernel))
        kernel = np.array(convolution.kernel, precision).reshape(shape)
        self.register_buffer("fixed_weights", torch.from_numpy(kernel), persistent=False)
        self.trained: list[torch.Tensor] = []  # a list, so that no module owns it twice
        self.tables: tuple[Any, ...] | None = None

    @property
    def weights(self) -> torch.Tensor:
        """The present kernel with which arrivals act."""
        found = self.trained[0] if self.trained else self.fixed_weights
        return torch.ones_like(found) if self.alike else found

    def begin(self) -> torch.Tensor:
        """The kernel with which training begins."""
        return self.fixed_weights.clone()

    def written(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The kernel for a trained one: this."""
        return values

    def matrices(self) -> list[torch.Tensor]:
        """The kernel (C_out, C_in / groups, kh, kw) of the only delay."""
        return [self.weights.view(self.convolution.kernel.shape)]

    def product(
        self,
        matrices: list[torch.Tensor],
        past: torch.Tensor | None,
        sent: torch.Tensor,
        moment: Moment,
    ) -> torch.Tensor:
        """What arrives in a span (time, batch, n_post); see `Wiring.product`."""
        time, lag = sent.shape[0], int(self.lags[0])
        early = min(lag, time)
        if past is None:
            before = sent.new_zeros((early, sent.shape[1], self.post.n))
        else:
            first = past.shape[0] - lag
            before = self._times(past[first : first + early], matrices[0])
        if early == time:
            return before
        return torch.cat([before, self._times(sent[: time - early], matrices[0])])

    def _times(self, sent: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        """The product (time, batch, n_post); what is the same in all steps is multiplied once."""
        time, batch, n = sent.shape
        held = time > 1 and sent.stride(0) == 0
        rows = sent[0] if held else sent.reshape(time * batch, n)
        own = self.convolution
        how = (own.input_shape, own.stride, own.padding, own.dilation, own.groups)
        made: torch.Tensor = convolve(rows, kernel, *how)
        return made.expand(time, -1, -1) if held else made.view(time, batch, -1)

    def at(
        self, matrices: list[torch.Tensor], ring: Rows, t: int, moment: Moment
    ) -> torch.Tensor | None:
        """What arrives in step t (batch, n_post); None for nothing."""
        row = ring.before(t, int(self.lags[0]))
        return None if row is None else self._times(row[None], matrices[0])[0]

    def add(self, sent: torch.Tensor, depth: int, receiving: torch.Tensor, moment: Moment) -> None:
        """Add what arrives in a span to receiving, to the bit what the clock engine adds.

        See `Wiring.add`.
        """
        first = depth - int(self.lags[0])
        arriving = sent[first : first + receiving.shape[0]]
        if self.tables is None:
            kernel = self.weights.detach().cpu().numpy().astype(np.float64)
            own = replace(self.convolution, kernel=kernel.reshape(self.convolution.kernel.shape))
            self.tables = self._products(own) if self.projection.graded else self._spikes(own)
        (multiply if self.projection.graded else deliver)(arriving, self.tables, receiving)

    def _spikes(self, own: Convolution) -> tuple[Any, ...]:
        """What `deliver` takes."""
        arrays, (_, rows, columns) = own.delivery(), own.output_shape
        names = ("offsets", "row_taps", "row_met", "column_taps", "column_met")
        none, one = np.zeros((1, self.pre.n), np.uint32), np.zeros(1, np.int64)
        return (
            none,
            one,
            np.zeros(1, np.int64),
            own.groups,
            rows * columns,
            arrays["weights"].astype(self.precision),
            *(arrays[name] for name in names),
            np.zeros((2, own.kernel[0, 0].size), np.uint32),
            np.zeros(1, np.int64),
            np.zeros(1, np.uint8),
        )

    def _products(self, own: Convolution) -> tuple[Any, ...]:
        """What `multiply` takes."""
        arrays, columns = own.product(), own.output_shape[2]
        return (
            np.zeros(1, np.int64),
            own.groups,
            columns,
            own.input_shape[2],
            *own.stride,
            arrays["weights"].astype(self.precision),
            arrays["row_taps"],
            arrays["column_taps"],
            np.zeros(columns),
        )
