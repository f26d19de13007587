"""What a run leaves behind: spikes, traces, counts, rates, weights, and the hash of all spikes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from .. import validation as check
from ..description.parts import Population, Projection, name_of
from ..outline import Outline, Section
from .records import Records, Samples, Spikes, span_of, tallies_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@final
@dataclass(frozen=True, eq=False)
class Result(Records):
    """The records of one `run`, from `start` to `stop` [s], of what was probed.

    Populations and projections are given as such or by name; see `name_of`. A record that was not
    made raises ParameterError.

    hash: of every spike of every population since time 0, whether recorded or not. meta: how the
    run was made (seed, dt, engine, backend, versions ...). tallies: what stores and rules counted
    in this span.
    """

    def spikes(self, population: Population | str) -> Spikes:
        """The recorded spikes of a population."""
        name = name_of("Result", "spikes population", population)
        return self._record(self.spike_records, name, "spikes of population")  # type: ignore[no-any-return]

    def samples(self, target: Population | Projection | str, what: str) -> Samples:
        """A sampled record with its times: a state variable, "counts", "rate" or "weights"."""
        name = f"{name_of('Result', 'samples target', target)}.{check.text('Result', 'samples what', what)}"
        return self._record(self.sample_records, name, "record")  # type: ignore[no-any-return]

    def trace(self, population: Population | str, variable: str) -> NDArray[Any]:
        """A recorded state variable (n_samples, n_recorded); sampled at `times`."""
        return self.samples(population, variable).values

    def counts(self, population: Population | str) -> NDArray[np.int64]:
        """Recorded spikes per interval and unit (n_intervals, n)."""
        return self.samples(population, "counts").values

    def rate(self, population: Population | str) -> NDArray[np.float64]:
        """The recorded population rate per interval (n_intervals,) [Hz]."""
        return self.samples(population, "rate").values[:, 0]

    def weights(self, projection: Projection | str) -> NDArray[np.float64]:
        """The recorded weights (n_samples, n_synapses)."""
        return self.samples(projection, "weights").values

    @property
    def times(self) -> NDArray[np.float64]:
        """Sample times of the recorded state variables [s], where all share them.

        Else ask `samples`.
        """
        kinds = ("counts", "rate", "weights")
        clocks = [
            record.times
            for name, record in self.sample_records.items()
            if name.rsplit(".", 1)[1] not in kinds
        ]
        if not clocks:
            raise ParameterError(
                "Result.times: no state variable was recorded; add a probe such as probe(exc, 'v')"
            )
        if any(not np.array_equal(clock, clocks[0]) for clock in clocks[1:]):
            raise ParameterError(
                "Result.times: traces have different intervals; use samples(population, variable).times"
            )
        return clocks[0]

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write everything to `path`, an .h5 file or a folder that gets results.h5; return the file.

        See `load`.
        """
        from . import storage

        place = check.path(self, "save path", path)
        return storage.save_result(
            self, place, overwrite=check.flag(self, "save overwrite", overwrite)
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Result:
        """The result saved at `path`.

        It is a file, a run folder, or the sections that a broken run left.
        """
        from . import storage

        return cls.of(storage.load_result(check.path("Result", "load path", path)))

    @classmethod
    def of(cls, records: Records) -> Result:
        """These records as a result."""
        return cls(**vars(check.instance("Result", "of records", records, Records)))

    def plot(self) -> Figure:
        """A matplotlib figure of all records: raster with rates, traces, weights."""
        from .figures import overview

        return overview(self)

    def __repr__(self) -> str:
        return str(self._outline())

    def _repr_html_(self) -> str:
        """What was recorded as tables, for notebooks."""
        return self._outline().html()

    def _outline(self) -> Outline:
        sections: dict[str, Section] = {
            "spikes": (
                list(self.spike_records),
                lambda name: f"{name}: {self.spike_records[name]}",
            ),
            "samples": (
                list(self.sample_records),
                lambda name: f"{name}: {self.sample_records[name]}",
            ),
            "tallies": tallies_of(self.tallies),
        }
        return Outline(f"Result from {span_of(self)}, spike hash {self.hash}", sections)

    def _record(self, records: dict[str, Any], name: str, kind: str) -> Any:
        if name not in records:
            known = check.listed(sorted(records)) or "nothing"
            raise ParameterError(
                f"Result: no {kind} {name!r} was recorded{check.nearest(name, records)} (recorded: {known})"
            )
        return records[name]
