"""The synapses of a projection as arrays: what connects to what, how late and how strongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from .. import validation as check
from .graph import GraphMeasures, measure

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Connections:
    """The synapses of one projection, in the order of `Simulator.weights`.

    Made by `Simulator.synapses`.

    sources, targets (n_synapses,) int64: indices of the units that each synapse joins; delays
    (n_synapses,) [s], on the clock engine whole steps; weights (n_synapses,) float64, the present
    ones, in the unit of the receptor; n_pre, n_post: the units of both populations. Writing to
    these arrays changes no simulator.
    """

    sources: NDArray[np.int64]
    targets: NDArray[np.int64]
    delays: NDArray[np.float64]
    weights: NDArray[np.float64]
    n_pre: int
    n_post: int

    def __len__(self) -> int:
        return int(self.sources.size)

    def __repr__(self) -> str:
        return f"Connections({len(self)} synapses from {self.n_pre} to {self.n_post} units)"

    def matrix(self) -> csr_array:
        """The weights as a matrix (n_pre, n_post), a scipy.sparse.csr_array.

        An entry is stored for each pair of units that a synapse joins, also where the weight is 0.
        The weights of several synapses of one pair are added up, whatever their delays.
        """
        from scipy.sparse import coo_array

        pairs = self.sources, self.targets
        return coo_array((self.weights, pairs), shape=(self.n_pre, self.n_post)).tocsr()

    def graph(self) -> GraphMeasures:
        """Density, path length, clustering and spread of degrees of the synapses as a graph.

        For a projection of a population onto itself. Synapses count whatever their weight. The time
        that it takes grows with the units times the synapses. Raises ParameterError where the
        populations differ in size.
        """
        if self.n_pre != self.n_post:
            rule = f"must be the {self.n_pre} units of the source population themselves"
            raise check.fail(self, "n_post", rule, self.n_post)
        return measure(self.sources, self.targets, self.n_pre)
