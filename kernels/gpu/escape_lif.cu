// Leaky integrate-and-fire, delta synapses, escape noise.
#include "exponential.cuh"
#include "random.cuh"
#include "threshold.cuh"

// v (n,) potential [V]; jump (n,) weights that arrive at the end of the step [V], set to 0 after; drive R*I [V]; held,
// flags: see `arrive_at`. Unit i fires where uniform(key, step, first_unit + i) is below 1 - exp(-h), h = expected
// exp((v - threshold) steepness): expected, of spikes in a step at threshold; threshold [V], steepness [1/V].
KERNEL(escape_lif_step)(Clock clock, Array<real> v, Array<int32> held, Array<real> jump, Each<real> drive,
                        Each<real> decay, Each<double> threshold, Each<double> steepness, Each<double> expected,
                        Each<real> reset, Each<int32> hold_steps, uint64 key, int64 first_unit, Adds<uint32> flags) {
    EACH(i, v.size) {
        const real driven = at(drive, i) + (v[i] - at(drive, i)) * at(decay, i);
        const real moved = short_of(at(drive, i), v[i], driven) + jump[i];
        jump[i] = 0;
        const bool rests = held[i] > 0;
        const double hazard = at(expected, i) * exponential((double(moved) - at(threshold, i)) * at(steepness, i));
        const double drawn = uniform(key, clock.step(), first_unit + i);
        const bool fires = !rests && drawn < hazard && drawn < 1.0 - exponential(-hazard);
        if (rests) held[i] -= 1;
        if (fires) held[i] = at(hold_steps, i);
        v[i] = rests || fires ? at(reset, i) : moved;
        flag(flags, i, fires);
    }
}
