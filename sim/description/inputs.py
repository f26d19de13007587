"""What drives a population from outside: spikes into a receptor, or currents into the drive."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...kernels.reference.inputs import GROUP
from .. import validation as check
from ..seed import beginning

MOST_UNITS: Final = 2**31 - 1  # of one population
MOST_PIXELS: Final = 2**14  # of one side of a sensor
MOST_RATE: Final = 1e9  # [Hz] of a Poisson train, whose spikes are drawn one by one
SAME: Final = 1e-6  # steps by which a time may miss the grid point that it means
MOST_DRAWN: Final = 1e4  # of them in one step, on average

Arguments = dict[str, Any]


class Stimulus(ABC):
    """A source of input to one population.

    - kernel: runs in phase "arrive" of each step.
    - goes: "receptor" for weighted spikes, which are summed in a receptor, or "drive" for a current, R*I [V] in the
      leaky models.
    - exact: names of arguments that the kernel gets in double precision whatever the precision of the simulation, as
      times need it.
    - weighs: names of arguments that are weights; at a receptor that counts arrivals each is replaced by 1.
    - wakes: the kernel sets marks in `woken` where it adds something, so shards that get nothing may nap.
    - lasts: the current stays the same for several steps. The kernel adds it only in steps with ``renewed[0]`` = 1,
      and lowers ``until[0]`` to the step of its next change. The drive of a population is summed anew when the first of
      its currents changes; where one of them does not last, it is summed anew in every step.
    """

    kernel: ClassVar[str]
    goes: ClassVar[str]
    exact: ClassVar[tuple[str, ...]] = ()
    weighs: ClassVar[tuple[str, ...]] = ()
    wakes: ClassVar[bool] = False
    lasts: ClassVar[bool] = False

    @abstractmethod
    def arguments(self, n: int, dt: float) -> Arguments:
        """The kernel's constants for a population of `n` units at step `dt` [s]."""

    def flow(self, n: int) -> dict[str, tuple[str, tuple[int, ...], Any]]:
        """What the kernel keeps from step to step: name -> (dtype, shape, initial value)."""
        return {}

    def anew(self, n: int, dt: float, step: int) -> dict[str, Any]:
        """What `flow` holds at first where the stimulus takes the place of another one at the beginning of `step`.

        Only what differs from the initial values. Times are those of the simulation: what lies before is past.
        """
        return {}

    def stands(self, values: Mapping[str, NDArray[Any]], time: float) -> bool:
        """Whether what `flow` keeps can hold these values at `time` [s]: whether nothing is left to catch up with."""
        return True

    def fits(self, n: int) -> None:  # noqa: B027
        """Raise ParameterError if this cannot drive `n` units."""

    @property
    def span(self) -> tuple[float, float] | None:
        """When the first and the last of its events come [s]; None if it has no list of them or an empty one."""
        return None

    @property
    def duration(self) -> float:
        """When the stimulus ends [s]; 0 if it has no end of its own."""
        return 0.0


def _per_unit(owner: object, field: str, value: Any, n: int) -> Any:
    """A number, or an array with one entry per unit, checked against the population's size."""
    if np.ndim(value) and np.shape(value) != (n,):
        raise check.fail(owner, field, f"must be one number or one per unit ({n})", f"shape {np.shape(value)}")
    return value


def _keep(stimulus: object, field: str, **limits: Any) -> None:
    """Check a field of a frozen stimulus and keep it as a float or as a read-only array (n,) float64."""
    object.__setattr__(stimulus, field, check.per_unit(stimulus, field, getattr(stimulus, field), **limits))


def _to_steps(times: Any, dt: float) -> NDArray[np.int64]:
    """Times [s] as the nearest whole numbers of steps; those that no run reaches become the last one that counts."""
    steps = np.minimum(np.asarray(times, np.float64) / dt, float(check.MOST_STEPS))
    return np.asarray(np.rint(steps), np.int64)


