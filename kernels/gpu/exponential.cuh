// The exponential function in plain arithmetic, operation for operation that of `kernels/cpu/exponential.py`.
#pragma once
#include "launch.cuh"

DEVICE float scaled(float p, float shifted) {
    return __int_as_float(__float_as_int(p) + int32(uint32(__float_as_int(shifted)) << 23));
}
DEVICE double scaled(double p, double shifted) {
    return __longlong_as_double(__double_as_longlong(p) + int64(uint64(__double_as_longlong(shifted)) << 52));
}

// ln2 + rest is ln(2), and k * ln2 is exact for every k that can occur; adding `shift` rounds to a whole number, which
// then stands in the low bits; `Degree` of Taylor's series, odd.
template <int Degree, typename T>
DEVICE T series(T x, T low, T high, T ln2, T rest, T shift) {
    const double inverse[14] = {  // 1 / k!
        1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880,
        1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0};
    x = x < low ? low : x;
    x = x > high ? high : x;
    const T shifted = x * T(1.4426950408889634) + shift;
    const T k = shifted - shift;
    const T r = (x - k * ln2) - k * rest;
    const T square = r * r;
    T even = T(inverse[Degree - 1]), odd = T(inverse[Degree]);
#pragma unroll
    for (int term = Degree - 3; term >= 0; term -= 2) {
        even = even * square + T(inverse[term]);
        odd = odd * square + T(inverse[term + 1]);
    }
    return scaled(even + r * odd, shifted);
}

// exp(x) to 2.3 units in the last place; x beyond [-87, 88] (float) or [-708, 709] (double) counts as the bound.
DEVICE float exponential(float x) {
    return series<7>(x, -87.0f, 88.0f, 0.693359375f, -2.12194440e-4f, 12582912.0f);
}
DEVICE double exponential(double x) {
    return series<13>(x, -708.0, 709.0, 6.93147180369123816e-01, 1.90821492927058770e-10, 6755399441055744.0);
}
