"""What probes saw, as plain data: spikes, samples, and all records of one run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ParameterError
from .. import validation as check
from ..outline import Section

MOST_COUNTS: Final = 10**8  # that one table of spikes per unit and bin may hold


@dataclass(frozen=True, eq=False)
class Spikes:
    """The spikes of one population: times (n_spikes,) [s], sorted, and ids (n_spikes,) int64.

    n: units in the population; start, stop [s]: the span recorded; recorded (n_units,): the units
    whose spikes were recorded, None for all. Methods that return a number for each of n units
    return 0 for those not recorded.
    """

    times: NDArray[np.float64]
    ids: NDArray[np.int64]
    n: int
    start: float
    stop: float
    recorded: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return int(self.times.size)

    def __str__(self) -> str:
        units = (
            f"{self.n:,} units"
            if self.recorded is None
            else f"{self.n_recorded:,} of {self.n:,} units"
        )
        return f"{units}, {len(self):,} spikes, {self.rate:.4g} Hz"

    def __repr__(self) -> str:
        return f"Spikes from {self.start:g} s to {self.stop:g} s: {self}"

    @property
    def n_recorded(self) -> int:
        """How many units were recorded."""
        return self.n if self.recorded is None else int(self.recorded.size)

    @property
    def units(self) -> NDArray[np.int64]:
        """The units recorded (n_units,)."""
        return np.arange(self.n) if self.recorded is None else self.recorded

    @property
    def rate(self) -> float:
        """Mean firing rate per recorded unit [Hz]."""
        recorded = self.n_recorded * (self.stop - self.start)
        return len(self) / recorded if recorded > 0 else 0.0

    def counts(self) -> NDArray[np.int64]:
        """Spikes per unit (n,)."""
        return np.bincount(self.ids, minlength=self.n)

    def trains(self) -> list[NDArray[np.float64]]:
        """The spike times of each unit [s]."""
        order = np.argsort(self.ids, kind="stable")
        edges = np.cumsum(self.counts())[:-1]
        return np.split(self.times[order], edges)

    def of(self, units: ArrayLike) -> Spikes:
        """The spikes of some of the recorded units, none named twice.

        ``units[k]`` becomes unit k.
        """
        chosen = check.index_array("Spikes", "of units", units, below=self.n, ndim=1)
        if np.unique(chosen).size < chosen.size:
            raise check.fail("Spikes", "of units", "must name no unit twice", chosen.tolist())
        unknown = np.setdiff1d(chosen, self.units)
        if unknown.size:
            raise check.fail(
                "Spikes", "of units", "must be among the recorded ones", unknown.tolist()
            )
        place = np.full(self.n, -1)
        place[chosen] = np.arange(chosen.size)
        ids = place[self.ids]
        return Spikes(self.times[ids >= 0], ids[ids >= 0], int(chosen.size), self.start, self.stop)

    def binned(self, width: float) -> NDArray[np.int64]:
        """Spikes per unit and bin (n_bins, n).

        `width` [s]; a spike at a bin's end counts in that bin.
        """
        width = check.within("Spikes", "binned width", width, above=0.0, unit="s")
        wanted = (self.stop - self.start) / width
        if wanted * self.n > MOST_COUNTS:
            raise check.fail(
                "Spikes",
                "binned width",
                f"must lead to at most {MOST_COUNTS} bins of all units",
                width,
            )
        n_bins = max(int(np.ceil(wanted - 1e-9)), 1)
        index = np.ceil((self.times - self.start) / width - 1e-9).astype(np.int64) - 1
        flat = np.clip(index, 0, n_bins - 1) * self.n + self.ids
        return np.bincount(flat, minlength=n_bins * self.n).reshape(n_bins, self.n)

    def isi_cv(self) -> NDArray[np.float64]:
        """Coefficient of variation of the inter-spike intervals of each unit (n,).

        NaN below three spikes.
        """
        order = np.argsort(self.ids, kind="stable")
        times, ids = self.times[order], self.ids[order]
        inside = ids[1:] == ids[:-1]  # both spikes of one unit
        intervals, owner = np.diff(times)[inside], ids[1:][inside]
        n_intervals = np.bincount(owner, minlength=self.n)
        known = np.where(n_intervals > 1, n_intervals, np.nan)
        mean = np.bincount(owner, intervals, self.n) / known
        variance = np.bincount(owner, (intervals - mean[owner]) ** 2, self.n) / known
        return np.asarray(np.sqrt(variance) / mean, np.float64)


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples at equal intervals.

    times (n_samples,) [s], values (n_samples, n_recorded), ids recorded, unit.
    """

    times: NDArray[np.float64]
    values: NDArray[Any]
    ids: NDArray[np.int64]
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.values.dtype} {self.values.shape}{f' [{self.unit}]' if self.unit else ''}"

    def __repr__(self) -> str:
        span = f" from {self.times[0]:g} s to {self.times[-1]:g} s" if self.times.size else ""
        return f"Samples{span}: {self}"


