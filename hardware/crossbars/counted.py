"""Which columns of a crossbar are read in a step, and what is counted of them."""

from __future__ import annotations

from typing import Any

from ...sim.operators.projection import ProjectionScope
from ...sim.operators.signals import Signal


def counted(projection: ProjectionScope, columns: int) -> dict[str, Any]:
    """The lists of `columns` that a spike reads, one for each share, and running totals.

    Where threads may learn at once, the conductances read are added up column by column, so that
    sums do not depend on the number of threads.
    """
    n_post, wide = projection.synapses.n_post, projection.synapses.plastic
    shape = (columns,) if wide and not projection.graded else (1,)
    scope = {"conducted": projection.tally("conducted", "float64", shape)}
    names = ("activations", "events", "conversions", "clipped")
    if projection.graded:  # one thread reads all rows
        scope |= {name: projection.tally(name) for name in (*names, "reads")}
        return scope | _listed(projection, "", columns)
    scope |= {name: projection.counter(name) for name in names}
    scope["reads"] = projection.counter("reads", once=True)
    below = columns // n_post  # arrays below each other
    lists = [
        _listed(projection, str(k or ""), below * (high - low))
        for k, (low, high, _) in enumerate(projection.shares)
    ]

    def of_shares(name: str) -> Any:
        return projection.each_share(lambda k, low, high: lists[k][name])

    return scope | {name: of_shares(name) for name in lists[0]}


def _listed(projection: ProjectionScope, share: str, columns: int) -> dict[str, Signal]:
    """Room for the list of the columns that one share reads in a step."""
    return {
        "touched": projection.signal(f"touched{share}", "scratch", "uint32", (columns,)),
        "touched_count": projection.signal(f"touched_count{share}", "scratch", "int64", (1,)),
    }
