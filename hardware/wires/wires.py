"""Resistive word and bit lines: the currents that reach the foot of a crossbar, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...sim import validation as check
from .lines import Lines, Potentials, mirror

if TYPE_CHECKING:
    from .nonlinear import SinhCell

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MANY: Final = 80  # inputs from which it pays to make the effective conductances first
FINEST: Final = 1e-13  # the smallest tolerance that double precision can hold
# a whole line of segments this small beside its cells is a line without resistance
VANISHING: Final = 1e-14
ENDS: Final = ("single", "double")


@final
@dataclass(frozen=True, kw_only=True)
class Wires:
    """The wires of a crossbar.

    Resistances [ohm] of a segment between two cells, of drivers and of converters.

    A word line is driven at its left end through r_source and one segment, and with driven="double"
    at its right end in the same way; a bit line is grounded at the bottom through one segment and
    r_sense, and with grounded="double" at the top too (its current is the sum of both). Between a
    word and a bit line stands one cell per crossing:

        (w[i,j] - w[i,j-1]) / r_word + (w[i,j] - w[i,j+1]) / r_word + g[i,j] (w[i,j] - b[i,j]) = 0

    and likewise for b along the columns (Chen 2013, doi:10.1109/TED.2013.2246791). Resistances may
    be 0; realistic ones are 1 to 5 ohm per segment (docs/wires.md).

    In an array with a transistor per cell (1T1R) `active` (rows,) tells which gates are open: cells
    in the other rows conduct nothing, and their word lines do not matter. Without it every row is
    held at its voltage.
    """

    r_word: float  # [ohm] per segment
    r_bit: float  # [ohm] per segment
    r_source: float = 0.0  # [ohm] of a driver
    r_sense: float = 0.0  # [ohm] at the foot of a bit line
    driven: str = "single"  # or "double"
    grounded: str = "single"  # or "double"

    def __post_init__(self) -> None:
        for field in ("r_word", "r_bit", "r_source", "r_sense"):
            check.keep(self, field, check.within, least=0.0, unit="ohm")
        check.keep(self, "driven", check.one_of, ENDS)
        check.keep(self, "grounded", check.one_of, ENDS)

    def currents(
        self,
        conductances: ArrayLike,
        voltages: ArrayLike,
        *,
        active: ArrayLike | None = None,
        cell: SinhCell | None = None,
        tolerance: float = 1e-9,
    ) -> Array:
        """The currents at the foot [A]: see `output_currents`.

        Shape (columns,) or (batch, columns). active (rows,) bool: rows whose gates are open, all by
        default. cell: a nonlinear law for all cells (`nonlinear.py`), solved by Newton's method;
        ohmic by default.
        """
        g = _cells("Wires.currents", conductances)
        v = _inputs("Wires.currents", g, voltages)
        tolerance = _check_tolerance("Wires.currents", tolerance)
        if cell is not None:
            from .nonlinear import SinhCell

            check.instance("Wires.currents", "cell", cell, SinhCell, "SinhCell()", optional=True)
        return self._currents(g, v, _rows("Wires.currents", g, active), cell, tolerance)

    def effective(self, conductances: ArrayLike, *, active: ArrayLike | None = None) -> Array:
        """The effective conductances H (rows, columns) [S]: see `effective_conductance`.

        H is 0 in rows not active.
        """
        g = _cells("Wires.effective", conductances)
        return self._effective(g, _rows("Wires.effective", g, active))

    def potentials(
        self, conductances: ArrayLike, voltages: ArrayLike, *, tolerance: float = 1e-9
    ) -> tuple[Array, Array]:
        """The potentials of the word and of the bit nodes, each (rows, columns) [V].

        They are for voltages (rows,) [V].
        """
        owner = "Wires.potentials"
        g = _cells(owner, conductances)
        v = _inputs(owner, g, voltages, batch=False)
        tolerance = _check_tolerance(owner, tolerance)
        found = self._lines(g).potentials(v, tolerance)
        return found.word, found.bit

    def gradient(
        self,
        conductances: ArrayLike,
        voltages: ArrayLike,
        cotangents: ArrayLike,
        *,
        active: ArrayLike | None = None,
        tolerance: float = 1e-9,
    ) -> tuple[Array, Array]:
        """Derivatives of L = sum(cotangents * currents) by the adjoint circuit.

        This takes one more solve. The matrix of the circuit is symmetric, so the adjoint is the
        crossbar driven at the ground with the cotangents, potentials u; then dL/dv is the current
        that arrives at the sources and dL/dg = (u_bit - u_word)(w - b). A batch takes as many pairs
        of solves as it has samples, but never more than the array has rows or columns.

        Parameters
        ----------
        conductances : array_like, shape (rows, columns) [S]
        voltages : array_like, shape (rows,) or (batch, rows) [V]
        cotangents : array_like, shape (columns,) or (batch, columns)
            dL/d(current) of every column.

        Returns
        -------
        by_voltage : ndarray, shape of `voltages`
        by_conductance : ndarray, shape (rows, columns)
            Summed over the batch.

        Raises
        ------
        ParameterError
            As `output_currents`, or if the cotangents do not fit.
        """
        owner = "Wires.gradient"
        g = _cells(owner, conductances)
        v = _inputs(owner, g, voltages)
        tolerance = _check_tolerance(owner, tolerance)
        c = check.finite_array(owner, "cotangents", cotangents)
        if c.shape != (*v.shape[:-1], g.shape[1]):
            rule = f"must have shape {(*v.shape[:-1], g.shape[1])}, one per current"
            raise check.fail(owner, "cotangents", rule, f"shape {c.shape}")
        return self._gradient(g, v, c, _rows(owner, g, active), tolerance)

    def _currents(
        self, g: Array, v: Array, rows: Mask, cell: SinhCell | None, tolerance: float
    ) -> Array:
        batch = np.atleast_2d(v)
        if not rows.any() or batch.shape[0] == 0:
            return np.zeros((*v.shape[:-1], g.shape[1]))
        if cell is not None:
            from .nonlinear import newton

            lines = self._lines(g, rows)
            found = [
                newton(lines, cell, g[rows], sample[rows], tolerance).currents for sample in batch
            ]
            return np.reshape(found, (*v.shape[:-1], g.shape[1]))
        if batch.shape[0] >= MANY:
            return batch @ self._effective(g, rows)
        currents, _ = self._lines(g, rows).currents(batch[:, rows], tolerance)
        return currents if v.ndim == 2 else currents[0]

    def _effective(self, g: Array, rows: Mask) -> Array:
        from ...kernels.cpu import ports

        whole = np.zeros_like(g)
        if rows.any():
            lines = self._lines(g, rows, ports.TILE)
            least = VANISHING / max(lines.g.max() * max(lines.g.shape) ** 2, np.finfo(float).tiny)
            left, below = np.maximum(lines.left, least), np.maximum(lines.below, least)
            whole[rows] = lines.inside(
                ports.effective(lines.g, left, lines.right_end, below, lines.top_end)
            )
        return whole

    def _gradient(
        self, g: Array, v: Array, c: Array, rows: Mask, tolerance: float
    ) -> tuple[Array, Array]:
        inputs, outputs = np.atleast_2d(v), np.atleast_2d(c)
        by_voltage, by_conductance = np.zeros(inputs.shape), np.zeros_like(g)
        if rows.any() and inputs.size:
            lines = self._lines(g, rows)
            adjoint, inputs = lines.mirrored(), inputs[:, rows]
            few = inputs.shape[0] <= min(inputs.shape[1], outputs.shape[1])
            if not few:
                by_voltage[:, rows] = outputs @ self._effective(g, rows)[rows].T
                inputs, outputs = _fewest(inputs, outputs)
            for k, (sample, cotangent) in enumerate(zip(inputs, outputs, strict=True)):
                forward: Potentials = lines.potentials(sample, tolerance)
                back = adjoint.potentials(cotangent[::-1], tolerance)
                by_conductance[rows] += mirror(back.word - back.bit) * (forward.word - forward.bit)
                if few:
                    by_voltage[k, rows] = back.currents[::-1]
        return by_voltage.reshape(v.shape), by_conductance

    def _lines(self, g: Array, rows: Mask | None = None, multiple: int = 8) -> Lines:
        """The lines through the rows (rows,) whose gates are open.

        The bit lines' segments in between are in series.
        """
        left, below, first = (
            np.full(g.shape[1], float(self.r_word)),
            np.full(g.shape[0], float(self.r_bit)),
            0,
        )
        if rows is not None and not rows.all():
            kept = np.flatnonzero(rows)
            g, first, below = g[kept], int(kept[0]), self.r_bit * np.diff(kept, append=g.shape[0])
        left[0] += self.r_source
        below[-1] += self.r_sense
        right_end = self._tie(self.driven, self.r_word + self.r_source)
        top_end = self._tie(self.grounded, self.r_bit * (first + 1) + self.r_sense)
        return Lines(g, left, right_end, below, top_end, multiple)

    @staticmethod
    def _tie(ends: str, resistance: float) -> float:
        """The conductance [S] to a far end.

        Where there is no resistance, the near end holds the whole line.
        """
        return 1.0 / resistance if ends == "double" and resistance > 0 else 0.0


def output_currents(
    conductances: ArrayLike,
    voltages: ArrayLike,
    *,
    r_word: float,
    r_bit: float,
    tolerance: float = 1e-9,
) -> Array:
    """The currents at the foot of a crossbar whose word and bit lines have resistance.

    Every word line is driven at its left end through one segment; every bit line is grounded at the
    bottom through one segment. For drivers, double-sided lines and row gating see `Wires`.

    Parameters
    ----------
    conductances : array_like, shape (rows, columns)
        Of the cells [S], >= 0; 0 is a cell that was never formed.
    voltages : array_like, shape (rows,) or (batch, rows)
        Of the drivers [V].
    r_word, r_bit : float
        Resistance of one segment [ohm], >= 0.
    tolerance : float
        What may be left of Kirchhoff's current law: the norm of the residual on the bit lines'
        nodes, relative to the currents that enter them while the bit lines are at 0 V; from 1e-13
        to 0.1.

    Returns
    -------
    ndarray, shape (columns,) or (batch, columns)
        Currents into the ground [A].

    Raises
    ------
    ParameterError
        If a shape does not fit, or a value is negative, not finite or out of its range.
    DivergenceError
        If double precision cannot hold the solution, which takes numbers far beyond any device.

    References
    ----------
    Joksas and Mehonic (2020), badcrossbar, doi:10.1016/j.softx.2020.100617, which solves the same
    circuit.
    """
    owner = "output_currents"
    g = _cells(owner, conductances)
    v = _inputs(owner, g, voltages)
    tolerance = _check_tolerance(owner, tolerance)
    return _plain(owner, r_word, r_bit)._currents(g, v, np.ones(g.shape[0], bool), None, tolerance)


def effective_conductance(conductances: ArrayLike, *, r_word: float, r_bit: float) -> Array:
    """The conductances that an ideal crossbar would need to send the same currents.

    currents == voltages @ H. The circuit is linear, so for cells that do not change one H replaces
    all further solves. It costs about as much as a hundred of them. Nodes are taken out of the
    circuit by nested dissection; nothing is approximated.

    Parameters
    ----------
    conductances : array_like, shape (rows, columns)
        Of the cells [S], >= 0.
    r_word, r_bit : float
        Resistance of one segment [ohm], >= 0.

    Returns
    -------
    ndarray, shape (rows, columns)
        H [S].

    Raises
    ------
    ParameterError
        If a shape does not fit, or a value is negative or not finite.

    References
    ----------
    George (1973), doi:10.1137/0710032, for nested dissection.
    """
    owner = "effective_conductance"
    g = _cells(owner, conductances)
    return _plain(owner, r_word, r_bit)._effective(g, np.ones(g.shape[0], bool))


def _plain(owner: str, r_word: float, r_bit: float) -> Wires:
    for field, value in (("r_word", r_word), ("r_bit", r_bit)):
        check.within(owner, field, value, least=0.0, unit="ohm")
    return Wires(r_word=r_word, r_bit=r_bit)


def _cells(owner: str, conductances: ArrayLike) -> Array:
    g = check.finite_array(owner, "conductances", conductances, ndim=2, least=0.0, unit="S")
    if g.size == 0:
        raise check.fail(
            owner, "conductances", "must have at least one row and one column", f"shape {g.shape}"
        )
    return g


def _inputs(owner: str, conductances: Array, voltages: ArrayLike, *, batch: bool = True) -> Array:
    v = check.finite_array(owner, "voltages", voltages, unit="V")
    rows = conductances.shape[0]
    if v.ndim not in ((1, 2) if batch else (1,)) or v.shape[-1] != rows:
        rule = f"must have shape ({rows},){f' or (batch, {rows})' if batch else ''}, one per row of conductances"
        raise check.fail(owner, "voltages", rule, f"shape {v.shape}")
    return v


def _rows(owner: str, g: Array, active: ArrayLike | None) -> Mask:
    if active is None:
        return np.ones(g.shape[0], bool)
    try:
        rows = np.asarray(active)
    except Exception:
        raise check.fail(
            owner, "active", f"must be bool of shape {g.shape[:1]}, one per row", active
        ) from None
    if rows.dtype != bool or rows.shape != g.shape[:1]:
        got = f"{rows.dtype} of shape {rows.shape}"
        raise check.fail(owner, "active", f"must be bool of shape {g.shape[:1]}, one per row", got)
    return rows


def _fewest(inputs: Array, outputs: Array) -> tuple[Array, Array]:
    """The fewest pairs of vectors whose outer products have the same sum.

    Pairs (n, rows), (n, columns). The sum is all that dL/dg depends on.
    """
    left, sizes, right = np.linalg.svd(inputs.T @ outputs, full_matrices=False)
    kept = sizes > np.finfo(float).eps * sizes[0]
    return (left * sizes).T[kept], right[kept]


def _check_tolerance(owner: str, tolerance: float) -> float:
    return check.within(owner, "tolerance", tolerance, least=FINEST, most=0.1)
