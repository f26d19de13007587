"""Normal numbers in pairs, to the precision of float32.

Box and Muller (1958), doi:10.1214/aoms/1177706645. Less exact than the ziggurat of `random.py`, but
without branches, so that a processor draws many at once.
"""

from __future__ import annotations

import numpy as np

from .random import bits


def normal_rows(key, first, values):
    """Fill `values` (n_rows, n) with standard normals; row b is that of the counter ``first + b``.

    Columns j and j + (n + 1) // 2 share the word ``bits(key, first + b, j)``: its upper half gives
    the radius, its lower half the angle.
    """
    n_rows, n = values.shape
    half = (n + 1) // 2
    rows = first + np.arange(n_rows)[:, None]
    words = bits(key, rows, np.arange(half))
    radius = np.sqrt(-2.0 * np.log(((words >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32))
    low = words & np.uint64(0xFFFFFFFF)
    angle = (np.pi / 4) * (low >> np.uint64(3)).astype(np.float64) * 2.0**-29
    swap, minus, other = (((low >> np.uint64(k)) & np.uint64(1)).astype(bool) for k in range(3))
    near, far = np.cos(angle), np.sin(angle)
    values[:, :half] = radius * np.where(swap, far, near) * np.where(minus, -1.0, 1.0)
    values[:, half:] = (radius * np.where(swap, near, far) * np.where(other, -1.0, 1.0))[
        :, : n - half
    ]
