// Exponential traces of spikes that are scaled, not decayed; `kernels/reference/traces.py` explains.
#include "launch.cuh"

const double NO_TRACE = 1e-30;  // below this a trace is nothing
const int64 MOST_SPANS = 64;    // after which nothing is left

// Bring the traces (n,) to the span of this step; since (1,) the span they are in. Seldom, so one block is enough.
BLOCK_KERNEL(trace_rescale_step)(Clock clock, Array<real> trace, Array<int64> since, int64 span, real shrink) {
    if (clock.step() < (since[0] + 1) * span) return;
    const int64 now = clock.step() / span;
    const int64 spans = now - since[0] < MOST_SPANS ? now - since[0] : MOST_SPANS;
    IN_BLOCK(i, trace.size) {
        real value = trace[i];
        for (int64 k = 0; k < spans; ++k)
            value = value > NO_TRACE || value < -NO_TRACE ? value * shrink : real(0);
        trace[i] = value;
    }
    __syncthreads();
    if (threadIdx.x == 0) since[0] = now;
}

// A spike arrives: raise the trace of its segment by `jump`. trace (n_segments,) of each (source, lag), scaled;
// keep: 1, or 0 where the spike sets it to `jump`.
ARRIVAL_KERNEL(trace_arrival_step)(Clock clock, Ring<const uint32> history, Ring<const int64> history_count,
                                   Array<const int64> lags, Array<real> trace, real rate, int64 span, real jump,
                                   int64 keep) {
    if (blockIdx.y >= lags.size || threadIdx.x > 0) return;
    const int64 step = clock.step(), slot = behind(step, lags[blockIdx.y], history.rows);
    const int64 spikes = history_count[slot][0];
    const double raised = jump * exp(double(rate) * (step % span));
    for (int64 k = int64(blockIdx.x) * blockDim.y + threadIdx.y; k < spikes; k += int64(gridDim.x) * blockDim.y) {
        const int64 segment = history[slot][k] * lags.size + blockIdx.y;
        trace[segment] = real(trace[segment] * keep + raised);
    }
}

// A unit fires: raise its trace by `jump`, or set it. trace (n_units,) scaled.
FEW_KERNEL(trace_spike_step)(Clock clock, Array<const uint32> fired, Array<const int64> count, Array<real> trace,
                             real rate, int64 span, real jump, int64 keep) {
    const double raised = jump * exp(double(rate) * (clock.step() % span));
    EACH(k, count[0]) trace[fired[k]] = real(trace[fired[k]] * keep + raised);
}
