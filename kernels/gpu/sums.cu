// Arrivals of a step that were counted in whole numbers are added to their receptor.
#include "launch.cuh"

// Add sums (n,) times `unit` to receiving (n,), then set them to 0.
KERNEL(sum_step)(Clock clock, Array<int64> sums, double unit, Array<real> receiving) {
    EACH(i, sums.size) {
        receiving[i] += real(double(sums[i]) * unit);
        sums[i] = 0;
    }
}
