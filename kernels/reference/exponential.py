"""The exponential function in plain arithmetic, in float64.

To the bit it is that of `kernels/cpu/exponential.py`. NumPy rounds products and sums apart; `fma`,
which rounds them together, is made from exact sums and products.
"""

from __future__ import annotations

import math

import numpy as np

DIGITS = (1.4426950408889634, 2.0355273740931033e-17)  # their sum is log2(e)
SPLIT = 2.0**27 + 1.0  # cuts a float64 into halves whose products are exact
SHIFT = 1.5 * 2.0**52  # adding it rounds to a whole number, which then stands in the low bits
TERMS = [math.log(2) ** k / math.factorial(k) for k in range(13, -1, -1)]


def exponential(x):
    """exp(x) of an array (n,); x beyond [-708, 709] counts as the bound."""
    x = np.clip(x, -708.0, 709.0)
    shifted = fma(x, DIGITS[0], SHIFT)
    f = fma(x, DIGITS[1], fma(x, DIGITS[0], SHIFT - shifted))
    total = np.full_like(x, TERMS[0])
    for term in TERMS[1:]:
        total = fma(total, f, term)
    return np.ldexp(total, (shifted - SHIFT).astype(np.int64))


def fma(a, b, c):
    """a * b + c, rounded once, for results far from the bounds of float64.

    The last sum is rounded to odd before it is added, so that nothing is rounded twice: Boldo and
    Melquiond 2008, doi:10.1109/TC.2007.70819.
    """
    product, rest = _product(a, b)
    total, low = _sum(c, rest)
    high, middle = _sum(product, total)
    last, lost = _sum(low, middle)
    even = last.view(np.int64) % 2 == 0
    odd = np.where(even & (lost != 0), np.nextafter(last, np.copysign(np.inf, lost)), last)
    return high + odd


def _sum(a, b):
    """a + b as a float64 and what rounding lost (Knuth's TwoSum)."""
    total = a + b
    virtual = total - a
    return total, (a - (total - virtual)) + (b - virtual)


def _product(a, b):
    """a * b as a float64 and what rounding lost (Dekker's product)."""
    product = a * b
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _halves(a):
    wide = SPLIT * a
    high = wide - (wide - a)
    return high, a - high
