"""Exactly solvable neurons: where a state will be after a while, and when it reaches threshold.

Every kernel takes numbers of one unit by name and returns numbers: `*_flow` the state variables
after `elapsed` [s] without input; `*_next` the time [s] to the first moment at or above threshold,
0 for now, inf for never, -t to be asked again after t; `*_fire`, where a spike does more than reset
the first variable, the state variables after it.
"""

import math

from numba import njit

from .event_crossing import near_crossing, response


@njit(error_model="numpy")
def reset_fire(reset):
    """What a spike does to the first state variable, where a model says no more."""
    return reset


@njit(error_model="numpy")
def relay_flow(merged):
    """Nothing of what arrived lasts."""
    return 0.0, merged


@njit(error_model="numpy")
def relay_next(arrived):
    """Now, if anything arrived."""
    return 0.0 if arrived != 0.0 else math.inf


@njit(error_model="numpy")
def relay_fire(arrived, merged):
    """A spike uses up what arrived, each 1; all but one of them are merged in it."""
    return 0.0, merged + (arrived - 1.0)


@njit(error_model="numpy")
def integrator_flow(v, drive, elapsed):
    """v [V] under a constant drive [V/s]."""
    return v + drive * elapsed


@njit(error_model="numpy")
def integrator_next(v, drive, threshold):
    """The straight line meets the threshold, if it rises."""
    if v >= threshold:
        return 0.0
    return (threshold - v) / drive if drive > 0.0 else math.inf


@njit(error_model="numpy")
def lif_flow(v, drive, tau, elapsed):
    """v [V] decays towards the drive [V]; tau [s]."""
    return drive + (v - drive) * math.exp(-elapsed / tau)


@njit(error_model="numpy")
def lif_next(v, drive, tau, threshold):
    """tau ln((drive - v) / (drive - threshold)), if the drive is above threshold."""
    if v >= threshold:
        return 0.0
    return (
        tau * math.log1p((threshold - v) / (drive - threshold)) if drive > threshold else math.inf
    )


@njit(error_model="numpy")
def adaptive_lif_flow(v, a, drive, tau, tau_adaptation, elapsed):
    """v [V] decays towards the drive [V], the adaptation a [V] towards 0."""
    return drive + (v - drive) * math.exp(-elapsed / tau), a * math.exp(-elapsed / tau_adaptation)


@njit(error_model="numpy")
def adaptive_lif_next(v, a, drive, tau, tau_adaptation, threshold):
    """When v - a reaches the threshold.

    With u = v - a, tau u' = -u + drive + a (tau / tau_adaptation - 1). So -a acts on u like a
    decaying current.
    """
    current = a * (tau - tau_adaptation) / tau_adaptation
    return near_crossing(
        (v - a, current, 0.0, drive, tau, tau_adaptation, tau_adaptation), threshold
    )


@njit(error_model="numpy")
def adaptive_lif_fire(a, reset, increment):
    """v is reset and the threshold rises."""
    return reset, a + increment


@njit(error_model="numpy")
def cuba_lif_flow(v, g_e, g_i, drive, tau, tau_excitatory, tau_inhibitory, elapsed):
    """v [V] follows the drive and two currents [V], each of which decays on its own."""
    decay = math.exp(-elapsed / tau)
    potential = drive + (v - drive) * decay
    if g_e != 0.0:
        potential += g_e * response(elapsed, decay, tau, tau_excitatory)
        g_e *= math.exp(-elapsed / tau_excitatory)
    if g_i != 0.0:
        potential += g_i * response(elapsed, decay, tau, tau_inhibitory)
        g_i *= math.exp(-elapsed / tau_inhibitory)
    return potential, g_e, g_i


@njit(error_model="numpy")
def cuba_lif_next(v, g_e, g_i, drive, tau, tau_excitatory, tau_inhibitory, threshold):
    """The first of at most three crossings, safely bracketed."""
    return near_crossing((v, g_e, g_i, drive, tau, tau_excitatory, tau_inhibitory), threshold)
