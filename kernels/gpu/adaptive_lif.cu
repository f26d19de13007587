// Leaky integrate-and-fire with an adaptive threshold, delta synapses.
#include "threshold.cuh"

// v (n,) potential [V]; a (n,) rise of the threshold by adaptation [V]; jump (n,) weights that arrive at the end of the
// step [V], set to 0 after; drive R*I [V]; held, flags: see `arrive_at`.
KERNEL(adaptive_lif_step)(Clock clock, Array<real> v, Array<real> a, Array<int32> held, Array<real> jump,
                          Each<real> drive, Each<real> decay, Each<real> decay_a, Each<real> increment,
                          Each<real> threshold, Each<real> reset, Each<int32> hold_steps, Adds<uint32> flags) {
    EACH(i, v.size) {
        const real driven = at(drive, i) + (v[i] - at(drive, i)) * at(decay, i);
        const real moved = short_of(at(drive, i), v[i], driven) + jump[i];
        const real raised = a[i] * at(decay_a, i);
        jump[i] = 0;
        const bool fired =
            arrive_at(moved, i, v, held, flags, at(threshold, i) + raised, at(reset, i), at(hold_steps, i));
        a[i] = fired ? raised + at(increment, i) : raised;
    }
}
