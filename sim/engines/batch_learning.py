"""Batches that learn: what the samples change, and what the simulator's own weights become."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError
from .. import validation as check
from ..description.network import Network
from ..progress import Progress

WAYS: Final = ("mean", "sum", "each")
ADDED: Final = ("mean", "sum")  # those that change the weights of the simulator
WAIT: Final = 0.02  # [s] between two looks whether the batch goes on

Weights = Mapping[str, NDArray[np.float64]]


def wanted(network: Network, learn: object) -> str | None:
    """How a batch of this network learns, checked; None where nothing can learn.

    Raises NetworkError for a network with a rule where `learn` is None.
    """
    learning = [part for part in network.projections if part.rule is not None]
    if learn is None:
        if learning:
            raise NetworkError(
                f"Simulator.run learn: must be given for a batch of a network with a rule, {learning[0].name!r} has "
                "one: 'mean' or 'sum' of what the samples change, or 'each' sample with weights of its own (got None)"
            )
        return None
    way = check.one_of("Simulator", "run learn", learn, WAYS)
    return way if learning else None


class Changes:
    """What the samples of a batch change the weights by, added up in the order of the samples.

    before: the weights of every projection that learns (n_synapses,), with which all samples begin.
    A thread whose sample is done waits for those of lower number, so a sum does not depend on the
    number of threads. Sums are kept as two numbers, so that the sum of one change, added to the
    weights before, gives the weights after, bit for bit.
    """

    def __init__(self, before: Weights) -> None:
        self._before = before
        self._total = {name: (np.zeros(w.shape), np.zeros(w.shape)) for name, w in before.items()}
        self._next, self._turn = 0, threading.Condition()

    def add(self, sample: int, after: Weights, tick: Progress) -> None:
        """Add the change of `sample`, whose weights are now `after`.

        tick: raises where the batch is broken off.
        """
        with self._turn:
            while self._next != sample:
                self._turn.wait(WAIT)
                tick(0)
            for name, weights in after.items():
                total, rest = self._total[name]
                change, lost = _exact_sum(weights, -self._before[name])
                total, more = _exact_sum(total, change)
                self._total[name] = total, rest + (lost + more)
            self._next += 1
            self._turn.notify_all()

    def of(self, way: str, name: str) -> NDArray[np.float64]:
        """The sum or the mean of all changes of the weights of a projection (n_synapses,)."""
        total, rest = self._total[name]
        return (total + rest) / self._parts(way)

    def weights(self, way: str, name: str, bounds: tuple[float, float]) -> NDArray[np.float64]:
        """The weights of a projection plus the sum or mean of all changes, each within its bounds."""
        total, rest = (part / self._parts(way) for part in self._total[name])
        moved, lost = _exact_sum(self._before[name], total)
        return np.clip(moved + (lost + rest), *bounds)

    def _parts(self, way: str) -> int:
        return max(self._next, 1) if way == "mean" else 1


def _exact_sum(
    a: NDArray[np.float64], b: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """a + b rounded, and the error of the rounding, which is exact.

    Knuth (1997), The Art of Computer Programming 2, section 4.2.2, theorem B.
    """
    rounded = a + b
    other = rounded - a
    return rounded, (a - (rounded - other)) + (b - other)
