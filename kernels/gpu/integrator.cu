// Perfect integrate-and-fire, delta synapses.
#include "threshold.cuh"

// v (n,) potential [V]; carry (n,) the rounding errors of v so far [V]; jump (n,) weights that
// arrive at the end of the step [V], set to 0 after; drive I/C [V/s]; held, flags: see `arrive_at`.
KERNEL(integrator_step)(Clock clock, Array<real> v, Array<real> carry, Array<int32> held, Array<real> jump,
                        Each<real> drive, real dt, Each<real> threshold, Each<real> reset, Each<int32> hold_steps,
                        Adds<uint32> flags) {
    EACH(i, v.size) {
        const real more = at(drive, i) * dt + jump[i] + carry[i];
        const real moved = v[i] + more;
        const real added = moved - v[i];
        const real kept = (v[i] - (moved - added)) + (more - added);
        const bool rests = held[i] > 0;
        jump[i] = 0;
        const bool fired = arrive_at(moved, i, v, held, flags, at(threshold, i), at(reset, i), at(hold_steps, i));
        carry[i] = rests || fired ? real(0) : kept;
    }
}
