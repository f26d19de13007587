"""Pieces of populations and the memory they own."""

from __future__ import annotations

from itertools import pairwise

import pytest

from potentia import Network, Simulator
from potentia.models import CubaLIF
from potentia.sim import pieces
from potentia.sim.signals import PAGE

SIZES = [1, 100, 2048, 2049, 4097, 5834, 20683]


@pytest.mark.parametrize("n", SIZES)
def test_pieces_cover_a_population(n):
    cut = pieces.cut(n)
    assert cut[0][0] == 0
    assert cut[-1][1] == n
    assert all(low < high <= low + pieces.UNITS for low, high in cut)
    assert all(one[1] == other[0] for one, other in pairwise(cut))


def test_lanes_share_no_page_of_memory():
    """Two threads that write into one page disturb each other: pieces of float32 begin at pages, in memory too."""
    net = Network(seed=1)
    for k, n in enumerate(SIZES):
        net.population(CubaLIF(), n, name=f"p{k}")
    simulator = Simulator(net, dt=1e-4, threads=2)
    memory = simulator._engine.memory
    for k, n in enumerate(SIZES):
        begin = memory[f"p{k}.g_e"].ctypes.data
        assert all((begin + 4 * low) % PAGE == 0 for low, _ in pieces.cut(n)[1:])
