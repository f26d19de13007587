// Convolutions, whose synapses follow from the kernel.
//
// `kernels/reference/convolution.py` explains the arguments.
#include "arriving.cuh"

// The tables of both axes, and the columns of those that have a row for each pixel along an axis.
struct Axes {
    enum { BEGIN, END, NEAR, ALL, SIZE, BEFORE };
    Grid<const int64> row_taps, row_met, column_taps, column_met;
};

// Add what a pixel brings, a thread's share of it.
template <typename Weight>
DEVICE void deliver_pixel(uint32 source, const Axes& axes, int64 groups, int64 plane, Grid<const Weight> weights,
                          Adds<Weight> receiving) {
    const uint32 width = uint32(axes.column_taps.rows), pixels = uint32(axes.row_taps.rows) * width;
    const uint32 c = source / pixels, y = (source - c * pixels) / width, x = source - c * pixels - y * width;
    const int64 *row = axes.row_taps[y], *column = axes.column_taps[x];
    const int64 own_in = weights.rows / groups, own_out = receiving.size / (plane * groups);
    const int64 size = row[Axes::SIZE] * column[Axes::SIZE], begin = row[Axes::BEFORE] + row[Axes::SIZE] * column[Axes::BEFORE];
    const uint32 high = uint32(row[Axes::END] - row[Axes::BEGIN]), wide = uint32(column[Axes::END] - column[Axes::BEGIN]);
    for (uint32 n = threadIdx.x; n < uint32(own_out) * high * wide; n += blockDim.x) {
        const uint32 line = n / wide, o = line / high;
        const int64* i = axes.row_met[row[Axes::BEGIN] + line - o * high];
        const int64* j = axes.column_met[column[Axes::BEGIN] + n - line * wide];
        const int64 target = (c / own_in * own_out + o) * plane + i[0] + j[0];
        add(&receiving[target], weights[c][begin + o * size + i[1] * column[Axes::SIZE] + j[1]]);
    }
}

// `deliver_step` for a convolution: lags (1,); weights (C_in, C_out / groups * taps).
ARRIVAL_KERNEL(deliver_convolved_step)(Clock clock, Ring<const uint32> history, Ring<const int64> history_count,
                                       Array<const int64> lags, int64 groups, int64 plane, Grid<const real> weights,
                                       Grid<const int64> row_taps, Grid<const int64> row_met, Grid<const int64> column_taps,
                                       Grid<const int64> column_met, Adds<real> receiving) {
    const Axes axes = {row_taps, row_met, column_taps, column_met};
    EACH_ARRIVING(slot, k) deliver_pixel(history[slot][k], axes, groups, plane, weights, receiving);
}

ARRIVAL_KERNEL(deliver_convolved_step_whole)(Clock clock, Ring<const uint32> history, Ring<const int64> history_count,
                                             Array<const int64> lags, int64 groups, int64 plane,
                                             Grid<const int64> weights, Grid<const int64> row_taps,
                                             Grid<const int64> row_met, Grid<const int64> column_taps,
                                             Grid<const int64> column_met, Adds<int64> receiving) {
    const Axes axes = {row_taps, row_met, column_taps, column_met};
    EACH_ARRIVING(slot, k) deliver_pixel(history[slot][k], axes, groups, plane, weights, receiving);
}

// `product_step` for a convolution: weights (C_out, C_in / groups * kh * kw), in order of the sources.
KERNEL(convolved_product_step)(Clock clock, Array<real> receiving, Ring<const real> sent, Array<const int64> lags,
                               int64 groups, int64 columns_out, int64 width, int64 row_stride, int64 column_stride,
                               Grid<const real> weights, Grid<const int64> row_taps, Grid<const int64> column_taps, int64 low,
                               int64 high) {
    const int64 own_in = weights.columns / (row_taps.rows * column_taps.rows), own_out = weights.rows / groups;
    const int64 plane = receiving.size / weights.rows, height = sent.columns / (own_in * groups * width);
    const real* numbers = sent[behind(clock.step(), lags[0], sent.rows)];
    EACH(n, high - low) {
        const int64 o = (low + n) / plane, p = (low + n) % plane / columns_out, q = (low + n) % columns_out;
        const real* weight = weights[o];
        double total = 0.0;
        for (int64 c = 0; c < own_in; ++c)
            for (int64 i = 0; i < row_taps.rows; ++i)
                for (int64 j = 0; j < column_taps.rows; ++j, ++weight) {
                    if (p < row_taps[i][0] || p >= row_taps[i][1] || q < column_taps[j][0] || q >= column_taps[j][1]) continue;
                    const int64 y = (o / own_out * own_in + c) * height + p * row_stride + row_taps[i][2];
                    total += double(*weight) * double(numbers[y * width + q * column_stride + column_taps[j][2]]);
                }
        receiving[low + n] = real(double(receiving[low + n]) + total);
    }
}
