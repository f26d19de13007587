// Units that send the number that drives them.
#include "launch.cuh"

// Let the units of one population send what drives them: r (n,) what is sent; jump (n,) weights that arrive at the
// end of the step, set to 0 after; nobody fires.
KERNEL(rate_source_step)(Clock clock, Array<real> r, Array<real> jump, Each<real> drive) {
    EACH(i, r.size) {
        r[i] = at(drive, i) + jump[i];
        jump[i] = 0;
    }
}
