// Units that pass on what they receive.
#include "launch.cuh"

// Flag every unit that something arrived at; arrived (n,) is zeroed.
KERNEL(relay_step)(Clock clock, Array<real> arrived, Array<uint8> flags) {
    if (!clock.runs()) return;
    EACH(i, arrived.size) {
        flags[i] = arrived[i] != 0;
        arrived[i] = 0;
    }
}
