"""Units that send numbers instead of spikes.

Here are the ring of what they sent, and products with weights.
"""

from __future__ import annotations

import numpy as np

from .rows import row_chances, row_words


def send_values_step(step, values, sent):
    """Enter this step's values (n,) into the ring sent (depth, n).

    Returns how many changed since the last one.
    """
    before = sent[(step - 1) % len(sent)].copy()
    sent[step % len(sent)] = values
    return int(np.count_nonzero(before != values))


def arriving_step(step, sent, lags, arriving):
    """List what arrives in this step: arriving (n_pre * n_lags,), a number for each (source, lag)."""
    numbers = sent[(step - lags) % len(sent)]  # (n_lags, n_pre)
    arriving[:] = numbers.T.reshape(-1)


def product_step(step, sent, lags, first_post, source, lag, weights, low, high, receiving):
    """Add to every target from `low` to `high` - 1 the sum of weight * number.

    The sum is over its synapses, in float64. The number is what the synapse's source sent
    ``lags[lag]`` steps ago. sent (depth, n_pre), see `send_values_step`; first_post (n_post + 1,)
    where the synapses of each target begin; of each synapse source (n,), lag (n,) its place in lags
    (n_lags,), and weights (n,); receiving (n_post,).
    """
    own = slice(first_post[low], first_post[high])
    numbers = sent[(step - lags[lag[own]]) % len(sent), source[own]].astype(np.float64)
    target = np.repeat(np.arange(high - low), np.diff(first_post[low : high + 1].astype(np.int64)))
    sums = np.zeros(high - low)
    np.add.at(sums, target, weights[own].astype(np.float64) * numbers)
    receiving[low:high] = receiving[low:high] + sums


def plastic_product_step(
    step, sent, lags, first_post, synapse_post, segment_post, weights, low, high, receiving
):
    """`product_step` for weights (n_synapses,) that a rule changes, in the order of (source, lag).

    synapse_post (n,) the synapses of each target; segment_post (n,) their (source, lag).
    """
    own = slice(first_post[low], first_post[high])
    source, lag = np.divmod(segment_post[own].astype(np.int64), lags.size)
    numbers = sent[(step - lags[lag]) % len(sent), source].astype(np.float64)
    target = np.repeat(np.arange(high - low), np.diff(first_post[low : high + 1].astype(np.int64)))
    sums = np.zeros(high - low)
    np.add.at(sums, target, weights[synapse_post[own]].astype(np.float64) * numbers)
    receiving[low:high] = receiving[low:high] + sums


def drawn_product_step(step, sent, lags, first, row_seed, skip, table, drawn, sums):
    """Add weight * number of every synapse to sums (n_post,) float64.

    It goes in order of (source, lag), for synapses that are drawn again in every step, see `rows`.
    first (n_pre * n_lags + 1,) uint32: where the synapses of each (source, lag) begin; row_seed:
    the key of the draws; skip: 1 if a unit never reaches itself; table (n_levels,) the weights.
    drawn serves the cpu only.
    """
    for source in range(sent.shape[1]):
        begins = first[source * lags.size : (source + 1) * lags.size + 1].astype(np.int64)
        draws = np.arange(begins[-1] - begins[0])
        targets, _ = row_words(row_seed, source, draws, sums.size, int(skip))
        levels = row_chances(row_seed, source, draws, sums.size - int(skip)) & (table.size - 1)
        numbers = sent[(step - lags) % len(sent), source].astype(np.float64)
        brought = np.repeat(numbers, np.diff(begins))
        np.add.at(sums, targets, table[levels].astype(np.float64) * brought)


def add_step(sums, receiving):
    """Add sums (n_post,) to `receiving`, and set them to 0."""
    receiving[:] = receiving + sums
    sums[:] = 0
