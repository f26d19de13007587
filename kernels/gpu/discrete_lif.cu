// Leaky integrate-and-fire in discrete time, delta synapses.
#include "discrete.cuh"

// v (n,) potential; jump (n,) weights that arrive in this step, set to 0 after; drive joins them; flags (n,) who
// fires; resets, reset_at: see `NONE` and `SPIKE`.
KERNEL(discrete_lif_step)(Clock clock, Array<real> v, Array<real> jump, Each<real> drive, Each<real> decay,
                          Each<real> gain, Each<real> offset, Each<real> threshold, Each<real> reset_value,
                          int64 resets, int64 reset_at, int64 inclusive, Adds<uint32> flags) {
    EACH(i, v.size) {
        const real level = at(threshold, i), value = at(reset_value, i);
        const bool due = above(v[i], level, inclusive);
        const real start = begun(v[i], due, level, value, resets, reset_at);
        const real arrived = (jump[i] + at(drive, i)) * at(gain, i);
        const real moved = start * at(decay, i) + arrived + at(offset, i);
        jump[i] = 0;
        fire(moved, due, i, v, flags, level, value, resets, reset_at, inclusive);
    }
}
