"""What this machine can do at most: the bare arithmetic of a simulation in loops that do nothing
else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

# additions per call: the list of places does not fit the inner caches, as in a simulation
SCATTERED = 1 << 22


def scatter(n: int, *, drawn: bool) -> float:
    """CPU seconds per ``x[place] += w`` at random places among `n`; `drawn`: a float32 weight read
    for each.
    """
    rng = np.random.default_rng(1)
    places = rng.integers(0, n, SCATTERED).astype(np.uint32)
    receiving = np.zeros(n, np.float32)
    if not drawn:
        return _best(lambda: _scatter_one(places, np.float32(1e-9), receiving)) / SCATTERED
    weights = rng.random(SCATTERED).astype(np.float32)
    return _best(lambda: _scatter_each(places, weights, receiving)) / SCATTERED


def update(n: int, kind: str) -> float:
    """CPU seconds per neuron and step of the bare update of `n` neurons: kind "lif", "cuba" or
    "coba".
    """
    loop, taken = {"lif": (_lif, 2), "cuba": (_cuba, 3), "coba": (_coba, 3)}[kind]
    variables = _together(taken, n)
    steps = max(20_000_000 // n, 1)
    return _best(lambda: loop(*variables, steps)) / steps / n


def moving(n: int) -> float:
    """CPU seconds per number that is loaded or stored, in passes ``a[i] = b[i] + s * c[i]`` over
    `n` float64 each.
    """
    a, b, c = np.zeros(n), np.ones(n), np.ones(n)
    passes = max(10_000_000 // n, 1)
    return _best(lambda: _triad(a, b, c, passes)) / passes / n / 3


def product(n: int) -> float:
    """CPU seconds per multiplication or addition in a product of matrices (n, n) float64."""
    a, b = np.ones((n, n)), np.ones((n, n))
    return _best(lambda: a @ b) / (2 * n**3)


def _together(rows: int, n: int) -> list[NDArray[np.float32]]:
    """Arrays (n,) in one block, each on a border of 64 bytes: where they lie moves the speed of
    small ones by half.
    """
    stride = -(-n // 16) * 16
    block = np.zeros(rows * stride + 16, np.float32)
    begin = -block.ctypes.data % 64 // 4
    return [block[begin + k * stride :][:n] for k in range(rows)]


def _best(work: Callable[[], Any]) -> float:
    """CPU seconds of the fastest of seven calls; the first one, which compiles, does not count."""
    work()
    taken = []
    for _ in range(7):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return min(taken)


@njit(cache=True)
def _scatter_one(places, weight, receiving):
    for k in range(places.size):
        receiving[places[k]] += weight


@njit(cache=True)
def _scatter_each(places, weights, receiving):
    for k in range(places.size):
        receiving[places[k]] += weights[k]


@njit(cache=True, fastmath=True)
def _triad(a, b, c, passes):
    for k in range(passes):
        for i in range(a.size):
            a[i] = b[i] + k * c[i]


@njit(cache=True, fastmath=True)
def _lif(v, arrived, steps):
    a, d = np.float32(0.995), np.float32(5.5e-5)
    for _ in range(steps):
        for i in range(v.size):
            v[i] = a * v[i] + d + arrived[i]
            arrived[i] = 0


@njit(cache=True, fastmath=True)
def _cuba(v, g_e, g_i, steps):
    a, b, c, d = np.float32(0.995), np.float32(0.0049), np.float32(0.005), np.float32(5.5e-5)
    decay_e, decay_i = np.float32(0.98), np.float32(0.99)
    for _ in range(steps):
        for i in range(v.size):
            v[i] = a * v[i] + b * g_e[i] + c * g_i[i] + d
            g_e[i] *= decay_e
            g_i[i] = g_i[i] * decay_i + np.float32(1e-12)


@njit(cache=True, fastmath=True)
def _coba(v, g_e, g_i, steps):
    """The exponential of the relaxation by its series to second order, enough for a
    step of 0.1 ms.
    """
    one, half, rate = np.float32(1), np.float32(0.5), np.float32(0.005)
    rest, reversal_i = np.float32(-49e-3), np.float32(-80e-3)
    decay_e, decay_i = np.float32(0.98), np.float32(0.99)
    for _ in range(steps):
        for i in range(v.size):
            total = one + g_e[i] + g_i[i]
            pull = rest + g_i[i] * reversal_i - v[i] * total
            v[i] += rate * pull * (one - half * rate * total)
            g_e[i] *= decay_e
            g_i[i] = g_i[i] * decay_i + np.float32(1e-12)
