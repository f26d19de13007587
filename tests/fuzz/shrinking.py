"""Making a case that fails as small as can be: what it does not need is taken away,
part by part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any

import numpy as np

from potentia.sim import Events, SpikeTrain

from .case import Case, code

PARTS = ("populations", "projections", "inputs", "probes")
PLAIN: dict[str, Any] = {"dtype": "float64", "chunk": 1000, "deterministic": False}


def shrink(case: Case, fails: Callable[[Case], bool], seconds: float = 60.0) -> Case:
    """The smallest case found within `seconds` that still `fails`."""
    end, smaller = time.monotonic() + seconds, True
    while smaller:
        smaller = False
        for candidate in _smaller(case):
            if time.monotonic() > end:
                return case
            if candidate.script() != case.script() and fails(candidate):
                case, smaller = candidate, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    """Cases that say less, the boldest cuts first."""
    for kind in PARTS:
        for k in range(len(getattr(case, kind))):
            if kind != "populations" or len(case.populations) > 1:
                yield case.without(kind, k)
    yield from _shorter(case)
    for name, value in PLAIN.items():
        yield replace(case, **{name: value})
    for kind in PARTS:
        parts = getattr(case, kind)
        for k, part in enumerate(parts):
            for plainer in _plainer(part):
                yield replace(case, **{kind: (*parts[:k], plainer, *parts[k + 1 :])})


def _shorter(case: Case) -> Iterator[Case]:
    """Fewer steps, and fewer and plainer stimuli in the batch."""
    for name in case.later:
        yield replace(
            case, later={other: stimuli for other, stimuli in case.later.items() if other != name}
        )
    for k in range(case.batch if case.batch > 1 else 0):
        yield replace(
            case, later={name: stimuli[k : k + 1] for name, stimuli in case.later.items()}
        )
    for name in ("first", "second"):
        for steps in (1, getattr(case, name) // 2, getattr(case, name) - 1):
            if 0 < steps < getattr(case, name):
                yield replace(case, **{name: steps})
    for name, stimuli in case.later.items():
        for k, stimulus in enumerate(stimuli):
            for plainer in _plainer(stimulus):
                yield replace(
                    case, later={**case.later, name: (*stimuli[:k], plainer, *stimuli[k + 1 :])}
                )


def _plainer(part: Any) -> Iterator[Any]:
    """Versions of a dataclass with one field plainer: its default, or a number in place of an
    array.
    """
    if isinstance(part, Events):
        part = part.train
    if isinstance(part, SpikeTrain) and len(part.times) > 0:
        yield from _fewer(part)
    for own in fields(part):
        value = getattr(part, own.name)
        for plain in _values(own, value):
            try:
                yield replace(part, **{own.name: plain})
            except Exception:  # a version that the constructor refuses is none
                continue


def _fewer(train: SpikeTrain) -> Iterator[SpikeTrain]:
    """Half of the spikes, or all but one."""
    n = len(train.times)
    for kept in (
        np.arange(n) < n // 2,
        np.arange(n) >= n // 2,
        *(np.arange(n) != k for k in range(min(n, 8))),
    ):
        weight = train.weight if np.ndim(train.weight) == 0 else train.weight[kept]
        yield SpikeTrain(train.times[kept], train.ids[kept], weight)


def _values(own: Any, value: Any) -> Iterator[Any]:
    if (
        own.default is not MISSING
        and not isinstance(value, np.ndarray)
        and code(value) != code(own.default)
    ):
        yield own.default
    if isinstance(value, np.ndarray):
        if own.default is not MISSING and np.ndim(own.default) == 0:
            yield own.default
        if value.size and value.ndim == 1:
            yield float(value[0])
    elif isinstance(value, dict):
        yield from (
            {other: item for other, item in value.items() if other != name} for name in value
        )
    elif is_dataclass(value):
        yield from _plainer(value)