@final
@dataclass(frozen=True, eq=False)
class SpikeTrain(Stimulus):
    """Spikes at given times: spike k reaches unit ``ids[k]`` at ``times[k]`` with weight ``weight``.

    times (n_spikes,) [s], any order, >= 0; ids (n_spikes,) unit indices, >= 0; weight in the
    receptor's unit, one number or (n_spikes,). Stored sorted by time, then by id. The clock engine moves
    a spike to the nearest grid point; one at time 0 acts at the first, dt.
    """

    times: ArrayLike = ()
    ids: ArrayLike = ()
    weight: float | NDArray[np.float64] = 1.0

    kernel: ClassVar[str] = "spike_train_step"
    goes: ClassVar[str] = "receptor"
    weighs: ClassVar[tuple[str, ...]] = ("event_weights",)
    wakes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        times = check.finite_array(self, "times", self.times, ndim=1, least=0.0, unit="s")
        ids = check.index_array(self, "ids", self.ids, below=MOST_UNITS)
        if ids.shape != times.shape:
            raise check.fail(self, "ids", f"must be as many as times ({times.size})", f"shape {ids.shape}")
        order = np.lexsort((ids, times))
        object.__setattr__(self, "times", times[order])
        object.__setattr__(self, "ids", ids[order])
        weight = check.per_unit(self, "weight", self.weight)
        if np.ndim(weight) and weight.shape != times.shape:
            raise check.fail(
                self, "weight", f"must be one number or as many as times ({times.size})", f"shape {weight.shape}"
            )
        object.__setattr__(self, "weight", weight[order] if np.ndim(weight) else weight)

    def arguments(self, n: int, dt: float) -> Arguments:
        times = np.asarray(self.times)
        return {
            "event_steps": np.maximum(_to_steps(times, dt) - 1, 0),
            "event_ids": np.asarray(self.ids).astype(np.uint32),
            "event_weights": np.broadcast_to(np.asarray(self.weight, np.float64), times.shape).copy(),
        }

    def flow(self, n: int) -> dict[str, tuple[str, tuple[int, ...], Any]]:
        return {"cursor": ("int64", (1,), 0)}

    def anew(self, n: int, dt: float, step: int) -> dict[str, Any]:
        now = (step + SAME) * dt if step else -1.0  # at the beginning, spikes at time 0 are still to come
        return {"cursor": int(np.searchsorted(np.asarray(self.times), now, side="right"))}

    def fits(self, n: int) -> None:
        check.index_array(self, "ids", self.ids, below=n)

    @property
    def span(self) -> tuple[float, float] | None:
        times = np.asarray(self.times)  # sorted
        return (float(times[0]), float(times[-1])) if times.size else None

    @property
    def duration(self) -> float:
        return float(np.max(self.times, initial=0.0))


