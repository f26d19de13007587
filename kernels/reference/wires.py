"""The circuit of a crossbar written down node by node, as sparse equations.

It is slow, and the judge of the fast solvers.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve


def nodal_matrix(g, r_word, r_bit, r_source=0.0, r_sense=0.0, driven="single", grounded="single"):
    """Kirchhoff's current law for all nodes.

    It is the matrix A of all nodes, word nodes first, and the conductances to every end. g (rows,
    columns) [S]; every resistance [ohm] of a line > 0. Returns A (2 rows columns, same) and a list
    of (nodes, conductance) for left, right, bottom and top ends [S].
    """
    rows, columns = g.shape
    word = np.arange(rows * columns).reshape(rows, columns)
    bit = word + word.size
    links = [
        (word, bit, g),
        (word[:, :-1], word[:, 1:], 1.0 / r_word),
        (bit[:-1], bit[1:], 1.0 / r_bit),
    ]
    source, sense = 1.0 / (r_word + r_source), 1.0 / (r_bit + r_sense)
    ends = [
        (word[:, 0], source),
        (word[:, -1], source * (driven == "double")),
        (bit[-1], sense),
        (bit[0], sense * (grounded == "double")),
    ]
    diagonal = np.zeros(2 * word.size)
    entries = []
    for a, b, conductance in links:
        c = np.broadcast_to(conductance, a.shape).ravel()
        np.add.at(diagonal, a.ravel(), c)
        np.add.at(diagonal, b.ravel(), c)
        entries += [(a.ravel(), b.ravel(), -c), (b.ravel(), a.ravel(), -c)]
    for nodes, conductance in ends:
        np.add.at(diagonal, nodes, conductance)
    every = np.arange(diagonal.size)
    i, j, value = (
        np.concatenate(part) for part in zip((every, every, diagonal), *entries, strict=True)
    )
    return sparse.csc_matrix((value, (i, j))), ends


def solve_wires(g, voltages, **wires):
    """Potentials of word and bit nodes, and the currents into the ground.

    Potentials (rows, columns) [V], currents (columns,) [A]. voltages (rows,) [V]; wires: as in
    `nodal_matrix`.
    """
    matrix, ((left, source), (right, source_right), (foot, sense), (top, sense_top)) = nodal_matrix(
        g, **wires
    )
    drive = np.zeros(matrix.shape[0])
    np.add.at(drive, left, source * voltages)
    np.add.at(drive, right, source_right * voltages)
    potentials = spsolve(matrix, drive)
    word, bit = potentials.reshape(2, *g.shape)
    return word, bit, sense * potentials[foot] + sense_top * potentials[top]
