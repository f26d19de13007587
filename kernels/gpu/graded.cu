// Units that send numbers instead of spikes: the ring of what they sent, and products with weights.
#include "rows.cuh"

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

// Add to sums (n_post,) weight * number of every synapse, for synapses that are drawn again in every step, in any order.
// first (n_pre * n_lags + 1,) where those of each (source, lag) begin; row_seed, the key of the draws; skip, 1 if a unit
// never reaches itself; table (n_levels,) the weights. A block row takes a source.
SPIKE_KERNEL(drawn_product_step)(Clock clock, Ring<const real> sent, Array<const int64> lags,
                                 Array<const uint32> first, uint64 row_seed, int64 skip, Array<const real> table,
                                 Adds<double> sums) {
    const uint32 choices = uint32(sums.size - skip), low = own_mask(choices), mask = uint32(table.size - 1);
    for (int64 source = int64(blockIdx.x) * blockDim.y + threadIdx.y; source < sent.columns;
         source += int64(gridDim.x) * blockDim.y) {
        const uint64 inner = row_key(row_seed, source);
        const int64 begin = first[source * lags.size];
        for (int64 g = 0; g < lags.size; ++g) {
            const double number = sent[behind(clock.step(), lags[g], sent.rows)][source];
            if (number == 0) continue;
            const int64 end = int64(first[source * lags.size + g + 1]) - begin;
            for (int64 draw = int64(first[source * lags.size + g]) - begin + threadIdx.x; draw < end; draw += blockDim.x) {
                const uint32 word = row_word(inner, uint32(draw));
                const uint32 target = chosen(word, choices, uint32(skip), uint32(source));
                atomicAdd(&sums[target], double(table[level_bits(inner, uint32(draw), word, low, mask)]) * number);
            }
        }
    }
}

// Add sums (n_post,) to `receiving`, and set them to 0.
KERNEL(add_step)(Clock clock, Array<real> receiving, Array<double> sums) {
    EACH(j, receiving.size) {
        receiving[j] = real(double(receiving[j]) + sums[j]);
        sums[j] = 0;
    }
}
