"""A local rule on whole matrices, one step after the other: what all faster ways must come to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..sim import validation as check
from ..sim.description.local_rule import LocalRule, asked, numbers_of, tau_of
from ..sim.description.rule import LONGEST

Matrix = NDArray[np.float64]
OWNER: Final = "run_dense"


def run_dense(
    rule: LocalRule,
    weights: ArrayLike,
    arrivals: ArrayLike,
    spikes: ArrayLike,
    *,
    dt: float,
    others: Mapping[str, ArrayLike] | None = None,
) -> Matrix:
    """The weights that a rule makes of given spikes, computed as its functions say.

    Every number of every synapse is worked out in every step, in double precision: slow, and plain
    to read. Engines, which do work only where something happens, are tested against it.

    Parameters
    ----------
    weights : array_like, shape (n_pre, n_post)
        In the beginning.
    arrivals : array_like of bool, shape (n_steps, n_pre, n_post)
        Whether a spike arrives at a synapse in a step.
    spikes : array_like of bool, shape (n_steps, n_post)
        Whether a target fires in a step.
    dt : float
        Duration of a step [s].
    others : mapping of array_like, shape (n_steps, n_pre, n_post) or what fits it, optional
        Modulators and state variables by name, such as ``v_post``.

    Returns
    -------
    ndarray, shape (n_pre, n_post)

    Raises
    ------
    ParameterError
        If shapes do not fit, or a function of the rule asks for what is not there.
    """
    check.instance(OWNER, "rule", rule, LocalRule, "STDP()")
    initial = check.finite_array(OWNER, "weights", weights, ndim=2)
    dt = check.within(OWNER, "dt", dt, above=0.0, most=LONGEST, unit="s")
    fired, arrived = _truths("spikes", spikes), _truths("arrivals", arrivals)
    shape = (*fired.shape[:1], *initial.shape)
    if fired.ndim != 2 or fired.shape[1] != initial.shape[1]:
        rule_ = f"must have the shape (n_steps, n_post) with n_post = {initial.shape[1]}"
        raise check.fail(OWNER, "spikes", rule_, f"shape {fired.shape}")
    if arrived.shape != shape:
        rule_ = f"must have the shape (n_steps, n_pre, n_post) = {shape}"
        raise check.fail(OWNER, "arrivals", rule_, f"shape {arrived.shape}")
    named = check.mapping(OWNER, "others", {} if others is None else others, "{'v_post': v}")
    given = {name: _fitting(f"others {name!r}", value, shape) for name, value in named.items()}
    state = _State(rule, initial, dt)
    for step in range(len(fired)):
        own = {name: value[step] for name, value in given.items()}
        state.decay(own)
        state.event(rule.arrival, arrived[step], own)
        state.raise_traces("pre", arrived[step])
        post = np.broadcast_to(fired[step], state.weights.shape)
        state.event(rule.spike, post, own)
        state.event(rule.step, state.active(own), own)
        state.raise_traces("post", post)
    return state.weights


def _truths(field: str, values: Any) -> NDArray[np.bool_]:
    """An array of truth values, or of numbers of which all but 0 are true."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "b":
        return values
    return np.asarray(check.array_of(OWNER, field, values) != 0)


def _fitting(field: str, values: Any, shape: tuple[int, ...]) -> Matrix:
    """An array as one number for each step and synapse."""
    is_truth = isinstance(values, np.ndarray) and values.dtype.kind == "b"
    array = values * 1.0 if is_truth else check.finite_array(OWNER, field, values)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        rule = f"must have the shape (n_steps, n_pre, n_post) = {shape}"
        raise check.fail(OWNER, field, rule, f"shape {array.shape}") from None


class _State:
    """All numbers of all synapses (n_pre, n_post) at present."""

    def __init__(self, rule: LocalRule, weights: Matrix, dt: float) -> None:
        self.rule, self.weights = rule, weights
        self.low, self.high = rule.bounds(weights)
        self.numbers = {**numbers_of(rule, self.low, self.high), "dt": dt}
        names = [*rule.traces, *rule.eligibilities, *rule.averages]
        self.kept = {name: math.exp(-dt / tau_of(rule, name)) for name in names}
        self.values = {name: np.zeros_like(weights) for name in names}

    def decay(self, others: Mapping[str, Matrix]) -> None:
        """What time does in one step; averages follow the state after it."""
        for name, kept in self.kept.items():
            self.values[name] = self.values[name] * kept
        for name, own in self.rule.averages.items():
            value = own.of(*self._arguments(own.of, others))
            self.values[name] = self.values[name] + (1 - self.kept[name]) * value

    def active(self, others: Mapping[str, Matrix]) -> NDArray[np.bool_]:
        """Where `step` works."""
        function = self.rule.active
        if function is None:
            return np.ones(self.weights.shape, bool)
        holds = np.asarray(function(*self._arguments(function, others)), bool)
        return np.array(np.broadcast_to(holds, self.weights.shape))

    def _arguments(self, function: Callable[..., Any], others: Mapping[str, Matrix]) -> list[Any]:
        names = asked(function)
        known = {"w": self.weights, **self.numbers, **self.values, **others}
        missing = [name for name in names if name not in known]
        if missing:
            raise check.fail(OWNER, "others", f"must hold {missing[0]}", list(others))
        return [known[name] for name in names]

    def raise_traces(self, side: str, where: NDArray[np.bool_]) -> None:
        for name, trace in self.rule.traces.items():
            if trace.side == side:
                left = 0.0 if trace.pairs == "nearest" else self.values[name]
                self.values[name] = np.where(where, left + 1.0, self.values[name])

    def event(
        self,
        function: Callable[..., Any] | None,
        where: NDArray[np.bool_],
        others: Mapping[str, Matrix],
    ) -> None:
        """Let an event happen at the synapses `where`."""
        if function is None:
            return
        names, found = asked(function), function(*self._arguments(function, others))
        news = found if isinstance(found, tuple) else (found,)
        for name, value in zip(names, news, strict=False):
            if name == "w":
                kept = np.minimum(np.maximum(value, self.low), self.high)
                self.weights = np.where(where, kept, self.weights)
            else:
                self.values[name] = np.where(where, value, self.values[name])
