// Leaky integrate-and-fire, alpha-function synaptic currents.
#include "threshold.cuh"

// v (n,) potential [V]; g_e, g_i (n,) synaptic currents [V] and h_e, h_i (n,) the currents that feed them [V];
// excitatory, inhibitory (n,) weights that arrive at the end of the step [V], set to 0 after; drive R*I [V];
// response_*, rising_*: what a g or h of 1 adds to v in a step; lag_*: what an h of 1 adds to g, before decay;
// held, flags: see `arrive_at`.
KERNEL(alpha_lif_step)(Clock clock, Array<real> v, Array<int32> held, Array<real> g_e, Array<real> h_e,
                       Array<real> g_i, Array<real> h_i, Array<real> excitatory, Array<real> inhibitory,
                       Each<real> drive, Each<real> decay, Each<real> decay_e, Each<real> decay_i, Each<real> lag_e,
                       Each<real> lag_i, Each<real> response_e, Each<real> response_i, Each<real> rising_e,
                       Each<real> rising_i, Each<real> peak, Each<real> threshold, Each<real> reset,
                       Each<int32> hold_steps, Adds<uint32> flags) {
    EACH(i, v.size) {
        const real decayed = at(drive, i) + (v[i] - at(drive, i)) * at(decay, i);
        const real driven = short_of(at(drive, i), v[i], decayed);
        const real by_e = g_e[i] * at(response_e, i) + h_e[i] * at(rising_e, i);
        const real by_i = g_i[i] * at(response_i, i) + h_i[i] * at(rising_i, i);
        g_e[i] = (g_e[i] + h_e[i] * at(lag_e, i)) * at(decay_e, i);
        g_i[i] = (g_i[i] + h_i[i] * at(lag_i, i)) * at(decay_i, i);
        h_e[i] = h_e[i] * at(decay_e, i) + excitatory[i] * at(peak, i);
        h_i[i] = h_i[i] * at(decay_i, i) + inhibitory[i] * at(peak, i);
        excitatory[i] = 0;
        inhibitory[i] = 0;
        arrive_at(driven + by_e + by_i, i, v, held, flags, at(threshold, i), at(reset, i), at(hold_steps, i));
    }
}
