// Pair spike-timing-dependent plasticity; `traces.cu` tells how traces are kept.
//
// The changes of one kernel are for different synapses, so their order does not matter.
#include "launch.cuh"

// Where changes go: to the weights at once, kept within low and high, if `direct`; else to the proposals.
struct Changes {
    int64 direct;
    Array<real> weights;
    real low, high;
    Scratch<uint32> synapse;
    Scratch<real> change;
    Array<int64> proposed;
};

// Carry out or propose one change. Of one kernel all are for different synapses.
DEVICE void learn(const Changes& all, uint32 which, real moved) {
    if (moved == 0) return;
    if (all.direct) {
        const real least = all.weights[which] + moved > all.low ? all.weights[which] + moved : all.low;
        all.weights[which] = least < all.high ? least : all.high;
        return;
    }
    const uint64 room = atomicAdd(reinterpret_cast<uint64*>(all.proposed.data), uint64(1));
    all.synapse[room] = which;
    all.change[room] = moved;
}

// A spike arrives: depress its synapses by the targets' traces. begin, end (n_segments,) the synapses of each
// (source, lag); trace_post (n_post,) of each target, scaled; rate [1/step].
ARRIVAL_KERNEL(stdp_arrival_step)(Clock clock, Ring<const uint32> history, Ring<const int64> history_count,
                                  Array<const int64> lags, Array<const uint32> begin, Array<const uint32> end,
                                  Indices targets, Array<const real> trace_post, real rate_post, int64 span_post,
                                  int64 direct, Array<real> weights, real low, real high, Scratch<uint32> synapse,
                                  Scratch<real> change, Array<int64> proposed) {
    if (blockIdx.y >= lags.size) return;
    const Changes all = {direct, weights, low, high, synapse, change, proposed};
    const int64 step = clock.step(), slot = behind(step, lags[blockIdx.y], history.rows);
    const real lowered = real(-exp(-double(rate_post) * (step % span_post)));
    const int64 spikes = history_count[slot][0];
    for (int64 k = int64(blockIdx.x) * blockDim.y + threadIdx.y; k < spikes;
         k += int64(gridDim.x) * blockDim.y) {
        const int64 segment = history[slot][k] * lags.size + blockIdx.y;
        for (int64 s = int64(begin[segment]) + threadIdx.x; s < end[segment]; s += blockDim.x)
            learn(all, uint32(s), lowered * trace_post[targets[s]]);
    }
}

// A target fires: potentiate its synapses by the traces (n_segments,) of the arrivals, scaled. first_post
// (n_post + 1,); synapse_post (n_synapses,) the synapses of each target; segment_post (n_synapses,) their segments;
// portion, portions: which of so many equal portions of each unit's synapses this kernel works on.
SPIKE_KERNEL(stdp_spike_step)(Clock clock, Array<const uint32> fired_post, Array<const int64> count_post, int64 portion,
                              int64 portions, Array<const uint32> first_post, Array<const uint32> synapse_post,
                              Indices segment_post, Array<const real> trace_pre, real rate_pre, int64 span_pre,
                              int64 direct, Array<real> weights, real low, real high, Scratch<uint32> synapse,
                              Scratch<real> change, Array<int64> proposed) {
    if (count_post[0] == 0) return;
    const Changes all = {direct, weights, low, high, synapse, change, proposed};
    const real lowered = real(exp(-double(rate_pre) * (clock.step() % span_pre)));
    for (int64 k = int64(blockIdx.x) * blockDim.y + threadIdx.y; k < count_post[0];
         k += int64(gridDim.x) * blockDim.y) {
        const uint32 unit = fired_post[k];
        const int64 first = first_post[unit], n = int64(first_post[unit + 1]) - first;
        const int64 end = first + n * (portion + 1) / portions;
        for (int64 q = first + n * portion / portions + threadIdx.x; q < end; q += blockDim.x)
            learn(all, synapse_post[q], lowered * trace_pre[segment_post[q]]);
    }
}
