"""Training that led astray is told in one sentence, not by accuracies of what is no number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from potentia.errors import DivergenceError

MOST_RATE: Final = (
    1e3  # of learning; faster training leads nowhere, and soon out of single precision
)


def check_descent(experiment: str, setting: str, rate: float, values: Iterable[Any]) -> None:
    """Raise DivergenceError unless all numbers of these tensors are finite.

    values: a loss, gradients or what is trained; rate: the value of the setting that tells how fast
    the experiment trains them.
    """
    if not all(bool(value.detach().isfinite().all()) for value in values):
        raise DivergenceError(
            f"{experiment}.{setting}: must be smaller, since training led to numbers that are not "
            f"finite (got {rate:g})"
        )
