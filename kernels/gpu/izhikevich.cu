// Izhikevich's two-variable neuron, delta synapses.
#include "launch.cuh"

// v (n,) potential [V]; u (n,) recovery [V/s]; jump (n,) weights that arrive at the end of the step [V], set to
// 0 after; drive current [V/s]; flags (n,) who reached the peak of its spike. Heun's method.
KERNEL(izhikevich_step)(Clock clock, Array<real> v, Array<real> u, Array<real> jump, Each<real> drive, real dt,
                        Each<real> quadratic, Each<real> linear, Each<real> constant, Each<real> a, Each<real> b,
                        Each<real> c, Each<real> d, Each<real> peak, Adds<uint32> flags) {
    EACH(i, v.size) {
        const real q = at(quadratic, i), l = at(linear, i), k = at(constant, i), input = at(drive, i);
        const real dv_1 = dt * ((q * v[i] + l) * v[i] + k - u[i] + input);
        const real du_1 = dt * (at(a, i) * (at(b, i) * v[i] - u[i]));
        const real v_1 = v[i] + dv_1 > at(peak, i) ? at(peak, i) : v[i] + dv_1;
        const real u_1 = u[i] + du_1;
        const real dv_2 = dt * ((q * v_1 + l) * v_1 + k - u_1 + input);
        const real du_2 = dt * (at(a, i) * (at(b, i) * v_1 - u_1));
        const real moved = v[i] + (real(0.5) * (dv_1 + dv_2) + jump[i]);
        const real recovered = u[i] + real(0.5) * (du_1 + du_2);
        const bool reached = moved >= at(peak, i);
        jump[i] = 0;
        v[i] = reached ? at(c, i) : moved;
        u[i] = reached ? recovered + at(d, i) : recovered;
        flag(flags, i, reached);
    }
}
