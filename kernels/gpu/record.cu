// Probes: copies into buffers that are emptied between chunks of steps.
//
// Every kernel counts its rows in `rows` (1,) and stops the clock when another step might not fit. One block each:
// its threads agree on the row before anyone moves it on.
#include "launch.cuh"

// Append this step's spikes: row_steps (capacity,), row_ids (capacity,).
BLOCK_KERNEL(record_spikes_step)(Clock clock, Array<const uint32> fired, Array<const int64> count,
                                 Array<int64> rows, Rows<int64> row_steps, Rows<uint32> row_ids) {
    const int64 row = rows[0], spikes = count[0];
    __syncthreads();
    IN_BLOCK(k, spikes) {
        row_steps.data[row + k] = clock.step();
        row_ids.data[row + k] = fired[k];
    }
    if (threadIdx.x > 0) return;
    rows[0] = row + spikes;
    if (row + spikes + fired.size > row_ids.rows) clock.stop();
}

// Count one more row; another sample might not fit.
DEVICE void append(const Clock& clock, int64 row, int64 capacity, Array<int64> rows) {
    if (threadIdx.x > 0) return;
    rows[0] = row + 1;
    if (row + 2 > capacity) clock.stop();
}

template <typename T>
DEVICE void record_state(const Clock& clock, int64 every, Array<const uint32> subset, Array<const T> variable,
                         Array<int64> rows, Rows<T> samples) {
    if ((clock.step() + 1) % every) return;
    const int64 row = rows[0];
    __syncthreads();
    IN_BLOCK(k, subset.size) samples[row][k] = variable[subset[k]];
    append(clock, row, samples.rows, rows);
}

// Copy `variable` of the units in `subset` (m,) into samples (capacity, m) every `every` steps: values of 4 bytes.
BLOCK_KERNEL(record_state_step_4)(Clock clock, int64 every, Array<const uint32> subset, Array<const uint32> variable,
                                  Array<int64> rows, Rows<uint32> samples) {
    record_state(clock, every, subset, variable, rows, samples);
}

// The same for values of 8 bytes.
BLOCK_KERNEL(record_state_step_8)(Clock clock, int64 every, Array<const uint32> subset, Array<const uint64> variable,
                                  Array<int64> rows, Rows<uint64> samples) {
    record_state(clock, every, subset, variable, rows, samples);
}

// Count spikes per unit in tally (n,); every `every` steps move it to samples (capacity, n).
BLOCK_KERNEL(record_counts_step)(Clock clock, int64 every, Array<const uint32> fired, Array<const int64> count,
                                 Array<uint32> tally, Array<int64> rows, Rows<uint32> samples) {
    IN_BLOCK(k, count[0]) tally[fired[k]] += 1;
    if ((clock.step() + 1) % every) return;
    const int64 row = rows[0];
    __syncthreads();
    IN_BLOCK(i, tally.size) {
        samples[row][i] = tally[i];
        tally[i] = 0;
    }
    append(clock, row, samples.rows, rows);
}

// Count the population's spikes in total (1,); every `every` steps move it to samples (capacity, 1).
ONE_KERNEL(record_rate_step)(Clock clock, int64 every, Array<const int64> count, Array<int64> total, Array<int64> rows,
                         Rows<int64> samples) {
    if (first_index() > 0) return;
    total[0] += count[0];
    if ((clock.step() + 1) % every) return;
    samples[rows[0]][0] = total[0];
    total[0] = 0;
    append(clock, rows[0], samples.rows, rows);
}
