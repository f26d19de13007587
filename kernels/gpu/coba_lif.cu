// Leaky integrate-and-fire, exponential synaptic conductances.
#include "exponential.cuh"
#include "threshold.cuh"

// v (n,) potential [V]; g_e, g_i (n,) conductances [leak conductance]; drive R*I [V]; rate: dt/tau; mean_*: the mean
// of a conductance over a step, relative to its beginning; held, flags: see `arrive_at`.
KERNEL(coba_lif_step)(Clock clock, Array<real> v, Array<int32> held, Array<real> g_e, Array<real> g_i,
                      Each<real> drive, Each<real> rate, Each<real> rest, Each<real> reversal_e,
                      Each<real> reversal_i, Each<real> decay_e, Each<real> decay_i, Each<real> mean_e,
                      Each<real> mean_i, Each<real> threshold, Each<real> reset, Each<int32> hold_steps,
                      Adds<uint32> flags) {
    EACH(i, v.size) {
        const real open_e = g_e[i] * at(mean_e, i);
        const real open_i = g_i[i] * at(mean_i, i);
        const real total = real(1) + open_e + open_i;
        const real leaked = at(rest, i) + at(drive, i);
        const real pull = fused(open_i, at(reversal_i, i), fused(open_e, at(reversal_e, i), leaked));
        const real target = pull / total;
        const real relaxed = fused(v[i] - target, exponential(-at(rate, i) * total), target);
        const real moved = short_of(target, v[i], relaxed);
        g_e[i] *= at(decay_e, i);
        g_i[i] *= at(decay_i, i);
        arrive_at(moved, i, v, held, flags, at(threshold, i), at(reset, i), at(hold_steps, i));
    }
}
