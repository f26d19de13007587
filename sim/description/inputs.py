"""The port for what drives a population from outside, and the stimuli that are spikes.

`currents` has the others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...kernels.reference.inputs import GROUP
from .. import validation as check
from ..operators.operator import Kernel
from ..seed import beginning
from .continuous import MOST_RATE, EventInput, PoissonProcess, SpikeTimes, one_per_unit
from .distributions import Distribution, numbers, per_unit

MOST_UNITS: Final = 2**31 - 1  # of one population
MOST_PIXELS: Final = 2**14  # of one side of a sensor
SAME: Final = 1e-6  # steps by which a time may miss the grid point that it means
MOST_DRAWN: Final = 1e4  # of them in one step, on average

Arguments = dict[str, Any]


class Stimulus(ABC):
    """A source of input to one population.

    - kernel: runs in phase "arrive" of each step; "" where there is nothing to do but to add the
      `level`.
    - goes: "receptor" for weighted spikes, which are summed in a receptor, or "drive" for a
      current, R*I [V] in the leaky models.
    - exact: names of arguments that the kernel gets in double precision whatever the precision of
      the simulation, as times need it.
    - weighs: names of arguments that are weights; at a receptor that counts arrivals each is
      replaced by 1.
    - wakes: the kernel sets marks in `woken` where it adds something, so shards that get nothing
      may nap.
    - lasts: the current stays the same for several steps. The kernel adds it only in steps with
      ``renewed[0]`` = 1, and lowers ``until[0]`` to the step of its next change. The drive of a
      population is summed anew when the first of its currents changes; where one of them does not
      last, it is summed anew in every step.
    """

    kernel: ClassVar[Kernel]
    goes: ClassVar[str]
    exact: ClassVar[tuple[str, ...]] = ()
    weighs: ClassVar[tuple[str, ...]] = ()
    wakes: ClassVar[bool] = False
    lasts: ClassVar[bool] = False

    @abstractmethod
    def arguments(self, n: int, dt: float) -> Arguments:
        """The kernel's constants for a population of `n` units at step `dt` [s]."""

    def event(self, n: int) -> EventInput | None:
        """What this is in continuous time, for the event engine.

        None where only a kernel on steps can tell.

        One of SpikeTimes, PoissonProcess, PiecewiseConstant and HeldNoise, for a population of `n`
        units.
        """
        return None

    @property
    def level(self) -> float | NDArray[np.float64]:
        """The part of the drive that never changes, one number or (n,); on either engine."""
        return 0.0

    def flow(self, n: int) -> dict[str, tuple[str, tuple[int, ...], Any]]:
        """What the kernel keeps from step to step: name -> (dtype, shape, initial value)."""
        return {}

    def anew(self, n: int, dt: float, step: int) -> dict[str, Any]:
        """What `flow` holds at first where the stimulus takes the place of another one.

        It does so at the beginning of `step`. Only what differs from the initial values. Times are
        those of the simulation: what lies before is past.
        """
        return {}

    def stands(self, values: Mapping[str, NDArray[Any]], time: float) -> bool:
        """Whether what `flow` keeps can hold these values at `time` [s].

        It can where nothing is left to catch up with.
        """
        return True

    def entries(self, field: str, n: int) -> int:
        """How many values of a field are drawn for `n` units where it is given by a distribution."""
        return n

    def fits(self, n: int) -> None:  # noqa: B027
        """Raise ParameterError if this cannot drive `n` units."""

    @property
    def span(self) -> tuple[float, float] | None:
        """When the first and the last of its events come [s].

        None if it has no list of them or an empty one.
        """
        return None

    @property
    def duration(self) -> float:
        """When the stimulus ends [s]; 0 if it has no end of its own."""
        return 0.0


def to_steps(times: Any, dt: float) -> NDArray[np.int64]:
    """Times [s] as the nearest whole numbers of steps.

    Those that no run reaches become the last one that counts.
    """
    steps = np.minimum(np.asarray(times, np.float64) / dt, float(check.MOST_STEPS))
    return np.asarray(np.rint(steps), np.int64)


def ends(ascending: ArrayLike) -> tuple[float, float] | None:
    """The first and the last of ascending times [s]; None where there are none."""
    times = np.asarray(ascending)
    return (float(times[0]), float(times[-1])) if times.size else None


def _as_many(
    owner: object, name: str, values: NDArray[Any], other: str, times: NDArray[Any]
) -> None:
    """Check that there is a value for each of the times in the field `other`."""
    if values.shape != times.shape:
        rule = f"must be as many as {other} ({times.size})"
        raise check.fail(owner, name, rule, f"shape {values.shape}")


