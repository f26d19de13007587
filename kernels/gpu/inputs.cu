// Stimuli: what arrives from outside at the end of a step.
//
// No kernel here says when it must run next: the device runs every step.
#include "random.cuh"

// The first k in [begin, values.size) with values[k] > step; values ascend.
DEVICE int64 first_after(Array<const int64> values, int64 begin, int64 step) {
    int64 end = values.size;
    while (begin < end) {
        const int64 middle = begin + (end - begin) / 2;
        if (values[middle] > step) end = middle;
        else begin = middle + 1;
    }
    return begin;
}

// Deliver the listed spikes that arrive by the end of this step. event_steps (n_events,) ascending; event_ids,
// event_weights (n_events,); cursor (1,) the first event not delivered yet.
//
// The first spike into a unit brings along the later ones of this step, so that they add up in order.
BLOCK_KERNEL(spike_train_step)(Clock clock, Array<const int64> event_steps, Array<const uint32> event_ids,
                               Array<const real> event_weights, Array<int64> cursor, Array<real> receiving) {
    const int64 begin = cursor[0], end = first_after(event_steps, begin, clock.step());
    __syncthreads();
    if (threadIdx.x == 0) cursor[0] = end;
    for (int64 k = begin + threadIdx.x; k < end; k += blockDim.x) {
        const uint32 unit = event_ids[k];
        bool first = true;
        for (int64 j = begin; j < k && first; ++j) first = event_ids[j] != unit;
        if (!first) continue;
        real sum = receiving[unit];
        for (int64 j = k; j < end; ++j)
            if (event_ids[j] == unit) sum += event_weights[j];
        receiving[unit] = sum;
    }
}

// Deliver independent Poisson trains, one per unit. rate [Hz] and weight, one number or (n,); due (n,) time of each
// unit's next spike [s], negative before the first draw; drawn (n,) the number of the
// next interval to draw, and before the first draw the picoseconds at which the train begins.
KERNEL(poisson_step)(Clock clock, Array<double> due, uint64 key, Array<const int64> sample, double dt,
                     Each<double> rate, Each<real> weight, Array<int64> drawn, Array<real> receiving) {
    const double end = (double(clock.step()) + 1.5) * dt;  // a spike acts at the nearest grid point
    const uint64 stream = mix(key + uint64(sample[0]));
    EACH(i, due.size) {
        double next = due[i];
        if (next > end) continue;
        int64 drawings = drawn[i];
        if (next < 0.0) {
            next = double(drawings) / 1e12 - log(uniform(stream, i, drawings)) / at(rate, i);
            ++drawings;
        }
        real sum = receiving[i];
        for (; next <= end; ++drawings) {
            sum += at(weight, i);
            next -= log(uniform(stream, i, drawings)) / at(rate, i);
        }
        receiving[i] = sum;
        due[i] = next;
        drawn[i] = drawings;
    }
}

// Set the drive to its constant part in every step; the kernels of other currents add to it.
KERNEL(hold_step)(Clock clock, Array<real> drive, Array<const real> base) {
    EACH(i, drive.size) drive[i] = base[i];
}

// Add row ``step // repeat`` of `values` (n_rows, n or 1) to the drive; nothing after the last row.
KERNEL(timed_array_step)(Clock clock, Array<real> drive, Grid<const real> values, int64 repeat) {
    const int64 segment = clock.step() / repeat;
    if (segment >= values.rows) return;
    EACH(i, drive.size) drive[i] += values[segment][values.columns > 1 ? i : 0];
}

// Add the level (n_levels, n or 1) whose start `from_steps` (n_levels,) was the last to pass.
KERNEL(step_current_step)(Clock clock, Array<real> drive, Array<const int64> from_steps, Grid<const real> levels) {
    const int64 segment = first_after(from_steps, 0, clock.step()) - 1;
    if (segment < 0) return;
    EACH(i, drive.size) drive[i] += levels[segment][levels.columns > 1 ? i : 0];
}

// Add Gaussian noise, redrawn every `repeat` steps, to the drive; mean and std one number or (n,).
KERNEL(noise_step)(Clock clock, Array<real> drive, uint64 key, Array<const int64> sample, Each<real> mean,
                   Each<real> std, int64 repeat) {
    const uint64 stream = mix(key + uint64(sample[0]));
    EACH(i, drive.size)
        drive[i] = real(drive[i] + (at(mean, i) + at(std, i) * normal(stream, clock.step() / repeat, i)));
}
