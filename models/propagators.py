"""Exact steps of linear membranes.

They tell what is left of a value after dt, and what a synaptic current adds to v. All functions
take numbers or arrays with one entry per unit (time constants [s], dt [s]) and have no singular
case: equal time constants of membrane and synapse are as good as any others. Time constants that
torch trains are tensors; then the result is one, which torch can differentiate. Method: Rotter and
Diesmann (1999), doi:10.1007/s004220050570.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..sim import validation as check
from ..sim.description.distributions import numbers
from .parameters import PerUnit

Numbers = float | NDArray[np.float64]
MOST_REST: Final = 2**31 - 1  # steps that kernels can count


def decay(dt: float, tau: PerUnit) -> Numbers:
    """exp(-dt / tau): the part of a decaying value that is left after dt."""
    ops, own = _given(tau)
    return _plain(ops.exp(-dt / own))


def coarse(dt: float, tau: PerUnit) -> int:
    """1 if any unit keeps hardly more than half of a value, or less, over dt.

    See `short_of` of the kernels.
    """
    left: Any = decay(dt, tau)
    left = left.detach() if hasattr(left, "detach") else left
    return int(np.min(np.asarray(left)) < 0.51)  # a half, and room for the rounding of float32


def mean_of_decay(dt: float, tau: PerUnit) -> Numbers:
    """The mean of exp(-t / tau) over 0 <= t <= dt."""
    ops, own = _given(tau)
    return _plain(_phi(ops, -dt / own))


def exponential_response(dt: float, tau: PerUnit, tau_synapse: PerUnit) -> Numbers:
    """v(dt) of ``tau dv/dt = -v + exp(-t / tau_synapse)``, v(0) = 0."""
    ops, own, synaptic = _given(tau, tau_synapse)
    a, b = dt / own, dt / synaptic
    return _plain(a * ops.exp(-ops.minimum(a, b)) * _phi(ops, -ops.abs(a - b)))


def alpha_response(dt: float, tau: PerUnit, tau_synapse: PerUnit) -> Numbers:
    """v(dt) of ``tau dv/dt = -v + (t / tau_synapse) exp(-t / tau_synapse)``, v(0) = 0."""
    ops, own, synaptic = _given(tau, tau_synapse)
    a, b = dt / own, dt / synaptic
    x = -ops.abs(a - b)
    moment = ops.where(a <= b, _psi(ops, x), _phi(ops, x) - _psi(ops, x))
    return _plain(a * b * ops.exp(-ops.minimum(a, b)) * moment)


def difference_gain(slow: PerUnit, fast: PerUnit) -> Numbers:
    """log(fast) / log(fast / slow), of what a step leaves of two values; 1 where fast is 0."""
    ops, own, other = _given(slow, fast)
    with np.errstate(divide="ignore"):  # the log of 0 is -inf
        return _plain(1 / (1 - ops.log(own) / ops.log(other)))


def rests(model: object, dt: float, refractory: PerUnit) -> Numbers:
    """Refractory times [s] of `model` in steps of dt: an int, or int32 (n,).

    Raises ParameterError beyond 2**31 - 1.
    """
    steps = np.rint(np.asarray(numbers(refractory)) / dt)
    if np.max(steps) > MOST_REST:
        rule = f"must be at most {MOST_REST * dt:g} s, {MOST_REST} steps of dt = {dt:g} s"
        raise check.fail(model, "refractory", rule, float(np.max(numbers(refractory))))
    return steps.astype(np.int32) if steps.ndim else int(steps)


def _given(*taus: Any) -> tuple[Any, ...]:
    """The library that works on time constants, numpy or torch, and these as its arrays."""
    torch = sys.modules.get("torch")
    if torch is not None and any(isinstance(tau, torch.Tensor) for tau in taus):
        like = next(tau for tau in taus if isinstance(tau, torch.Tensor))
        made = [torch.as_tensor(tau, dtype=like.dtype, device=like.device) for tau in taus]
        return torch, *made
    return np, *(np.asarray(numbers(tau), np.float64) for tau in taus)


def _phi(ops: Any, x: Any) -> Any:
    """The integral of exp(x u) over 0 <= u <= 1: (e^x - 1) / x."""
    safe = ops.where(x == 0, 1.0, x)
    return ops.where(x == 0, 1.0, ops.expm1(safe) / safe)


def _psi(ops: Any, x: Any) -> Any:
    """The integral of u exp(x u) over 0 <= u <= 1: ((x - 1) e^x + 1) / x^2.

    Near 0 its series, the sum of x^k / (k! (k + 2)).
    """
    series, term = ops.zeros_like(x), ops.ones_like(x)
    near = ops.clip(x, -1.0, 1.0)
    for k in range(20):
        series = series + term / (k + 2)
        term = term * near / (k + 1)
    far = ops.where(ops.abs(x) < 1, 1.0, x)
    return ops.where(ops.abs(x) < 1, series, ((far - 1) * ops.exp(far) + 1) / far**2)


def _plain(value: Any) -> Numbers:
    """A float where it is one number: so that a kernel in float32 stays in float32."""
    if isinstance(value, (np.ndarray, np.generic)) and not np.ndim(value):
        return float(value)
    return value  # type: ignore[no-any-return]
