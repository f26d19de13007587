"""A crossbar with resistive lines as the kernels see it.

Padded arrays of cells and segments, and what they answer.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ...errors import DivergenceError
from ...kernels.cpu import coarse, wires
from ...kernels.cpu.caching import cached
from ...kernels.cpu.vectors import WIDTH

Array = NDArray[np.float64]

MOST: Final = 2000  # iterations; arrays up to 1024 x 1024 take ten or so
# of the tolerance: a residual this small leaves outputs within the tolerance as well
MARGIN: Final = 0.25
NOTHING: Final[Array] = np.zeros((0, 0))
KEPT: Final = 1 << 23  # numbers of scratch that a thread keeps at most: 64 MiB
_kept = threading.local()


class Potentials(NamedTuple):
    """The potentials of all nodes of a crossbar.

    word, bit (rows, columns) [V]; currents (columns,) that reach the ground [A].
    """

    word: Array
    bit: Array
    currents: Array


class Lines:
    """Cells g (rows, columns) [S] between word and bit lines.

    left (columns,), below (rows,) [ohm]: the segments between a node and its neighbour on the way
    to the source, to the ground. right_end, top_end [S]: what ties the far ends to the source and
    to the ground. Rows without cells are added above and columns to the right, so that both sides
    are multiples of `multiple`.
    """

    def __init__(
        self,
        g: Array,
        left: Array,
        right_end: float,
        below: Array,
        top_end: float,
        multiple: int = WIDTH,
    ) -> None:
        self.rows, self.columns = g.shape
        rows, columns = (-(-side // multiple) * multiple for side in g.shape)
        self.above = rows - self.rows
        self.g, *_ = workspace(1, rows, columns)
        self.g[self.above :, : self.columns] = g
        self.left, self.below = np.zeros(columns), np.zeros(rows)
        self.left[: self.columns], self.below[self.above :] = left, below
        self.right_end, self.top_end = right_end, top_end

    @cached_property
    def coarse(self) -> coarse.Coarse:
        made: coarse.Coarse = coarse.build(
            self.g, self.left, self.right_end, self.below, self.top_end
        )
        return made

    def mirrored(self) -> Self:
        """The same circuit with the roles of word and bit lines exchanged, driven at the ground."""
        g = self.inside(self.g)
        left, below = self.left[: self.columns], self.below[self.above :]
        return type(self)(mirror(g), below[::-1], self.top_end, left[::-1], self.right_end)

    def with_cells(self, g: Array) -> Self:
        """The same lines with other cells g (rows, columns) [S]."""
        left, below = self.left[: self.columns], self.below[self.above :]
        return type(self)(g, left, self.right_end, below, self.top_end)

    def inside(self, padded: Array) -> Array:
        """What belongs to cells of the crossbar in an array (..., rows, columns) with the padding."""
        return padded[..., self.above :, : self.columns]

    def outside(self, values: Array) -> Array:
        """An array (rows, columns) with the padding, 0 there."""
        padded, *_ = workspace(1, *self.g.shape)
        self.inside(padded)[:] = values
        return padded

    def currents(self, voltages: Array, tolerance: float) -> tuple[Array, int]:
        """Currents (batch, columns) [A] for voltages (batch, rows) [V].

        Also the most iterations that one took.
        """
        currents, _, iterations = self._relax(voltages, NOTHING, tolerance, keep=False)
        return currents, iterations

    def potentials(
        self, voltages: Array, tolerance: float, cells: Array | None = None
    ) -> Potentials:
        """All potentials for voltages (rows,) [V].

        cells (rows, columns): extra current from word to bit node [A].
        """
        extra = NOTHING if cells is None else self.outside(cells)
        currents, kept, _ = self._relax(voltages[None], extra, tolerance, keep=True)
        word, share = workspace(2, *self.g.shape)
        extra = extra if extra.size else np.zeros_like(self.g)
        padded = self._above(voltages[None])[0]
        cached(wires.settle_words)(
            self.g, self.left, self.right_end, padded, extra, kept[0], share, word
        )
        return Potentials(self.inside(word), self.inside(kept[0]), currents[0])

    def under(self, voltages: Array, cells: Array) -> Potentials:
        """All potentials where every cell carries a given current.

        It is that of cells (rows, columns) [A], whatever its voltage.
        """
        given, word, bit, share, empty = self.outside(cells), *workspace(4, *self.g.shape)
        currents, padded = np.zeros(self.g.shape[1]), self._above(voltages[None])[0]
        cached(wires.settle_words)(
            empty, self.left, self.right_end, padded, given, bit, share, word
        )
        cached(wires.settle_bits)(empty, self.below, self.top_end, given, share, bit, currents)
        return Potentials(self.inside(word), self.inside(bit), currents[: self.columns])

    def _above(self, voltages: Array) -> Array:
        padded = np.zeros((voltages.shape[0], self.g.shape[0]))
        padded[:, self.above :] = voltages
        return padded

    def _relax(
        self, voltages: Array, cells: Array, tolerance: float, *, keep: bool
    ) -> tuple[Array, Array, int]:
        currents = np.zeros((voltages.shape[0], self.g.shape[1]))
        kept = np.zeros((1, *self.g.shape)) if keep else np.zeros((0, 0, 0))
        arrays = _scratch(7, *self.g.shape)
        iterations, residual = cached(wires.relax)(
            self.g,
            self.left,
            self.right_end,
            self.below,
            self.top_end,
            self._above(voltages),
            cells,
            self.coarse,
            MARGIN * tolerance,
            MOST,
            arrays[:2],
            arrays[2:],
            currents,
            kept,
        )
        if not residual <= tolerance:
            raise DivergenceError(
                f"the currents of the crossbar did not settle: residual {residual:.1e} after {iterations} iterations "
                f"(tolerance {tolerance:g}); its numbers are beyond double precision"
            )
        return currents[:, : self.columns], kept, iterations


def mirror(array: Array) -> Array:
    """An array of a crossbar as one of the mirrored crossbar, and back.

    (..., rows, columns) becomes (..., columns, rows).
    """
    return np.ascontiguousarray(array[..., ::-1, ::-1].swapaxes(-1, -2))


def workspace(count: int, rows: int, columns: int) -> tuple[Array, ...]:
    """Arrays of zeros (rows, columns) in one block, on borders of cache lines."""
    return _cut(np.zeros(count * rows * columns + WIDTH), count, rows, columns)


def _scratch(count: int, rows: int, columns: int) -> tuple[Array, ...]:
    """As `workspace`, with anything in it, in memory that this thread keeps.

    Fresh pages cost more than a solve.
    """
    size = count * rows * columns + WIDTH
    block: Array = getattr(_kept, "block", NOTHING)
    if block.size < size:
        block = np.zeros(size)
        if size <= KEPT:
            _kept.block = block
    return _cut(block, count, rows, columns)


def _cut(block: Array, count: int, rows: int, columns: int) -> tuple[Array, ...]:
    size = rows * columns
    begin = -block.ctypes.data % (8 * WIDTH) // 8
    return tuple(block[begin + k * size :][:size].reshape(rows, columns) for k in range(count))
