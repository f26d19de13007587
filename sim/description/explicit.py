"""Connectivity that the user spells out: lists of synapses and matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from ...kernels.cpu import connectivity as kernels
from .. import validation as check
from ..conversion import array
from ..operators.edges import Edges
from .connectivity import MOST_UNITS, Connectivity, ids


@final
@dataclass(frozen=True, eq=False)
class Explicit(Connectivity):
    """Synapse s joins ``sources[s]`` to ``targets[s]``.

    Both are indices of units (n,), in any order; repeated pairs are kept.

    Arrays of weights and delays given with it are in the same order.
    """

    sources: ArrayLike
    targets: ArrayLike

    def __post_init__(self) -> None:
        for name in ("sources", "targets"):
            checked = ids(self, name, getattr(self, name), below=MOST_UNITS)
            object.__setattr__(self, name, checked.astype(np.uint32))
        if np.size(self.sources) != np.size(self.targets):
            rule = f"must be as many as sources ({np.size(self.sources)})"
            raise check.fail(self, "targets", rule, f"{np.size(self.targets)} entries")

    def __repr__(self) -> str:
        return f"Explicit({np.size(self.sources)} synapses)"

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(np.size(self.sources))

    def _draw(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Edges:
        for name, n in (("sources", n_pre), ("targets", n_post)):
            units = np.asarray(getattr(self, name))
            if units.size and units.max() >= n:
                rule = f"every index must be < {n}, the size of the population"
                raise check.fail(self, name, rule, int(units.max()))
        sources, targets, order = kernels.sort_edges(self.sources, self.targets, n_pre, n_post)
        return Edges(sources, targets, order=order)


@final
@dataclass(frozen=True, eq=False)
class FromSparse(Connectivity):
    """A matrix of weights (n_pre, n_post), in any `scipy.sparse` format or dense; rows are sources.

    Every stored entry of a sparse matrix is a synapse, also one of weight 0; repeated entries add
    up, as in scipy. Of a dense matrix every entry that is not 0 is one. An array of delays given
    with it is in the order in which entries are stored (in a COO matrix that of `data`); for a
    dense matrix, or where entries repeat, it goes row by row.
    """

    matrix: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", _checked_copy(self, self.matrix))

    def __repr__(self) -> str:
        n_pre, n_post = self.matrix.shape
        return f"FromSparse({n_pre} x {n_post}, {self.expected(n_pre, n_post):.0f} synapses)"

    def reweighted(self, weights: ArrayLike) -> FromSparse:
        """The same synapses with other weights (n_synapses,).

        They are in the order in which the entries are stored.
        """
        from scipy.sparse import csr_array

        values = check.finite_array(self, "weights", weights, ndim=1)
        count = round(self.expected(*self.matrix.shape))
        if values.size != count:
            raise check.fail(
                self, "weights", f"must be as many as synapses ({count})", f"shape {values.shape}"
            )
        # a weight may become 0, which a dense matrix would not keep
        if isinstance(self.matrix, np.ndarray):
            return FromSparse(csr_array((values, np.nonzero(self.matrix)), shape=self.matrix.shape))
        matrix = self.matrix.copy()
        matrix.data = values
        return FromSparse(matrix)

    def expected(self, n_pre: int, n_post: int) -> float:
        return float(
            np.count_nonzero(self.matrix)
            if isinstance(self.matrix, np.ndarray)
            else self.matrix.nnz
        )

    def _draw(self, n_pre: int, n_post: int, key: np.uint64, recurrent: bool) -> Edges:
        shape = self.matrix.shape
        if shape != (n_pre, n_post):
            rule = f"must have shape (n_pre, n_post) = ({n_pre}, {n_post})"
            raise check.fail(self, "matrix", rule, f"shape {shape}")
        if isinstance(self.matrix, np.ndarray):
            sources, targets = np.nonzero(self.matrix)
            weights = self.matrix[sources, targets]
        elif self.matrix.format == "coo":
            rows, columns = (
                np.asarray(ids, np.uint32) for ids in (self.matrix.row, self.matrix.col)
            )
            sources, targets, order = kernels.sort_edges(rows, columns, n_pre, n_post)
            return Edges(sources, targets, self.matrix.data[order], order)
        else:
            sources = np.repeat(np.arange(n_pre), np.diff(self.matrix.indptr))
            targets, weights = self.matrix.indices, self.matrix.data.copy()
        return Edges(sources.astype(np.uint32), targets.astype(np.uint32), weights)


def _checked_copy(owner: object, matrix: Any) -> Any:
    """A float64 array, or a float64 matrix without repeated entries.

    The matrix is CSR, or COO if it is not given row by row. Every value is finite.
    """
    sparse = hasattr(matrix, "tocsr")
    try:
        table: Any = matrix if sparse else array(matrix)
    except ValueError:
        rule = "must hold real numbers, in rows of one length"
        got = f"dtype {matrix.dtype}" if isinstance(matrix, np.ndarray) else matrix
        raise check.fail(owner, "matrix", rule, got) from None
    except MemoryError:
        raise check.too_large(owner, "matrix", matrix) from None
    if len(table.shape) != 2:
        raise check.fail(owner, "matrix", "must have 2 dimensions", f"shape {table.shape}")
    if table.dtype.kind not in "iuf":
        raise check.fail(owner, "matrix", "must hold real numbers", f"dtype {table.dtype}")
    if not sparse:
        return check.finite_array(owner, "matrix", table)
    given = table.tocoo().astype(np.float64, copy=True)
    sums = given.tocsr().copy()
    sums.sum_duplicates()
    check.finite_array(owner, "matrix", sums.data)
    places = given.row.astype(np.int64) * given.shape[1] + given.col
    return given if sums.nnz == given.nnz and (np.diff(places) < 0).any() else sums
