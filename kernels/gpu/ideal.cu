// Carrying out a rule's proposals on plain numbers.
#include "launch.cuh"

const int TILE = 256;  // proposals at a time

// Add the proposed changes, in order, and keep each weight within [low, high]. synapse and change (capacity,):
// the first proposed[0] entries are proposals; proposed[0] is set to 0 after.
//
// The thread of the first proposal for a synapse in a tile carries out the later ones too, so that they stay in order.
BLOCK_KERNEL(program_step)(Clock clock, Scratch<const uint32> synapse, Scratch<const real> change,
                           Array<int64> proposed, real low, real high, Array<real> weights) {
    __shared__ uint32 tile[TILE];
    const int64 count = proposed[0], width = blockDim.x < TILE ? blockDim.x : TILE;
    for (int64 begin = 0; begin < count; begin += width) {
        const int64 size = count - begin < width ? count - begin : width, me = threadIdx.x;
        if (me < size) tile[me] = synapse[begin + me];
        __syncthreads();
        bool first = me < size;
        for (int64 j = 0; j < me && first; ++j) first = tile[j] != tile[me];
        if (first) {
            real weight = weights[tile[me]];
            for (int64 j = me; j < size; ++j) {
                if (tile[j] != tile[me]) continue;
                weight += change[begin + j];
                weight = weight > low ? weight : low;
                weight = weight < high ? weight : high;
            }
            weights[tile[me]] = weight;
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) proposed[0] = 0;
}
