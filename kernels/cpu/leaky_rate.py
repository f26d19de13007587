"""Leaky rate units, which send their rate."""

from ..reference.leaky_rate import LOGISTIC, RECTIFIED
from .caching import kernel
from .exponential import exponential
from .scan import at


@kernel
def leaky_rate_step(r, drive, decay, gain, offset, law):
    """Let the rates (n,) of one population relax for a step.

    They go towards the activation of their drive. Nobody fires. drive, decay, gain and offset are
    one number or (n,); law: of the activation, see `RECTIFIED`.
    """
    one, nothing = r.dtype.type(1), r.dtype.type(0)
    for i in range(r.shape[0]):
        goal = at(gain, i) * (at(drive, i) - at(offset, i))
        if law == RECTIFIED:
            goal = max(goal, nothing)
        elif law == LOGISTIC:
            goal = one / (one + exponential(-goal))
        r[i] = goal + (r[i] - goal) * at(decay, i)
    return 0
