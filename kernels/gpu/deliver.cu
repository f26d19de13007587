// Delivery of spikes over synapses stored in (source, delay) order, or drawn again when they are needed.
//
// The threads along x share the segment of a spike.
#include "arriving.cuh"
#include "rows.cuh"

const int AHEAD = 4;  // synapses that a thread loads before it uses the first

// Add the words begin to end - 1, each ``target << shift | code``, a thread's share of them.
template <typename Weight>
DEVICE void add_words(Array<const uint32> words, int64 begin, int64 end, int64 shift, Array<const Weight> table,
                      Adds<Weight> receiving) {
    const uint32 mask = (1u << shift) - 1;
    for (int64 s = begin + threadIdx.x; s < end; s += AHEAD * blockDim.x) {
        uint32 word[AHEAD];
#pragma unroll
        for (int j = 0; j < AHEAD; ++j) word[j] = s + j * blockDim.x < end ? words[s + j * blockDim.x] : 0;
#pragma unroll
        for (int j = 0; j < AHEAD; ++j)
            if (s + j * blockDim.x < end) add(&receiving[word[j] >> shift], table[word[j] & mask]);
    }
}

// Add the synapses begin to end - 1, each with a target and a weight, a thread's share of them.
template <typename Weights, typename Weight>
DEVICE void add_pairs(Indices targets, int64 begin, int64 end, Weights weight, Adds<Weight> receiving) {
    for (int64 s = begin + threadIdx.x; s < end; s += AHEAD * blockDim.x) {
        uint32 target[AHEAD];
        Weight value[AHEAD];
#pragma unroll
        for (int j = 0; j < AHEAD; ++j) {
            const bool mine = s + j * blockDim.x < end;
            target[j] = mine ? targets[s + j * blockDim.x] : 0;
            value[j] = mine ? weight(s + j * blockDim.x) : Weight(0);
        }
#pragma unroll
        for (int j = 0; j < AHEAD; ++j)
            if (s + j * blockDim.x < end) add(&receiving[target[j]], value[j]);
    }
}

// history (depth, n_pre): row ``step % depth`` lists who fired; history_count (depth,) lengths of the lists;
// lags (n_lags,) distinct delays [steps]; begin, end (n_pre * n_lags,) where the segment of each (source, lag)
// begins and ends; targets (n_synapses,); weights (n_synapses,) or one number; receiving (n_post,).
ARRIVAL_KERNEL(deliver_step)(Clock clock, Ring<const uint32> history, Ring<const int64> history_count,
                             Array<const int64> lags, Array<const uint32> begin, Array<const uint32> end,
                             Indices targets, Each<real> weights, Adds<real> receiving) {
    EACH_ARRIVING(slot, k) {
        const int64 segment = history[slot][k] * lags.size + blockIdx.y;
        const auto weight = [&](int64 s) { return at(weights, s); };
        add_pairs(targets, begin[segment], end[segment], weight, receiving);
    }
}

ARRIVAL_KERNEL(deliver_step_whole)(Clock clock, Ring<const uint32> history, Ring<const int64> history_count,
                                   Array<const int64> lags, Array<const uint32> begin, Array<const uint32> end,
                                   Indices targets, Each<int64> weights, Adds<int64> receiving) {
    EACH_ARRIVING(slot, k) {
        const int64 segment = history[slot][k] * lags.size + blockIdx.y;
        const auto weight = [&](int64 s) { return at(weights, s); };
        add_pairs(targets, begin[segment], end[segment], weight, receiving);
    }
}

// `deliver_step` for weights that change, counted in units of 1 / scale: receiving (n_post,) int64.
ARRIVAL_KERNEL(deliver_counted_step)(Clock clock, Ring<const uint32> history, Ring<const int64> history_count,
                                     Array<const int64> lags, Array<const uint32> begin, Array<const uint32> end,
                                     Indices targets, Array<const real> weights, double scale, Adds<int64> receiving) {
    EACH_ARRIVING(slot, k) {
        const int64 segment = history[slot][k] * lags.size + blockIdx.y;
        const auto weight = [&](int64 s) { return int64(rint(double(weights[s]) * scale)); };
        add_pairs(targets, begin[segment], end[segment], weight, receiving);
    }
}

