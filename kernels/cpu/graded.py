"""Units that send numbers instead of spikes.

Here are the ring of what they sent, and products with weights.
"""

import numpy as np

from .caching import kernel
from .random import row_key
from .rows import chosen, level_bits, own_mask, row_word

WIDE = 16  # synapses that are drawn at once


@kernel
def send_values_step(step, values, sent):
    """Enter this step's values (n,) into the ring sent (depth, n).

    Returns how many changed since the last one. The loop takes a step in which a number changed for
    one that was not silent; so once it looks whether the network is at rest, all rows of the ring
    are alike.
    """
    depth = sent.shape[0]
    here, before, changed = step % depth, (step + depth - 1) % depth, 0
    for i in range(values.size):
        changed += sent[before, i] != values[i]
        sent[here, i] = values[i]
    return changed


@kernel
def arriving_step(step, sent, lags, arriving):
    """List what arrives in this step: arriving (n_pre * n_lags,), a number for each (source, lag)."""
    depth, n_lags = sent.shape[0], lags.size
    here = step % depth
    for g in range(n_lags):
        row = here - lags[g]
        row += depth if row < 0 else 0
        for i in range(sent.shape[1]):
            arriving[i * n_lags + g] = sent[row, i]
    return 0


@kernel
def product_step(step, sent, lags, first_post, source, lag, weights, low, high, receiving):
    """Add to every target from `low` to `high` - 1 the sum of weight * number.

    The sum is over its synapses, in float64. The number is what the synapse's source sent
    ``lags[lag]`` steps ago. sent (depth, n_pre), see `send_values_step`; first_post (n_post + 1,)
    where the synapses of each target begin; of each synapse source (n,), lag (n,) its place in lags
    (n_lags,), and weights (n,); receiving (n_post,).
    """
    depth = sent.shape[0]
    here = step % depth
    for j in range(low, high):
        total = 0.0
        for k in range(first_post[j], first_post[j + 1]):
            row = here - lags[lag[k]]
            row += depth if row < 0 else 0
            total += np.float64(weights[k]) * np.float64(sent[row, source[k]])
        receiving[j] += total
    return 0


@kernel
def plastic_product_step(
    step, sent, lags, first_post, synapse_post, segment_post, weights, low, high, receiving
):
    """`product_step` for weights (n_synapses,) that a rule changes, in the order of (source, lag).

    synapse_post (n,) the synapses of each target; segment_post (n,) their (source, lag).
    """
    depth, n_lags = sent.shape[0], lags.size
    here = step % depth
    for j in range(low, high):
        total = 0.0
        for k in range(first_post[j], first_post[j + 1]):
            segment = np.int64(segment_post[k])
            source = segment if n_lags == 1 else segment // n_lags
            row = here - lags[segment - source * n_lags]
            row += depth if row < 0 else 0
            total += np.float64(weights[synapse_post[k]]) * np.float64(sent[row, source])
        receiving[j] += total
    return 0


@kernel
def drawn_product_step(step, sent, lags, first, row_seed, skip, table, drawn, sums):
    """Add weight * number of every synapse to sums (n_post,) float64.

    It goes in order of (source, lag), for synapses that are drawn again in every step, see `rows`.
    first (n_pre * n_lags + 1,) uint32: where the synapses of each (source, lag) begin; row_seed:
    the key of the draws; skip: 1 if a unit never reaches itself; table (n_levels,) the weights;
    drawn (2 * `WIDE`,) uint32: room. Sources that send 0 are left out. sent, lags: see
    `product_step`.
    """
    depth, n_lags, here = sent.shape[0], lags.size, step % sent.shape[0]
    none, mask = np.uint32(skip), np.uint32(table.size - 1)
    choices = np.uint32(sums.size - skip)
    low = own_mask(choices)
    alone = mask & ~low == 0
    targets, levels = drawn[:WIDE], drawn[WIDE : 2 * WIDE]
    for source in range(sent.shape[1]):
        inner, begin = row_key(row_seed, source), np.int64(first[source * n_lags])
        own = np.uint32(source)
        for g in range(n_lags):
            row = here - lags[g]
            number = np.float64(sent[row + depth if row < 0 else row, source])
            if number == 0:
                continue
            end = np.int64(first[source * n_lags + g + 1]) - begin
            draw = np.int64(first[source * n_lags + g]) - begin
            while draw < end:
                for j in range(WIDE):  # perhaps a few too many: a loop of fixed length is faster
                    word = row_word(inner, draw + j)
                    targets[j] = chosen(word, choices, none, own)
                    levels[j] = word & mask
                count = min(WIDE, end - draw)
                if not alone:
                    for j in range(count):
                        word = row_word(inner, draw + j)
                        levels[j] = level_bits(inner, draw + j, word, low) & mask
                for j in range(count):
                    sums[targets[j]] += np.float64(table[levels[j]]) * number
                draw += WIDE
    return 0


@kernel
def add_step(sums, receiving):
    """Add sums (n_post,) to `receiving`, and set them to 0."""
    for j in range(receiving.size):
        receiving[j] += sums[j]
        sums[j] = 0
    return 0
