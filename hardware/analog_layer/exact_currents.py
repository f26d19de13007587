"""The currents of an array with wires as a function that torch can differentiate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..array.numbers import WireSolver
from ..periphery.straight_through import once_differentiable, torch

Array = NDArray[np.float64]


class ExactCurrents(torch.autograd.Function):
    """The exact currents of a crossbar, solved in float64, with gradients.

    currents (batch, columns) [A] of conductances (rows, columns) and voltages (batch, rows).

    The nodal matrix is symmetric, so the gradient is one more solve with the cotangents driven from
    the other end (adjoint method; Director and Rohrer 1969, doi:10.1109/TCT.1969.1082965).
    """

    @staticmethod
    def forward(
        ctx: Any, conductances: torch.Tensor, voltages: torch.Tensor, solver: WireSolver
    ) -> torch.Tensor:
        ctx.solver = solver
        ctx.save_for_backward(conductances, voltages)
        return torch.from_numpy(solver.currents(_array(conductances), _array(voltages))).to(
            voltages.dtype
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        conductances, voltages = ctx.saved_tensors
        arrays = _array(conductances), _array(voltages), _array(gradients[0])
        by_voltage, by_conductance = (
            torch.from_numpy(part) for part in ctx.solver.gradient(*arrays)
        )
        return by_conductance.to(conductances.dtype), by_voltage.to(voltages.dtype), None


def _array(tensor: torch.Tensor) -> Array:
    array: Array = np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float64)
    return array