@final
@dataclass(frozen=True, eq=False)
class SpikeTrain(Stimulus):
    """Spikes at given times.

    Spike k reaches unit ``ids[k]`` at ``times[k]`` with weight ``weight``.

    times (n_spikes,) [s], any order, >= 0; ids (n_spikes,) unit indices, >= 0; weight in the
    receptor's unit, one number, (n_spikes,) or a distribution. Stored sorted by time, then by id.
    The clock engine moves a spike to the nearest grid point; one at time 0 acts at the first, dt.
    """

    times: ArrayLike = ()
    ids: ArrayLike = ()
    weight: float | ArrayLike | Distribution = 1.0

    kernel: ClassVar[str] = "spike_train_step"
    goes: ClassVar[str] = "receptor"
    weighs: ClassVar[tuple[str, ...]] = ("event_weights",)
    wakes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        times = check.finite_array(self, "times", self.times, ndim=1, least=0.0, unit="s")
        ids = check.index_array(self, "ids", self.ids, below=MOST_UNITS)
        _as_many(self, "ids", ids, "times", times)
        order = np.lexsort((ids, times))
        object.__setattr__(self, "times", times[order])
        object.__setattr__(self, "ids", ids[order])
        weight = per_unit(self, "weight", self.weight)
        if np.ndim(weight) and weight.shape != times.shape:
            raise check.fail(
                self,
                "weight",
                f"must be one number or as many as times ({times.size})",
                f"shape {weight.shape}",
            )
        object.__setattr__(self, "weight", weight[order] if np.ndim(weight) else weight)

    def arguments(self, n: int, dt: float) -> Arguments:
        times = np.asarray(self.times)
        return {
            "event_steps": np.maximum(to_steps(times, dt) - 1, 0),
            "event_ids": np.asarray(self.ids).astype(np.uint32),
            "event_weights": np.broadcast_to(
                np.asarray(self.weight, np.float64), times.shape
            ).copy(),
        }

    def event(self, n: int) -> SpikeTimes:
        return SpikeTimes(self.times, self.ids, numbers(self.weight))

    def flow(self, n: int) -> dict[str, tuple[str, tuple[int, ...], Any]]:
        return {"cursor": ("int64", (1,), 0)}

    def anew(self, n: int, dt: float, step: int) -> dict[str, Any]:
        # at the beginning, spikes at time 0 are still to come
        now = (step + SAME) * dt if step else -1.0
        return {"cursor": int(np.searchsorted(np.asarray(self.times), now, side="right"))}

    def entries(self, field: str, n: int) -> int:
        return np.size(self.times)

    def fits(self, n: int) -> None:
        check.index_array(self, "ids", self.ids, below=n)

    @property
    def span(self) -> tuple[float, float] | None:
        return ends(self.times)

    @property
    def duration(self) -> float:
        return float(np.max(self.times, initial=0.0))


@final
@dataclass(frozen=True, eq=False)
class Events(Stimulus):
    """An event-camera recording: each event reaches the unit of its pixel and polarity.

    x, y pixel coordinates; t times [s]; p polarities, 0 or 1 (or -1 and 1); all (n_events,).
    Unit of an event: ``(p * height + y) * width + x``; without polarities the first width * height
    units.
    """

    x: ArrayLike
    y: ArrayLike
    t: ArrayLike
    p: ArrayLike | None = None
    width: int = 34
    height: int = 34
    weight: float | ArrayLike | Distribution = 1.0

    kernel: ClassVar[str] = "spike_train_step"
    goes: ClassVar[str] = "receptor"
    weighs: ClassVar[tuple[str, ...]] = ("event_weights",)
    wakes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for side in ("width", "height"):
            object.__setattr__(
                self, side, check.whole(self, side, getattr(self, side), least=1, most=MOST_PIXELS)
            )
        check.keep(self, "weight", per_unit)
        times = check.finite_array(self, "t", self.t, ndim=1, least=0.0, unit="s")
        x = check.index_array(self, "x", self.x, below=self.width)
        y = check.index_array(self, "y", self.y, below=self.height)
        polarity = None if self.p is None else check.array_of(self, "p", self.p)
        for name, values in (("x", x), ("y", y), ("p", polarity)):
            if values is not None:
                _as_many(self, name, values, "t", times)
        ids = y * self.width + x
        if polarity is not None:
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

    def event(self, n: int) -> SpikeTimes:
        return self.train.event(n)

    def flow(self, n: int) -> dict[str, tuple[str, tuple[int, ...], Any]]:
        return self.train.flow(n)

    def anew(self, n: int, dt: float, step: int) -> dict[str, Any]:
        return self.train.anew(n, dt, step)

    def entries(self, field: str, n: int) -> int:
        return np.size(self.t)

    def fits(self, n: int) -> None:
        pixels = self.width * self.height * (1 if self.p is None else 2)
        if n < pixels:
            raise check.fail(
                self,
                "width x height x polarities",
                f"must be at most the {n} units of the population",
                pixels,
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

    rate [Hz], one number, (n,) or a distribution, >= 0; weight in the receptor's unit, likewise.
    The times are drawn interval by interval, so every engine and every dt sees the same trains.
    """

    rate: float | ArrayLike | Distribution
    weight: float | ArrayLike | Distribution = 1.0

    kernel: ClassVar[str] = "poisson_step"
    goes: ClassVar[str] = "receptor"
    weighs: ClassVar[tuple[str, ...]] = ("weight",)
    wakes: ClassVar[bool] = True
    exact: ClassVar[tuple[str, ...]] = ("rate", "dt")

    def __post_init__(self) -> None:
        check.keep(self, "rate", per_unit, least=0.0, most=MOST_RATE, unit="Hz")
        check.keep(self, "weight", per_unit)

    def arguments(self, n: int, dt: float) -> Arguments:
        if (expected := float(np.max(numbers(self.rate), initial=0.0)) * dt) > MOST_DRAWN:
            rule = f"must lead to at most {MOST_DRAWN:g} spikes of a unit in a step of {dt:g} s, as each is drawn"
            raise check.fail(self, "rate", rule, expected)
        return {"rate": self.rate, "weight": self.weight, "dt": dt}

    def event(self, n: int) -> PoissonProcess:
        return PoissonProcess(numbers(self.rate), numbers(self.weight))

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
        one_per_unit(self, "rate", self.rate, n)
        one_per_unit(self, "weight", self.weight, n)
