"""Learning rules of the event engine: what an event does to the weight of one synapse.

Every kernel takes numbers of one synapse by name and returns its new weight: `*_arrival` when a
spike arrives at it, `*_spike` when its target fires.
"""

from numba import njit


@njit(error_model="numpy")
def stdp_arrival(w, y, a_minus):
    """A spike that arrives lowers the weight w by the target's trace y."""
    return w - a_minus * y


@njit(error_model="numpy")
def stdp_spike(w, x, a_plus):
    """A spike of the target raises the weight w by the arrivals' trace x."""
    return w + a_plus * x
