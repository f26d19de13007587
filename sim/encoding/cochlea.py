"""A cochlea: sound in, spikes of a small auditory nerve out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import validation as check
from ..description.inputs import SpikeTrain

FASTEST: Final = 1e8  # [Hz], of samples

Array = NDArray[np.float64]


@final
@dataclass(frozen=True, kw_only=True)
class Cochlea:
    """Filter bank, half-wave rectification, envelope, compression, adaptation, spikes.

    1. Gammatone filters of order 4 with gain 1 at their centres (Slaney 1993, Apple Technical
       Report 35), the centres evenly spaced on the ERB-number scale (Glasberg and Moore 1990,
       doi:10.1016/0378-5955(90)90170-T).
    2. Half-wave rectification and two one-pole low-passes at `smoothing`; times pi, so that the
       envelope e of a steady tone at the centre of a channel is the amplitude of the tone.
    3. Compression: "power" y = e**exponent (about 0.3 in the ear, Oxenham and Plack 1997,
       doi:10.1121/1.418327), or "log" y = ln(1 + e/floor).
    4. Adaptation, which stresses onsets (after Westerman and Smith 1984,
       doi:10.1016/0378-5955(84)90032-7): z = y - adaptation * m with tau_adaptation dm/dt = y - m.
    5. One fibre per channel and threshold (nerve fibres differ in threshold, Liberman 1978,
       doi:10.1121/1.381736): it fires at the rate gain * max(0, z - threshold), as a perfect
       integrator that emits a spike whenever the integral of its rate passes a whole number.

    Unit ``channel * len(thresholds) + k`` is the fibre of `channel` with ``thresholds[k]``.
    """

    n_channels: int = 32  # gammatone filters
    low: float = 100.0  # centre of the lowest filter [Hz]
    high: float = 3600.0  # centre of the highest filter [Hz], below half the sample rate
    smoothing: float = 40.0  # corner of the envelope's low-passes [Hz]
    period: float = 1e-3  # time from one envelope sample to the next [s]
    normalise: bool = True  # divide the sound by its root mean square: loudness plays no part
    compression: str = "power"  # "power" or "log"
    exponent: float = 0.3  # of the power law, in (0, 1]
    floor: float = 0.01  # envelope at which the logarithm sets in
    adaptation: float = 0.0  # part of the running mean that is taken away, in [0, 1]; 0 for none
    tau_adaptation: float = 50e-3  # time constant of the running mean [s]
    thresholds: tuple[float, ...] = (0.1, 0.3)  # of the fibres of one channel, on the scale of z
    gain: float = 800.0  # firing rate per unit of z above the threshold [1/s]

    def __post_init__(self) -> None:
        check.keep(self, "n_channels", check.whole, least=1, most=10_000)
        check.keep(self, "low", check.within, above=0.0, unit="Hz")
        check.keep(self, "high", check.within, least=self.low, unit="Hz")
        check.keep(self, "smoothing", check.within, above=0.0, unit="Hz")
        check.keep(self, "period", check.within, above=0.0, unit="s")
        check.keep(self, "normalise", check.flag)
        check.keep(self, "compression", check.one_of, ("power", "log"))
        check.keep(self, "exponent", check.within, above=0.0, most=1.0)
        check.keep(self, "floor", check.within, above=0.0)
        check.keep(self, "adaptation", check.within, least=0.0, most=1.0)
        check.keep(self, "tau_adaptation", check.within, above=0.0, unit="s")
        check.keep(self, "gain", check.within, above=0.0, most=1e6, unit="1/s")
        thresholds = check.finite_array(self, "thresholds", self.thresholds, ndim=1, least=0.0)
        if not thresholds.size:
            raise check.fail(self, "thresholds", "must hold at least one number", self.thresholds)
        object.__setattr__(self, "thresholds", tuple(thresholds.tolist()))

    @property
    def n_units(self) -> int:
        """Fibres in all: the number of units that `spikes` speaks of."""
        return self.n_channels * len(self.thresholds)

    @property
    def centres(self) -> Array:
        """Centre frequencies (n_channels,) [Hz], rising, evenly spaced in ERB number."""
        low, high = (21.4 * np.log10(1.0 + 0.00437 * f) for f in (self.low, self.high))
        numbers = np.linspace(low, high, self.n_channels)
        return np.asarray((10.0 ** (numbers / 21.4) - 1.0) / 0.00437)

    def bands(self, audio: ArrayLike, rate: float) -> Array:
        """The filters' outputs (n_channels, n_samples) for `audio` (n_samples,) at `rate` [Hz]."""
        from scipy.signal import lfilter

        rate = self._rate(rate)
        sound = check.finite_array("Cochlea", "audio", audio, ndim=1)
        if not sound.size:
            raise check.fail("Cochlea", "audio", "must hold at least one sample", "an empty array")
        loudness = float(np.sqrt(np.mean(sound**2)))
        if self.normalise and loudness > 0.0:
            sound /= loudness
        return np.stack(
            [lfilter(*filter_, sound) for filter_ in _filters(tuple(self.centres), rate)]
        )

    def envelope(self, audio: ArrayLike, rate: float) -> Array:
        """Envelopes (n_ticks, n_channels), one row per `period`.

        They are in the unit of the (normalised) sound.
        """
        rate = self._rate(rate)
        return self._envelope_of(self.bands(audio, rate), rate)

    def energies(self, audio: ArrayLike, rate: float, *, frame: float = 10e-3) -> Array:
        """Mean square of each band in frames of `frame` [s].

        Shape (n_frames, n_channels), at least one frame.
        """
        rate = self._rate(rate)
        squares = self.bands(audio, rate) ** 2
        wanted = check.within("Cochlea", "frame", frame, least=1.0 / rate, unit="s") * rate
        width = round(min(wanted, squares.shape[1]))
        starts = np.arange(0, max(squares.shape[1] - width, 0) + 1, width)
        lengths = np.diff(np.append(starts, squares.shape[1]))
        return np.asarray(np.add.reduceat(squares, starts, axis=1).T / lengths[:, None])

    def rates(self, audio: ArrayLike, rate: float) -> Array:
        """Firing rates (n_ticks, n_units) [1/s], each held for one `period`."""
        from scipy.signal import lfilter

        level = self.compress(self.envelope(audio, rate))
        keep = np.exp(-self.period / self.tau_adaptation)
        mean = lfilter([1.0 - keep], [1.0, -keep], level, axis=0)
        above = (level - self.adaptation * mean)[:, :, None] - np.asarray(self.thresholds)
        return np.asarray(self.gain * np.maximum(above, 0.0).reshape(len(level), self.n_units))

    def compress(self, envelope: ArrayLike) -> Array:
        """The compressive law of step 3, for envelopes >= 0 of any shape."""
        level = check.finite_array(self, "envelope", envelope, least=0.0)
        if self.compression == "power":
            return np.asarray(level**self.exponent)
        return np.asarray(np.log1p(level / self.floor))

    def spikes(self, audio: ArrayLike, rate: float) -> SpikeTrain:
        """The fibres' spikes for `audio` (n_samples,) at `rate` [Hz].

        Times from the sound's start [s].
        """
        phase = np.cumsum(self.rates(audio, rate) * self.period, axis=0)
        phase = np.vstack([np.zeros(self.n_units), phase])
        ticks = np.arange(len(phase)) * self.period
        times = [np.interp(np.arange(1.0, np.floor(p[-1]) + 1.0), p, ticks) for p in phase.T]
        ids = np.repeat(np.arange(self.n_units), [len(t) for t in times])
        return SpikeTrain(np.concatenate(times), ids)

    def _rate(self, rate: float) -> float:
        """A rate of samples [Hz], high enough for the highest filter."""
        unit = "Hz (twice the highest filter)"
        return check.within("Cochlea", "rate", rate, above=2.0 * self.high, most=FASTEST, unit=unit)

    def _envelope_of(self, bands: Array, rate: float) -> Array:
        """Step 2 on bands (n_channels, n_samples): rectify, smooth twice, one row per `period`."""
        from scipy.signal import lfilter

        keep = np.exp(-2.0 * np.pi * self.smoothing / rate)
        smooth = ([(1.0 - keep) ** 2], [1.0, -2.0 * keep, keep**2])
        envelope = np.pi * lfilter(*smooth, np.maximum(bands, 0.0), axis=1)
        n_ticks = max(1, int(bands.shape[1] / rate / self.period))
        last = np.minimum(np.round(np.arange(1, n_ticks + 1) * self.period * rate), bands.shape[1])
        return np.asarray(np.maximum(envelope[:, last.astype(np.int64) - 1].T, 0.0))


@cache
def _filters(centres: tuple[float, ...], rate: float) -> list[tuple[Array, Array]]:
    """Coefficients (numerator, denominator) of the gammatone filters at `centres`.

    They are for a sample rate [Hz].
    """
    from scipy.signal import gammatone

    return [gammatone(centre, "iir", fs=rate) for centre in centres]
