"""Connectivity: recipes that choose which units of two populations are joined."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu import connectivity as kernels
from ...kernels.cpu import rows as row_kernels
from ...kernels.reference.connectivity import geometric_table
from .. import validation as check
from ..operators.edges import Edges, Ids, Rows
from ..seed import check_key

MOST_SYNAPSES = 2**31 - 1  # of one projection
MOST_UNITS = 2**31 - 1  # of one population


class Connectivity(ABC):
    """A recipe for synapses: `_draw` draws them, and `expected` returns their expected number.

    default_weight: that of synapses for which `Network.connect` is given none; scales: whether one
    number given there multiplies the weights that the recipe brings along.
    """

    default_weight: ClassVar[float | None] = None
    scales: ClassVar[bool] = False

    @final
    def edges(self, n_pre: int, n_post: int, key: int, *, recurrent: bool) -> Edges:
        """The synapses from `n_pre` to `n_post` units; the same for the same key and parameters.

        key: of the random stream, see `stream_key`; recurrent: source and target population are the
        same, so that equal indices are one unit.
        """
        n_pre = check.whole(self, "n_pre", n_pre, most=MOST_UNITS)
        n_post = check.whole(self, "n_post", n_post, most=MOST_UNITS)
        recurrent = check.flag(self, "recurrent", recurrent)
        self._count_fits(self.expected(n_pre, n_post))
        edges = self._draw(n_pre, n_post, np.uint64(check_key(self, key)), recurrent)
        self._count_fits(len(edges))
        return edges

    @final
    def rows(self, n_pre: int, n_post: int, key: int, *, recurrent: bool) -> Rows | None:
        """The same synapses as `edges`, not yet drawn.

        None where the targets of a source are not independent draws.
        """
        self._count_fits(self.expected(n_pre, n_post))
        return self._rows(n_pre, n_post, np.uint64(key), recurrent)

    def _rows(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Rows | None:
        return None

    @property
    def independent(self) -> bool:
        """Whether the targets of a source are independent draws, so that there are `rows`."""
        return False

    @abstractmethod
    def expected(self, n_pre: int, n_post: int) -> float:
        """The expected number of synapses between two different populations."""

    @abstractmethod
    def _draw(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Edges: ...

    def _count_fits(self, count: float) -> None:
        if count > MOST_SYNAPSES:
            rule = f"must be at most {MOST_SYNAPSES} in one projection; split a population or join fewer"
            raise check.fail(self, "number of synapses", rule, math.ceil(count))


@final
@dataclass(frozen=True, kw_only=True)
class AllToAll(Connectivity):
    """Every unit to every unit. autapses: also to itself."""

    autapses: bool = True

    def __post_init__(self) -> None:
        check.keep(self, "autapses", check.flag)

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(n_pre) * n_post

    def _draw(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Edges:
        sources = np.repeat(np.arange(n_pre, dtype=np.uint32), n_post)
        targets = np.tile(np.arange(n_post, dtype=np.uint32), n_pre)
        if recurrent and not self.autapses:
            different = sources != targets
            sources, targets = sources[different], targets[different]
        return Edges(sources, targets)


@final
@dataclass(frozen=True)
class OneToOne(Connectivity):
    """Unit i to unit i, between populations of one size."""

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(min(n_pre, n_post))

    def _draw(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Edges:
        if n_pre != n_post:
            rule = "both populations must have the same size"
            raise check.fail(self, "n_post", f"{rule}; n_pre is {n_pre}", n_post)
        units = np.arange(n_pre, dtype=np.uint32)
        return Edges(units, units.copy())


@final
@dataclass(frozen=True)
class FixedProbability(Connectivity):
    """Every pair independently with probability `p` (Bernoulli, Erdos-Renyi), never twice.

    Autapses are pairs like any other unless switched off, as in NEST and Brian2.
    """

    p: float
    autapses: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        check.keep(self, "p", check.within, least=0.0, most=1.0)
        check.keep(self, "autapses", check.flag)

    def expected(self, n_pre: int, n_post: int) -> float:
        return self.p * n_pre * n_post

    def _draw(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Edges:
        thresholds, guide = geometric_table(float(self.p))
        skip_self = recurrent and not self.autapses
        return fill(
            self.expected(n_pre, n_post),
            lambda *room: kernels.draw_bernoulli(
                key, n_pre, n_post, thresholds, guide, skip_self, *room
            ),
        )


@final
@dataclass(frozen=True)
class FixedInDegree(Connectivity):
    """`k` synapses onto every target, from uniformly drawn sources.

    Autapses and multapses (a source drawn repeatedly) happen unless switched off, as in NEST.
    """

    k: int
    autapses: bool = field(default=True, kw_only=True)
    multapses: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        _keep_choices(self, "k", most=MOST_UNITS)

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(self.k) * n_post

    def _draw(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Edges:
        skip_self = recurrent and not self.autapses
        rows = _draw_rows(self, n_post, n_pre, key, skip_self, self.multapses)
        first, synapses = kernels.reverse_index(rows.reshape(-1), n_pre)
        sources = np.repeat(np.arange(n_pre, dtype=np.uint32), np.diff(first.astype(np.int64)))
        return Edges(sources, synapses // np.uint32(max(self.k, 1)))


@final
@dataclass(frozen=True)
class FixedOutDegree(Connectivity):
    """`k` synapses from every source, onto uniformly drawn targets.

    Autapses and multapses (a target drawn repeatedly) happen unless switched off, as in NEST.
    """

    k: int
    autapses: bool = field(default=True, kw_only=True)
    multapses: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        _keep_choices(self, "k", most=MOST_UNITS)

    @property
    def independent(self) -> bool:
        return self.multapses

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(self.k) * n_pre

    def _draw(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Edges:
        rows = self._rows(n_pre, n_post, key, recurrent)
        if rows is not None:
            return rows.edges()
        skip_self = recurrent and not self.autapses
        return from_rows(_draw_rows(self, n_pre, n_post, key, skip_self, self.multapses))

    def _rows(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Rows | None:
        if not self.multapses:
            return None
        skip_self = recurrent and not self.autapses
        _some_choice(self, "k", self.k * n_pre, n_post - skip_self)
        return Rows(key, n_post, skip_self, np.arange(n_pre + 1, dtype=np.int64) * self.k)


@final
@dataclass(frozen=True)
class FixedTotal(Connectivity):
    """`n` synapses in all, each between a uniformly drawn source and target.

    Autapses and multapses (a pair drawn repeatedly) happen unless switched off, as in NEST, which
    offers no fixed total without multapses; here they are then a uniform choice of `n` different
    pairs.
    """

    n: int
    autapses: bool = field(default=True, kw_only=True)
    multapses: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        _keep_choices(self, "n", most=2**63 - 1)

    @property
    def independent(self) -> bool:
        return self.multapses

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(self.n)

    def _draw(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Edges:
        rows = self._rows(n_pre, n_post, key, recurrent)
        if rows is not None:
            return rows.edges()
        skip_self = recurrent and not self.autapses
        choices = n_post - skip_self  # targets of one source
        pairs = max(n_pre * choices, 0)
        if self.n > pairs:
            rule = f"must be at most {pairs}, the number of pairs, without multapses"
            raise check.fail(self, "n", rule, self.n)
        codes = _draw_codes(key, n_pre, choices, int(self.n))
        sources, targets = (codes >> np.uint64(32)).astype(np.uint32), codes.astype(np.uint32)
        if skip_self:
            targets += targets >= sources
        return Edges(sources, targets)

    def _rows(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Rows | None:
        """Draws how many synapses each source has, then the targets of each.

        The result is distributed like independent pairs.
        """
        skip_self = recurrent and not self.autapses
        _some_choice(self, "n", self.n, n_pre * (n_post - skip_self))
        if not self.multapses:
            return None
        counts = np.zeros(max(n_pre, 1), np.uint32)
        row_kernels.count_sources(np.uint64(key) ^ np.uint64(1), int(self.n), counts)
        return Rows(
            key,
            n_post,
            skip_self,
            np.cumsum(np.append(np.int64(0), counts), dtype=np.int64)[: n_pre + 1],
        )


def _keep_choices(owner: object, count: str, *, most: int) -> None:
    """Check the fields of a recipe that chooses among all units, a field `count` of times."""
    check.keep(owner, count, check.whole, most=most)
    check.keep(owner, "autapses", check.flag)
    check.keep(owner, "multapses", check.flag)


def _some_choice(owner: object, field: str, wanted: int, choices: int) -> None:
    if wanted and choices <= 0:
        raise check.fail(
            owner, field, "must be 0, as there is nothing to choose from", getattr(owner, field)
        )


def ids(owner: object, name: str, values: Any, *, below: int) -> NDArray[np.int64]:
    """A 1-D array of indices."""
    return check.index_array(owner, name, values, below=below, ndim=1)


def fill(expected: float, draw: Callable[[Ids, Ids], int]) -> Edges:
    """Draw into arrays that are larger than expected, and once more if too small.

    They are larger by 8 standard deviations.
    """
    capacity = math.ceil(expected + 8 * math.sqrt(expected) + 64)
    while True:
        sources, targets = np.empty(capacity, np.uint32), np.empty(capacity, np.uint32)
        count = draw(sources, targets)
        if count <= capacity:
            return Edges(sources[:count], targets[:count])
        capacity = count


def _draw_rows(
    owner: Any, n_rows: int, n: int, key: np.uint64, skip_self: bool, multapses: bool
) -> Ids:
    """`owner.k` units out of `n` for each of `n_rows`: (n_rows, k)."""
    choices = max(n - skip_self, 0)
    if owner.k and n_rows and not choices:
        raise check.fail(owner, "k", "must be 0, as there is no unit to choose from", owner.k)
    if not multapses and owner.k > choices and n_rows:
        rule = f"must be at most {choices}, the number of units to choose from, without multapses"
        raise check.fail(owner, "k", rule, owner.k)
    rows = np.empty((n_rows, owner.k), np.uint32)
    if not rows.size:
        return rows
    draw = kernels.draw_rows if multapses else kernels.draw_distinct_rows
    draw(key, n, skip_self, rows)
    return rows


def from_rows(rows: Ids) -> Edges:
    """Edges from the targets (n_pre, k) of every source."""
    rows.sort(axis=1)
    return Edges(
        np.repeat(np.arange(rows.shape[0], dtype=np.uint32), rows.shape[1]), rows.reshape(-1)
    )


def _draw_codes(key: np.uint64, n_pre: int, n_post: int, n: int) -> NDArray[np.uint64]:
    """`n` different pairs, ascending, the source in the upper 32 bits.

    Every set of n pairs is equally likely.

    Draws somewhat too many, removes duplicates, and drops the excess at random. Beyond half of all
    pairs it draws the pairs to leave out.
    """
    pairs = n_pre * n_post
    if 2 * n > pairs:
        left_out = _draw_codes(key, n_pre, n_post, pairs - n)
        chosen = np.ones((n_pre, n_post), np.bool_)
        chosen[left_out >> np.uint64(32), left_out & np.uint64(0xFFFFFFFF)] = False
        sources, targets = (ids.astype(np.uint64) for ids in np.nonzero(chosen))
        return sources << np.uint64(32) | targets
    draws = math.ceil(-pairs * math.log1p(-n / pairs) + 6 * math.sqrt(n)) if n else 0
    while True:
        codes = np.empty(draws, np.uint64)
        kernels.draw_pairs(key, n_pre, n_post, codes)
        codes.sort()
        if not n:
            return codes
        codes = codes[np.append(True, codes[1:] != codes[:-1])]
        if codes.size >= n:
            break
        draws *= 2
    drop = np.empty((1, codes.size - n), np.uint32)
    kernels.draw_distinct_rows(np.uint64(key) ^ np.uint64(1), codes.size, False, drop)
    return np.delete(codes, drop[0].astype(np.int64))
