// The exponential function in plain arithmetic, operation for operation that of `kernels/cpu/exponential.py`.
//
// EXP2_TERMS, the coefficients of Taylor's series for 2^f, and LOG2E_HIGH and LOG2E_LOW, whose sum is log2(e), are
// written above all sources.
#pragma once
#include "launch.cuh"

DEVICE float fused(float a, float b, float c) { return fmaf(a, b, c); }
DEVICE double fused(double a, double b, double c) { return fma(a, b, c); }

DEVICE float scaled(float p, float shifted) {
    return __int_as_float(__float_as_int(p) + int32(uint32(__float_as_int(shifted)) << 23));
}
DEVICE double scaled(double p, double shifted) {
    return __longlong_as_double(__double_as_longlong(p) + int64(uint64(__double_as_longlong(shifted)) << 52));
}

// 2^f of `Degree` terms; adding `shift` rounds x / ln 2 to a whole number, which then stands in the low bits.
template <int Degree, typename T>
DEVICE T series(T x, T low, T high, T shift) {
    const double terms[] = EXP2_TERMS;
    const T log2e = T(LOG2E_HIGH), rest = T(LOG2E_HIGH - double(log2e) + LOG2E_LOW);
    x = x < low ? low : x;
    x = x > high ? high : x;
    const T shifted = fused(x, log2e, shift);
    const T f = fused(x, rest, fused(x, log2e, shift - shifted));
    T total = T(terms[Degree]);
#pragma unroll
    for (int k = Degree - 1; k >= 0; --k) total = fused(total, f, T(terms[k]));
    return scaled(total, shifted);
}

// exp(x) to 1.1 units in the last place; x beyond [-87, 88] (float) or [-708, 709] (double) counts as the bound.
DEVICE float exponential(float x) { return series<7>(x, -87.0f, 88.0f, 12582912.0f); }
DEVICE double exponential(double x) { return series<13>(x, -708.0, 709.0, 6755399441055744.0); }
