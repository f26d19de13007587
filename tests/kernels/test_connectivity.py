"""Drawing and ordering synapses: Numba against NumPy, bit by bit, and both against their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from potentia.kernels.cpu import connectivity as cpu
from potentia.kernels.cpu import distributions as cpu_distributions
from potentia.kernels.reference import connectivity as reference
from potentia.kernels.reference import distributions as reference_distributions

ALARM = 1e-6  # false-alarm rate of each statistical test; the keys are fixed
KEY = np.uint64(0xFEDCBA9876543210)

few = settings(max_examples=25, deadline=None)
keys = st.integers(0, 2**64 - 1).map(np.uint64)
sizes = st.integers(1, 40)


def both(name, *arguments, out):
    """Run a kernel of both rooms on fresh copies of `out`; assert equal results and return them."""
    results = []
    for room in (cpu, reference):
        arrays = [array.copy() for array in out]
        results.append((getattr(room, name)(*arguments, *arrays), arrays))
    (first, first_arrays), (second, second_arrays) = results
    assert first == second
    for a, b in zip(first_arrays, second_arrays, strict=True):
        np.testing.assert_array_equal(a, b)
    return first, first_arrays


def ids(*shape):
    return np.zeros(shape, np.uint32)


@few
@given(keys, sizes, sizes, st.floats(0, 1), st.booleans(), st.integers(0, 2000))
def test_bernoulli_is_the_same_in_both_rooms(key, n_pre, n_post, p, skip_self, room):
    """Also where there is not room for all; the count is then still of all."""
    out = [ids(room), ids(room)]
    count, (sources, targets) = both(
        "draw_bernoulli", key, n_pre, n_post, *reference.geometric_table(p), skip_self, out=out
    )
    codes = sources[:count].astype(int) * n_post + targets[:count]
    assert (np.diff(codes) > 0).all()
    assert not (skip_self and (sources[:count] == targets[:count]).any())
    assert 0 <= count <= n_pre * n_post


@pytest.mark.parametrize(("p", "count"), [(0.0, 0), (1.0, 1200), (1e-300, 0)])
def test_bernoulli_at_its_ends(p, count):
    drawn, _ = both(
        "draw_bernoulli",
        KEY,
        30,
        40,
        *reference.geometric_table(p),
        False,
        out=[ids(1200), ids(1200)],
    )
    assert drawn == count


@pytest.mark.parametrize("p", [2e-5, 0.003, 0.1, 0.7, 0.999])
def test_geometric_table_follows_the_geometric_law(p):
    """P(failures <= i) = 1 - (1 - p)^(i + 1), to the rounding of 65536 products, 1e-10 at worst."""
    thresholds, guide = reference.geometric_table(p)
    i = np.arange(thresholds.size - 1)
    np.testing.assert_allclose(
        thresholds[:-1] / 2**53, -np.expm1((i + 1) * np.log1p(-p)), rtol=1e-10
    )
    assert (np.diff(thresholds.astype(np.int64)) >= 0).all()
    assert guide.max() < thresholds.size


@pytest.mark.parametrize("p", [0.002, 0.05, 0.6])
def test_bernoulli_pairs_are_uniform_and_independent(p):
    """Total, out-degrees (binomial variance) and in-degrees of 400 x 600 pairs."""
    n_pre, n_post = 400, 600
    out = ids(n_pre * n_post)
    targets = out.copy()
    count = cpu.draw_bernoulli(
        KEY, n_pre, n_post, *reference.geometric_table(p), False, out, targets
    )
    assert stats.binomtest(count, n_pre * n_post, p).pvalue > ALARM
    for units, n, other in ((out, n_pre, n_post), (targets, n_post, n_pre)):
        degrees = np.bincount(units[:count], minlength=n)
        spread = ((degrees - other * p) ** 2).sum() / (other * p * (1 - p))
        assert ALARM < stats.chi2(n).sf(spread) < 1 - ALARM


@few
@given(keys, st.integers(1, 30), st.integers(2, 30), st.integers(0, 30), st.booleans())
def test_rows_are_the_same_in_both_rooms(key, n_rows, n, k, skip_self):
    n_rows = n if skip_self else n_rows
    _, (rows,) = both("draw_rows", key, n, skip_self, out=[ids(n_rows, k)])
    assert not rows.size or rows.max() < n
    assert not (skip_self and (rows == np.arange(n_rows)[:, None]).any())
    k = min(k, n - skip_self)
    _, (rows,) = both("draw_distinct_rows", key, n, skip_self, out=[ids(n_rows, k)])
    assert not rows.size or rows.max() < n
    assert not (skip_self and (rows == np.arange(n_rows)[:, None]).any())
    assert all(len(set(row)) == k for row in rows.tolist())


def test_distinct_rows_choose_every_subset_equally_often():
    """The 20 subsets of 3 out of 6 in 40,000 rows."""
    rows = ids(40_000, 3)
    cpu.draw_distinct_rows(KEY, 6, False, rows)
    _, counts = np.unique((1 << rows.astype(np.int64)).sum(axis=1), return_counts=True)
    assert counts.size == 20
    assert stats.chisquare(counts).pvalue > ALARM


def test_below_is_uniform_up_to_the_largest_range():
    """Numbers below 7 evenly; below 2**32 - 1 never outside."""
    words = np.append(reference.bits(KEY, 0, np.arange(70_000)), np.uint64(2**64 - 1))
    assert stats.chisquare(np.bincount(reference.below(words, 7).astype(int))).pvalue > ALARM
    largest = reference.below(words, 2**32 - 1)
    assert largest.max() == 2**32 - 2
    exact = [int(word) * (2**32 - 1) >> 64 for word in words[:100].tolist()]
    assert largest[:100].tolist() == exact


@few
@given(keys, st.integers(1, 30), st.integers(0, 14), st.floats(0, 1))
def test_small_world_is_the_same_in_both_rooms(key, n, half, p):
    k = 2 * min(half, (n - 1) // 2)
    _, (rows,) = both("draw_small_world", key, np.uint64(p * reference.ONE), out=[ids(n, k)])
    assert all(len({*row, i}) == k + 1 for i, row in enumerate(rows.tolist()))


@few
@given(keys, st.integers(1, 40), st.integers(0, 14))
def test_scale_free_is_the_same_in_both_rooms(key, n, m):
    m = min(m, n - 1)
    _, (links,) = both("draw_scale_free", key, out=[ids(n - m, m)])
    assert all(
        len(set(row)) == m and max(row, default=-1) < m + i for i, row in enumerate(links.tolist())
    )


@few
@given(keys, sizes, sizes, st.booleans())
def test_grid_is_the_same_in_both_rooms(key, n_pre, n_post, skip_self):
    rng = np.random.default_rng(n_pre)
    pre, post = rng.integers(0, 3, (n_pre, 3)), rng.integers(0, 3, (n_post, 3))
    thresholds = rng.integers(0, 2**53, (3, 3, 3), dtype=np.uint64)
    both("draw_grid", key, pre, post, thresholds, skip_self, out=[ids(n_pre * n_post)] * 2)


@few
@given(keys, sizes, sizes, st.integers(0, 100))
def test_pairs_are_the_same_in_both_rooms(key, n_pre, n_post, n):
    _, (codes,) = both("draw_pairs", key, n_pre, n_post, out=[np.zeros(n, np.uint64)])
    assert not n or (codes >> np.uint64(32)).max() < n_pre
    assert not n or (codes & np.uint64(2**32 - 1)).max() < n_post


@few
@given(st.integers(0, 2**32), st.integers(0, 300), sizes, st.integers(1, 6))
def test_layout_is_a_stable_sort_that_loses_nothing(seed, n, n_pre, n_lags):
    rng = np.random.default_rng(seed)
    sources, lags = rng.integers(0, n_pre, n).astype(np.uint32), rng.integers(0, n_lags, n)
    expected = np.lexsort((lags, sources))
    for room in (cpu, reference):
        first, order = room.layout(sources, lags, n_pre, n_lags)
        np.testing.assert_array_equal(order, expected)
        assert first.dtype == order.dtype == np.uint32
        assert (first[0], first[-1]) == (0, n)
        for segment in range(n_pre * n_lags):
            inside = order[first[segment] : first[segment + 1]]
            assert (sources[inside].astype(int) * n_lags + lags[inside] == segment).all()


@few
@given(st.integers(0, 2**32), st.integers(0, 300), sizes, sizes)
def test_reverse_index_and_sort_edges(seed, n, n_pre, n_post):
    rng = np.random.default_rng(seed)
    sources = rng.integers(0, n_pre, n).astype(np.uint32)
    targets = rng.integers(0, n_post, n).astype(np.uint32)
    for room in (cpu, reference):
        first, synapses = room.reverse_index(targets, n_post)
        np.testing.assert_array_equal(synapses, np.argsort(targets, kind="stable"))
        np.testing.assert_array_equal(
            np.diff(first.astype(int)), np.bincount(targets, minlength=n_post)
        )
        sorted_sources, sorted_targets, order = room.sort_edges(sources, targets, n_pre, n_post)
        np.testing.assert_array_equal(order, np.lexsort((targets, sources)))
        np.testing.assert_array_equal(sorted_sources, sources[order])
        np.testing.assert_array_equal(sorted_targets, targets[order])


@few
@given(st.lists(st.integers(0, 50), max_size=100))
def test_index_lags_splits_into_distinct_and_index(lags):
    lags = np.array(lags, np.int64)
    for room in (cpu, reference):
        distinct, index = room.index_lags(lags)
        np.testing.assert_array_equal(distinct, np.unique(lags))
        np.testing.assert_array_equal(distinct[index], lags)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("draw_normal", (1.5, 0.75, 0.1, np.inf)),
        ("draw_normal", (0.0, 1.0, 2.0, 2.5)),
        ("draw_lognormal", (-2.0, 0.7)),
        ("draw_uniform", (-1.0, 3.0)),
    ],
)
def test_laws_agree_between_rooms(name, arguments):
    """To a few rounding errors: log and exp differ in the last bit between libraries."""
    ours, oracle = np.empty(2000), np.empty(2000)
    getattr(cpu_distributions, name)(KEY, *arguments, ours)
    getattr(reference_distributions, name)(KEY, *arguments, oracle)
    np.testing.assert_allclose(ours, oracle, rtol=1e-14, atol=1e-14)