// `deliver_step` for synapses of one word: words (n_synapses,) are ``target << shift | code``; table (n_codes,) the
// weight of each code.
ARRIVAL_KERNEL(deliver_coded_step)(Clock clock, Ring<const uint32> history, Ring<const int64> history_count,
                                   Array<const int64> lags, Array<const uint32> first, Array<const uint32> words,
                                   int64 shift, Array<const real> table, Adds<real> receiving) {
    EACH_ARRIVING(slot, k) {
        const int64 segment = history[slot][k] * lags.size + blockIdx.y;
        add_words(words, first[segment], first[segment + 1], shift, table, receiving);
    }
}

ARRIVAL_KERNEL(deliver_coded_step_whole)(Clock clock, Ring<const uint32> history, Ring<const int64> history_count,
                                         Array<const int64> lags, Array<const uint32> first, Array<const uint32> words,
                                         int64 shift, Array<const int64> table, Adds<int64> receiving) {
    EACH_ARRIVING(slot, k) {
        const int64 segment = history[slot][k] * lags.size + blockIdx.y;
        add_words(words, first[segment], first[segment + 1], shift, table, receiving);
    }
}

// Projections of one source whose synapses are drawn again. Of each (n_members,): row_seeds, the key of its draws;
// sizes, the number of its targets; skips, 1 if a unit never reaches itself; places, where its targets begin in
// `receiving`; codes, where its levels begin in `table`; masks, the number of its levels - 1.
struct Members {
    Array<const uint64> row_seeds;
    Array<const uint32> sizes, skips, places, codes, masks;
};

// Where the draws of each (source, lag) begin, see `row_begin`: row_sizes (n_pre, n_members), shares (n_lags + 1,
// n_members), row_draws (n_pre, n_lags + 1, n_members).
struct Draws {
    Grid<const uint32> row_sizes, shares;
    Offsets row_draws;
    MEMBER int64 begin(uint32 source, int64 lag, int64 m) const {
        return row_begin(row_sizes[source][m], shares[lag][m], row_draws.at(source, lag, m));
    }
};

// Draw the synapses of a (source, lag) again.
template <typename Weight>
DEVICE void deliver_draws(const Draws& draws, const Members& all, uint32 source, Array<const Weight> table,
                          Adds<Weight> receiving) {
    for (int64 m = 0; m < all.sizes.size; ++m) {
        const uint64 inner = row_key(all.row_seeds[m], source);
        const uint32 choices = all.sizes[m] - all.skips[m], low = own_mask(choices);
        const int64 end = draws.begin(source, blockIdx.y + 1, m);
        for (int64 draw = draws.begin(source, blockIdx.y, m) + threadIdx.x; draw < end; draw += blockDim.x) {
            const uint32 word = row_word(inner, uint32(draw));
            const uint32 target = chosen(word, choices, all.skips[m], source);
            const uint32 level = level_bits(inner, uint32(draw), word, low, all.masks[m]);
            add(&receiving[all.places[m] + target], table[all.codes[m] + level]);
        }
    }
}

// `deliver_coded_step` for synapses that are drawn again at every spike; for several projections at once.
ARRIVAL_KERNEL(deliver_drawn_step)(Clock clock, Ring<const uint32> history, Ring<const int64> history_count,
                                   Array<const int64> lags, Grid<const uint32> row_sizes,
                                   Grid<const uint32> shares,
                                   Offsets row_draws, Array<const uint64> row_seeds, Array<const uint32> sizes,
                                   Array<const uint32> skips, Array<const uint32> places,
                                   Array<const uint32> codes,
                                   Array<const uint32> masks, Array<const real> table, Adds<real> receiving) {
    const Members all = {row_seeds, sizes, skips, places, codes, masks};
    const Draws draws = {row_sizes, shares, row_draws};
    EACH_ARRIVING(slot, k) deliver_draws(draws, all, history[slot][k], table, receiving);
}

ARRIVAL_KERNEL(deliver_drawn_step_whole)(Clock clock, Ring<const uint32> history, Ring<const int64> history_count,
                                         Array<const int64> lags, Grid<const uint32> row_sizes,
                                         Grid<const uint32> shares,
                                         Offsets row_draws, Array<const uint64> row_seeds, Array<const uint32> sizes,
                                         Array<const uint32> skips, Array<const uint32> places,
                                         Array<const uint32> codes,
                                         Array<const uint32> masks, Array<const int64> table, Adds<int64> receiving) {
    const Members all = {row_seeds, sizes, skips, places, codes, masks};
    const Draws draws = {row_sizes, shares, row_draws};
    EACH_ARRIVING(slot, k) deliver_draws(draws, all, history[slot][k], table, receiving);
}
