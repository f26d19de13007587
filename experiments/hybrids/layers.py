"""The layers in torch: front end, pulses, the spiking core as a module, readout."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from potentia.experiments.hybrids.core import LAG, PULSES, SYNAPSES, described
from potentia.experiments.hybrids.design import DT, KERNEL, POOL, STRIDE, Design
from potentia.sim import Network, Simulator

GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0  # multiples of it are spread evenly within 0 to 1


def front_end(design: Design, *, spiking: bool) -> torch.nn.Sequential:
    """Images (batch, 1, height, width) to features (batch, n_features), from 0 on.

    Where they become pulses, at most 1: then each unit has a pulse in every step.
    """
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, design.channels, KERNEL, STRIDE, KERNEL // 2, bias=False),
        torch.nn.BatchNorm2d(design.channels),
        torch.nn.Hardtanh(0.0, 1.0) if spiking else torch.nn.ReLU(),
        torch.nn.AvgPool2d(POOL),
        torch.nn.Flatten(),
    )


def pulses(features: Tensor, steps: int) -> Tensor:
    """Features (batch, n) from 0 to 1 as pulses (steps, batch, n) of 0 and 1.

    A unit sums its feature in every step, beginning with a phase of its own, and has a pulse
    wherever the sum comes to the next whole number. The gradient passes straight through, the same
    in every step (Bengio, Léonard and Courville 2013, arXiv:1308.3432).
    """
    phase = torch.arange(1, features.shape[1] + 1, dtype=torch.float64) * GOLDEN % 1.0
    times = torch.arange(steps + 1, dtype=torch.float64)[:, None, None]
    whole = torch.floor(features.detach().double() * times + phase)
    made = (whole[1:] - whole[:-1]).to(features.dtype)
    return made + (features - features.detach())


class Core(torch.nn.Module):
    """The spiking core on tensors: pulses (steps, batch, n_features) to rates (batch, neurons).

    weights (n_features, neurons): as they are, and not trained. None for -w, 0 or w, the nearest to
    a hidden number that is trained in their place (Courbariaux, Bengio and David 2015,
    arXiv:1511.00363): `write` before a step of training, `pass_on` after the gradients.
    """

    def __init__(
        self, design: Design, n_features: int, seed: int, weights: NDArray[np.float64] | None = None
    ) -> None:
        super().__init__()
        self.magnitude, self.trained = design.weight(n_features), weights is None
        if weights is None:
            self.hidden = torch.nn.Parameter(drawn(n_features, design.neurons, seed))
            weights = self.rounded().double().numpy()
        simulator = Simulator(
            described(design, weights, seed), dt=DT, backend="torch", dtype="float32"
        )
        self.module = simulator.module(train=[SYNAPSES] if self.trained else [])

    def rounded(self) -> Tensor:
        """The weights (n_features, neurons) that the hidden numbers stand for."""
        return self.magnitude * nearest(self.hidden.detach())

    def write(self) -> None:
        """Put the nearest weights into the network."""
        with torch.no_grad():
            self.module.get_parameter(SYNAPSES).copy_(self.rounded().ravel())

    def pass_on(self) -> None:
        """Hand the gradients of the weights to the hidden numbers."""
        weights = self.module.get_parameter(SYNAPSES)
        assert weights.grad is not None
        self.hidden.grad = self.magnitude * weights.grad.view_as(self.hidden)
        weights.grad = None

    def forward(self, x: Tensor) -> Tensor:
        silent = x.new_zeros((LAG, *x.shape[1:]))
        spikes: Tensor = self.module({PULSES: torch.cat([x, silent])})["core.spikes"]
        return spikes.sum(0) / len(x)

    def network(self) -> Network:
        """The core as a network for any engine."""
        found: Network = self.module.network()
        return found


def drawn(n_features: int, neurons: int, seed: int) -> Tensor:
    """Hidden numbers (n_features, neurons) to begin with, uniform from -1 to 1."""
    generator = torch.Generator().manual_seed(seed)
    return 2.0 * torch.rand(n_features, neurons, generator=generator) - 1.0


def nearest(hidden: Tensor) -> Tensor:
    """The nearest of -1, 0 and 1."""
    return hidden.clamp(-1.0, 1.0).round()


class Hybrid(torch.nn.Module):
    """Front end, spiking core and readout: images (batch, 1, height, width) to scores."""

    def __init__(self, design: Design, core: Core, n_classes: int) -> None:
        super().__init__()
        self.steps, self.core = design.steps, core
        self.front = front_end(design, spiking=True)
        self.readout = torch.nn.Linear(design.neurons, n_classes)

    def pulses(self, images: Tensor) -> Tensor:
        """What the core gets of images (steps, batch, n_features)."""
        return pulses(self.front(images), self.steps)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.readout(self.core(self.pulses(images)))
        return scores


def rectified(design: Design, n_features: int, n_classes: int) -> torch.nn.Sequential:
    """The same layers with rectified units in the place of spiking ones, and weights of any size."""
    return torch.nn.Sequential(
        front_end(design, spiking=False),
        torch.nn.Linear(n_features, design.neurons, bias=False),
        torch.nn.ReLU(),
        torch.nn.Linear(design.neurons, n_classes),
    )
