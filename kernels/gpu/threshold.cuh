// What happens at threshold, and after it; `spikes.cu` then makes a list of the flags.
#pragma once
#include "launch.cuh"

// Let unit i have the potential `moved`, unless it is refractory; flag and reset it at threshold.
//
// held (n,) refractory steps left: the lists `resting` and `left` of the other rooms, spelled out per unit, because
// appending to a list in order would make units wait for each other. flags: a bit per unit.
DEVICE bool arrive_at(real moved, int64 i, Array<real> v, Array<int32> held, Adds<uint32> flags, real threshold,
                      real reset, int32 hold_steps) {
    if (held[i] > 0) {
        moved = reset;
        held[i] -= 1;
    }
    const bool reached = moved >= threshold;
    if (reached) held[i] = hold_steps;
    v[i] = reached ? reset : moved;
    flag(flags, i, reached);
    return reached;
}
