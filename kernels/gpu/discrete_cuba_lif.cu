// Leaky integrate-and-fire in discrete time, decaying synaptic currents.
#include "discrete.cuh"

// v (n,) potential; g (n,) synaptic current; jump (n,) weights that arrive in this step, set to 0 after; drive joins
// them; old: whether v is moved by g as it was before the step; flags (n,) who fires; resets, reset_at: see `NONE` and
// `SPIKE`.
KERNEL(discrete_cuba_lif_step)(Clock clock, Array<real> v, Array<real> g, Array<real> jump, Each<real> drive,
                               Each<real> decay, Each<real> decay_current, Each<real> gain, Each<real> response,
                               Each<real> offset, Each<real> threshold, Each<real> reset_value, int64 old,
                               int64 resets, int64 reset_at, int64 inclusive, Adds<uint32> flags) {
    EACH(i, v.size) {
        const real level = at(threshold, i), value = at(reset_value, i), before = g[i];
        const bool due = above(v[i], level, inclusive);
        const real start = begun(v[i], due, level, value, resets, reset_at);
        g[i] = before * at(decay_current, i) + (jump[i] + at(drive, i)) * at(gain, i);
        const real pushed = (old ? before : g[i]) * at(response, i);
        const real moved = start * at(decay, i) + pushed + at(offset, i);
        jump[i] = 0;
        fire(moved, due, i, v, flags, level, value, resets, reset_at, inclusive);
    }
}
