// Carrying out a rule's proposals on plain numbers.
#include "launch.cuh"

const int TILE = 256;  // proposals at a time

// Carry out proposals in order: the thread of the first one for a synapse in a tile carries out the later ones too.
// moved(weight, change) is the weight after a change.
template <typename T, typename Moved>
DEVICE void in_order(Scratch<const uint32> synapse, Scratch<const real> change, int64 count, Array<T> weights,
                     uint32* tile, const Moved& moved) {
    const int64 width = blockDim.x < TILE ? blockDim.x : TILE;
    for (int64 begin = 0; begin < count; begin += width) {
        const int64 size = count - begin < width ? count - begin : width, me = threadIdx.x;
        if (me < size) tile[me] = synapse[begin + me];
        __syncthreads();
        bool first = me < size;
        for (int64 j = 0; j < me && first; ++j) first = tile[j] != tile[me];
        if (first) {
            T weight = weights[tile[me]];
            for (int64 j = me; j < size; ++j) {
                if (tile[j] == tile[me]) weight = moved(weight, change[begin + j]);
            }
            weights[tile[me]] = weight;
        }
        __syncthreads();
    }
}

// Add the proposed changes, in order, and keep each weight within [low, high]. synapse and change (capacity,):
// the first proposed[0] entries are proposals; proposed[0] is set to 0 after.
BLOCK_KERNEL(program_step)(Clock clock, Scratch<const uint32> synapse, Scratch<const real> change,
                           Array<int64> proposed, real low, real high, Array<real> weights) {
    __shared__ uint32 tile[TILE];
    in_order(synapse, change, proposed[0], weights, tile, [&](real weight, real by) {
        weight += by;
        weight = weight > low ? weight : low;
        return weight < high ? weight : high;
    });
    if (threadIdx.x == 0) proposed[0] = 0;
}

// Move weights that are kept beside a store's by what is proposed to it, and leave the proposals to the store.
BLOCK_KERNEL(shadow_step)(Clock clock, Scratch<const uint32> synapse, Scratch<const real> change,
                          Array<const int64> proposed, double low, double high, Array<double> shadow) {
    __shared__ uint32 tile[TILE];
    in_order(synapse, change, proposed[0], shadow, tile, [&](double weight, real by) {
        const double up = high - weight > 0 ? high - weight : 0, down = low - weight < 0 ? low - weight : 0;
        if (by > 0) return weight + (double(by) < up ? double(by) : up);
        return weight + (double(by) > down ? double(by) : down);
    });
}
