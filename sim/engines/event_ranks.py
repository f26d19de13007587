"""The order in which populations act at one time: projections without delay lead upwards."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import NetworkError
from ..description.network import Network
from ..description.parts import Projection


def ranks_of(network: Network, instant: Sequence[Projection]) -> dict[str, int]:
    """The rank of each population: above all that reach it without delay.

    Raises NetworkError for a cycle of these.
    """
    ranks = {part.name: 0 for part in network.populations}
    for _ in network.populations:
        late = [part for part in instant if ranks[part.post.name] <= ranks[part.pre.name]]
        if not late:
            return ranks
        for part in late:
            ranks[part.post.name] = max(ranks[part.post.name], ranks[part.pre.name] + 1)
    if not any(ranks[part.post.name] <= ranks[part.pre.name] for part in instant):
        return ranks
    names = ", ".join(part.name for part in _cycle(instant))
    raise NetworkError(
        f"Network.connect delay: must be > 0 somewhere on every cycle (got a cycle without delay: {names})"
    )


def _cycle(instant: Sequence[Projection]) -> list[Projection]:
    """The projections on cycles.

    Those that lead nowhere or come from nowhere are taken away, again and again.
    """
    left = list(instant)
    while True:
        starts, ends = {part.pre.name for part in left}, {part.post.name for part in left}
        inside = [part for part in left if part.post.name in starts and part.pre.name in ends]
        if len(inside) == len(left):
            return left
        left = inside
