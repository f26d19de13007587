// From flags to the list of firing units, ascending, in the same order every time.
#include "launch.cuh"

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

// flags (n / 32,) a bit per unit, zeroed; fired (n,), whose first count[0] entries receive the flagged units. One
// block, of which every thread looks at words side by side.
FLAG_KERNEL(list_spikes)(Clock clock, Array<uint32> flags, Array<uint32> fired, Array<int64> count) {
    const int64 each = (flags.size + blockDim.x - 1) / blockDim.x, begin = threadIdx.x * each;
    const int64 end = begin + each < flags.size ? begin + each : flags.size;
    int32 mine = 0, total = 0;
    for (int64 k = begin; k < end; ++k) mine += __popc(flags[k]);
    if (__syncthreads_or(mine)) {
        int64 next = running_sum(mine, total);
        for (int64 k = begin; k < end && mine; ++k) {
            uint32 word = flags[k];
            if (word == 0) continue;
            flags[k] = 0;
            for (; word; word &= word - 1) fired[next++] = uint32(32 * k + __ffs(word) - 1);
        }
    }
    if (threadIdx.x == 0) count[0] = total;
}
