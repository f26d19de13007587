"""The result of a batch: a result per sample, and questions asked of all of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final, overload

import numpy as np
from numpy.typing import NDArray

from .. import validation as check
from ..description.parts import Population, Projection
from ..outline import Outline, Section
from .records import Spikes, span_of, tallies_of
from .result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@final
@dataclass(frozen=True, eq=False)
class BatchResult(Sequence[Result]):
    """The results of a batch run, one per sample, in order.

    Take them by ``batch[3]``, ``batch[-1]``, ``batch[:10]``. Populations and projections are given
    as such or by name, as a `Result` takes them. A record that was not made, or that differs in
    shape between samples, raises ParameterError.
    """

    samples: list[Result]

    def __post_init__(self) -> None:
        if not isinstance(self.samples, (list, tuple)) or not all(
            isinstance(part, Result) for part in self.samples
        ):
            raise check.fail(self, "samples", "must be a list of results", self.samples)
        object.__setattr__(self, "samples", list(self.samples))

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Result]:
        return iter(self.samples)

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> BatchResult: ...
    def __getitem__(self, index: int | slice) -> Result | BatchResult:
        """A sample, from the end if `index` is below 0, or a batch of some samples."""
        if isinstance(index, slice):
            return BatchResult(self.samples[index])
        try:
            return self.samples[index]
        except IndexError:
            raise IndexError(f"BatchResult: there is no sample {index} among {len(self)}") from None

    @property
    def hash(self) -> str:
        """One hash for all samples, in order."""
        return hashlib.blake2b(
            "".join(sample.hash for sample in self.samples).encode(), digest_size=16
        ).hexdigest()

    @property
    def tallies(self) -> dict[str, float]:
        """The tallies of all samples added up."""
        names = self.samples[0].tallies if self.samples else {}
        return {name: sum(sample.tallies[name] for sample in self.samples) for name in names}

    def spikes(self, population: Population | str) -> list[Spikes]:
        """The recorded spikes of a population, of one sample after the other."""
        return [sample.spikes(population) for sample in self.samples]

    def counts(self, population: Population | str) -> NDArray[np.int64]:
        """Recorded spikes per interval and unit of every sample (batch, n_intervals, n)."""
        return self._stacked("counts", lambda sample: sample.counts(population))

    def rate(self, population: Population | str) -> NDArray[np.float64]:
        """The recorded population rate per interval of every sample (batch, n_intervals) [Hz]."""
        return self._stacked("rate", lambda sample: sample.rate(population))

    def trace(self, population: Population | str, variable: str) -> NDArray[Any]:
        """A recorded state variable of every sample (batch, n_samples, n_recorded)."""
        return self._stacked("trace", lambda sample: sample.trace(population, variable))

    def weights(self, projection: Projection | str) -> NDArray[np.float64]:
        """The recorded weights of every sample (batch, n_samples, n_synapses)."""
        return self._stacked("weights", lambda sample: sample.weights(projection))

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write all samples to `path`, an .h5 file or a folder that gets batch.h5; return the file.

        See `load`.
        """
        from . import batch_storage

        place = check.path(self, "save path", path)
        return batch_storage.save_batch(
            self.samples, place, overwrite=check.flag(self, "save overwrite", overwrite)
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> BatchResult:
        """The batch saved at `path`, a file or a folder.

        Raises DataError for one that is damaged or was changed.
        """
        from . import batch_storage

        return cls(
            [
                Result.of(part)
                for part in batch_storage.load_batch(check.path("BatchResult", "load path", path))
            ]
        )

    def plot(self) -> Figure:
        """A matplotlib figure: the rate of each recorded population in every sample over time."""
        from .batch_figure import rates_of_samples

        return rates_of_samples(self.samples)

    def __repr__(self) -> str:
        return str(self._outline())

    def _repr_html_(self) -> str:
        """What was recorded as tables, for notebooks."""
        return self._outline().html()

    def _outline(self) -> Outline:
        if not self.samples:
            return Outline("BatchResult of no samples", {})
        first = self.samples[0]
        sections: dict[str, Section] = {
            "spikes of all samples": (list(first.spike_records), self._told_spikes),
            "samples of each": (
                list(first.sample_records),
                lambda name: f"{name}: {first.sample_records[name]}",
            ),
            "tallies": tallies_of(self.tallies),
        }
        n = f"{len(self):,} samples" if len(self) > 1 else "1 sample"
        return Outline(
            f"BatchResult of {n} from {span_of(first)}, spike hash {self.hash}", sections
        )

    def _told_spikes(self, name: str) -> str:
        records = [
            sample.spike_records[name] for sample in self.samples if name in sample.spike_records
        ]
        rate = float(np.mean([spikes.rate for spikes in records]))
        return f"{name}: {records[0].n:,} units, {sum(map(len, records)):,} spikes, {rate:.4g} Hz"

    def _stacked(self, field: str, ask: Callable[[Result], NDArray[Any]]) -> NDArray[Any]:
        """One array of the same record of all samples."""
        records = [ask(sample) for sample in self.samples]
        shapes = sorted({record.shape for record in records})
        if len(shapes) != 1:
            rule = "needs one or more samples with equal records"
            raise check.fail(
                self,
                field,
                rule,
                f"shapes {', '.join(map(str, shapes[:2]))}" if shapes else "no samples",
            )
        return np.stack(records)
