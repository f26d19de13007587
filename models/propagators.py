"""Exact steps of linear membranes.

They tell what is left of a value after dt, and what a synaptic current adds to v. All functions
take numbers or arrays with one entry per unit (time constants [s], dt [s]) and have no singular
case: equal time constants of membrane and synapse are as good as any others. Method: Rotter and
Diesmann (1999), doi:10.1007/s004220050570.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..sim import validation as check
from ..sim.description.distributions import numbers
from .parameters import PerUnit

Numbers = float | NDArray[np.float64]
MOST_REST: Final = 2**31 - 1  # steps that kernels can count


def decay(dt: float, tau: PerUnit) -> Numbers:
    """exp(-dt / tau): the part of a decaying value that is left after dt."""
    return _plain(np.exp(-dt / np.asarray(numbers(tau))))


def coarse(dt: float, tau: PerUnit) -> int:
    """1 if any unit keeps hardly more than half of a value, or less, over dt.

    See `short_of` of the kernels.
    """
    return int(np.min(decay(dt, tau)) < 0.51)  # a half, and room for the rounding of float32


def mean_of_decay(dt: float, tau: PerUnit) -> Numbers:
    """The mean of exp(-t / tau) over 0 <= t <= dt."""
    return _plain(_phi(-dt / np.asarray(numbers(tau))))


def exponential_response(dt: float, tau: PerUnit, tau_synapse: PerUnit) -> Numbers:
    """v(dt) of ``tau dv/dt = -v + exp(-t / tau_synapse)``, v(0) = 0."""
    a, b = dt / np.asarray(numbers(tau)), dt / np.asarray(numbers(tau_synapse))
    return _plain(a * np.exp(-np.minimum(a, b)) * _phi(-np.abs(a - b)))


def alpha_response(dt: float, tau: PerUnit, tau_synapse: PerUnit) -> Numbers:
    """v(dt) of ``tau dv/dt = -v + (t / tau_synapse) exp(-t / tau_synapse)``, v(0) = 0."""
    a, b = dt / np.asarray(numbers(tau)), dt / np.asarray(numbers(tau_synapse))
    x = -np.abs(a - b)
    moment = np.where(a <= b, _psi(x), _phi(x) - _psi(x))
    return _plain(a * b * np.exp(-np.minimum(a, b)) * moment)


def rests(model: object, dt: float, refractory: PerUnit) -> Numbers:
    """Refractory times [s] of `model` in steps of dt: an int, or int32 (n,).

    Raises ParameterError beyond 2**31 - 1.
    """
    steps = np.rint(np.asarray(numbers(refractory)) / dt)
    if np.max(steps) > MOST_REST:
        rule = f"must be at most {MOST_REST * dt:g} s, {MOST_REST} steps of dt = {dt:g} s"
        raise check.fail(model, "refractory", rule, float(np.max(numbers(refractory))))
    return steps.astype(np.int32) if steps.ndim else int(steps)


def _phi(x: Numbers) -> Numbers:
    """The integral of exp(x u) over 0 <= u <= 1: (e^x - 1) / x."""
    x = np.asarray(x, np.float64)
    safe = np.where(x == 0, 1.0, x)
    return np.where(x == 0, 1.0, np.expm1(safe) / safe)


def _psi(x: Numbers) -> Numbers:
    """The integral of u exp(x u) over 0 <= u <= 1: ((x - 1) e^x + 1) / x^2.

    Near 0 its series, the sum of x^k / (k! (k + 2)).
    """
    x = np.asarray(x, np.float64)
    series, term = np.zeros_like(x), np.ones_like(x)
    near = np.clip(x, -1.0, 1.0)
    for k in range(20):
        series = series + term / (k + 2)
        term = term * near / (k + 1)
    far = np.where(np.abs(x) < 1, 1.0, x)
    return np.where(np.abs(x) < 1, series, ((far - 1) * np.exp(far) + 1) / far**2)


def _plain(value: Numbers) -> Numbers:
    """A float where it is one number: so that a kernel in float32 stays in float32."""
    return value if np.ndim(value) else float(value)
