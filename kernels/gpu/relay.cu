// Units that pass on what they receive.
#include "launch.cuh"

// Flag every unit that something arrived at. arrived (n,), set to 0 after. merged (n,): where `counted` is 1,
// each arrival has added 1 to `arrived`, and all but one of a unit's arrivals are counted here.
KERNEL(relay_step)(Clock clock, Array<real> arrived, Array<int64> merged, int64 counted, Adds<uint32> flags) {
    EACH(i, arrived.size) {
        if (counted && arrived[i] > 1) merged[i] += int64(arrived[i]) - 1;
        flag(flags, i, arrived[i] != 0);
        arrived[i] = 0;
    }
}
