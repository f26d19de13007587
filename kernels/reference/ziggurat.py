"""Tables of the ziggurat for the normal distribution, 256 layers of equal area.

Marsaglia and Tsang (2000), doi:10.18637/jss.v005.i08.

Layer k >= 1 is the rectangle from 0 to EDGE[k] between the heights HEIGHT[k] and HEIGHT[k + 1];
layer 0 is the one from 0 to TAIL under HEIGHT[1] together with the tail beyond, and EDGE[0] is its
area over its height.
"""

from __future__ import annotations

import numpy as np

LAYERS = 256
TAIL = 3.6541528853610088  # where the tail begins: the edge for which 256 areas are equal
AREA = 0.00492867323399141  # of every layer, under exp(-x**2 / 2)


def _edges():
    edges = [AREA / np.exp(-0.5 * TAIL**2), TAIL]
    while len(edges) < LAYERS:
        edges.append(np.sqrt(-2.0 * np.log(AREA / edges[-1] + np.exp(-0.5 * edges[-1] ** 2))))
    return np.array([*edges, 0.0])


EDGE = _edges()
HEIGHT = np.exp(-0.5 * EDGE**2)
