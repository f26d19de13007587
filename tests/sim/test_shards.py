"""Shards of populations and the memory they own."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.models import CubaLIF
from potentia.sim import FixedTotal, Procedural
from potentia.sim.plan import shards
from potentia.sim.plan.compile import _shards

PAGE = 4096  # bytes, of the processors that this runs on
SIZES = [1, 100, 2048, 2049, 4097, 5834, 20683]


@pytest.mark.parametrize("n", SIZES)
def test_shards_cover_a_population(n):
    cut = shards.cut(n)
    assert cut[0][0] == 0
    assert cut[-1][1] == n
    assert all(low < high <= low + shards.UNITS for low, high in cut)
    assert all(one[1] == other[0] for one, other in pairwise(cut))


def test_threads_share_no_page_of_memory():
    """Two threads that write into one page disturb each other: shards of float32 begin at pages, in
    memory too.
    """
    net = Network(seed=1)
    for k, n in enumerate(SIZES):
        net.population(CubaLIF(), n, name=f"p{k}")
    simulator = Simulator(net, dt=1e-4, threads=2)
    memory = simulator.plan.memory()
    for k, n in enumerate(SIZES):
        begin = memory[f"p{k}.g_e"].ctypes.data
        assert all((begin + 4 * low) % PAGE == 0 for low, _ in shards.cut(n)[1:])


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_threads_get_equal_shares(threads):
    """Each thread owns one range of each population, and of all about as much as the others."""
    ranges = [shards.cut(n) for n in (20683, 5834, 21915, 5479)]
    dealt = shards.deal(ranges, threads)
    owned = np.array([[high - low for low, high in shards.owned(own, threads)] for own in dealt])
    np.testing.assert_array_equal(owned.sum(axis=1), [20683, 5834, 21915, 5479])
    assert np.ptp(owned.sum(axis=0)) <= shards.UNITS


def test_some_populations_stay_together():
    """The largest first, each where there is least; what may be cut fills the gaps."""
    ranges = [shards.cut(n) for n in (2000, 9000, 6000, 3000)]
    dealt = shards.deal(ranges, 2, whole=(0, 1, 2))
    assert [{thread for *_, thread in own} for own in dealt[:3]] == [{1}, {0}, {1}]
    owned = [high - low for low, high in shards.owned(dealt[3], 2)]
    assert owned[0] < owned[1] + shards.UNITS


def network(sizes, degrees, **how):
    """Populations that all receive so many synapses per unit from the first."""
    net = Network(seed=1)
    cells = [net.population(CubaLIF(), n, name=f"p{k}") for k, n in enumerate(sizes)]
    for post, degree in zip(cells, degrees, strict=True):
        if degree:
            net.connect(cells[0], post, FixedTotal(degree * post.n), weight=1e-5, **how)
    return net


@pytest.mark.parametrize(
    ("sizes", "degrees", "together"),
    [
        ((6000, 4000, 2100), (10, 10, 10), True),  # 6000 here, 6100 there
        ((8000, 2000), (10, 10), False),  # one is too large
        ((6000, 4000, 2100), (90, 10, 10), False),  # as many units, but most synapses on one side
        ((6000, 4000, 2100), (0, 0, 0), True),
    ],
)
def test_populations_stay_with_one_thread_where_that_is_even(sizes, degrees, together):
    threads = [
        {thread for *_, thread in own} for own in _shards(network(sizes, degrees), 2).values()
    ]
    assert all(len(own) == 1 for own in threads) == together
    assert set.union(*threads) == {0, 1}


def test_populations_that_receive_drawn_synapses_are_never_cut():
    dealt = _shards(network((8000, 2000), (10, 0), store=Procedural()), 2)
    assert [{thread for *_, thread in own} for own in dealt.values()] == [{0}, {1}]
