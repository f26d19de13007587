// Sending: spikes enter the history ring, from which delayed deliveries read, and the running hash.
#include "random.cuh"

// The hash is a chain over the list, so one thread computes it: some 60 ns a spike.
FEW_KERNEL(send_step)(Clock clock, Array<const uint32> fired, Array<const int64> count, Ring<uint32> history,
                  Ring<int64> history_count, Array<uint64> signature) {
    const int64 slot = behind(clock.step(), 0, history.rows), spikes = count[0];
    EACH(k, spikes) history[slot][k] = fired[k];
    if (first_index() > 0) return;
    history_count[slot][0] = spikes;
    if (spikes == 0) return;
    uint64 code = mix(signature[0] ^ (uint64(clock.step()) * GOLDEN));
    for (int64 k = 0; k < spikes; ++k) code = mix(code ^ fired[k]);
    signature[0] = code;
}

// Join the lists of units that fired in the shards of a population. The list of a shard stands in `fired` from
// the shard's first unit on and numbers units from there. counts (n_shards,) lengths; starts (n_shards,) first
// units; count (1,).
BLOCK_KERNEL(gather_step)(Clock clock, Array<uint32> fired, Array<const int64> counts, Array<const int64> starts,
                          Array<int64> count) {
    int64 total = 0;
    for (int64 p = 0; p < starts.size; ++p) {
        for (int64 k = 0; k < counts[p]; k += blockDim.x) {  // lists move down: read a blockful before writing it
            const bool mine = k + threadIdx.x < counts[p];
            const uint32 unit = mine ? fired[starts[p] + k + threadIdx.x] + uint32(starts[p]) : 0;
            __syncthreads();
            if (mine) fired[total + k + threadIdx.x] = unit;
            __syncthreads();
        }
        total += counts[p];
    }
    if (threadIdx.x == 0) count[0] = total;
}