@final
@dataclass(frozen=True, eq=False)
class Events(Stimulus):
    """An event-camera recording: each event reaches the unit of its pixel and polarity.

    x, y pixel coordinates; t times [s]; p polarities, 0 or 1 (or -1 and 1); all (n_events,).
    Unit of an event: ``(p * height + y) * width + x``; without polarities the first width * height units.
    """

    x: ArrayLike
    y: ArrayLike
    t: ArrayLike
    p: ArrayLike | None = None
    width: int = 34
    height: int = 34
    weight: float = 1.0

    kernel: ClassVar[str] = "spike_train_step"
    goes: ClassVar[str] = "receptor"
    weighs: ClassVar[tuple[str, ...]] = ("event_weights",)
    wakes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for side in ("width", "height"):
            object.__setattr__(self, side, check.whole(self, side, getattr(self, side), least=1, most=MOST_PIXELS))
        check.keep(self, "weight", check.per_unit)
        times = check.finite_array(self, "t", self.t, ndim=1, least=0.0, unit="s")
        x = check.index_array(self, "x", self.x, below=self.width)
        y = check.index_array(self, "y", self.y, below=self.height)
        given = {"x": x, "y": y} | ({} if self.p is None else {"p": check.array_of(self, "p", self.p)})
        for name, values in given.items():
            if values.shape != times.shape:
                raise check.fail(self, name, f"must be as many as t ({times.size})", f"shape {values.shape}")
        ids = y * self.width + x
        if self.p is not None:
            polarity = check.array_of(self, "p", self.p)
            if not np.isin(polarity, (-1, 0, 1)).all():
                raise check.fail(
                    self,
                    "p",
                    "every polarity must be 0 or 1 (or -1 and 1)",
                    polarity[~np.isin(polarity, (-1, 0, 1))][0],
                )
            ids = ids + (polarity > 0) * (self.width * self.height)
        object.__setattr__(self, "_train", SpikeTrain(times, ids, self.weight))

    @property
    def train(self) -> SpikeTrain:
        """The same events as a spike train."""
        train: SpikeTrain = object.__getattribute__(self, "_train")
        return train

    def arguments(self, n: int, dt: float) -> Arguments:
        return self.train.arguments(n, dt)

    def flow(self, n: int) -> dict[str, tuple[str, tuple[int, ...], Any]]:
        return self.train.flow(n)

    def anew(self, n: int, dt: float, step: int) -> dict[str, Any]:
        return self.train.anew(n, dt, step)

    def fits(self, n: int) -> None:
        pixels = self.width * self.height * (1 if self.p is None else 2)
        if n < pixels:
            raise check.fail(
                self, "width x height x polarities", f"must be at most the {n} units of the population", pixels
            )

    @property
    def span(self) -> tuple[float, float] | None:
        return self.train.span

    @property
    def duration(self) -> float:
        return self.train.duration


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Poisson(Stimulus):
    """An independent Poisson spike train into every unit.

    rate [Hz], one number or (n,), >= 0; weight in the receptor's unit. The times are drawn interval by
    interval, so every engine and every dt sees the same trains.
    """

    rate: float | ArrayLike
    weight: float | ArrayLike = 1.0

    kernel: ClassVar[str] = "poisson_step"
    goes: ClassVar[str] = "receptor"
    weighs: ClassVar[tuple[str, ...]] = ("weight",)
    wakes: ClassVar[bool] = True
    exact: ClassVar[tuple[str, ...]] = ("rate", "dt")

    def __post_init__(self) -> None:
        _keep(self, "rate", least=0.0, most=MOST_RATE, unit="Hz")
        _keep(self, "weight")

    def arguments(self, n: int, dt: float) -> Arguments:
        if (expected := float(np.max(self.rate, initial=0.0)) * dt) > MOST_DRAWN:
            rule = f"must lead to at most {MOST_DRAWN:g} spikes of a unit in a step of {dt:g} s, as each is drawn"
            raise check.fail(self, "rate", rule, expected)
        return {"rate": self.rate, "weight": self.weight, "dt": dt}

    def flow(self, n: int) -> dict[str, tuple[str, tuple[int, ...], Any]]:
        return {
            "due": ("float64", (n,), -1.0),
            "drawn": ("int64", (n,), 0),
            "earliest": ("float64", (-(-n // GROUP),), -1.0),
        }

    def anew(self, n: int, dt: float, step: int) -> dict[str, Any]:
        return {"drawn": beginning(step * dt)}

    def stands(self, values: Mapping[str, NDArray[Any]], time: float) -> bool:
        due, drawn = values["due"], values["drawn"]
        return bool(np.where(due < 0.0, drawn >= beginning(time), due >= time).all())

    def fits(self, n: int) -> None:
        _per_unit(self, "rate", self.rate, n)
        _per_unit(self, "weight", self.weight, n)


@final
@dataclass(frozen=True, eq=False)
class Constant(Stimulus):
    """A current that never changes: `value` is R*I [V] for the leaky models; one number or (n,)."""

    value: float | ArrayLike

    kernel: ClassVar[str] = ""  # part of the drive from the start; nothing to do in a step
    goes: ClassVar[str] = "drive"

    def __post_init__(self) -> None:
        _keep(self, "value")

    def arguments(self, n: int, dt: float) -> Arguments:
        return {}

    def fits(self, n: int) -> None:
        _per_unit(self, "value", self.value, n)


@final
@dataclass(frozen=True, eq=False)
class Step(Stimulus):
    """A current that changes at given times: ``values[k]`` holds from ``times[k]`` on, 0 before the first.

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
            raise check.fail(self, "times", "must have shape (n_levels,), at least one", f"shape {times.shape}")
        if (np.diff(times) <= 0).any():
            raise check.fail(self, "times", "must ascend", times)
        if values.ndim > 2 or values.shape[0] != times.size or not values.size:
            raise check.fail(self, "values", f"must have one row per time ({times.size})", f"shape {values.shape}")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values.reshape(times.size, -1))

    def arguments(self, n: int, dt: float) -> Arguments:
        return {"from_steps": _to_steps(self.times, dt), "levels": self.values}

    @property
    def span(self) -> tuple[float, float] | None:
        times = np.asarray(self.times)
        return (float(times[0]), float(times[-1])) if times.size else None

    def fits(self, n: int) -> None:
        _columns(self, "values", np.shape(self.values)[1], n)


@final
@dataclass(frozen=True, eq=False)
class TimedArray(Stimulus):
    """A current sampled at equal intervals: row k of `values` holds from ``k * interval`` on; 0 after the last.

    values (n_samples,) for all units or (n_samples, n); interval [s], a multiple of dt.
    """

    values: ArrayLike
    interval: float

    kernel: ClassVar[str] = "timed_array_step"
    goes: ClassVar[str] = "drive"
    lasts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "interval", check.within(self, "interval", self.interval, above=0.0, unit="s"))
        values = check.finite_array(self, "values", self.values)
        if values.ndim not in (1, 2) or not values.size:
            raise check.fail(self, "values", "must have shape (n_samples,) or (n_samples, n)", f"shape {values.shape}")
        object.__setattr__(self, "values", values.reshape(values.shape[0], -1))

    def arguments(self, n: int, dt: float) -> Arguments:
        return {"values": self.values, "repeat": check.steps(self, "interval", self.interval, dt)}

    def fits(self, n: int) -> None:
        _columns(self, "values", np.shape(self.values)[1], n)

    @property
    def duration(self) -> float:
        return len(np.asarray(self.values)) * self.interval


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Noise(Stimulus):
    """A Gaussian current, independent for every unit and interval, constant inside an interval.

    mean and std are R*I [V] for the leaky models, one number or (n,); interval [s], a multiple of dt;
    None is dt itself, so that the noise grows whiter, and its effect weaker, as dt shrinks.
    """

    mean: float | ArrayLike = 0.0
    std: float | ArrayLike
    interval: float | None = None

    kernel: ClassVar[str] = "noise_step"
    goes: ClassVar[str] = "drive"
    lasts: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _keep(self, "mean")
        _keep(self, "std", least=0.0)
        if self.interval is not None:
            object.__setattr__(self, "interval", check.within(self, "interval", self.interval, above=0.0, unit="s"))

    def arguments(self, n: int, dt: float) -> Arguments:
        repeat = 1 if self.interval is None else check.steps(self, "interval", self.interval, dt)
        return {"mean": self.mean, "std": self.std, "repeat": repeat}

    def fits(self, n: int) -> None:
        _per_unit(self, "mean", self.mean, n)
        _per_unit(self, "std", self.std, n)


def _columns(owner: object, field: str, columns: int, n: int) -> None:
    if columns not in (1, n):
        raise check.fail(owner, field, f"must have one column or one per unit ({n})", f"{columns} columns")
