"""A spiking recurrent network, in torch.

It learns all its weights through a surrogate gradient.
"""

from __future__ import annotations

from typing import Any, Final, final

import torch
from torch import Tensor, nn

from potentia.experiments.liquids.liquid import INPUT_SD, RECURRENT_SD, Liquid

HALF_WIDTH: Final = 0.25  # of the rectangular surrogate, in units of the potential


class Spike(torch.autograd.Function):
    """A step at 0, with a surrogate for its derivative.

    That is taken for 1 / (2 a) within a = HALF_WIDTH of 0 (Wu et al. 2018,
    doi:10.3389/fnins.2018.00331).
    """

    @staticmethod
    def forward(ctx: Any, above: Tensor) -> Tensor:
        ctx.save_for_backward(above)
        fired: Tensor = (above > 0).to(above.dtype)
        return fired

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (above,) = ctx.saved_tensors
        passed: Tensor = (
            gradients[0] * (above.abs() < HALF_WIDTH).to(above.dtype) / (2 * HALF_WIDTH)
        )
        return passed


@final
class SRNN(nn.Module):
    """The recursion of `liquid`, its weights free.

    It turns frames (n, n_steps, n_inputs) into spikes per step (n, n_neurons). The input's weights
    start where those of the liquid are; the recurrent ones at a tenth of that, because the
    surrogate gradient through all steps overflows with the liquid's. No gradient passes through the
    reset.
    """

    def __init__(self, liquid: Liquid, generator: torch.Generator) -> None:
        super().__init__()
        self.decay, self.threshold = liquid.decay, liquid.threshold
        n, k = liquid.n_inputs, liquid.n_neurons
        self.input = nn.Parameter(
            liquid.constant * INPUT_SD * torch.randn(n, k, generator=generator)
        )
        self.recurrent = nn.Parameter(
            0.1 * liquid.constant * RECURRENT_SD * torch.randn(k, k, generator=generator)
        )

    def forward(self, frames: Tensor) -> Tensor:
        """Spikes of every unit over the number of steps (n, n_neurons)."""
        potential = spikes = total = frames.new_zeros(len(frames), self.input.shape[1])
        for brought in (frames @ self.input).unbind(dim=1):  # the input of all steps is one product
            potential = (
                self.decay * potential * (1 - spikes.detach()) + brought + spikes @ self.recurrent
            )
            spikes = Spike.apply(potential - self.threshold)
            total = total + spikes
        return total / frames.shape[1]
