"""The state of a clock engine as named arrays: saved, taken over, handed on, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, UnsupportedError
from ..operators.signals import MOST_COUNT, SAVED, Memory, Signal, match
from ..plan.divergence import diverged
from ..plan.plan import Plan


def snapshot(plan: Plan, memory: Memory, step: int) -> dict[str, NDArray[Any]]:
    """Copies of all arrays that change in a run, by name, with `step` and the mark `wiring`."""
    arrays = {signal.name: memory[signal].copy() for signal in _saved(plan)}
    return arrays | {"step": np.array([step], np.int64), "wiring": _wiring(plan, memory)}


def take_over(plan: Plan, memory: Memory, arrays: Mapping[str, NDArray[Any]]) -> int:
    """Write the arrays of a `snapshot` into memory; return its step.

    Raises DataError, before anything is written, unless every array fits the plan.
    """
    wiring = _wiring(plan, memory)
    expected: dict[str, NDArray[Any]] = {signal.name: memory[signal] for signal in _saved(plan)}
    expected |= {"step": np.zeros(1, np.int64), "wiring": wiring}
    match({name: (array.shape, array.dtype) for name, array in expected.items()}, arrays)
    if not np.array_equal(arrays["wiring"], wiring):
        raise DataError(
            "the synapses drawn here are not those of the saved network, which another version drew"
        )
    for signal in _saved(plan):
        signal.check(arrays[signal.name])
    step = int(arrays["step"][0])
    if not 0 <= step < MOST_COUNT:
        raise DataError(f"the saved step must be >= 0 (got {step})")
    _check_stimuli(plan, arrays, step)
    for signal in _saved(plan):
        memory[signal][...] = arrays[signal.name]
    return step


def hand_on(
    before: Memory, plan: Plan, memory: Memory, step: int, fresh: Collection[str] = ()
) -> None:
    """Copy the state that `before` has at `step` into the `memory` of a plan of the same parts.

    Stores of the projections `fresh` are left as they are. Raises UnsupportedError where an array
    gets another shape.
    """
    for signal in _saved(plan):
        if signal.region == "store" and signal.name.rpartition(".")[0] in fresh:
            continue
        old, new = before.views.get(signal.name), memory[signal]
        if old is not None and old.dtype == new.dtype and old.shape == new.shape:
            new[...] = old
        elif (
            old is not None
            and old.dtype == new.dtype
            and old.shape[1:] == new.shape[1:]
            and signal.name in plan.rings
        ):
            _turn(old, new, step)
        else:
            raise UnsupportedError(
                f"Simulator.set: cannot keep the state, since {signal.name} gets another shape"
            )


def check_finite(plan: Plan, memory: Memory, step: int) -> None:
    """Raise DivergenceError if a state variable is NaN or infinite.

    A NaN never reaches a threshold, so it would pass for silence.
    """
    for signal in plan.signals:
        if (
            signal.region == "state"
            and signal.dtype == "float"
            and not (good := np.isfinite(memory[signal])).all()
        ):
            unit = int(good.argmin())
            raise diverged(plan, signal.name, unit, memory[signal][unit], step)


def _turn(before: NDArray[Any], now: NDArray[Any], step: int) -> None:
    """Copy a ring of past steps into one of another depth, each step to its own slot."""
    for past in range(max(step - min(len(before), len(now)), 0), step):
        now[past % len(now)] = before[past % len(before)]


def _saved(plan: Plan) -> list[Signal]:
    return [signal for signal in plan.signals if signal.region in SAVED]


def _check_stimuli(plan: Plan, arrays: Mapping[str, NDArray[Any]], step: int) -> None:
    """Raise DataError where a stimulus would have more to catch up with than any run leaves."""
    for part in plan.network.inputs:
        names = part.stimulus.flow(part.population.n)
        kept = {key: arrays.get(f"{part.name}.{key}") for key in names}
        values = {key: array for key, array in kept.items() if array is not None}
        if values and not part.stimulus.stands(values, step * plan.dt):
            raise DataError(f"the saved times of {part.name} lie before the saved step")


def _wiring(plan: Plan, memory: Memory) -> NDArray[np.uint8]:
    """A digest of what must be equal where a state is taken over, BLAKE2b (16,).

    It is of the synapses of all projections and of all fixed whole numbers, such as lists of
    events.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, synapses in plan.synapses.items():
        digest.update(name.encode())
        synapses.mark(digest.update)
    for signal in plan.signals:
        if signal.region == "fixed" and memory[signal].dtype.kind in "iu" and not signal.layout:
            digest.update(signal.name.encode())
            digest.update(np.ascontiguousarray(memory[signal]).data)
    return np.frombuffer(digest.digest(), np.uint8)
