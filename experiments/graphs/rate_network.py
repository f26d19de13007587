"""Units that do not spike, tanh and rectified ones, on the graphs of spiking networks, in torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from potentia.experiments.graphs.spiking_network import Weights


@final
class RateNetwork(nn.Module):
    """h(t) = f(W_in x(t) + W h(t-1) + b), and r(t) = decay r(t-1) + W_out h(t) at the end.

    f is tanh or the rectifier; weights of W that are not among those given stay 0. Begins with the
    weights of a spiking network.
    """

    joined: Tensor  # 1 where a synapse joins a pair of units, else 0

    def __init__(self, weights: Weights, law: str, decay: float) -> None:
        super().__init__()
        recurrent = weights.recurrent.tocoo()
        dense = torch.from_numpy(recurrent.toarray().astype(np.float32))
        joined = torch.zeros_like(dense)
        joined[recurrent.row.astype(np.int64), recurrent.col.astype(np.int64)] = 1.0
        self.register_buffer("joined", joined)
        self.inputs = nn.Parameter(torch.from_numpy(weights.inputs.astype(np.float32)))
        self.recurrent = nn.Parameter(dense)
        self.readout = nn.Parameter(torch.from_numpy(weights.readout.astype(np.float32)))
        self.bias = nn.Parameter(torch.zeros(dense.shape[0]))
        self.law: Callable[[Tensor], Tensor] = torch.tanh if law == "tanh" else torch.relu
        self.decay = decay

    def forward(self, spikes: Tensor) -> Tensor:
        """The readout at the end (n, n_classes) of spikes (n_steps, n, n_inputs)."""
        brought, weights = spikes @ self.inputs + self.bias, self.recurrent * self.joined
        state = spikes.new_zeros(spikes.shape[1], weights.shape[0])
        told = spikes.new_zeros(spikes.shape[1], self.readout.shape[1])
        for step in brought.unbind():
            state = self.law(step + state @ weights)
            told = self.decay * told + state @ self.readout
        return told

    def weights(self) -> Weights:
        """The weights at present; the biases are not among them."""
        from scipy.sparse import csr_array

        pairs = np.nonzero(self.joined.numpy())
        inputs, recurrent, readout = (
            values.detach().numpy().astype(np.float64)
            for values in (self.inputs, self.recurrent, self.readout)
        )
        table: Any = csr_array((recurrent[pairs], pairs), shape=recurrent.shape)
        return Weights(inputs=inputs, recurrent=table, readout=readout)


def leak(dt: float, tau: float) -> float:
    """What is left of the readout after a step."""
    return math.exp(-dt / tau)
