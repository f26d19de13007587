// From flags to the list of firing units, ascending, in the same order every time.
//
// A block takes a tile of 8 flags per thread. Where there are several tiles, `count_spikes` counts in each, and
// `list_spikes` adds up the counts of the tiles before its own.
#include "launch.cuh"

const int MOST_THREADS = 1024;

// Eight flags, each a byte of 0 or 1; flags are padded with zeros to a multiple of 8.
DEVICE uint64 eight(Array<const uint8> flags, int64 k) {
    return 8 * k < flags.size ? reinterpret_cast<const uint64*>(flags.data)[k] : 0;
}

DEVICE int32 sum_of_bytes(uint64 word) { return int32((word * 0x0101010101010101ull) >> 56); }

// The sum of `mine` over the threads of a block before this one, and over all of them.
DEVICE int32 running_sum(int32 mine, int32& total) {
    __shared__ int32 sums[2][MOST_THREADS];
    const int32 me = threadIdx.x, threads = blockDim.x;
    int32 side = 0;
    sums[0][me] = mine;
    __syncthreads();
    for (int32 reach = 1; reach < threads; reach *= 2) {
        sums[1 - side][me] = sums[side][me] + (me >= reach ? sums[side][me - reach] : 0);
        side = 1 - side;
        __syncthreads();
    }
    total = sums[side][threads - 1];
    return sums[side][me] - mine;
}

BLOCK_KERNEL(count_spikes)(Clock clock, Array<const uint8> flags, Array<int64> tile_counts) {
    if (!clock.runs()) return;
    const int32 mine = sum_of_bytes(eight(flags, first_index()));
    int32 total = 0;
    if (__syncthreads_or(mine)) running_sum(mine, total);
    if (threadIdx.x == 0) tile_counts[blockIdx.x] = total;
}

// fired (n,) uint32, whose first count[0] entries receive the flagged units.
BLOCK_KERNEL(list_spikes)(Clock clock, Array<const uint8> flags, Array<const int64> tile_counts, Array<uint32> fired,
                          Array<int64> count) {
    if (!clock.runs()) return;
    const int64 k = first_index();
    const uint64 word = eight(flags, k);
    const int32 mine = sum_of_bytes(word);
    int64 place = 0;
    for (int64 tile = 0; tile < blockIdx.x; ++tile) place += tile_counts[tile];
    int32 total = 0;
    if (__syncthreads_or(mine)) {
        int64 next = place + running_sum(mine, total);
        for (int32 byte = 0; byte < 8; ++byte)
            if (word >> (8 * byte) & 1) fired[next++] = uint32(8 * k + byte);
    }
    if (threadIdx.x == 0 && blockIdx.x == gridDim.x - 1) count[0] = place + total;
}
