"""Currents from outside, which are added to the drive of a population."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import UnsupportedError
from .. import validation as check
from .continuous import HeldNoise, PiecewiseConstant, one_per_column, one_per_unit
from .distributions import Distribution, numbers, per_unit
from .inputs import Arguments, Stimulus, ends, to_steps


@final
@dataclass(frozen=True, eq=False)
class Constant(Stimulus):
    """A current that never changes.

    `value` is R*I [V] for the leaky models: one number, (n,) or a distribution.
    """

    value: float | ArrayLike | Distribution

    kernel: ClassVar[str] = ""  # nothing to do in a step
    goes: ClassVar[str] = "drive"
    wakes: ClassVar[bool] = True
    lasts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check.keep(self, "value", per_unit)

    def arguments(self, n: int, dt: float) -> Arguments:
        return {}

    @property
    def level(self) -> float | NDArray[np.float64]:
        return self.value  # type: ignore[return-value]

    def fits(self, n: int) -> None:
        one_per_unit(self, "value", self.value, n)


@final
@dataclass(frozen=True, eq=False)
class Step(Stimulus):
    """A current that changes at given times.

    ``values[k]`` holds from ``times[k]`` on; before the first the current is 0.

    times (n_levels,) [s], ascending, >= 0; values (n_levels,) for all units or (n_levels, n).
    """

    times: ArrayLike
    values: ArrayLike

    kernel: ClassVar[str] = "step_current_step"
    goes: ClassVar[str] = "drive"
    lasts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        times = np.atleast_1d(check.finite_array(self, "times", self.times, least=0.0, unit="s"))
        values = np.atleast_1d(check.finite_array(self, "values", self.values))
        if times.ndim != 1 or not times.size:
            raise check.fail(
                self, "times", "must have shape (n_levels,), at least one", f"shape {times.shape}"
            )
        if (np.diff(times) <= 0).any():
            raise check.fail(self, "times", "must ascend", times)
        object.__setattr__(self, "times", times)
        _keep_rows(self, values, f"must have one row per time ({times.size})", times.size)

    def arguments(self, n: int, dt: float) -> Arguments:
        return {"from_steps": to_steps(self.times, dt), "levels": self.values}

    def event(self, n: int) -> PiecewiseConstant:
        return PiecewiseConstant(self.times, self.values)

    @property
    def span(self) -> tuple[float, float] | None:
        return ends(self.times)

    def fits(self, n: int) -> None:
        one_per_column(self, "values", self.values, n)


@final
@dataclass(frozen=True, eq=False)
class TimedArray(Stimulus):
    """A current sampled at equal intervals.

    Row k of `values` holds from ``k * interval`` on; after the last the current is 0.

    values (n_samples,) for all units or (n_samples, n); interval [s], a multiple of dt.
    """

    values: ArrayLike
    interval: float

    kernel: ClassVar[str] = "timed_array_step"
    goes: ClassVar[str] = "drive"
    lasts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "interval", check.within(self, "interval", self.interval, above=0.0, unit="s")
        )
        values = check.finite_array(self, "values", self.values)
        _keep_rows(self, values, "must have shape (n_samples,) or (n_samples, n)")

    def arguments(self, n: int, dt: float) -> Arguments:
        return {"values": self.values, "repeat": check.steps(self, "interval", self.interval, dt)}

    def event(self, n: int) -> PiecewiseConstant:
        values = np.asarray(self.values)
        times = np.arange(len(values) + 1) * self.interval
        return PiecewiseConstant(times, np.concatenate([values, np.zeros((1, values.shape[1]))]))

    def fits(self, n: int) -> None:
        one_per_column(self, "values", self.values, n)

    @property
    def duration(self) -> float:
        return len(np.asarray(self.values)) * self.interval


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Noise(Stimulus):
    """A Gaussian current, independent for every unit and interval, constant inside an interval.

    mean and std are R*I [V] for the leaky models, one number, (n,) or a distribution; interval [s],
    a multiple of dt; None is dt itself, so that the noise grows whiter, and its effect weaker, as
    dt shrinks. With an interval, every dt and the event engine see the same current; without one
    the event engine refuses it, for it has no dt.
    """

    mean: float | ArrayLike | Distribution = 0.0
    std: float | ArrayLike | Distribution
    interval: float | None = None

    kernel: ClassVar[str] = "noise_step"
    goes: ClassVar[str] = "drive"
    lasts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check.keep(self, "mean", per_unit)
        check.keep(self, "std", per_unit, least=0.0)
        if self.interval is not None:
            object.__setattr__(
                self, "interval", check.within(self, "interval", self.interval, above=0.0, unit="s")
            )

    def arguments(self, n: int, dt: float) -> Arguments:
        repeat = 1 if self.interval is None else check.steps(self, "interval", self.interval, dt)
        return {"mean": self.mean, "std": self.std, "repeat": repeat}

    def event(self, n: int) -> HeldNoise:
        if self.interval is None:
            rule = (
                "must be given for engine='event', which has no dt at which a new number is drawn"
            )
            raise UnsupportedError(f"Noise.interval: {rule} (got None)")
        return HeldNoise(self.interval, std=numbers(self.std), mean=numbers(self.mean))

    def fits(self, n: int) -> None:
        one_per_unit(self, "mean", self.mean, n)
        one_per_unit(self, "std", self.std, n)


def _keep_rows(
    owner: object, values: NDArray[np.float64], rule: str, n_rows: int | None = None
) -> None:
    """Keep `values` as a matrix of one row per time, for all units (one column) or each of them."""
    if values.ndim not in (1, 2) or not values.size or n_rows not in (None, len(values)):
        raise check.fail(owner, "values", rule, f"shape {values.shape}")
    object.__setattr__(owner, "values", values.reshape(len(values), -1))
