// Pair spike-timing-dependent plasticity with traces that are scaled, not decayed; `kernels/reference/stdp.py` explains.
//
// Both kernels run as three: two bring the traces to this step's span, where there is an event; the third learns. The
// changes of one kernel are for different synapses, so their order does not matter.
#include "launch.cuh"

const double NO_TRACE = 1e-30;  // below this a trace is nothing
const int64 MOST_SPANS = 64;    // after which nothing is left

DEVICE bool anything_arrives(const Clock& clock, Ring<const int64> history_count, Array<const int64> lags) {
    for (int64 g = 0; g < lags.size; ++g)
        if (history_count[behind(clock.step(), lags[g], history_count.rows)][0]) return true;
    return false;
}

DEVICE void rescale(const Clock& clock, Array<real> trace, Array<const int64> since, int64 span, real shrink) {
    int64 spans = clock.step() / span - since[0];
    if (spans > MOST_SPANS) spans = MOST_SPANS;
    if (spans <= 0) return;
    EACH(i, trace.size) {
        real value = trace[i];
        for (int64 k = 0; k < spans; ++k)
            value = value > NO_TRACE || value < -NO_TRACE ? value * shrink : real(0);
        trace[i] = value;
    }
}

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

KERNEL(stdp_arrival_rescale_pre)(Clock clock, Array<real> trace_pre, Array<const int64> since_pre, int64 span_pre,
                                 real shrink_pre, Ring<const int64> history_count, Array<const int64> lags) {
    if (anything_arrives(clock, history_count, lags))
        rescale(clock, trace_pre, since_pre, span_pre, shrink_pre);
}

KERNEL(stdp_arrival_rescale_post)(Clock clock, Array<real> trace_post, Array<const int64> since_post,
                                  int64 span_post, real shrink_post, Ring<const int64> history_count,
                                  Array<const int64> lags) {
    if (anything_arrives(clock, history_count, lags))
        rescale(clock, trace_post, since_post, span_post, shrink_post);
}

// A spike arrives: raise the trace of its segment, depress its synapses by the targets' traces. trace_pre (n_segments,)
// of each (source, lag), trace_post (n_post,) of each target, scaled; since_* (1,) the span they are in; rate [1/step].
KERNEL(stdp_arrival_step)(Clock clock, Ring<const uint32> history, Ring<const int64> history_count,
                          Array<const int64> lags, Array<const uint32> first, Indices targets,
                          Array<real> trace_pre, Array<int64> since_pre, real rate_pre, int64 span_pre,
                          Array<const real> trace_post, Array<int64> since_post, real rate_post, int64 span_post,
                          real a_plus, int64 direct, Array<real> weights, real low, real high,
                          Scratch<uint32> synapse, Scratch<real> change, Array<int64> proposed) {
    if (blockIdx.y >= lags.size) return;
    const Changes all = {direct, weights, low, high, synapse, change, proposed};
    const int64 step = clock.step(), slot = behind(step, lags[blockIdx.y], history.rows);
    const double raised = a_plus * exp(double(rate_pre) * (step % span_pre));
    const real lowered = real(-exp(-double(rate_post) * (step % span_post)));
    const int64 spikes = history_count[slot][0];
    if (spikes && blockIdx.x == 0 && threadIdx.x == 0 && threadIdx.y == 0) {
        since_pre[0] = step / span_pre;
        since_post[0] = step / span_post;
    }
    for (int64 k = int64(blockIdx.x) * blockDim.y + threadIdx.y; k < spikes;
         k += int64(gridDim.x) * blockDim.y) {
        const int64 segment = history[slot][k] * lags.size + blockIdx.y;
        if (threadIdx.x == 0) trace_pre[segment] = real(trace_pre[segment] + raised);
        for (int64 s = int64(first[segment]) + threadIdx.x; s < first[segment + 1]; s += blockDim.x)
            learn(all, uint32(s), lowered * trace_post[targets[s]]);
    }
}

KERNEL(stdp_spike_rescale_pre)(Clock clock, Array<real> trace_pre, Array<const int64> since_pre, int64 span_pre,
                               real shrink_pre, Array<const int64> count_post) {
    if (count_post[0]) rescale(clock, trace_pre, since_pre, span_pre, shrink_pre);
}

KERNEL(stdp_spike_rescale_post)(Clock clock, Array<real> trace_post, Array<const int64> since_post, int64 span_post,
                                real shrink_post, Array<const int64> count_post) {
    if (count_post[0]) rescale(clock, trace_post, since_post, span_post, shrink_post);
}

// A target fires: raise its trace, potentiate its synapses by the traces of their segments. first_post
// (n_post + 1,); synapse_post (n_synapses,) the synapses of each target; segment_post (n_synapses,) their segments.
KERNEL(stdp_spike_step)(Clock clock, Array<const uint32> fired_post, Array<const int64> count_post,
                        Array<const uint32> first_post, Array<const uint32> synapse_post,
                        Indices segment_post, Array<const real> trace_pre, Array<int64> since_pre,
                        real rate_pre, int64 span_pre, Array<real> trace_post, Array<int64> since_post,
                        real rate_post, int64 span_post, real a_minus, int64 direct, Array<real> weights, real low,
                        real high, Scratch<uint32> synapse, Scratch<real> change, Array<int64> proposed) {
    if (count_post[0] == 0) return;
    const Changes all = {direct, weights, low, high, synapse, change, proposed};
    const int64 step = clock.step();
    const real lowered = real(exp(-double(rate_pre) * (step % span_pre)));
    const double raised = a_minus * exp(double(rate_post) * (step % span_post));
    if (blockIdx.x == 0 && threadIdx.x == 0 && threadIdx.y == 0) {
        since_pre[0] = step / span_pre;
        since_post[0] = step / span_post;
    }
    for (int64 k = int64(blockIdx.x) * blockDim.y + threadIdx.y; k < count_post[0];
         k += int64(gridDim.x) * blockDim.y) {
        const uint32 unit = fired_post[k];
        if (threadIdx.x == 0) trace_post[unit] = real(trace_post[unit] + raised);
        for (int64 q = int64(first_post[unit]) + threadIdx.x; q < first_post[unit + 1]; q += blockDim.x)
            learn(all, synapse_post[q], lowered * trace_pre[segment_post[q]]);
    }
}
