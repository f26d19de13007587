// From column currents to numbers: read noise, then the analogue-to-digital converter.
#include "random.cuh"

// How many of the ascending edges (n,) are not above `value`; the search begins at value - lowest.
DEVICE int64 edges_reached(const double* edges, int64 n, double value, double lowest) {
    double begin = rint(value) - lowest;
    begin = begin > 0 ? begin : 0;
    int64 k = int64(begin < n ? begin : n);
    while (k < n && edges[k] <= value) ++k;
    while (k > 0 && edges[k - 1] > value) --k;
    return k;
}

// The code that a converter reads from `value`, in codes: edges (n_converters, codes - 1), or (0, 0) if all are ideal.
DEVICE double read_code(double value, double lowest, double highest, Grid<const double> edges, Array<const uint32> sharing,
                        int64 j) {
    if (edges.rows) return lowest + edges_reached(edges[sharing[j]], edges.columns, value, lowest);
    const double code = rint(value), least = code > lowest ? code : lowest;
    return least < highest ? least : highest;
}

// Convert the columns that were read in this step, add the results to `receiving`, set the columns to 0. A thread takes
// a target: its columns in all arrays below each other, in order. touched_count (1,): above 0 if anything was read.
KERNEL(convert_step)(Clock clock, Array<double> receiving, uint64 key, Array<const int64> sample,
                     Array<real> column_plus, Array<real> column_minus, Array<real> variance, Array<uint8> listed,
                     Array<int64> touched_count, real lsb, int64 lowest, int64 highest, Grid<const double> edges,
                     Array<const uint32> sharing, real scale, Adds<uint64> conversions, Adds<uint64> clipped,
                     Array<int64> reads, Adds<double> conducted) {
    const uint64 stream = mix(key + uint64(sample[0]));
    EACH(target, receiving.size) {
        uint64 count = 0, beyond = 0;
        double total = 0.0;
        for (int64 j = target; j < column_plus.size; j += receiving.size) {
            if (!listed[j]) continue;
            double value = column_plus[j] - column_minus[j];
            total += column_plus[j] + column_minus[j];
            if (conducted.size > 1) conducted[j] += column_plus[j] + column_minus[j];
            if (variance[j] > 0) value += real(sqrt(double(variance[j]))) * normal(stream, clock.step(), j);
            if (lsb > 0) {
                const double code = rint(value / lsb);
                beyond += code < lowest || code > highest;
                value = read_code(value / lsb, lowest, highest, edges, sharing, j) * lsb;
            }
            receiving[target] += scale * value;
            column_plus[j] = column_minus[j] = variance[j] = 0;
            listed[j] = 0;
            ++count;
        }
        if (count == 0) continue;
        atomicAdd(&conversions[0], count);
        atomicAdd(&clipped[0], beyond);
        if (conducted.size == 1) atomicAdd(&conducted[0], total);
    }
    if (first_index() > 0) return;
    reads[0] += touched_count[0] > 0;
    touched_count[0] = 0;
}
