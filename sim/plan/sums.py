"""Arrivals summed in whole numbers, so that the sum does not depend on their order.

The weights of a receptor are rounded to multiples of a power of two, 2**-42 of the largest weight
or finer. Arrivals of a step are summed in int64, exactly, and the sum is added to the receptor
once. It cannot overflow below a million arrivals of the largest weight at one unit in one step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ...kernels.backend import Exact
from ..description.network import Network
from ..description.parts import Projection
from ..operators.build import Build
from ..operators.operator import Phase
from ..operators.projection import ProjectionScope
from ..operators.signals import Signal
from .draw_values import receptor_of
from .population import PopulationScope

BITS: Final = 42  # of the largest weight; 20 more are for the number of arrivals, one for the sign
LEAST: Final = -900  # least exponent of a weight that counts as different from 0


@dataclass
class Sums:
    """Receptors whose arrivals are counted in whole numbers: their scales and signals.

    A receptor is a pair (population, receptor).

    scales: counts per unit of weight; none where sums are floats.
    """

    scales: Mapping[tuple[str, str], float] = field(default_factory=dict)
    declared: dict[tuple[str, str], tuple[Signal, PopulationScope]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        network: Network,
        made: Mapping[str, ProjectionScope],
        scopes: Mapping[str, PopulationScope],
    ) -> Sums:
        """Scales that suit all projections onto a receptor.

        A rule may raise weights up to its bounds.
        """
        most: dict[tuple[str, str], float] = {}
        for projection in network.projections:
            if projection.store.can.counts and not projection.graded:
                own = made[projection.name]
                place = projection.post.name, receptor_of(projection, own.synapses.occurring)
                most[place] = max(most.get(place, 0.0), _largest(projection, own))
        return cls(
            {
                place: 2.0 ** (BITS - max(math.frexp(weight)[1], LEAST))
                for place, weight in most.items()
            }
        )

    def receiving(
        self, projection: Projection, own: ProjectionScope, post: PopulationScope, receptor: str
    ) -> Signal:
        """Where a projection adds up what arrives: the receptor itself, or counts of its own."""
        place = post.population.name, receptor
        if place not in self.scales or not projection.store.can.counts:
            return post.receiving(receptor)
        own.scale = self.scales[place]
        if place not in self.declared:
            counts = own.build.signal(
                f"{'.'.join(place)}.sums", "sums", "int64", (post.population.n,)
            )
            self.declared[place] = counts, post
        return self.declared[place][0]

    def declare(self, build: Build) -> None:
        """Add the operators that move counts to receptors; they come after all deliveries."""
        for (name, receptor), (counts, post) in self.declared.items():
            unit = Exact(1.0 / self.scales[name, receptor])
            scope = {"sums": counts, "unit": unit, "receiving": post.receiving(receptor)}
            phase = post.arrival(receptor, Phase.DELIVER)
            build.operator(phase, f"{name}.{receptor}", "sum_step", scope, shards=post.shards)


def _largest(projection: Projection, own: ProjectionScope) -> float:
    """The largest magnitude that an arrival can add, now or after learning."""
    if own.alike:
        return 1.0
    weights = [float(np.abs(own.synapses.occurring).max(initial=0.0))]
    if projection.rule is not None:
        weights += [
            abs(bound)
            for bound in projection.rule.bounds(own.synapses.weights)
            if math.isfinite(bound)
        ]
    return max(weights)
