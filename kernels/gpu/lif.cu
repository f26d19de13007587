// Leaky integrate-and-fire, delta synapses.
#include "threshold.cuh"

// v (n,) potential [V]; jump (n,) weights that arrive at the end of the step [V], set to 0 after; drive R*I
// [V]; held, flags: see `arrive_at`. Here and below drive and constants are one number or (n,).
KERNEL(lif_step)(Clock clock, Array<real> v, Array<int32> held, Array<real> jump, Each<real> drive, Each<real> decay,
                 Each<real> threshold, Each<real> reset, Each<int32> hold_steps, Adds<uint32> flags) {
    EACH(i, v.size) {
        const real driven = at(drive, i) + (v[i] - at(drive, i)) * at(decay, i);
        const real moved = short_of(at(drive, i), v[i], driven) + jump[i];
        jump[i] = 0;
        arrive_at(moved, i, v, held, flags, at(threshold, i), at(reset, i), at(hold_steps, i));
    }
}
