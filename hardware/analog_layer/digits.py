"""Products with whole numbers.

An array's conductances stand in digits of seven bits, its inputs as 8-bit codes. Whole products are
exact, and processors multiply bytes many times faster than floating-point numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu import analogue as kernels
from ...kernels.reference.analogue import DIGIT
from ..periphery.straight_through import torch

HIGHEST: Final = 126 * DIGIT**2  # so that all three digits are bytes
MOST_ROWS: Final = (2**31 - 1) // 127**2  # so that their products add up in 32 bits
Array = NDArray[Any]


@final
@dataclass(frozen=True, kw_only=True)
class DigitArray:
    """An array of effective conductances, ready to be read by codes.

    rows: of the inputs that drive it; digits (rows, 3 * columns) int8; unit (columns,): steps of
    the converter per lowest digit and code; variance (rows, columns) bfloat16: of one reading, in
    the same squared; weight (columns,): worth of a step.
    """

    rows: slice
    digits: torch.Tensor
    unit: Array
    variance: torch.Tensor
    weight: Array

    @classmethod
    def of(
        cls, conductances: Array, variance: Array, *, rows: slice, steps: float, weight: float
    ) -> DigitArray:
        """From effective conductances [S] and variances [S^2], both (rows, columns).

        steps: what one siemens driven by one code is in steps of the converter. Conductances are
        rounded to 1 / HIGHEST of the largest of their column, like float32 to 1 / 2**24.
        """
        unit = np.abs(conductances).max(axis=0) / HIGHEST
        rest = np.rint(
            np.divide(conductances, unit, out=np.zeros_like(conductances), where=unit > 0)
        )
        digits = []
        for _ in range(2):
            low = (rest + DIGIT // 2) % DIGIT - DIGIT // 2
            digits.append(low)
            rest = (rest - low) / DIGIT
        whole = np.concatenate([rest, *reversed(digits)], axis=1).astype(np.int8)
        return cls(
            rows=rows,
            digits=torch.from_numpy(whole),
            unit=(unit * steps).astype(np.float32),
            variance=torch.from_numpy(variance * steps**2).to(torch.bfloat16),
            weight=np.full(unit.size, weight, np.float32),
        )

    def read(
        self,
        codes: torch.Tensor,
        squares: torch.Tensor,
        key: int,
        ends: tuple[int, int],
        drive: Array,
        out: Array,
    ) -> None:
        """Add one noisy, converted reading to out (batch, columns).

        codes, squares, drive: see `encode`.
        """
        products = torch._int_mm(codes[:, self.rows].contiguous(), self.digits)
        variance = (squares[:, self.rows] @ self.variance).view(torch.int16).numpy().view(np.uint16)
        kernels.convert_columns(
            np.uint64(key), 0, products.numpy(), self.unit, variance, *ends, drive, self.weight, out
        )


def encode(
    values: torch.Tensor, full_scale: float, levels: int
) -> tuple[torch.Tensor, torch.Tensor, Array, float]:
    """Inputs as codes: see `encode_rows`.

    Codes and their squares (batch, rows), what a code is worth (batch,), the largest magnitude.
    """
    codes, squares = np.empty(values.shape, np.int8), np.empty(values.shape, np.uint16)
    lsb = np.empty(values.shape[0], np.float32)
    largest = kernels.encode_rows(
        values.contiguous().numpy(), full_scale, levels, codes, squares, lsb
    )
    bits = torch.from_numpy(squares.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(codes), bits, lsb, float(largest)
