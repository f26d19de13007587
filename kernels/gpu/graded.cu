// Units that send numbers instead of spikes: the ring of what they sent, and products with weights.
#include "launch.cuh"

// Enter this step's values (n,) into the ring sent (depth, n).
KERNEL(send_values_step)(Clock clock, Array<const real> values, Ring<real> sent) {
    const int64 slot = behind(clock.step(), 0, sent.rows);
    EACH(i, values.size) sent[slot][i] = values[i];
}

// List what arrives in this step: arriving (n_pre * n_lags,), a number for each (source, lag).
KERNEL(arriving_step)(Clock clock, Array<real> arriving, Ring<const real> sent, Array<const int64> lags) {
    EACH(k, arriving.size) {
        const int64 source = k / lags.size, g = k - source * lags.size;
        arriving[k] = sent[behind(clock.step(), lags[g], sent.rows)][source];
    }
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

// `product_step` for weights (n_synapses,) that a rule changes, in the order of (source, lag). synapse_post (n,) the
// synapses of each target; segment_post (n,) their (source, lag).
KERNEL(plastic_product_step)(Clock clock, Array<real> receiving, Ring<const real> sent, Array<const int64> lags,
                             Array<const uint32> first_post, Array<const uint32> synapse_post, Indices segment_post,
                             Array<const real> weights, int64 low, int64 high) {
    EACH(i, high - low) {
        const int64 j = low + i;
        double total = 0.0;
        for (int64 k = first_post[j]; k < first_post[j + 1]; ++k) {
            const int64 segment = segment_post[k], source = segment / lags.size;
            const int64 row = behind(clock.step(), lags[segment - source * lags.size], sent.rows);
            total += double(weights[synapse_post[k]]) * double(sent[row][source]);
        }
        receiving[j] = real(double(receiving[j]) + total);
    }
}
