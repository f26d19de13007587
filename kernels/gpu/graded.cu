// Units that send numbers instead of spikes: the ring of what they sent, and products with weights.
#include "launch.cuh"

// Enter this step's values (n,) into the ring sent (depth, n).
KERNEL(send_values_step)(Clock clock, Array<const real> values, Ring<real> sent) {
    const int64 slot = behind(clock.step(), 0, sent.rows);
    EACH(i, values.size) sent[slot][i] = values[i];
}

// Add to every target from `low` to `high` - 1 the sum over its synapses of weight * number, in double precision and in
// order. sent (depth, n_pre), see `send_values_step`; first_post (n_post + 1,) where the synapses of each target begin;
// of each synapse source (n,), lag (n,) its place in lags (n_lags,), and weights (n,); receiving (n_post,).
KERNEL(product_step)(Clock clock, Array<real> receiving, Ring<const real> sent, Array<const int64> lags,
                     Array<const uint32> first_post, Array<const uint32> source, Array<const uint32> lag,
                     Array<const real> weights, int64 low, int64 high) {
    EACH(i, high - low) {
        const int64 j = low + i;
        double total = 0.0;
        for (int64 k = first_post[j]; k < first_post[j + 1]; ++k) {
            const int64 row = behind(clock.step(), lags[lag[k]], sent.rows);
            total += double(weights[k]) * double(sent[row][source[k]]);
        }
        receiving[j] = real(double(receiving[j]) + total);
    }
}
