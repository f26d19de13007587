// Adaptive exponential integrate-and-fire, exponential synaptic currents.
#include "exponential.cuh"

// v (n,) potential [V]; w (n,) adaptation [V]; hold (n,) refractory steps left; g_e, g_i (n,) synaptic currents [V];
// drive R*I [V]; rate: dt/tau; rate_w: dt/tau_w; flags (n,) who reached the peak of its spike. Heun's method.
KERNEL(adex_step)(Clock clock, Array<real> v, Array<real> w, Array<int32> hold, Array<real> g_e, Array<real> g_i,
                  Each<real> drive, Each<real> rate, Each<real> rate_w, Each<real> rest, Each<real> slope,
                  Each<real> onset, Each<real> a, Each<real> increment, Each<real> decay_e, Each<real> decay_i,
                  Each<real> peak, Each<real> reset, Each<int32> hold_steps, Adds<uint32> flags) {
    EACH(i, v.size) {
        const bool held = hold[i] > 0;
        const real pull = at(rest, i) + at(drive, i), before = v[i], adapted = w[i];
        real upstroke = at(slope, i) * exponential((before - at(onset, i)) / at(slope, i));
        const real dv_1 = at(rate, i) * (pull + g_e[i] + g_i[i] - before + upstroke - adapted);
        const real dw_1 = at(rate_w, i) * (at(a, i) * (before - at(rest, i)) - adapted);
        g_e[i] *= at(decay_e, i);
        g_i[i] *= at(decay_i, i);
        const real ahead = before + dv_1 > at(peak, i) ? at(peak, i) : before + dv_1;
        const real v_1 = held ? before : ahead, w_1 = adapted + dw_1;
        upstroke = at(slope, i) * exponential((v_1 - at(onset, i)) / at(slope, i));
        const real dv_2 = at(rate, i) * (pull + g_e[i] + g_i[i] - v_1 + upstroke - w_1);
        const real dw_2 = at(rate_w, i) * (at(a, i) * (v_1 - at(rest, i)) - w_1);
        const real moved = held ? at(reset, i) : before + real(0.5) * (dv_1 + dv_2);
        const real turned = adapted + real(0.5) * (dw_1 + dw_2);
        const bool reached = moved >= at(peak, i);
        v[i] = reached ? at(reset, i) : moved;
        w[i] = reached ? turned + at(increment, i) : turned;
        hold[i] = reached ? at(hold_steps, i) : hold[i] - held;
        flag(flags, i, reached);
    }
}
