"""Synapses drawn row by row: the compiled kernels make the readable ones' draws, and the draws obey
their laws.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from potentia.kernels.cpu import rows as cpu
from potentia.kernels.reference import rows as reference

ALARM = 1e-6  # false-alarm rate of each statistical test; the keys are fixed
KEY = np.uint64(0x0123456789ABCDEF)
N_PRE, N_POST = 40, 25


def recipe(skip_self=0, n_lags=3):
    """Rows of different lengths, and the delays dealt to them."""
    counts = np.random.default_rng(1).integers(0, 60, N_PRE)
    first = np.append(0, np.cumsum(counts)).astype(np.int64)
    table = reference.lag_table(np.arange(1.0, n_lags + 1) / np.arange(1, n_lags + 1).sum())
    dealt = np.zeros((N_PRE, n_lags), np.uint32)
    reference.deal_lags(KEY, *table, first, dealt)
    return first, table, dealt


@pytest.mark.parametrize("skip_self", [0, 1])
def test_rooms_draw_the_same(skip_self):
    first, table, dealt = recipe(skip_self)
    made = {}
    for room in (cpu, reference):
        counts, indices = np.zeros(N_PRE, np.uint32), np.zeros(500, np.uint32)
        room.count_sources(KEY, 1000, counts)
        room.draw_indices(KEY, *table, 7, indices)
        own = np.zeros_like(dealt)
        room.deal_lags(KEY, *table, first, own)
        targets, chances = np.zeros(first[-1], np.uint32), np.zeros(first[-1], np.uint16)
        room.draw_rows_in_order(KEY, N_POST, skip_self, first, targets, chances)
        shares, bits = np.zeros(50), np.zeros(50, np.uint16)
        room.draw_shares(KEY, shares)
        room.draw_chances(KEY, bits)
        made[room] = (counts, indices, own, targets, chances, shares, bits)
    for here, there in zip(made[cpu], made[reference], strict=True):
        np.testing.assert_array_equal(here, there)
    assert made[cpu][0].sum() == 1000
    if skip_self:
        sources = np.repeat(np.arange(N_PRE), np.diff(first))
        assert (made[cpu][3] != sources).all()


@pytest.mark.parametrize(("low", "high"), [(0, N_POST), (5, 17), (0, 0)])
def test_filling_writes_each_synapse_once_wherever_it_comes_from(low, high):
    """Drawn and listed synapses make the same words in both rooms, cut to the same targets."""
    first, _, dealt = recipe()
    place, shift, code, mask = 100, 4, 3, 7
    columns = np.array([0, 2, 3])
    targets, chances = np.zeros(first[-1], np.uint32), np.zeros(first[-1], np.uint16)
    reference.draw_rows_in_order(KEY, N_POST, 0, first, targets, chances)
    segments = np.append(0, np.cumsum(dealt)).astype(np.uint32)
    made = []
    for room in (cpu, reference):
        counts = np.zeros((N_PRE, 5), np.uint32)
        room.count_drawn(KEY, N_POST, 0, dealt, low, high, columns, counts)
        listed = np.zeros_like(counts)
        room.count_listed(segments, 3, targets, low, high, columns, listed)
        np.testing.assert_array_equal(counts, listed)
        starts = np.append(0, np.cumsum(counts)[:-1]).astype(np.uint32).reshape(counts.shape)
        n = int(counts.sum())
        words, cursor = np.zeros(n, np.uint32), starts.copy()
        room.fill_drawn(
            KEY, N_POST, 0, dealt, low, high, columns, place, shift, code, mask, cursor, words
        )
        np.testing.assert_array_equal(cursor, starts + counts)
        again, cursor, values = np.zeros(n, np.uint32), starts.copy(), np.zeros(n)
        room.fill_listed(
            segments,
            3,
            targets,
            chances & np.uint16(mask),
            targets * 0.5,
            low,
            high,
            columns,
            place,
            shift,
            code,
            cursor,
            again,
            values,
        )
        np.testing.assert_array_equal(words, again)
        np.testing.assert_array_equal(values, ((words >> np.uint32(shift)) - place) * 0.5)
        made.append(words)
    np.testing.assert_array_equal(*made)
    inside = (targets >= low) & (targets < high)
    assert made[0].size == inside.sum()
    assert (
        np.sort(made[0] >> np.uint32(shift)).tolist() == np.sort(targets[inside] + place).tolist()
    )


def test_words_are_uniform_and_their_halves_independent():
    """Targets, levels, pairs of neighbouring draws and the same draw of neighbouring sources:
    chi-square tests.
    """
    n, k = 64, 1000
    first = np.arange(n + 1, dtype=np.int64) * k
    targets, chances = np.zeros(n * k, np.uint32), np.zeros(n * k, np.uint16)
    cpu.draw_rows_in_order(KEY, 20, 0, first, targets, chances)
    rows, levels = targets.reshape(n, k), (chances & 15).astype(np.int64)
    tables = [
        np.bincount(targets, minlength=20),
        np.bincount(targets * 16 + levels, minlength=320),
        np.bincount((rows[:, :-1] * 20 + rows[:, 1:]).ravel(), minlength=400),
        np.bincount((rows[:-1] * 20 + rows[1:]).ravel(), minlength=400),
    ]
    for table in tables:
        assert stats.chisquare(table).pvalue > ALARM
    assert stats.kstest((chances + 0.5) / 65536, "uniform").pvalue > ALARM


@pytest.mark.parametrize(
    "n_post", [1, 25, 2**16, 2**16 + 1, 60_000, 2**18, 2**20 + 3, 2**24, 2**31]
)
@pytest.mark.parametrize("skip_self", [0, 1])
def test_rooms_draw_the_same_weights_for_any_number_of_targets(n_post, skip_self):
    """Where the low bits of a word tell nothing of its target they are the weight's, however many
    targets there are.
    """
    first, words = np.array([0, 7, 7, 300]), np.zeros(300, np.uint32)
    made = []
    for room in (cpu, reference):
        targets, chances = np.zeros(300, np.uint32), np.zeros(300, np.uint16)
        if n_post > skip_self:
            room.draw_rows_in_order(KEY, n_post, skip_self, first, targets, chances)
        made.append((targets, chances))
    np.testing.assert_array_equal(made[0], made[1])
    own = reference.own_bits(max(n_post - skip_self, 1))
    choices = max(n_post - skip_self, 1)
    assert own == max(
        16 * (choices == 1),
        0,
        *(b for b in range(17) if choices << b <= (2**32 >> reference.EVEN)),
        *(b for b in range(17) if (2**32 >> b) % choices == 0),
    )
    for source in (0, 2) if n_post > skip_self else ():
        span = slice(first[source], first[source + 1])
        _, words[span] = reference.row_words(
            KEY, source, np.arange(first[source + 1] - first[source]), n_post, 0
        )
        np.testing.assert_array_equal(
            (words[span] ^ made[0][1][span]) & np.uint32((1 << own) - 1), 0
        )


@pytest.mark.parametrize(
    "choices", [3, 700, 1000, 21_846, 60_000, 100_000, 2**20, 2**20 + 1, 3_000_001, 2**31 - 1]
)
def test_the_mean_weight_of_a_target_is_that_of_all(choices):
    """Counted over all words that choose a target, the mean of a uniform law of 2
    to 65,536 levels.
    """
    own = reference.own_bits(choices)
    for target in np.unique(np.linspace(0, choices - 1, 2000).astype(np.int64)).tolist():
        # the words between them choose it
        first, last = (-(-(t << 32) // choices) for t in (target, target + 1))
        length = 1 << own
        whole, rest = divmod(last - first, length)
        extra = (np.arange(rest) + first) % length
        mean = (
            (whole * (length - 1) / 2 * length + extra.sum()) / (last - first)
            if last > first
            else (length - 1) / 2
        )
        assert abs(mean - (length - 1) / 2) <= max(length - 1, 1) / 1024, target
    if choices & (choices - 1) == 0:
        assert own == min(16, 32 - choices.bit_length() + 1)


@pytest.mark.parametrize("n_post", [2**16, 2**17, 2**18 - 5, 100_000, 2**20, 3 * 2**20, 2**24])
def test_weights_do_not_depend_on_targets(n_post):
    """Every two bits of the weight against every two bits of the target, low ones and high ones:
    chi-square tests.
    """
    n = 400_000
    targets, chances = np.zeros(n, np.uint32), np.zeros(n, np.uint16)
    cpu.draw_rows_in_order(KEY, n_post, 0, np.array([0, n // 2, n]), targets, chances)
    top = (n_post - 1).bit_length() - 2
    for shift in (0, 1, 2, 4, top // 2, top - 2):
        for bit in range(15):
            table = np.zeros((4, 4))
            np.add.at(table, (targets >> np.uint32(shift) & 3, chances >> np.uint16(bit) & 3), 1)
            assert stats.chi2_contingency(table).pvalue > ALARM / 100, (shift, bit)
    assert stats.kstest((chances + 0.5) / 65536, "uniform").pvalue > ALARM


def test_indices_follow_their_table():
    probabilities = np.array([0.5, 0.0, 0.125, 0.375])
    indices = np.zeros(100_000, np.uint32)
    cpu.draw_indices(KEY, *reference.lag_table(probabilities), 0, indices)
    counts = np.bincount(indices, minlength=4)
    assert counts[1] == 0
    keep = [0, 2, 3]
    assert stats.chisquare(counts[keep], 100_000 * probabilities[keep]).pvalue > ALARM
