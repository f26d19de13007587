// Neurons in discrete time whose potential is the difference of two decaying currents.
#include "discrete.cuh"

// v (n,) potential; g_e, g_i (n,) the currents of which v is made; jump (n,) weights that arrive in this step, set to 0
// after; drive joins them; flags (n,) who fires; resets: see `NONE`; a reset to a value sets all to 0.
KERNEL(discrete_alpha_lif_step)(Clock clock, Array<real> v, Array<real> g_e, Array<real> g_i, Array<real> jump,
                                Each<real> drive, Each<real> decay_excitatory, Each<real> decay_inhibitory,
                                Each<real> gain, Each<real> threshold, int64 resets, int64 inclusive,
                                Adds<uint32> flags) {
    EACH(i, v.size) {
        const real level = at(threshold, i), arrived = jump[i] + at(drive, i);
        const bool due = resets != NONE && above(v[i], level, inclusive), subtracts = resets == SUBTRACT;
        const real rising = g_e[i] * at(decay_excitatory, i) + arrived;
        const real falling = g_i[i] * at(decay_inhibitory, i) - arrived;
        const real moved = (rising + falling) * at(gain, i);
        v[i] = !due ? moved : subtracts ? moved + g_i[i] : real(0);
        g_e[i] = !due ? rising : subtracts ? rising - level : real(0);
        g_i[i] = due ? real(0) : falling;
        jump[i] = 0;
        flag(flags, i, above(v[i], level, inclusive));
    }
}
