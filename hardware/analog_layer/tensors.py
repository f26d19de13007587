"""Conductances and currents as tensors of torch, with gradients."""

from __future__ import annotations

from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu.gaussian import normal_rows
from ..array.numbers import Law
from ..periphery.converters import ADC
from ..periphery.straight_through import cell_law, straight_through, torch

SMALLEST: Final = 1e-36  # variances below are none; the root of this one still has a finite slope


@final
class Tensors:
    """The operations of `Numbers` on tensors of one precision."""

    def law(self, cells: torch.Tensor, law: Law, low: float, high: float) -> torch.Tensor:
        return cell_law(cells, law, low, high)

    def plain(self, cells: torch.Tensor) -> NDArray[Any]:
        numbers: NDArray[Any] = cells.detach().numpy()
        return numbers

    def like(self, cells: torch.Tensor, values: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(values).to(cells.dtype)

    def error(self, variance: torch.Tensor, key: int) -> torch.Tensor:
        z = np.empty(variance.shape, np.float32)
        normal_rows(np.uint64(key), 0, z)
        return variance.clamp_min(SMALLEST).sqrt() * torch.from_numpy(z).to(variance.dtype)

    def converted(
        self, adc: ADC, currents: torch.Tensor, factor: torch.Tensor, key: int, width: int | None
    ) -> torch.Tensor:
        """The gradient is that of ``currents * factor`` where the converters do not clip."""
        read = adc.convert(currents.detach(), key=key, width=width) * factor.detach()
        if not torch.is_grad_enabled():
            return read
        inside = torch.from_numpy(adc.inside(currents.detach().numpy()))
        passed: torch.Tensor = straight_through(currents * factor, read, inside)
        return passed