@dataclass(frozen=True, eq=False)
class Records:
    """The records of one run, from `start` to `stop` [s].

    They are what a file holds, and what a `Result` answers questions on. hash: of every spike of
    every population since time 0, whether recorded or not. meta: how the run was made (seed, dt,
    engine, backend, versions ...). tallies: what stores and rules counted in this span.
    """

    start: float
    stop: float
    hash: str
    spike_records: dict[str, Spikes] = field(default_factory=dict)
    sample_records: dict[str, Samples] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    tallies: dict[str, float] = field(default_factory=dict)


def span_of(records: Records) -> str:
    """From when to when records reach."""
    return f"{records.start:g} s to {records.stop:g} s"


def tallies_of(tallies: Mapping[str, float]) -> Section:
    """Tallies as a section of an outline."""
    return list(tallies.items()), lambda item: f"{item[0]}: {item[1]:,.6g}"


AnyRecords = TypeVar("AnyRecords", bound=Records)


def concatenate(results: Iterable[AnyRecords]) -> AnyRecords:
    """The results of successive runs of one simulation as the result of one long run.

    Taken one by one, so results that come from files need not be in memory together.
    Raises ParameterError unless each begins where the one before it ends and all recorded the same.
    """
    if not isinstance(results, (list, tuple, Iterator)):
        raise check.fail("concatenate", "results", "must be results, one after the other", results)
    first: AnyRecords | None = None
    last: AnyRecords | None = None
    grown: dict[tuple[str, str], NDArray[Any]] = {}
    tallies: dict[str, float] = {}
    for result in results:
        _check(result)
        if last is None:
            first = _bare(result)
        elif abs(result.start - last.stop) > 1e-9:
            raise ParameterError(
                f"concatenate: {result.start:g} s must follow {last.stop:g} s, the end of the result before"
            )
        elif _recorded(result) != _recorded(last):
            raise ParameterError("concatenate: all results must record the same of the same units")
        for key, column in _columns(result):
            grown[key] = _grown(grown[key], column) if key in grown else column.copy()
        tallies = {name: tallies.get(name, 0) + value for name, value in result.tallies.items()}
        last = _bare(result)
    if first is None or last is None:
        raise ParameterError("concatenate: needs at least one result (got none)")
    whole = replace(
        first,
        stop=last.stop,
        hash=last.hash,
        meta=last.meta,
        tallies=tallies,
        spike_records={},
        sample_records={},
    )
    for name, spikes in first.spike_records.items():
        times, ids, stop = grown[name, "times"], grown[name, "ids"], last.spike_records[name].stop
        whole.spike_records[name] = replace(spikes, times=times, ids=ids, stop=stop)
    for name, samples in first.sample_records.items():
        whole.sample_records[name] = replace(
            samples, times=grown[name, "at"], values=grown[name, "values"]
        )
    return whole


def _check(result: object) -> None:
    if not isinstance(result, Records):
        raise check.fail("concatenate", "results", "must be results", result)


def _columns(result: Records) -> Iterator[tuple[tuple[str, str], NDArray[Any]]]:
    """The arrays of a result that grow with time, each under a name of its own."""
    for name, spikes in result.spike_records.items():
        yield (name, "times"), spikes.times
        yield (name, "ids"), spikes.ids
    for name, samples in result.sample_records.items():
        yield (name, "at"), samples.times
        yield (name, "values"), samples.values


def _grown(array: NDArray[Any], more: NDArray[Any]) -> NDArray[Any]:
    """`array`, which nobody else uses, with `more` rows at its end; usually without a copy."""
    before = len(array)
    array.resize((before + len(more), *array.shape[1:]), refcheck=False)
    array[before:] = more
    return array


def _bare(result: AnyRecords) -> AnyRecords:
    """A result without its rows, but with all that says what it recorded."""
    spikes = {
        name: replace(part, times=part.times[:0].copy(), ids=part.ids[:0].copy())
        for name, part in result.spike_records.items()
    }
    samples = {
        name: replace(part, times=part.times[:0].copy(), values=part.values[:0].copy())
        for name, part in result.sample_records.items()
    }
    return replace(result, spike_records=spikes, sample_records=samples)


def _recorded(result: Records) -> list[Any]:
    """What a result recorded, and of which units."""
    samples = result.sample_records.items()
    return [
        {
            name: (spikes.n, None if spikes.recorded is None else spikes.recorded.tolist())
            for name, spikes in result.spike_records.items()
        },
        {name: (part.ids.tolist(), part.values.dtype, part.unit) for name, part in samples},
        set(result.tallies),
    ]
