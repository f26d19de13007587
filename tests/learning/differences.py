"""Derivatives by central differences at several distances, extrapolated to none."""

import numpy as np

SHRINK = 1.6  # from one distance to the next
MOST = 10  # distances


def derivative(function, distance):
    """The derivative of ``function(x)`` at 0 and an estimate of its error, by the method of Ridders
    (1982, doi:10.1016/S0141-1195(82)80057-0), from distances below `distance`.
    """
    best, error, before = np.nan, np.inf, []
    for k in range(MOST):
        h = distance / SHRINK**k
        row = [(function(h) - function(-h)) / (2 * h)]
        for order, coarse in enumerate(before, start=1):
            factor = SHRINK ** (2 * order)
            row.append((row[-1] * factor - coarse) / (factor - 1))
            own = max(abs(row[-1] - row[-2]), abs(row[-1] - coarse))
            if own < error:
                best, error = row[-1], own
        before = row
    return best, error
