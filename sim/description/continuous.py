"""What a stimulus is in continuous time, as `Stimulus.event` tells the event engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import ArrayLike

from .. import validation as check

MOST_RATE: Final = 1e9  # [Hz] of a Poisson train, whose spikes are drawn one by one
SHORTEST: Final = 1e-9  # [s] between two draws of a noise
NUMBER: Final = 8  # bytes
LISTED: Final = 48  # bytes per listed spike
TRAIN: Final = 220  # bytes per unit of a Poisson train


class EventInput(ABC):
    """Input to one population in continuous time.

    goes: "receptor" for spikes, "drive" for currents.
    """

    goes: ClassVar[str]

    @abstractmethod
    def fits(self, n: int) -> None:
        """Raise ParameterError if this cannot drive `n` units."""

    @abstractmethod
    def room(self, n: int) -> int:
        """Bytes that the event engine takes for it, for `n` units."""


def one_per_unit(owner: object, field: str, value: Any, n: int) -> None:
    """Raise ParameterError unless a field is a number or has one entry for each of `n` units."""
    if np.ndim(value) and np.shape(value) != (n,):
        raise check.fail(
            owner, field, f"must be one number or one per unit ({n})", f"shape {np.shape(value)}"
        )


def one_per_column(owner: object, field: str, values: Any, n: int) -> None:
    """Raise ParameterError unless an array has one column, or one for each of `n` units.

    The array is (n_rows, n_columns).
    """
    if (columns := np.shape(values)[1]) not in (1, n):
        raise check.fail(
            owner, field, f"must have one column or one per unit ({n})", f"{columns} columns"
        )


@final
@dataclass(frozen=True, eq=False)
class SpikeTimes(EventInput):
    """Spikes at given times: spike k reaches unit ``ids[k]`` at ``times[k]``.

    times (n_spikes,) [s], ascending, >= 0; ids (n_spikes,) unit indices; weight in the receptor's
    unit, one number or (n_spikes,). Raises ParameterError for anything else.
    """

    times: ArrayLike
    ids: ArrayLike
    weight: float | ArrayLike = 1.0

    goes: ClassVar[str] = "receptor"

    def __post_init__(self) -> None:
        times = check.keep(self, "times", check.finite_array, ndim=1, least=0.0, unit="s")
        ids = check.keep(self, "ids", check.index_array)
        weight = check.keep(self, "weight", check.per_unit)
        if ids.shape != times.shape:
            raise check.fail(
                self, "ids", f"must be as many as times ({times.size})", f"shape {ids.shape}"
            )
        if np.ndim(weight) and weight.shape != times.shape:
            rule = f"must be one number or as many as times ({times.size})"
            raise check.fail(self, "weight", rule, f"shape {weight.shape}")
        if (np.diff(times) < 0).any():
            raise check.fail(self, "times", "must ascend", times)

    def fits(self, n: int) -> None:
        check.index_array(self, "ids", self.ids, below=n)

    def room(self, n: int) -> int:
        return LISTED * int(np.size(self.times))


@final
@dataclass(frozen=True, eq=False)
class PoissonProcess(EventInput):
    """An independent Poisson spike train into every unit.

    rate [Hz] and weight, each one number or (n,). Raises ParameterError for anything else.
    """

    rate: float | ArrayLike
    weight: float | ArrayLike = 1.0

    goes: ClassVar[str] = "receptor"

    def __post_init__(self) -> None:
        check.keep(self, "rate", check.per_unit, least=0.0, most=MOST_RATE, unit="Hz")
        check.keep(self, "weight", check.per_unit)

    def fits(self, n: int) -> None:
        one_per_unit(self, "rate", self.rate, n)
        one_per_unit(self, "weight", self.weight, n)

    def room(self, n: int) -> int:
        return TRAIN * n


@final
@dataclass(frozen=True, eq=False)
class PiecewiseConstant(EventInput):
    """A current that changes at given times.

    ``values[k]`` holds from ``times[k]`` on, 0 before the first. times (n_levels,) [s], ascending,
    >= 0; values (n_levels, 1) for all units or (n_levels, n). Raises ParameterError for anything
    else.
    """

    times: ArrayLike
    values: ArrayLike

    goes: ClassVar[str] = "drive"

    def __post_init__(self) -> None:
        times = check.keep(self, "times", check.finite_array, ndim=1, least=0.0, unit="s")
        values = check.keep(self, "values", check.finite_array, ndim=2)
        if not times.size or values.shape[0] != times.size:
            raise check.fail(
                self,
                "values",
                f"must have one row per time ({times.size})",
                f"shape {values.shape}",
            )
        if (np.diff(times) < 0).any():
            raise check.fail(self, "times", "must ascend", times)

    def fits(self, n: int) -> None:
        one_per_column(self, "values", self.values, n)

    def room(self, n: int) -> int:
        return 2 * NUMBER * int(np.size(self.values) + np.size(self.times))


@final
@dataclass(frozen=True, eq=False)
class HeldNoise(EventInput):
    """A Gaussian current, drawn anew at equal intervals and held in between.

    It is drawn for every unit at each multiple of `interval` [s]. mean and std, one number or (n,).
    Raises ParameterError for anything else.
    """

    interval: float
    std: float | ArrayLike
    mean: float | ArrayLike = 0.0

    goes: ClassVar[str] = "drive"

    def __post_init__(self) -> None:
        check.keep(self, "interval", check.within, least=SHORTEST, unit="s")
        check.keep(self, "std", check.per_unit, least=0.0)
        check.keep(self, "mean", check.per_unit)

    def fits(self, n: int) -> None:
        one_per_unit(self, "std", self.std, n)
        one_per_unit(self, "mean", self.mean, n)

    def room(self, n: int) -> int:
        return 4 * NUMBER * n
