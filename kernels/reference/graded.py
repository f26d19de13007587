"""Units that send numbers instead of spikes: the ring of what they sent, and
products with weights.
"""

from __future__ import annotations

import numpy as np


def send_values_step(step, values, sent):
    """Enter this step's values (n,) into the ring sent (depth, n); return how many changed since
    the last one.
    """
    before = sent[(step - 1) % len(sent)].copy()
    sent[step % len(sent)] = values
    return int(np.count_nonzero(before != values))


def product_step(step, sent, lags, first_post, source, lag, weights, low, high, receiving):
    """Add to every target from `low` to `high` - 1 the sum over its synapses of weight * number, in
    float64.

    The number is what the synapse's source sent ``lags[lag]`` steps ago. sent (depth, n_pre), see
    `send_values_step`;
    first_post (n_post + 1,) where the synapses of each target begin; of each synapse source (n,),
    lag (n,) its place in lags (n_lags,), and weights (n,); receiving (n_post,).
    """
    own = slice(first_post[low], first_post[high])
    numbers = sent[(step - lags[lag[own]]) % len(sent), source[own]].astype(np.float64)
    target = np.repeat(np.arange(high - low), np.diff(first_post[low : high + 1].astype(np.int64)))
    sums = np.zeros(high - low)
    np.add.at(sums, target, weights[own].astype(np.float64) * numbers)
    receiving[low:high] = receiving[low:high] + sums
