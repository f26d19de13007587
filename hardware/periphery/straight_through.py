"""Gradients through what has none, or whose law is known only as numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import DependencyError, UnsupportedError
from ...sim import validation as check

try:
    import torch
    from torch.autograd.function import once_differentiable
except ImportError as error:
    raise DependencyError(
        "AnalogLinear: needs PyTorch, which is not installed; install it with: pip install 'potentia[torch]'"
    ) from error

__all__ = [
    "CellLaw",
    "cell_law",
    "check_floats",
    "checked",
    "flat",
    "in_own_precision",
    "like",
    "once_differentiable",
    "straight_through",
    "torch",
]

P = ParamSpec("P")
R = TypeVar("R")
Numbers = NDArray[Any]
FLOATS = (torch.float32, torch.float64)
STEP = 1e-6  # of the range: error of the difference quotient about 1e-6 of the curvature, rounding 1e-10


class StraightThrough(torch.autograd.Function):
    """See `straight_through`."""

    @staticmethod
    def forward(
        ctx: Any, surrogate: torch.Tensor, values: torch.Tensor, inside: torch.Tensor | None
    ) -> torch.Tensor:
        ctx.inside = inside
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return gradients[0] if ctx.inside is None else gradients[0] * ctx.inside, None, None


def straight_through(
    surrogate: torch.Tensor, values: torch.Tensor, inside: torch.Tensor | None = None
) -> torch.Tensor:
    """`values`, with the gradient of `surrogate` where it is `inside`, else 0; None: everywhere.

    Bengio, Léonard and Courville (2013), arXiv:1308.3432.
    """
    passed: torch.Tensor = StraightThrough.apply(surrogate, values.detach(), inside)
    return passed


class CellLaw(torch.autograd.Function):
    """A law of single cells, ``law(conductances (n,) float64) -> (n,)``, with its derivative.

    The law is known as numbers only, so the derivative is its difference quotient towards the
    middle of [low, high]; a law that draws must draw the same again.
    """

    @staticmethod
    def forward(
        ctx: Any,
        conductances: torch.Tensor,
        law: Callable[[Numbers], Numbers],
        low: float,
        high: float,
    ) -> torch.Tensor:
        cells = flat(conductances)
        values = law(cells)
        ctx.law, ctx.low, ctx.high, ctx.values = law, low, high, values
        ctx.save_for_backward(conductances)
        return like(conductances, values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (conductances,) = ctx.saved_tensors
        cells = flat(conductances)
        step = 0.5 * (ctx.low + ctx.high) - cells
        np.copysign(STEP * (ctx.high - ctx.low), step, out=step)
        slope = np.add(cells, step, out=cells)
        np.subtract(ctx.law(slope), ctx.values, out=slope)
        slope /= step
        return gradients[0] * like(conductances, slope), None, None, None


def cell_law(
    conductances: torch.Tensor, law: Callable[[Numbers], Numbers], low: float, high: float
) -> torch.Tensor:
    """`law` of every cell, in the shape of `conductances`; see `CellLaw`."""
    result: torch.Tensor = CellLaw.apply(conductances, law, low, high)
    return result


def in_own_precision(function: Callable[P, R]) -> Callable[P, R]:
    """`function` as it is outside of autocast, which would hand it products of lower precision."""
    wrapped: Callable[P, R] = torch.autocast("cpu", enabled=False)(function)
    return wrapped


def check_floats(owner: object, field: str, value: object) -> None:
    """Refuse what is no type of numbers that arrays of devices are read with."""
    if not isinstance(value, torch.dtype) or value not in FLOATS:
        raise check.fail(owner, field, "must be torch.float32 or torch.float64", value)


def checked(owner: object, field: str, tensor: torch.Tensor) -> torch.Tensor:
    """A tensor whose numbers NumPy can read; one sentence for any other."""
    if tensor.device.type != "cpu":
        raise UnsupportedError(
            f"{check.name_of(owner)}: runs on the CPU only (got a tensor on {tensor.device})"
        )
    if tensor.layout is not torch.strided:
        raise check.fail(owner, field, "must be a dense tensor", tensor.layout)
    check_floats(owner, field, tensor.dtype)
    return tensor.resolve_neg()


def flat(tensor: torch.Tensor) -> Numbers:
    """The numbers of a tensor (n,) float64."""
    return np.array(tensor.detach().numpy(), np.float64, order="C").reshape(-1)


def like(tensor: torch.Tensor, values: Numbers) -> torch.Tensor:
    """`values` in the shape and the type of `tensor`."""
    return torch.from_numpy(values).reshape(tensor.shape).to(tensor.dtype)
