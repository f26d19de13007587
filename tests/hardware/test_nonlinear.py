"""Nonlinear cells between resistive wires: the whole circuit as oracle, the ohmic limit, quadratic
convergence.
"""

import numpy as np
import pytest
from scipy.optimize import root

from potentia.hardware import SinhCell, Wires
from potentia.hardware.wires.nonlinear import newton
from potentia.kernels.reference.wires import nodal_matrix


def array(rows, columns, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(rng.random((rows, columns)) < 0.5, 1e-4, 1e-5), rng.uniform(-1.0, 1.0, rows)


def whole_circuit(g, v, cell, **wires):
    """All nodes at once, by a general root finder: the currents into the ground."""
    linear, ((left, source), (_, source_right), (foot, sense), (top, sense_top)) = nodal_matrix(
        g * 0.0, **wires
    )
    drive = np.zeros(linear.shape[0])
    np.add.at(drive, left, source * v)
    assert source_right == sense_top == 0.0
    del top

    def kirchhoff(potentials):
        word, bit = potentials.reshape(2, *g.shape)
        through = cell.current(g, word - bit).ravel()
        return linear @ potentials - drive + np.concatenate([through, -through])

    start = np.concatenate([np.broadcast_to(v[:, None], g.shape).ravel(), np.zeros(g.size)]) * 0.5
    found = root(kirchhoff, start, method="hybr", tol=1e-13)
    assert np.abs(kirchhoff(found.x)).max() < 1e-14
    return sense * found.x[foot]


@pytest.mark.parametrize("v0", [0.1, 0.25, 1.0])
def test_a_general_root_finder_agrees(v0):
    """Currents of some 1e-4 A, of which the root finder leaves 1e-14 A unsaid."""
    g, v = array(4, 5)
    options = {"r_word": 20.0, "r_bit": 50.0, "r_source": 10.0}
    found = Wires(**options).currents(g, v, cell=SinhCell(v0=v0), tolerance=1e-11)
    expected = whole_circuit(g, v, SinhCell(v0=v0), **options)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-13)


def test_at_small_voltages_cells_are_ohmic():
    """sinh(x) - x is about x^3 / 6, so the currents of all cells of a column add up to x^2 / 6 more
    at most.
    """
    (g, v), v0 = array(20, 30), 1e3
    wires = Wires(r_word=5.0, r_bit=5.0)
    linear = wires.currents(g, v)
    excess = (np.abs(v).max() / v0) ** 2 / 6
    assert excess < 1e-6
    found = wires.currents(g, v, cell=SinhCell(v0=v0))
    np.testing.assert_allclose(found, linear, rtol=0.0, atol=excess * (np.abs(v) @ g).max())


def test_ideal_wires_sum_the_cells():
    g, v = array(12, 7)
    cell = SinhCell()
    expected = cell.current(g, np.broadcast_to(v[:, None], g.shape)).sum(axis=0)
    found = Wires(r_word=0.0, r_bit=0.0).currents(g, np.stack([v, 0 * v]), cell=cell)
    np.testing.assert_allclose(found, [expected, 0 * expected], rtol=1e-12)


def test_gates_and_both_ends():
    """Rows with closed gates are as absent as cells of no conductance."""
    g, v = array(10, 6)
    active = np.arange(10) % 3 > 0
    wires = Wires(r_word=30.0, r_bit=30.0, r_source=5.0, driven="double", grounded="double")
    found = wires.currents(g, v, active=active, cell=SinhCell())
    gated = wires.currents(np.where(active[:, None], g, 0.0), v, cell=SinhCell())
    np.testing.assert_allclose(found, gated, rtol=1e-8)


def test_convergence_is_quadratic():
    """Near the solution every step squares the error, up to a constant that the first of them
    shows.
    """
    g, v = array(32, 32)
    lines = Wires(r_word=10.0, r_bit=10.0)._lines(g)
    errors = newton(lines, SinhCell(v0=0.2), g, v, 1e-12).errors
    assert len(errors) <= 10
    small = [error for error in errors if error < 0.1]
    assert small[1] < 10 * small[0] ** 2 + 1e-12
    assert small[2] < 10 * small[1] ** 2 + 1e-12


def test_hard_driven_cells_settle():
    """Voltages of 40 v0, where the linear solution is off by e^40: steps are halved until they
    help.
    """
    g, v = array(16, 16)
    wires = Wires(r_word=1.0, r_bit=1.0)
    found = wires.currents(g, v, cell=SinhCell(v0=0.025))
    assert np.isfinite(found).all()
    assert np.abs(found).max() > 100 * np.abs(wires.currents(g, v)).max()
