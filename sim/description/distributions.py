"""Distributions from which weights, delays and parameters are drawn."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import CapacityError, ParameterError
from ...kernels.cpu import distributions as kernels
from .. import validation as check
from ..seed import check_key

Values = NDArray[np.float64]
# quantiles that levels are averaged from: at least per level, and in total
FINE, MOST_FINE = (
    256,
    1 << 16,
)


class Distribution(ABC):
    """A distribution. Value `i` of `sample` depends on the key, the parameters and `i` alone."""

    @abstractmethod
    def sample(self, key: int, n: int) -> Values:
        """`n` independent values."""


class Parametric(Distribution):
    """A distribution with a cumulative distribution function and its inverse."""

    @abstractmethod
    def cdf(self, x: Values) -> Values:
        """The probability of values up to x, for x (n,)."""

    @abstractmethod
    def quantile(self, p: Values) -> Values:
        """The value below which the share p of all values lies, for p (n,) in (0, 1)."""

    @final
    def levels(self, n: int) -> Values:
        """`n` equally likely values (n,), ascending.

        They have the mean and the variance of the distribution.
        """
        return _levels(self, check.whole(self, "n", n, least=1, most=MOST_FINE))


@lru_cache(64)
def _levels(distribution: Parametric, n: int) -> Values:
    """See `Parametric.levels`; many projections of a network share a distribution."""
    per_level = max(FINE, MOST_FINE // n)
    fine = distribution.quantile((np.arange(n * per_level) + 0.5) / (n * per_level)).reshape(
        n, per_level
    )
    levels, mean = fine.mean(axis=1), fine.mean()
    spread = levels.std()
    stretched = mean + (levels - mean) * (fine.std() / spread if spread > 0 else 1.0)
    clipped: Values = np.clip(stretched, fine.min(), fine.max())
    clipped.flags.writeable = False
    return clipped


@final
@dataclass(frozen=True)
class Normal(Parametric):
    """The normal distribution, inside [low, high] if given.

    Values outside are drawn again, as in NEST. So it is the truncated normal distribution; no
    values pile up at the limits. The limits must leave at least 1 % of the whole distribution.
    """

    mean: float
    sd: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        check.keep(self, "mean", check.real)
        check.keep(self, "sd", check.within, least=0.0)
        low = -math.inf if self.low is None else check.keep(self, "low", check.real)
        high = math.inf if self.high is None else check.keep(self, "high", check.real)
        if low > high:
            raise check.fail(self, "high", f"must be >= low = {low:g}", self.high)
        if self._inside(low, high) < 0.01:
            rule = f"must hold at least 1 % of the normal distribution, mean {self.mean:g} and sd {self.sd:g}"
            raise check.fail(self, "low to high", rule, (self.low, self.high))

    def _inside(self, low: float, high: float) -> float:
        """The probability of [low, high]."""
        if self.sd == 0:
            return float(low <= self.mean <= high)
        below, above = ((limit - self.mean) / self.sd / math.sqrt(2) for limit in (low, high))
        return (math.erf(above) - math.erf(below)) / 2

    def sample(self, key: int, n: int) -> Values:
        low = -math.inf if self.low is None else float(self.low)
        high = math.inf if self.high is None else float(self.high)
        key, values = _room(self, key, n)
        kernels.draw_normal(np.uint64(key), float(self.mean), float(self.sd), low, high, values)
        return values

    def _limits(self) -> tuple[float, float]:
        """The shares of the whole normal distribution below the two limits."""
        limits = ((self.low, 0.0), (self.high, 1.0))
        below = [
            p if x is None else (1 + math.erf((x - self.mean) / self.sd / math.sqrt(2))) / 2
            for x, p in limits
        ]
        return below[0], below[1]

    def cdf(self, x: Values) -> Values:
        x = check.finite_array(self, "x", x, ndim=1)
        if self.sd == 0:
            return (np.asarray(x) >= self.mean).astype(np.float64)
        low, high = self._limits()
        whole = np.array(
            [(1 + math.erf((value - self.mean) / self.sd / math.sqrt(2))) / 2 for value in x]
        )
        return np.clip((whole - low) / (high - low), 0.0, 1.0)

    def quantile(self, p: Values) -> Values:
        from scipy.special import ndtri

        p = _shares(self, p)
        if self.sd == 0:
            return np.full(np.shape(p), float(self.mean))
        low, high = self._limits()
        values = self.mean + self.sd * ndtri(low + np.asarray(p) * (high - low))
        return (
            np.clip(values, self.low, self.high)
            if (self.low, self.high) != (None, None)
            else values
        )


@final
@dataclass(frozen=True, kw_only=True)
class LogNormal(Parametric):
    """The lognormal distribution, median * exp(sigma * z) with z standard normal.

    Give either the median or the mean.

    mean = median * exp(sigma^2 / 2). A negative median or mean mirrors the distribution, for
    inhibitory weights.
    """

    median: float | None = None
    mean: float | None = None
    sigma: float  # standard deviation of the logarithm

    def __post_init__(self) -> None:
        check.keep(self, "sigma", check.within, least=0.0, most=20.0)
        if (self.median is None) == (self.mean is None):
            raise check.fail(self, "median", "give either median or mean", (self.median, self.mean))
        field = "mean" if self.median is None else "median"
        if check.keep(self, field, check.real) == 0:
            raise check.fail(self, field, "must not be 0", 0.0)

    @property
    def _middle(self) -> float:
        """The median."""
        of_mean = math.exp(-(self.sigma**2) / 2)  # the median over the mean
        return float((self.median or 0.0) if self.mean is None else self.mean * of_mean)

    def sample(self, key: int, n: int) -> Values:
        key, values = _room(self, key, n)
        kernels.draw_lognormal(np.uint64(key), self._middle, float(self.sigma), values)
        return values

    def cdf(self, x: Values) -> Values:
        x = check.finite_array(self, "x", x, ndim=1)
        # of a mirrored distribution the share above
        ratios = np.maximum(np.asarray(x) / self._middle, 0.0)
        if self.sigma == 0:
            return (np.asarray(x) >= self._middle).astype(np.float64)
        logs = [math.log(ratio) if ratio > 0 else -math.inf for ratio in ratios]
        share = np.array([(1 + math.erf(z / self.sigma / math.sqrt(2))) / 2 for z in logs])
        return share if self._middle > 0 else 1.0 - share

    def quantile(self, p: Values) -> Values:
        from scipy.special import ndtri

        p = _shares(self, p)
        sign = 1.0 if self._middle > 0 else -1.0
        return np.asarray(self._middle * np.exp(sign * self.sigma * ndtri(p)))


@final
@dataclass(frozen=True)
class Uniform(Parametric):
    """The uniform distribution on [low, high]."""

    low: float
    high: float

    def __post_init__(self) -> None:
        low = check.keep(self, "low", check.real)
        check.keep(self, "high", check.within, least=low)
        check.real(self, "high - low", float(self.high) - low)

    def sample(self, key: int, n: int) -> Values:
        key, values = _room(self, key, n)
        kernels.draw_uniform(np.uint64(key), float(self.low), float(self.high), values)
        return values

    def cdf(self, x: Values) -> Values:
        x = check.finite_array(self, "x", x, ndim=1)
        if self.high == self.low:
            return (np.asarray(x) >= self.low).astype(np.float64)
        return np.clip((np.asarray(x) - self.low) / (self.high - self.low), 0.0, 1.0)

    def quantile(self, p: Values) -> Values:
        p = _shares(self, p)
        return np.asarray(self.low + np.asarray(p) * (self.high - self.low))


@final
@dataclass(frozen=True)
class Choice(Parametric):
    """One of the given values, each as likely as the others.

    ``Choice((-1e-3, 1e-3))`` is a random sign.
    """

    options: tuple[float, ...]

    def __post_init__(self) -> None:
        options = check.finite_array(self, "options", self.options, ndim=1)
        if not options.size:
            raise check.fail(self, "options", "must hold at least one number", self.options)
        object.__setattr__(self, "options", tuple(options.tolist()))

    def sample(self, key: int, n: int) -> Values:
        key, places = _room(self, key, n)
        kernels.draw_uniform(np.uint64(key), 0.0, float(len(self.options)), places)
        return np.array(self.options)[places.astype(np.int64)]

    def cdf(self, x: Values) -> Values:
        x = check.finite_array(self, "x", x, ndim=1)
        return np.searchsorted(np.sort(self.options), x, side="right") / len(self.options)

    def quantile(self, p: Values) -> Values:
        p = _shares(self, p)
        places = np.minimum(np.asarray(p) * len(self.options), len(self.options) - 1)
        return np.asarray(np.sort(self.options)[places.astype(np.int64)])


def _room(distribution: Distribution, key: int, n: int) -> tuple[int, Values]:
    """The key, and room for `n` values."""
    key, n = check_key(distribution, key), check.whole(distribution, "n", n)
    try:
        return key, np.empty(n)
    except (MemoryError, ValueError):
        raise CapacityError(
            f"{check.name_of(distribution)}.n: {n} values do not fit into memory"
        ) from None


def _shares(distribution: Distribution, p: Values) -> Values:
    """Shares (n,) between 0 and 1."""
    shares = np.asarray(check.array_of(distribution, "p", p), np.float64)
    if shares.size and not (shares.min() >= 0.0 and shares.max() <= 1.0):
        raise check.fail(distribution, "p", "must lie between 0 and 1 everywhere", shares)
    return shares


def per_unit(owner: object, field: str, value: Any, **limits: Any) -> Any:
    """See `validation.per_unit`.

    A distribution is returned as it is, and limits that are distributions are left out.

    They are for later: once values are drawn, the owner is made anew with them.
    """
    if isinstance(value, Distribution):
        return value
    known = {name: limit for name, limit in limits.items() if not isinstance(limit, Distribution)}
    return check.per_unit(owner, field, value, **known)


def numbers(value: Any) -> float | NDArray[np.float64]:
    """What a field of a model or stimulus holds once it is drawn.

    It is drawn when a network is compiled.
    """
    if isinstance(value, Distribution):
        raise ParameterError(
            f"parameters are worked with once they are drawn, as Simulator does (got {value})"
        )
    return value  # type: ignore[no-any-return]


def values(
    source: float | ArrayLike | Distribution, n: int, key: int, owner: object, field: str
) -> Values:
    """`n` values of ``owner.field``.

    They are a number for all, one entry for each, or draws from a distribution.
    """
    if isinstance(source, Distribution):
        drawn = source.sample(key, n)
        return drawn if np.isfinite(drawn.sum()) else check.finite_array(owner, field, drawn)
    if isinstance(source, str) or np.isscalar(source) or source is None:
        return np.full(n, check.real(owner, field, source))
    array = check.finite_array(owner, field, source)
    if array.ndim == 0:
        return np.full(n, float(array))
    if array.shape != (n,):
        raise check.fail(
            owner, field, f"must be one number or {n}, one for each", f"shape {array.shape}"
        )
    return array
