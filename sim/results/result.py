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
from .records import Records, Samples, Spikes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@final
@dataclass(frozen=True, eq=False)
class Result(Records):
    """The records of one `run`, from `start` to `stop` [s], by the names of what was probed.

    hash: of every spike of every population since time 0, whether recorded or not. meta: how the run was
    made (seed, dt, engine, backend, versions ...). tallies: what stores and rules counted in this span.
    """

    def spikes(self, population: str) -> Spikes:
        """The recorded spikes of a population."""
        return self._record(self.spike_records, population, "spikes of population")  # type: ignore[no-any-return]

    def samples(self, target: str, what: str) -> Samples:
        """A sampled record with its times: a state variable, "counts", "rate" or "weights"."""
        name = ".".join(check.text("Result", *part) for part in (("samples target", target), ("samples what", what)))
        return self._record(self.sample_records, name, "record")  # type: ignore[no-any-return]

    def trace(self, population: str, variable: str) -> NDArray[Any]:
        """A recorded state variable (n_samples, n_recorded); sampled at `times`."""
        return self.samples(population, variable).values

    def counts(self, population: str) -> NDArray[np.int64]:
        """Recorded spikes per interval and unit (n_intervals, n)."""
        return self.samples(population, "counts").values

    def rate(self, population: str) -> NDArray[np.float64]:
        """The recorded population rate per interval (n_intervals,) [Hz]."""
        return self.samples(population, "rate").values[:, 0]

    def weights(self, projection: str) -> NDArray[np.float64]:
        """The recorded weights (n_samples, n_synapses)."""
        return self.samples(projection, "weights").values

    @property
    def times(self) -> NDArray[np.float64]:
        """Sample times of the recorded state variables [s], where all share them; else ask `samples`."""
        kinds = ("counts", "rate", "weights")
        clocks = [record.times for name, record in self.sample_records.items() if name.rsplit(".", 1)[1] not in kinds]
        if not clocks:
            raise ParameterError("Result.times: no state variable was recorded; add a probe such as probe(exc, 'v')")
        if any(not np.array_equal(clock, clocks[0]) for clock in clocks[1:]):
            raise ParameterError(
                "Result.times: traces have different intervals; use samples(population, variable).times"
            )
        return clocks[0]

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write everything to `path`, an .h5 file or a folder that gets results.h5; return the file. See `load`."""
        from . import storage

        place = check.path(self, "save path", path)
        return storage.save_result(self, place, overwrite=check.flag(self, "save overwrite", overwrite))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Result:
        """The result saved at `path`: a file, a run folder, or the segments that a broken run left."""
        from . import storage

        return cls.of(storage.load_result(check.path("Result", "load path", path)))

    @classmethod
    def of(cls, records: Records) -> Result:
        """These records as a result."""
        return cls(**vars(records))

    def plot(self) -> Figure:
        """A matplotlib figure of all records: raster with rates, traces, weights."""
        from .figures import overview

        return overview(self)

    def _record(self, records: dict[str, Any], name: str, kind: str) -> Any:
        name = check.text(self, kind, name)
        if name not in records:
            known = check.listed(sorted(records)) or "nothing"
            raise ParameterError(
                f"Result: no {kind} {name!r} was recorded{check.nearest(name, records)} (recorded: {known})"
            )
        return records[name]


@dataclass(frozen=True, eq=False)
class BatchResult:
    """The results of a batch run, one per sample, in order."""

    samples: list[Result]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Result:
        return self.samples[index]

    @property
    def hash(self) -> str:
        """One hash for all samples, in order."""
        import hashlib

        return hashlib.blake2b("".join(sample.hash for sample in self.samples).encode(), digest_size=16).hexdigest()

    @property
    def tallies(self) -> dict[str, float]:
        """The tallies of all samples added up."""
        names = self.samples[0].tallies if self.samples else {}
        return {name: sum(sample.tallies[name] for sample in self.samples) for name in names}

    def counts(self, population: str) -> NDArray[np.int64]:
        """Recorded spikes per interval and unit of every sample (batch, n_intervals, n)."""
        return np.stack([sample.counts(population) for sample in self.samples])

    def trace(self, population: str, variable: str) -> NDArray[Any]:
        """A recorded state variable of every sample (batch, n_samples, n_recorded)."""
        return np.stack([sample.trace(population, variable) for sample in self.samples])
