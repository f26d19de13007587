"""Encoders: numbers in, spikes out, for values, rates and signals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...kernels.reference import random
from .. import validation as check
from ..description.inputs import SpikeTrain
from ..seed import check_seed, stream_key

MOST_SPIKES = 100_000_000  # expected spikes that one call of `encode_rate` may ask for


def encode_latency(
    values: ArrayLike, *, tau: float = 20e-3, threshold: float = 0.1, latest: float = 1.0
) -> SpikeTrain:
    """One spike per unit, the earlier the larger its value: the first spike of a leaky integrator.

    A constant drive `value` charges tau dv/dt = -v + value from 0 to `threshold` at
    ``t = tau * ln(value / (value - threshold))``. Values at or below the threshold, and those
    whose spike would come after `latest`, stay silent. Intensity as latency: Thorpe, Delorme and
    Van Rullen (2001), doi:10.1016/S0893-6080(01)00083-1.

    values (n_units,) dimensionless; tau, latest [s]. Unit k carries ``values[k]``.
    """
    name = "encode_latency"
    drive = check.finite_array(name, "values", values, ndim=1)
    tau = check.within(name, "tau", tau, above=0.0, unit="s")
    threshold = check.within(name, "threshold", threshold, above=0.0)
    latest = check.within(name, "latest", latest, above=0.0, unit="s")
    ids = np.flatnonzero(drive > threshold)
    times = -tau * np.log1p(-threshold / drive[ids])
    in_time = times <= latest
    return SpikeTrain(times[in_time], ids[in_time])


def encode_rate(rates: ArrayLike, *, duration: float, seed: int = 0) -> SpikeTrain:
    """Independent Poisson processes with the given rates.

    They are exact: no time grid, no lost coincidences.

    rates (n_units,) [1/s], constant, or (n_bins, n_units), each row held for duration/n_bins.
    Unit-rate intervals -ln(u), u drawn from (seed, unit, spike number), are stretched by the
    integral of the rate (time rescaling, Brown et al. 2002, doi:10.1162/08997660252741149).
    A unit's spikes do not depend on the other units. duration [s].

    The same seed draws the same numbers, whatever the rates: give every train its own, or two
    trains of equal rates are one and the same, and others fire together.
    """
    name = "encode_rate"
    table = check.finite_array(name, "rates", rates, least=0.0, unit="1/s")
    if table.ndim not in {1, 2} or 0 in table.shape:
        raise check.fail(
            name, "rates", "must have shape (n_units,) or (n_bins, n_units)", f"shape {table.shape}"
        )
    duration = check.within(name, "duration", duration, above=0.0, unit="s")
    key = np.uint64(stream_key(check_seed(name, seed), name))
    table = np.atleast_2d(table)
    edges = np.linspace(0.0, duration, len(table) + 1)
    expected = np.vstack(
        [np.zeros(table.shape[1]), np.cumsum(table * np.diff(edges)[:, None], axis=0)]
    )
    if expected[-1].sum() > MOST_SPIKES:
        raise check.fail(
            name,
            "rates",
            f"must ask for at most {MOST_SPIKES:,} spikes",
            f"{expected[-1].sum():.3g}",
        )
    times = [_rescaled(key, unit, expected[:, unit], edges) for unit in range(table.shape[1])]
    return SpikeTrain(
        np.concatenate(times), np.repeat(np.arange(len(times)), [len(t) for t in times])
    )


def _rescaled(
    key: np.uint64, unit: int, expected: NDArray[np.float64], edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Spike times [s] of one unit, given its expected count (n_bins + 1,) at the bin edges [s]."""
    total = expected[-1]
    n_draws = math.ceil(total + 8.0 * math.sqrt(total) + 16.0)
    passed = np.cumsum(-np.log(random.uniform(key, np.arange(n_draws), unit)))
    while passed[-1] <= total:  # once in about 1e15 calls
        more = np.arange(len(passed), 2 * len(passed))
        passed = np.concatenate(
            [passed, passed[-1] + np.cumsum(-np.log(random.uniform(key, more, unit)))]
        )
    return np.asarray(np.interp(passed[passed < total], expected, edges))


def encode_level_crossing(signal: ArrayLike, *, rate: float, step: float) -> SpikeTrain:
    """Send-on-delta: a spike whenever the signal has moved by `step` since the last spike.

    signal (n_samples,) or (n_samples, n_channels), in the unit of `step`, sampled at `rate` [Hz].
    Unit ``2*channel`` fires on a rise, ``2*channel + 1`` on a fall; between samples the signal is
    a straight line, and spike times are where that line meets the level. So the first sample plus
    step * (rises - falls) follows the signal to within one `step`. Delta modulation of events:
    Miskowicz (2006), doi:10.3390/s6010049; in a silicon retina: Lichtsteiner, Posch and Delbruck
    (2008), doi:10.1109/JSSC.2007.914337.
    """
    name = "encode_level_crossing"
    table = check.finite_array(name, "signal", signal)
    if table.ndim not in {1, 2} or 0 in table.shape:
        raise check.fail(
            name,
            "signal",
            "must have shape (n_samples,) or (n_samples, n_channels)",
            f"shape {table.shape}",
        )
    rate = check.within(name, "rate", rate, above=0.0, unit="Hz")
    step = check.within(name, "step", step, above=0.0)
    table = table.reshape(len(table), -1)
    if np.abs(np.diff(table, axis=0)).sum() / step > MOST_SPIKES:
        raise check.fail(
            name, "step", f"must be large enough for at most {MOST_SPIKES:,} spikes", step
        )
    trains = [_crossings(column, step) for column in table.T]
    times = np.concatenate([when for when, _ in trains]) / rate
    ids = np.concatenate([2 * channel + fell for channel, (_, fell) in enumerate(trains)])
    return SpikeTrain(times, ids)


def _crossings(
    column: NDArray[np.float64], step: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Crossings of one channel (n_samples,).

    They tell when, in samples, and whether it fell (1) or rose (0).
    """
    when, fell = [np.zeros(0)], [np.zeros(0, np.int64)]
    level = 0  # the last level sent, in steps above the first sample
    height = (column - column[0]) / step
    for k in range(1, len(height)):
        n_moves = math.trunc(height[k] - level)
        if n_moves:
            sign = 1 if n_moves > 0 else -1
            levels = level + sign * np.arange(1, abs(n_moves) + 1)
            when.append(k - 1 + (levels - height[k - 1]) / (height[k] - height[k - 1]))
            fell.append(np.full(abs(n_moves), int(sign < 0)))
            level += n_moves
    return np.concatenate(when), np.concatenate(fell)
