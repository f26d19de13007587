"""Batches that learn: what each sample makes of the weights, and what becomes of the simulator's
own.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError, UnsupportedError
from .. import validation as check
from ..description.network import Network
from ..progress import Progress

WAYS: Final = ("mean", "sum", "each")
ADDED: Final = ("mean", "sum")  # those that change the weights of the simulator
WAIT: Final = 0.02  # [s] between two looks whether the batch goes on

Weights = Mapping[str, NDArray[np.float64]]


def wanted(network: Network, learn: object) -> str | None:
    """How a batch of this network learns, checked; None where nothing can learn.

    Raises NetworkError for a network with a rule where `learn` is None, UnsupportedError for a
    store that cannot take changes of weights as they are.
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
    for part in learning:
        if way in ADDED and not part.store.can.adds:
            raise UnsupportedError(
                f"Simulator.run learn: {way!r} adds what the samples change to the weights, which "
                f"{type(part.store).__name__} of projection {part.name!r} cannot do; use learn='each' or store=Ideal()"
            )
    return way if learning else None


class Changes:
    """What the samples of a batch change the weights by, added up in the order of the samples.

    before: the weights of every projection that learns (n_synapses,), with which all samples begin.
    A thread whose sample is done waits for those of lower number, so a sum does not depend on the
    number of threads.
    """

    def __init__(self, before: Weights) -> None:
        self._before = before
        self._total = {name: np.zeros_like(weights) for name, weights in before.items()}
        self._next, self._turn = 0, threading.Condition()

    def add(self, sample: int, after: Weights, tick: Progress) -> None:
        """Add the change of `sample`, whose weights are now `after`; `tick` raises where the batch
        is broken off.
        """
        with self._turn:
            while self._next != sample:
                self._turn.wait(WAIT)
                tick(0)
            for name, weights in after.items():
                self._total[name] += weights - self._before[name]
            self._next += 1
            self._turn.notify_all()

    def weights(self, way: str, bounds: Mapping[str, tuple[float, float]]) -> Weights:
        """The weights once the sum or the mean of all changes is added, each within its bounds."""
        parts = self._next if way == "mean" else 1
        return {
            name: np.clip(before + self._total[name] / max(parts, 1), *bounds[name])
            for name, before in self._before.items()
        }
