"""Drawing values from a law: value i depends on (key, parameters, i) only."""

from __future__ import annotations

import numpy as np

from .random import bits, uniform

# Coefficients of algorithm AS 241, lowest power first: numerator and denominator for the middle, the
# shoulders and the tails of the law.
MIDDLE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
     3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2,
     5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4,
     2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
SHOULDER = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0,
     6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2,
     5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
TAIL = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
     2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
     2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1,
     1.48753612908506148525e-2, 7.86869131145613259100e-4, 1.84631831751005468180e-5,
     1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip


def ratio(x, coefficients):
    """A rational function of x."""
    above, below = (np.polynomial.polynomial.polyval(x, part) for part in coefficients)
    return above / below


def quantile(q):
    """The standard normal value below which lies the probability 1/2 + q, -1/2 < q < 1/2.

    Algorithm AS 241 (Wichura 1988, doi:10.2307/2347330), accurate to about 1e-16.
    """
    q = np.asarray(q, np.float64)
    depth = np.sqrt(-np.log(0.5 - np.abs(q)))
    outside = np.where(depth <= 5.0, ratio(depth - 1.6, SHOULDER), ratio(depth - 5.0, TAIL))
    return np.where(np.abs(q) <= 0.425, q * ratio(0.180625 - q * q, MIDDLE), np.copysign(outside, q))


def standard_normal(key, step, index):
    """A standard normal float64 from one draw: the quantile of 53 random bits and a half."""
    whole = (bits(key, step, index) >> np.uint64(11)).astype(np.int64) - 2**52
    return quantile((whole + 0.5) * 2.0**-53)


def draw_normal(key, mean, sd, low, high, values):
    """Fill `values` (n,) with normal values inside [low, high]; what falls outside is drawn again."""
    pending, attempt = np.arange(values.size), 0
    while pending.size:
        values[pending] = mean + sd * standard_normal(key, attempt, pending)
        pending = pending[(values[pending] < low) | (values[pending] > high)]
        attempt += 1


def draw_lognormal(key, median, sigma, values):
    """Fill `values` (n,) with median * exp(sigma * z), z standard normal."""
    values[:] = median * np.exp(sigma * standard_normal(key, 0, np.arange(values.size)))


def draw_uniform(key, low, high, values):
    """Fill `values` (n,) with uniform values in [low, high]."""
    values[:] = low + (high - low) * uniform(key, 0, np.arange(values.size))
