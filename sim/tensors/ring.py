"""What populations that are stepped together have sent so far."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray


class Rows:
    """What one population sent, as rows (batch, n) that torch can differentiate.

    past (depth, batch, n): what it sent before the first step; None where that is nothing.
    """

    def __init__(self, past: torch.Tensor | None, depth: int) -> None:
        self.depth = depth
        self._rows: list[torch.Tensor | None] = (
            [None] * depth if past is None else list(past[past.shape[0] - depth :].unbind())
        )

    def put(self, sent: torch.Tensor) -> None:
        """Enter what was sent in the next step."""
        self._rows.append(sent)

    def before(self, t: int, lag: int) -> torch.Tensor | None:
        """What was sent `lag` steps before step t; None for nothing."""
        return self._rows[self.depth + t - lag]

    def arriving(self, t: int, lags: NDArray[np.int64]) -> torch.Tensor | None:
        """What was sent so many steps before step t (n_lags, batch, n); None for nothing."""
        rows = [self.before(t, lag) for lag in lags.tolist()]
        known = next((row for row in rows if row is not None), None)
        if known is None:
            return None
        empty = torch.zeros_like(known)
        return torch.stack([empty if row is None else row for row in rows])

    def sent(self) -> torch.Tensor:
        """All that was sent since the first step (time, batch, n)."""
        return torch.stack([row for row in self._rows[self.depth :] if row is not None])


class Buffer:
    """The same in one array, which grows no further than `steps`."""

    def __init__(self, past: torch.Tensor, steps: int) -> None:
        self.depth = past.shape[0]
        self._array = torch.cat([past, past.new_zeros((steps, *past.shape[1:]))])
        self._next = self.depth

    def put(self, sent: torch.Tensor) -> None:
        """Enter what was sent in the next step."""
        self._array[self._next] = sent
        self._next += 1

    def window(self, t: int) -> torch.Tensor:
        """What was sent in the `depth` steps before step t, and room for that step."""
        return self._array[t : t + self.depth + 1]

    def before(self, t: int, lag: int) -> torch.Tensor:
        """What was sent `lag` steps before step t."""
        return self._array[self.depth + t - lag]

    def arriving(self, t: int, lags: NDArray[np.int64]) -> torch.Tensor:
        """What was sent so many steps before step t (n_lags, batch, n)."""
        return self._array[torch.from_numpy(self.depth + t - lags)]

    def sent(self) -> torch.Tensor:
        """All that was sent since the first step (time, batch, n)."""
        return self._array[self.depth :]
