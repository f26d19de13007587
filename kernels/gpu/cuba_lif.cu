// Leaky integrate-and-fire, exponential synaptic currents.
#include "threshold.cuh"

// v (n,) potential [V]; g_e, g_i (n,) synaptic currents [V]; drive R*I [V]; response_*: what a current of 1 adds to
// v in a step; held, flags: see `arrive_at`.
KERNEL(cuba_lif_step)(Clock clock, Array<real> v, Array<int32> held, Array<real> g_e, Array<real> g_i,
                      Each<real> drive, Each<real> decay, Each<real> decay_e, Each<real> decay_i,
                      Each<real> response_e, Each<real> response_i, Each<real> threshold, Each<real> reset,
                      Each<int32> hold_steps, Adds<uint32> flags) {
    EACH(i, v.size) {
        const real decayed = at(drive, i) + (v[i] - at(drive, i)) * at(decay, i);
        const real driven = short_of(at(drive, i), v[i], decayed);
        const real moved = driven + g_e[i] * at(response_e, i) + g_i[i] * at(response_i, i);
        g_e[i] *= at(decay_e, i);
        g_i[i] *= at(decay_i, i);
        arrive_at(moved, i, v, held, flags, at(threshold, i), at(reset, i), at(hold_steps, i));
    }
}
