"""Oja's rule: a unit finds the principal component of what it receives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from ..sim import validation as check
from ..sim.description.local_rule import LocalRule


@final
@dataclass(frozen=True, kw_only=True)
class Oja(LocalRule):
    """Hebbian learning whose weights keep the length 1: in each step w := w + gain r (x - r w).

    x is the number that arrives, r the rate of the target. The weights of a linear unit come to the
    principal component of its inputs. Oja (1982), doi:10.1007/BF00275687. Source and target send
    numbers (`LeakyRate`); the store must tell its weights, as `Ideal()` does.
    """

    gain: float = 1e-3  # of one step

    def __post_init__(self) -> None:
        check.keep(self, "gain", check.real)
        super().__post_init__()

    @staticmethod
    def step(w: Any, arriving: Any, r_post: Any, gain: Any) -> Any:
        """In every step."""
        return w + gain * r_post * (arriving - r_post * w)
