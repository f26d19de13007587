// Driving a crossbar of device pairs with numbers.
#include "launch.cuh"

// The largest `mine` of the threads of a block.
DEVICE double largest_of(double mine) {
    __shared__ double found[MOST_THREADS];
    const int me = threadIdx.x;
    found[me] = mine;
    __syncthreads();
    for (int width = blockDim.x; width > 1;) {
        const int half = (width + 1) / 2;
        if (me + half < width && found[me + half] > found[me]) found[me] = found[me + half];
        width = half;
        __syncthreads();
    }
    return found[0];
}

// Turn what each source sent into the share of its full voltage that drives each row: shares (n_rows,), 0 for a row
// without cells. The number over full (1,), which is `full_scale` or, where that is 0, the largest magnitude in this
// step; rounded to levels from lowest_level to highest_level unless that is 0. errors (n_rows, levels) of each level of
// each row's converter, or (0, 0); of arrays beside each other, first all rows of one, then all of the next. first
// (n_rows + 1,) where the cells of each row begin.
BLOCK_KERNEL(drive_step)(Clock clock, Ring<const real> sent, Array<const int64> lags, Array<const uint32> first,
                         double full_scale, int64 lowest_level, int64 highest_level, Grid<const double> errors,
                         Array<double> full, Array<double> shares) {
    const int64 rows = first.size - 1;
    double mine = 0.0;
    if (full_scale <= 0) {
        IN_BLOCK(segment, rows) {
            const int64 source = segment / lags.size, g = segment - source * lags.size;
            const double number = fabs(double(sent[behind(clock.step(), lags[g], sent.rows)][source]));
            if (first[segment + 1] > first[segment] && number > mine) mine = number;
        }
    }
    const double found = largest_of(mine), most = full_scale > 0 ? full_scale : found;
    if (threadIdx.x == 0) full[0] = most;
    IN_BLOCK(driver, shares.size) {
        const int64 segment = driver % rows, source = segment / lags.size, g = segment - source * lags.size;
        shares[driver] = 0.0;
        if (first[segment] == first[segment + 1] || most == 0) continue;
        double u = double(sent[behind(clock.step(), lags[g], sent.rows)][source]) / most;
        if (highest_level > 0) {
            double code = rint(u * highest_level);
            code = code > lowest_level ? code : lowest_level;
            code = code < highest_level ? code : highest_level;
            const double off = errors.rows ? errors[driver][int64(code - lowest_level)] : 0.0;
            u = (code + off) / highest_level;
        }
        shares[driver] = u;
    }
}

// Drive every row with its share of the full voltage; sum what columns conduct. A block row takes a row of cells, whose
// columns may be those of others, so sums come in any order. targets (n_cells,) the column of each cell; plus, minus
// (n_cells,) its conductances [S]; excess (n_cells,) [S^2] or (0,). strips (n_columns,) which of the arrays beside each
// other a column is in, (0,) where all have the drivers of the first. listed (n_columns,) whether a column is read;
// touched_count (1,) counts the rows that are driven.
SPIKE_KERNEL(crossbar_product_step)(Clock clock, Array<const uint32> first, Indices targets, Array<const real> plus,
                                    Array<const real> minus, Array<const double> excess, real noise,
                                    Array<const double> shares, Array<const uint32> strips, Adds<real> column_plus, Adds<real> column_minus,
                                    Adds<real> variance, Adds<uint8> listed, Adds<uint64> touched_count,
                                    Adds<uint64> activations, Adds<uint64> events, Adds<double> driven) {
    const real relative = noise * noise;
    const int64 rows = first.size - 1;
    for (int64 segment = int64(blockIdx.x) * blockDim.y + threadIdx.y; segment < rows;
         segment += int64(gridDim.x) * blockDim.y) {
        double conducting = 0.0;
        int64 driven_cells = 0;
        for (int64 s = int64(first[segment]) + threadIdx.x; s < first[segment + 1]; s += blockDim.x) {
            const uint32 j = targets[s];
            const double u = shares[(strips.size ? strips[j] * rows : 0) + segment];
            if (u == 0) continue;
            const real up = plus[s], down = minus[s];
            double error = u * u * relative * (up * up + down * down);
            if (excess.size) error += u * u * excess[s];
            listed[j] = 1;
            atomicAdd(&column_plus[j], real(u * up));
            atomicAdd(&column_minus[j], real(u * down));
            atomicAdd(&variance[j], real(error));
            conducting += u * u * double(up + down);
            ++driven_cells;
        }
        if (driven_cells == 0) continue;
        atomicAdd(&driven[0], conducting);
        atomicAdd(&events[0], uint64(driven_cells));
        atomicAdd(&touched_count[0], uint64(1));
    }
    // Which rows are driven is asked once for each, not by every thread of its block row.
    for (int64 segment = first_index(); segment < rows && threadIdx.y == 0; segment += stride()) {
        bool drives = false;
        for (int64 s = first[segment]; s < first[segment + 1] && !drives; ++s)
            drives = shares[(strips.size ? strips[targets[s]] * rows : 0) + segment] != 0;
        if (drives) atomicAdd(&activations[0], uint64(1));
    }
}

// Add full[0] times what was read (n_post,) to `receiving`, and set it to 0.
KERNEL(rescale_step)(Clock clock, Array<real> receiving, Array<const double> full, Array<double> product) {
    EACH(j, receiving.size) {
        receiving[j] = real(double(receiving[j]) + full[0] * product[j]);
        product[j] = 0;
    }
}
