// What arrived in a step, counted in whole numbers, comes to its receptor.
#include "launch.cuh"

// Add sums (n,), each in units of `unit`, to receiving (n,) and zero them.
KERNEL(sum_step)(Clock clock, Array<int64> sums, double unit, Array<real> receiving) {
    EACH(i, sums.size) {
        receiving[i] += real(double(sums[i]) * unit);
        sums[i] = 0;
    }
}
