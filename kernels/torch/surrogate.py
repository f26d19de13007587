"""Spikes with gradients: the step at threshold, whose slope is replaced by that of a smooth curve.

Distances from threshold are in units of the way from reset to threshold: x = (v - threshold) /
(threshold - reset). Each curve is given by its derivative ``NAME_slope(x, slope)`` and by itself,
``NAME_rise(x, slope)``, which is 1/2 at 0. Neftci, Mostafa and Zenke (2019),
doi:10.1109/MSP.2019.2931595.
"""

from __future__ import annotations

import math

import torch


def arctan_slope(x, slope):
    """Fang et al. (2021), doi:10.1109/ICCV48922.2021.00266."""
    return slope / 2 / (1 + (math.pi / 2 * slope * x) ** 2)


def arctan_rise(x, slope):
    return torch.atan(math.pi / 2 * slope * x) / math.pi + 0.5


def fast_sigmoid_slope(x, slope):
    """Zenke and Ganguli (2018), doi:10.1162/neco_a_01086."""
    return 1 / (1 + slope * x.abs()) ** 2


def fast_sigmoid_rise(x, slope):
    return x / (1 + slope * x.abs()) + 0.5


def triangular_slope(x, slope):
    """Bellec et al. (2018), arXiv:1803.09574."""
    return (1 - slope * x.abs()).clamp(min=0)


def triangular_rise(x, slope):
    near = x.clamp(-1 / slope, 1 / slope)
    return near - slope * near * near.abs() / 2 + 0.5


def straight_through_slope(x, slope):
    """Bengio, Leonard and Courville (2013), arXiv:1308.3432."""
    return torch.full_like(x, slope)


def straight_through_rise(x, slope):
    return slope * x + 0.5


def passed(hard, soft):
    """`hard` on the way forward; backwards, gradients go to `soft` as they come."""
    return _Passed.apply(soft, hard)


def arrived(values):
    """1 where `values` are not 0, else 0; gradients pass as they come."""
    return _Arrived.apply(values)


class Spike:
    """How potentials become spikes: `kind` names the curve whose derivative stands for the step's.

    It may also be that derivative, a function of x and slope.

    through_reset: whether gradients also pass by way of the reset. smooth: units send the curve
    itself, a number between spikes and silence, so that gradients are exact: for tests.
    """

    def __init__(self, kind, slope=1.0, *, through_reset=False, smooth=False):
        self.kind, self.slope, self.rise = kind, slope, None
        if callable(kind):
            self.derivative = kind
        else:
            self.derivative, self.rise = globals()[f"{kind}_slope"], globals()[f"{kind}_rise"]
        self.through_reset, self.smooth = through_reset, smooth

    def __call__(self, v, threshold, reset):
        """1 where v (batch, n) is at threshold, else 0; threshold, reset: a number or (n,)."""
        if self.smooth:
            return self.rise((v - threshold) / (threshold - reset), self.slope)
        far = scale(threshold, reset)
        reached = (v >= threshold).to(v.dtype)
        if not torch.is_grad_enabled():
            return reached
        return _Step.apply((v - threshold) / far, reached, self.derivative, self.slope)

    def reset(self, fired, v, reset):
        """v, but `reset` where units fired."""
        if self.through_reset or self.smooth:
            return v * (1 - fired) + reset * fired
        return torch.where(fired >= 0.5, torch.as_tensor(reset, dtype=v.dtype), v)


def scale(threshold, reset):
    """The way from reset to threshold; 1 where there is none."""
    if isinstance(threshold, torch.Tensor) or isinstance(reset, torch.Tensor):
        far = torch.as_tensor(threshold - reset).detach()
        return torch.where(far > 0, far, torch.ones_like(far))
    return threshold - reset if threshold > reset else 1.0


class _Step(torch.autograd.Function):
    """The step at threshold, with the derivative of a smooth curve."""

    @staticmethod
    def forward(ctx, x, reached, derivative, slope):
        ctx.save_for_backward(x)
        ctx.derivative, ctx.slope = derivative, slope
        return reached

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * ctx.derivative(x, ctx.slope), None, None, None


class _Arrived(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values):
        return torch.ne(values, 0, out=torch.empty_like(values))

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class _Passed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, soft, hard):
        return hard.to(soft.dtype)

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None
