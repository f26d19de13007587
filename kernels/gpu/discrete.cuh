// What models in discrete time share: whose reset is due, what a reset makes of v, and who fires.
#pragma once
#include "launch.cuh"

const int64 NONE = 0, SUBTRACT = 1, VALUE = 2;  // what a reset does
// When it comes: in the step of the spike; in the next one, before or after that has moved v; or in the step of the
// spike, with what it leaves above threshold carried on to the next one.
const int64 SPIKE = 0, BEFORE = 1, AFTER = 2, CARRIED = 3;

// Whether v is above threshold, or, if `inclusive`, at it.
DEVICE bool above(real v, real threshold, int64 inclusive) { return inclusive ? v >= threshold : v > threshold; }

// What a reset makes of v.
DEVICE real reset_of(real v, real threshold, real value, int64 resets) {
    if (resets == SUBTRACT) return v - threshold;
    return resets == VALUE ? value : v;
}

// v at the beginning of a step: reset if that was due and comes first.
DEVICE real begun(real v, bool due, real threshold, real value, int64 resets, int64 reset_at) {
    return due && reset_at == BEFORE ? reset_of(v, threshold, value, resets) : v;
}

// Let unit i have the potential `moved`, reset if that is due; flag it if it fires.
DEVICE void fire(real moved, bool due, int64 i, Array<real> v, Adds<uint32> flags, real threshold, real value,
                 int64 resets, int64 reset_at, int64 inclusive) {
    if (due && (reset_at == AFTER || reset_at == CARRIED)) moved = reset_of(moved, threshold, value, resets);
    const bool fires = above(moved, threshold, inclusive);
    if (fires && (reset_at == SPIKE || (reset_at == CARRIED && !due)))
        moved = reset_of(moved, threshold, value, resets);
    if (reset_at == CARRIED && due && !fires) moved = moved + threshold;
    v[i] = moved;
    flag(flags, i, fires);
}
