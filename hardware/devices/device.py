"""The port for resistive memory cells."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu import device as kernels
from ...sim import validation as check
from ...sim.notice import notify
from ...sim.seed import check_key, stream_key
from .ageing import Ageing
from .faults import ALL_FREE, Endurance, StuckAt
from .measured import Measured
from .noise import Flicker, Telegraph

Conductances = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Device(ABC):
    """One resistive memory cell: what writing, pulses, time and reading do to its conductance [S].

    A device is a frozen, keyword-only dataclass with these fields or properties:

    1. `graded`: whether writing reaches any conductance in [g_min, g_max], or only `full`;
    2. `full` and `rest` [S]: what a weight of full magnitude aims at, and what its partner in the
       pair holds;
    3. `write` turns targets into conductances, with all that goes wrong on the way;
    4. `read_noise`: standard deviation of one reading, relative to the conductance, from white
       noise;
    5. for learning: `levels` pulses lead from g_min to g_max and back, in steps shaped by
       `nonlinearity_up` and `nonlinearity_down`, with `cycle_noise` per pulse, relative to g_max -
       g_min. A device below g_min does not respond. The law is in `kernels/reference/pulses.py`.

    The others are optional, and tell of cells that fail (`faults`, `endurance`), age (`ageing`, one
    law after the other), flicker or jump between readings (`flicker`, `telegraph`), and of the
    range that was `measured`.

    A key stands for an array of cells: its i-th cell is the same cell in `write`, `aged`, `worn`
    and `stuck`, and in `read` and `read_error` where it is given as `cells`. What is drawn for
    different purposes is independent, also where one number is used as the key of all of them.
    """

    graded: ClassVar[bool]
    g_min: float
    g_max: float
    levels: int
    nonlinearity_up: float
    nonlinearity_down: float
    cycle_noise: float
    read_noise: float
    faults: StuckAt = ALL_FREE
    endurance: Endurance | None = None
    ageing: tuple[Ageing, ...] = ()
    flicker: Flicker | None = None
    telegraph: Telegraph | None = None
    measured: Measured | None = None

    @property
    @abstractmethod
    def full(self) -> float: ...

    @property
    @abstractmethod
    def rest(self) -> float: ...

    @abstractmethod
    def write(self, targets: Conductances, key: int, cycle: int = 0) -> Conductances:
        """The conductances (n,) [S] after writing `targets` (n,) [S].

        They are the same for the same key and cycle. Another cycle writes the same cells, with
        their own faults and deviations, once more.
        """

    @property
    def ages(self) -> bool:
        """Whether time does anything to what a cell conducts."""
        return bool(self.ageing) or type(self).aged is not Device.aged

    def aged(self, conductances: Conductances, seconds: float, key: int) -> Conductances:
        """The conductances (n,) [S] `seconds` after writing left `conductances`.

        They are the same for the same key. Raises ParameterError for a time that is negative or not
        finite; warns of one that was not measured.
        """
        since, key = self._since(seconds), check_key(self, key)
        aged = self._cells(conductances)
        for k, law in enumerate(self.ageing):
            aged = law.aged(aged, since, stream_key(key, "ageing", k))
        return aged

    def stick(self, conductances: Conductances, key: int) -> None:
        """Set those of conductances (n,) [S] that are stuck to what they are stuck at, in place."""
        self.faults.apply(conductances, key, self.rest, self.full)

    def stuck(self, n: int, key: int) -> NDArray[np.int8]:
        """Of n cells: -1 stuck at rest, 1 stuck in full, 0 free to be written."""
        return self.faults.where(n, check_key(self, key))

    def worn(self, conductances: Conductances, cycles: float, key: int) -> Conductances:
        """The conductances (n,) [S] of cells that have been written `cycles` times.

        Those that failed are stuck.
        """
        count, key = check.within(self, "cycles", cycles, least=0.0), check_key(self, key)
        worn = self._cells(conductances)
        if self.endurance is not None:
            self.endurance.apply(worn, count, key, self.rest, self.full)
        return worn

    def read_error(
        self, conductances: Conductances, seconds: float = 0.0, *, cells: int = 0
    ) -> Conductances:
        """The standard deviation (n,) [S] of one reading of each cell.

        The cell is read `seconds` after it was written.

        White noise, 1/f noise that has accumulated since, and the telegraph noise of the traps that
        `cells`, a key, gives to each cell.
        """
        since, g, cells = (
            self._since(seconds),
            self._cells(conductances),
            check_key(self, cells, "cells"),
        )
        error = self._normal_error(g, since)
        if self.telegraph is not None:
            error = np.sqrt(error**2 + self.telegraph.error(g, cells) ** 2)
        return error

    def read(
        self,
        conductances: Conductances,
        key: int,
        seconds: float = 0.0,
        *,
        cells: int = 0,
        history: int | None = None,
    ) -> Conductances:
        """One noisy reading (n,) [S] of each cell, `seconds` after it was written.

        It is the same for the same keys.

        `cells` is the key of the array: it gives cells their traps and the course that their 1/f
        noise takes over time, so readings a moment apart have nearly the same 1/f error, and those
        of one moment the same. `key` stands for one reading, its white noise and what its traps
        hold. history: another key for the course of the 1/f noise, for readings of which no times
        are known.

        Cell by cell, whatever it takes: what faster ways are tested against. A reading may be
        negative.
        """
        key, cells = check_key(self, key), check_key(self, cells, "cells")
        history = None if history is None else check_key(self, history, "history")
        since, readings = self._since(seconds), self._cells(conductances)
        errors = self.read_noise * readings
        if self.flicker is not None:
            course = self.flicker.course(
                readings.size, since, cells if history is None else history
            )
            course *= self.flicker.error(readings, since)
        if self.telegraph is not None:
            self.telegraph.flip(readings, cells, key)
        if self.flicker is not None:
            readings += course
        kernels.read(np.uint64(stream_key(key, "reading")), errors, readings)
        return readings

    def relative_error(self, seconds: float = 1.0) -> float:
        """The relative standard deviation of a reading of a cell in full.

        All cells are taken together.
        """
        if self.flicker is None and self.telegraph is None:
            self._since(seconds)
            return self.read_noise
        return float(self.mean_error(np.array([self.full]), seconds)[0] / self.full)

    def mean_error(self, conductances: Conductances, seconds: float = 1.0) -> Conductances:
        """The standard deviation (n,) [S] of one reading of each cell.

        It is what holds if nothing is known of the traps of the cells.
        """
        since, g = self._since(seconds), self._cells(conductances)
        error = self._normal_error(g, since)
        return (
            error if self.telegraph is None else np.sqrt(error**2 + self.telegraph.variance * g**2)
        )

    def pulse_constants(self) -> dict[str, Any]:
        """The arguments of `pulse_step` that describe the device."""
        names = ("g_min", "g_max", "levels", "nonlinearity_up", "nonlinearity_down", "cycle_noise")
        return {name: getattr(self, name) for name in names}

    def _normal_error(self, conductances: Conductances, seconds: float) -> Conductances:
        error: Conductances = self.read_noise * conductances
        if self.flicker is None:
            return error
        flicker = self.flicker.error(conductances, seconds)
        return np.sqrt(error**2 + flicker**2) if self.read_noise else flicker

    def _cells(self, conductances: Any) -> Conductances:
        """A copy of the conductances (n,) [S] of cells, each known to be a number."""
        cells: Conductances = check.finite_array(
            self, "conductances", conductances, ndim=1, unit="S"
        )
        return cells

    def _since(self, seconds: float) -> float:
        since = check.within(self, "seconds", seconds, least=0.0, unit="s")
        if self.measured is not None:
            self.measured.ask_seconds(self, since)
        return since


def tell_ageless(owner: object, device: Device, seconds: float) -> None:
    """Warn on behalf of `owner` if `seconds` change nothing in a device, or were not measured."""
    if device.ages or device.flicker is not None:
        return
    if device.measured is not None and device.measured.seconds is not None:
        device.measured.ask_seconds(device, seconds)
    else:
        name = check.name_of(device)
        rule = f"time changes nothing, as {name} has no law of ageing (ageing=()) and no flicker"
        notify(f"{check.name_of(owner)}.age: {rule} (got {seconds:g} s)")


def check_targets(device: Device, targets: Conductances, cycle: int) -> Conductances:
    """A copy of the targets (n,) [S].

    Refuses what no cell can hold, warns of what was not measured.
    """
    check.whole(device, "cycle", cycle, most=2**31)
    conductances: Conductances = check.finite_array(
        device, "targets", targets, ndim=1, least=0.0, unit="S"
    )
    if device.measured is not None:
        device.measured.ask_conductances(device, conductances)
    return conductances


def check_cell(device: Device) -> None:
    """Refuse a range, a pulse response or parts that no cell can have."""
    check.keep(device, "g_min", check.within, least=0.0, unit="S")
    check.keep(device, "g_max", check.within, above=0.0, unit="S")
    if device.g_max <= device.g_min:
        raise check.fail(device, "g_max", f"must be > g_min = {device.g_min:g} S", device.g_max)
    check.keep(device, "levels", check.whole, least=1)
    for field in ("nonlinearity_up", "nonlinearity_down"):
        check.keep(device, field, check.within, least=0.0, most=50.0)
    check.keep(device, "cycle_noise", check.within, least=0.0, most=1.0)
    check.keep(device, "read_noise", check.within, least=0.0, most=1.0)
    check.keep(device, "faults", check.instance, StuckAt)
    if not isinstance(device.ageing, tuple) or not all(
        isinstance(law, Ageing) for law in device.ageing
    ):
        raise check.fail(
            device, "ageing", "must be a tuple of laws such as PowerDrift()", device.ageing
        )
    kinds = {
        "endurance": Endurance,
        "flicker": Flicker,
        "telegraph": Telegraph,
        "measured": Measured,
    }
    for field, kind in kinds.items():
        value = getattr(device, field)
        if value is not None and not isinstance(value, kind):
            raise check.fail(device, field, f"must be {kind.__name__}(...) or None", value)
