// What happens at threshold, and after it. `spikes.cu` then lists the units whose flags are set.
#pragma once
#include "launch.cuh"

// A number just below x.
DEVICE float just_below(float x) { return x - (fabsf(x) * 1.1920928955078125e-07f + 1.1754943508222875e-38f); }
DEVICE double just_below(double x) { return x - (fabs(x) * 2.220446049250313e-16 + 2.2250738585072014e-308); }

// `moved`, the value of v after one step of decay towards `goal`; just below the goal if rounding reached it: a unit
// whose drive equals its threshold approaches it and must never fire.
DEVICE real short_of(real goal, real v, real moved) { return v < goal && moved >= goal ? just_below(goal) : moved; }

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
