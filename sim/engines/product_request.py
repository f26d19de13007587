"""What a call of `Simulator.product` asks for, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from .. import validation as check
from ..description.parts import Projection
from ..seed import check_key
from .engine import Engine

OWNER: Final = "Simulator"


@final
@dataclass(frozen=True, kw_only=True)
class ProductRequest:
    """A product of the weights of a projection with `numbers` (..., n); n_made: what comes of n."""

    projection: str
    numbers: NDArray[np.float64]
    n_made: int
    transpose: bool
    key: int

    def work(self, engine: Engine) -> NDArray[np.float64]:
        """The products of all rows of numbers (n_rows, n_made)."""
        *before, n = self.numbers.shape
        rows = self.numbers.reshape(math.prod(before), n)
        return engine.product(self.projection, rows, transpose=self.transpose, key=self.key)

    def shaped(self, products: NDArray[np.float64]) -> NDArray[np.float64]:
        """The products in the shape of the numbers (..., n_made)."""
        return products.reshape(*self.numbers.shape[:-1], self.n_made)


def checked(projection: Projection, x: Any, *, transpose: Any, key: Any) -> ProductRequest:
    """The request that these arguments make; ParameterError for any that is bad."""
    transpose = check.flag(OWNER, "product transpose", transpose)
    key = check_key(OWNER, key, "product key")
    numbers = check.finite_array(OWNER, "product x", x)
    sizes = (projection.pre.n, projection.post.n)
    n, n_made = sizes[::-1] if transpose else sizes
    if numbers.ndim == 0 or numbers.shape[-1] != n:
        rule = f"must end in {n}, one number per unit"
        raise check.fail(OWNER, "product x", rule, f"shape {numbers.shape}")
    return ProductRequest(
        projection=projection.name, numbers=numbers, n_made=n_made, transpose=transpose, key=key
    )
