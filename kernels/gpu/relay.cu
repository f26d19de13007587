// Units that pass on what they receive.
#include "launch.cuh"

// Flag every unit that something arrived at; arrived (n,) is zeroed.
KERNEL(relay_step)(Clock clock, Array<real> arrived, Adds<uint32> flags) {
    EACH(i, arrived.size) {
        flag(flags, i, arrived[i] != 0);
        arrived[i] = 0;
    }
}
