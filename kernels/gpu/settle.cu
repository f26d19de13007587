// The end of decay, as on the CPU, so that the same numbers are zero.
#include "launch.cuh"

const real NOTHING = real(1e-30);  // below this a decaying value is nothing

// Set to zero whatever in `values` (n,) has decayed to nothing.
KERNEL(settle_step)(Clock clock, Array<real> values) {
    EACH(i, values.size) values[i] = values[i] > NOTHING || values[i] < -NOTHING ? values[i] : real(0);
}

// Set `values` (n,) to zero.
KERNEL(clear_step)(Clock clock, Array<real> values) {
    EACH(i, values.size) values[i] = real(0);
}
