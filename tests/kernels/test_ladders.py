"""Eight doubles at a time, and the ladders of resistors made of them, against plain
linear algebra.
"""

import numpy as np
import pytest
from numba import njit

from potentia.kernels.cpu import ports
from potentia.kernels.cpu import vectors as vector
from potentia.kernels.cpu.caching import cached
from potentia.kernels.cpu.coarse import build, hats
from potentia.kernels.cpu.wires import settle_bits, settle_words


@njit
def combined(a, b, c, found):
    x, y, z = vector.load(a, 0), vector.load(b, 0), vector.load(c, 0)
    vector.store(
        found,
        0,
        vector.over(vector.fused(x, y, vector.plus(z, vector.splat(2.0))), vector.times(x, x)),
    )
    return vector.total(x)


@njit
def turned(a, found):
    vector.turn(a, 3, 11, found, 5, 9)


def test_lanes_are_eight_numbers():
    rng = np.random.default_rng(0)
    a, b, c = rng.uniform(1, 2, (3, vector.WIDTH))
    found = np.zeros(vector.WIDTH)
    assert combined(a, b, c, found) == pytest.approx(a.sum(), rel=1e-15)
    np.testing.assert_allclose(found, (a * b + c + 2) / a**2, rtol=1e-15)


def test_turn_transposes_between_any_strides():
    a, found = np.arange(100.0), np.full(100, -1.0)
    turned(a, found)
    for k in range(8):
        for m in range(8):
            assert found[5 + 9 * k + m] == a[3 + 11 * m + k]


@pytest.mark.parametrize("end", [0.0, 0.3])
def test_ladders_solve_their_chain(end):
    """Word lines from the left, bit lines from the bottom: the same tridiagonal equations, solved
    densely.
    """
    rng = np.random.default_rng(1)
    n = 16
    g, f, v = rng.uniform(0, 2, (n, n)), rng.normal(size=(n, n)), rng.normal(size=n)
    r = rng.uniform(0.5, 2, n)
    share, word, bit, currents, nothing = *np.zeros((3, n, n)), np.zeros(n), np.zeros((n, n))
    cached(settle_words)(g, r, end, v, -f, nothing, share, word)
    for i in range(n):
        drive = f[i].copy()
        drive[0] += v[i] / r[0]
        drive[-1] += end * v[i]
        np.testing.assert_allclose(word[i], np.linalg.solve(chain(g[i], r, end), drive), rtol=1e-11)
    cached(settle_bits)(g, r[::-1].copy(), end, f, share, bit, currents)
    for j in range(n):
        expected = np.linalg.solve(chain(g[::-1, j], r, end), f[::-1, j])[::-1]
        np.testing.assert_allclose(bit[:, j], expected, rtol=1e-11)
        assert currents[j] == pytest.approx(expected[-1] / r[0] + end * expected[0], rel=1e-11)


def chain(g, r, end):
    """The matrix of nodes with g to ground, r from each to the one before it (the first to its
    source).
    """
    matrix = np.diag(g + 1 / r)
    for k in range(1, g.size):
        matrix[k - 1, k - 1] += 1 / r[k]
        matrix[k, k - 1] = matrix[k - 1, k] = -1 / r[k]
    matrix[-1, -1] += end
    return matrix


@pytest.mark.parametrize("end", [0.0, 0.3])
def test_hats_are_held_by_their_currents(end):
    r = np.random.default_rng(2).uniform(0.5, 2, 40)
    functions, currents = hats(r, end, 5)
    np.testing.assert_allclose(chain(np.zeros(40), r, end) @ functions, currents, atol=1e-12)
    assert functions.shape == (40, 5)
    assert (functions.sum(axis=1) <= 1 + 1e-12).all()


def test_what_the_coarse_crossbar_adds_is_never_negative():
    """Conjugate gradients need a positive preconditioner."""
    rng = np.random.default_rng(3)
    g, r = 10 ** rng.uniform(-8, -4, (64, 64)), np.full(64, 1000.0)
    correction = build(g, r, 0.0, r, 0.0).correction
    values = np.linalg.eigvalsh(correction)
    assert values.min() > -1e-12 * values.max()


def test_star_mesh_is_the_schur_complement():
    """Of the Laplacian of a network of resistors."""
    rng = np.random.default_rng(4)
    c = rng.uniform(0, 1, (9, 9))
    c = np.triu(c, 1) + np.triu(c, 1).T
    matrix = np.diag(c.sum(axis=1)) - c
    kept, gone = slice(0, 5), slice(5, 9)
    expected = matrix[kept, kept] - matrix[kept, gone] @ np.linalg.solve(
        matrix[gone, gone], matrix[gone, kept]
    )
    found = c[kept, kept] + ports.star_mesh(c[gone, gone].copy(), c[kept, gone].copy())
    np.fill_diagonal(found, 0.0)
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(-expected, found, rtol=1e-12, atol=1e-15)
