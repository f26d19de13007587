"""Connectivity: counts, bounds, order, flags and laws."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from potentia.kernels.cpu import connectivity as cpu
from potentia.kernels.reference import connectivity as reference
from potentia.kernels.reference import rows as reference_rows
from potentia.sim.description import connectivity
from potentia.sim.description.connectivity import (
    AllToAll,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    OneToOne,
)
from potentia.sim.description.explicit import Explicit, FromSparse
from potentia.sim.description.graphs import ScaleFree, SmallWorld
from potentia.sim.description.grid import DistanceDependent

ALARM = 1e-6  # false-alarm rate of each statistical test; the keys are fixed
KEY = 0xFEDCBA9876543210

few = settings(max_examples=30, deadline=None)
keys = st.integers(0, 2**64 - 1)
sizes = st.integers(0, 30)
flags = st.booleans()


def draw(recipe, n_pre, n_post, key=KEY, recurrent=False):
    """Edges, checked for what holds of all of them: type, bounds, order."""
    edges = recipe.edges(n_pre, n_post, key, recurrent=recurrent)
    assert edges.sources.dtype == edges.targets.dtype == np.uint32
    assert edges.sources.shape == edges.targets.shape == (len(edges),)
    assert (edges.sources < n_pre).all()
    assert (edges.targets < n_post).all()
    in_order = edges.sources.astype(np.int64) if edges.dealt else codes(edges, n_post)
    assert (np.diff(in_order) >= 0).all()
    return edges


def codes(edges, n_post):
    return edges.sources.astype(np.int64) * max(n_post, 1) + edges.targets


def repeats(edges, n_post):
    return len(edges) - np.unique(codes(edges, n_post)).size


def autapses(edges):
    return int((edges.sources == edges.targets).sum())


@few
@given(sizes, sizes, flags, flags)
def test_all_to_all_joins_every_pair(n_pre, n_post, loops, recurrent):
    n_post = n_pre if recurrent else n_post
    edges = draw(AllToAll(autapses=loops), n_pre, n_post, recurrent=recurrent)
    without = recurrent and not loops
    assert len(edges) == n_pre * n_post - without * n_pre
    assert repeats(edges, n_post) == 0
    assert autapses(edges) == (0 if without else min(n_pre, n_post))


@given(sizes)
def test_one_to_one(n):
    edges = draw(OneToOne(), n, n)
    np.testing.assert_array_equal(edges.sources, np.arange(n))
    np.testing.assert_array_equal(edges.targets, np.arange(n))


@few
@given(sizes, sizes, st.floats(0, 1), keys, flags, flags)
def test_fixed_probability(n_pre, n_post, p, key, loops, recurrent):
    n_post = n_pre if recurrent else n_post
    recipe = FixedProbability(p, autapses=loops)
    edges = draw(recipe, n_pre, n_post, key, recurrent)
    again = draw(recipe, n_pre, n_post, key, recurrent)
    np.testing.assert_array_equal(codes(edges, n_post), codes(again, n_post))
    assert repeats(edges, n_post) == 0
    assert not (recurrent and not loops and autapses(edges))
    assert p < 1 or len(edges) == n_pre * n_post - (recurrent and not loops) * n_pre
    assert p > 0 or len(edges) == 0


def test_without_autapses_the_other_pairs_stay():
    """The flag removes the diagonal and moves nothing else."""
    edges = draw(FixedProbability(0.3), 50, 50, recurrent=True)
    fewer = draw(FixedProbability(0.3, autapses=False), 50, 50, recurrent=True)
    off_diagonal = edges.sources != edges.targets
    np.testing.assert_array_equal(codes(edges, 50)[off_diagonal], codes(fewer, 50))


def test_another_key_draws_other_synapses():
    """Two keys share about p of their synapses, the binomial law of independent draws."""
    a, b = (codes(draw(FixedProbability(0.1), 300, 300, key), 300) for key in (1, 2))
    shared = np.intersect1d(a, b).size
    assert stats.binomtest(shared, a.size, 0.1).pvalue > ALARM


@few
@given(sizes, sizes, st.integers(0, 20), keys, flags, flags, flags)
def test_fixed_degrees(n_pre, n_post, k, key, loops, multiple, recurrent):
    n_post = n_pre if recurrent else n_post
    without = recurrent and not loops
    for recipe, n, choices in ((FixedInDegree, n_post, n_pre), (FixedOutDegree, n_pre, n_post)):
        available = max(choices - without, 0)
        degree = (k if multiple else min(k, available)) if available else 0
        made = recipe(degree, autapses=loops, multapses=multiple)
        edges = draw(made, n_pre, n_post, key, recurrent)
        ends = edges.targets if recipe is FixedInDegree else edges.sources
        assert (np.bincount(ends, minlength=n)[:n] == degree).all()
        assert len(edges) == made.expected(n_pre, n_post)
        assert multiple or repeats(edges, n_post) == 0
        assert not (without and autapses(edges))


@few
@given(st.integers(1, 25), st.integers(1, 25), st.floats(0, 1), keys, flags, flags, flags)
def test_fixed_total(n_pre, n_post, share, key, loops, multiple, recurrent):
    n_post = n_pre if recurrent else n_post
    without = recurrent and not loops
    total = round(share * n_pre * (n_post - without))
    edges = draw(
        FixedTotal(total, autapses=loops, multapses=multiple), n_pre, n_post, key, recurrent
    )
    assert len(edges) == total
    assert multiple or repeats(edges, n_post) == 0
    assert not (without and autapses(edges))


@pytest.mark.parametrize("n", [1, 2, 4, 5])
def test_fixed_total_chooses_every_set_of_pairs_equally_often(n):
    """All sets of n out of 2 x 3 pairs, over 3000 keys."""
    sets = [tuple(codes(draw(FixedTotal(n, multapses=False), 2, 3, key), 3)) for key in range(3000)]
    counts = np.unique(sets, axis=0, return_counts=True)[1]
    assert counts.size == math.comb(6, n)
    assert stats.chisquare(counts).pvalue > ALARM


@pytest.mark.parametrize("recipe", [FixedInDegree(40), FixedOutDegree(40), FixedTotal(12_000)])
def test_every_pair_is_equally_likely(recipe):
    """12,000 synapses with multapses over 300 x 300 pairs, sorted into 10 x 10 blocks of pairs."""
    edges = draw(recipe, 300, 300, recurrent=True)
    blocks = np.bincount((edges.sources // 30) * 10 + edges.targets // 30, minlength=100)
    assert stats.chisquare(blocks).pvalue > ALARM


@few
@given(st.integers(1, 30), st.integers(0, 10), st.floats(0, 1), keys)
def test_small_world_keeps_the_out_degree(n, half, p, key):
    k = 2 * min(half, (n - 1) // 2)
    edges = draw(SmallWorld(k, p), n, n, key, recurrent=True)
    assert (np.bincount(edges.sources, minlength=n) == k).all()
    assert repeats(edges, n) == 0
    assert autapses(edges) == 0


def test_small_world_goes_from_lattice_to_random_graph():
    """p = 0 is the ring itself; p moves that share of synapses, binomially (few land where others
    left).
    """
    n, k = 400, 10
    lattice = draw(SmallWorld(k, 0.0), n, n, recurrent=True)
    distance = (lattice.targets.astype(int) - lattice.sources + n // 2) % n - n // 2
    assert set(distance.tolist()) == {*range(-5, 6)} - {0}
    moved = draw(SmallWorld(k, 0.2), n, n, recurrent=True)
    kept = np.isin(codes(moved, n), codes(lattice, n)).sum()
    assert kept / (n * k) == pytest.approx(0.8, abs=0.01 + 4.9 * math.sqrt(0.16 / (n * k)))
    everywhere = draw(SmallWorld(k, 1.0), n, n, recurrent=True)
    assert stats.chisquare(np.bincount(everywhere.targets // 40, minlength=10)).pvalue > ALARM


@few
@given(st.integers(1, 30), sizes, keys)
def test_scale_free_joins_every_new_unit_to_as_many_older_ones(n, m, key):
    """Every link is there in both directions, and none of them twice."""
    m = min(m, n - 1)
    edges = draw(ScaleFree(m), n, n, key, recurrent=True)
    assert len(edges) == ScaleFree(m).expected(n, n) == 2 * m * (n - m)
    assert repeats(edges, n) == autapses(edges) == 0
    to_older = edges.targets < edges.sources
    older = np.bincount(edges.sources[to_older], minlength=n)
    assert older.tolist() == [0] * m + [m] * (n - m)
    table = np.zeros((n, n), bool)
    table[edges.sources, edges.targets] = True
    assert (table == table.T).all()


def test_scale_free_chooses_in_proportion_to_links():
    """After two newcomers joined one link each to units 0 and 1 or 0 and 0: the third, by hand.

    With m = 1, unit 1 joins unit 0, unit 2 joins either with 1/2, and unit 3 joins that one with
    2/4, as it has two of four ends.
    """
    joined = np.array(
        [
            [edges.targets[edges.sources == 2].min(), edges.targets[edges.sources == 3].min()]
            for edges in (draw(ScaleFree(1), 4, 4, key, recurrent=True) for key in range(4000))
        ]
    )
    first, second = joined.T
    assert stats.binomtest(int((first == 0).sum()), 4000, 1 / 2).pvalue > ALARM
    assert stats.binomtest(int((second == first).sum()), 4000, 1 / 2).pvalue > ALARM
    assert stats.binomtest(int((second == 2).sum()), 4000, 1 / 4).pvalue > ALARM


def test_distance_dependent_follows_the_law_of_distance():
    """Counts per squared distance in 15 x 3 x 3 cells over 200 keys, against C exp(-(D /
    lambda)^2).
    """
    cells = np.stack(np.unravel_index(np.arange(135), (15, 3, 3)), axis=1)
    squares = ((cells[:, None] - cells[None]) ** 2).sum(axis=2)
    recipe = DistanceDependent(shape=(15, 3, 3), peak=0.3, length=2.0)
    drawn = np.zeros((135, 135))
    for key in range(200):
        edges = draw(recipe, 135, 135, key, recurrent=True)
        np.add.at(drawn, (edges.sources, edges.targets), 1)
    assert drawn.trace() == 0
    for square in range(1, 13):
        pairs = 200 * int((squares == square).sum())
        if pairs:
            hits = int(drawn[squares == square].sum())
            assert stats.binomtest(hits, pairs, 0.3 * math.exp(-square / 4)).pvalue > ALARM


def test_distance_dependent_between_populations_that_share_a_grid():
    """The expected number is the sum over pairs; scattered cells and ranges of
    cells say the same.
    """
    scattered = np.arange(100, 135)
    by_range = DistanceDependent(shape=(15, 3, 3), peak=0.4, pre_cells=100, post_cells=0)
    by_list = DistanceDependent(
        shape=(15, 3, 3), peak=0.4, pre_cells=scattered, post_cells=np.arange(100)
    )
    cells = np.stack(np.unravel_index(np.arange(135), (15, 3, 3)), axis=1)
    squares = ((cells[100:, None] - cells[None, :100]) ** 2).sum(axis=2)
    assert by_range.expected(35, 100) == pytest.approx(0.4 * np.exp(-squares / 4).sum(), rel=1e-12)
    a, b = draw(by_range, 35, 100), draw(by_list, 35, 100)
    np.testing.assert_array_equal(codes(a, 100), codes(b, 100))
    count = sum(len(draw(by_range, 35, 100, key)) for key in range(200)) / 200
    error = math.sqrt(by_range.expected(35, 100) / 200)  # at most: a sum of Bernoullis
    assert count == pytest.approx(by_range.expected(35, 100), abs=4.9 * error)


def test_distance_dependent_autapses_have_the_peak_probability():
    edges = draw(
        DistanceDependent(shape=(3, 3, 3), peak=1.0, autapses=True), 27, 27, recurrent=True
    )
    assert autapses(edges) == 27


@few
@given(st.integers(0, 60), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32))
def test_explicit_loses_nothing_and_tells_the_order(n, n_pre, n_post, seed):
    rng = np.random.default_rng(seed)
    sources, targets = rng.integers(0, n_pre, n), rng.integers(0, n_post, n)
    edges = draw(Explicit(sources, targets), n_pre, n_post)
    np.testing.assert_array_equal(edges.order, np.lexsort((targets, sources)))
    np.testing.assert_array_equal(edges.sources, sources[edges.order])
    np.testing.assert_array_equal(edges.targets, targets[edges.order])


@few
@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32))
def test_matrices_in_any_format_give_their_entries(n_pre, n_post, density, seed):
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(n_pre, n_post)) * (rng.random((n_pre, n_post)) < density)
    rows, columns = np.nonzero(dense)
    for matrix in (
        dense,
        np.asfortranarray(dense),
        *map(sparse.coo_matrix(dense).asformat, ("coo", "csc", "lil")),
    ):
        edges = draw(FromSparse(matrix), n_pre, n_post)
        np.testing.assert_array_equal(edges.sources, rows)
        np.testing.assert_array_equal(edges.targets, columns)
        np.testing.assert_array_equal(edges.weights, dense[rows, columns])


def test_sparse_matrix_keeps_stored_zeros_and_adds_repeats():
    matrix = sparse.coo_array(([0.0, 1.0, 2.0], ([0, 1, 1], [2, 0, 0])), shape=(2, 3))
    edges = draw(FromSparse(matrix), 2, 3)
    assert codes(edges, 3).tolist() == [2, 3]
    assert edges.weights.tolist() == [0.0, 3.0]


def test_recipes_keep_copies():
    """Changing the arrays afterwards changes no synapse."""
    sources, matrix = np.array([0, 1]), np.eye(2)
    explicit, from_matrix = Explicit(sources, sources), FromSparse(matrix)
    sources[:], matrix[:] = 0, 0
    assert draw(explicit, 2, 2).sources.tolist() == [0, 1]
    assert len(draw(from_matrix, 2, 2)) == 2


RECIPES = [
    (AllToAll(autapses=False), "all"),
    (FixedProbability(0.2, autapses=False), "bernoulli"),
    (FixedInDegree(7), "in"),
    (FixedInDegree(7, multapses=False, autapses=False), "in, distinct"),
    (FixedOutDegree(7), "out"),
    (FixedOutDegree(7, multapses=False, autapses=False), "out, distinct"),
    (FixedTotal(200), "total"),
    (FixedTotal(200, multapses=False, autapses=False), "total, distinct"),
    (FixedTotal(1500, multapses=False), "total, dense"),
    (SmallWorld(6, 0.3), "small world"),
    (ScaleFree(3), "scale-free"),
    (DistanceDependent(shape=(5, 4, 2)), "grid"),
    (Explicit([3, 1, 1], [2, 2, 2]), "explicit"),
]


@pytest.mark.parametrize("recipe", [r for r, _ in RECIPES], ids=[name for _, name in RECIPES])
def test_edges_are_bit_equal_on_the_reference_kernels(recipe, monkeypatch):
    """And equal again for the same key."""
    drawn = [draw(recipe, 40, 40, recurrent=True), draw(recipe, 40, 40, recurrent=True)]
    monkeypatch.setattr("potentia.sim.description.connectivity.kernels", reference)
    for place in ("description.connectivity.row_kernels", "operators.edges.kernels"):
        monkeypatch.setattr(f"potentia.sim.{place}", reference_rows)
    for place in ("grid", "graphs", "explicit"):
        monkeypatch.setattr(f"potentia.sim.description.{place}.kernels", reference)
    drawn.append(draw(recipe, 40, 40, recurrent=True))
    for other in drawn[1:]:
        np.testing.assert_array_equal(codes(drawn[0], 40), codes(other, 40))


def test_a_buffer_too_small_is_drawn_again(monkeypatch):
    """The size of the first buffer changes nothing."""
    expected = draw(FixedProbability(0.5), 30, 30)
    monkeypatch.setattr(connectivity.math, "sqrt", lambda _: -8.0)  # room for none but the margin
    again = draw(FixedProbability(0.5), 30, 30)
    np.testing.assert_array_equal(codes(expected, 30), codes(again, 30))


@pytest.mark.parametrize("recipe", [r for r, _ in RECIPES[:2]])
def test_empty_populations_have_no_synapses(recipe):
    for n_pre, n_post in ((0, 5), (5, 0), (0, 0)):
        assert len(draw(recipe, n_pre, n_post)) == 0


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.uint64])
def test_ids_of_any_width_are_accepted(dtype):
    """Also read-only, strided and big-endian arrays."""
    ids = np.arange(6, dtype=dtype)[::2].astype(np.dtype(dtype).newbyteorder(">"))
    ids.setflags(write=False)
    assert draw(Explicit(ids, ids), 5, 5).targets.tolist() == [0, 2, 4]


def test_recipes_print_in_one_line():
    shown = [repr(recipe) for recipe, _ in RECIPES] + [repr(FromSparse(np.eye(40)))]
    assert all(re.fullmatch(r"\w+\(.*\)", text) for text in shown)


def test_both_rooms_have_the_same_kernels():
    def names(room):
        return {name for name in dir(room) if name.startswith("draw_")} | {
            "layout",
            "reverse_index",
            "below",
        }

    assert names(cpu) == names(reference)
