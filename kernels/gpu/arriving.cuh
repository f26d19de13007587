// Spikes that arrive, and how they are added up.
//
// blockIdx.y chooses the lag, threadIdx.y the spike; the threads along x share what it brings. The last bits of a sum of
// floats depend on the order in which threads add; sums of integers (`_whole`) do not.
#pragma once
#include "launch.cuh"

DEVICE void add(real* place, real value) { atomicAdd(place, value); }
DEVICE void add(int64* place, int64 value) { atomicAdd(reinterpret_cast<uint64*>(place), uint64(value)); }

// Spikes of lag `blockIdx.y` that arrive at the end of this step; each row of threads takes its own.
#define EACH_ARRIVING(slot, k)                                                                                       \
    const int64 slot = blockIdx.y < lags.size ? behind(clock.step(), lags[blockIdx.y], history.rows) : 0;            \
    const int64 spikes = blockIdx.y < lags.size ? history_count[slot][0] : 0;                                        \
    for (int64 k = int64(blockIdx.x) * blockDim.y + threadIdx.y; k < spikes; k += int64(gridDim.x) * blockDim.y)
