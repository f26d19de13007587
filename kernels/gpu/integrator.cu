// Perfect integrate-and-fire, delta synapses.
#include "threshold.cuh"

// v (n,) potential [V]; jump (n,) weight arriving at the end of the step [V], zeroed; drive I/C [V/s]; held, flags: see
// `arrive_at`.
KERNEL(integrator_step)(Clock clock, Array<real> v, Array<int32> held, Array<real> jump, Each<real> drive, real dt,
                        Each<real> threshold, Each<real> reset, Each<int32> hold_steps, Adds<uint32> flags) {
    EACH(i, v.size) {
        const real moved = v[i] + at(drive, i) * dt + jump[i];
        jump[i] = 0;
        arrive_at(moved, i, v, held, flags, at(threshold, i), at(reset, i), at(hold_steps, i));
    }
}
