"""How a vector of numbers becomes activity of the word lines, and what that takes.

A coding cuts a vector into planes, each read once from the array, and

    value = sum over planes of significance * plane.

The array is linear, so the sum of the converted readings of the planes, each times its
significance, is the product.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, final

import numpy as np

from ...sim import validation as check
from .converters import ADC, DAC, check_codes, least
from .mapping import straight

Planes = list[tuple[float, Any]]


@final
@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one product takes.

    `reads` of the array, conversions, seconds (None where a time is unknown).
    """

    reads: int
    dac_conversions: int
    adc_conversions: int
    seconds: float | None


class InputCoding(ABC):
    """A way to drive word lines with vectors (..., rows), arrays or tensors.

    Gradients go straight through. The range is that of the converter: the largest magnitude of
    every vector, or a fixed one.
    """

    read_time: float  # [s] of one read without its conversion

    @property
    @abstractmethod
    def converter(self) -> DAC | None:
        """What rounds a value to a code; None: nothing does."""

    @property
    @abstractmethod
    def reads(self) -> int:
        """How often the array is read for one vector."""

    @property
    @abstractmethod
    def rms(self) -> float:
        """The root mean square of a plane, relative to its full scale.

        Automatic converter ranges expect it.
        """

    @property
    def converted(self) -> int:
        """Multi-bit conversions of one value at a row."""
        return 0

    @abstractmethod
    def planes(self, values: Any, *, key: int = 0) -> Planes:
        """Significance and plane (..., rows) of every read, in the unit of the values."""

    def squares(self, plane: Any, full_scale: Any) -> Any:
        """What the variance of a cell's reading is multiplied with: the square of what drives it."""
        return plane * plane

    def full_scale(self, values: Any) -> Any:
        """What a fully driven row stands for (..., 1), never 0, however small the values are."""
        fixed = None if self.converter is None else self.converter.range
        if fixed is None or isinstance(fixed, str):
            given = values.detach() if hasattr(values, "detach") else np.asarray(values, np.float64)
            largest = abs(given).max(-1)
            largest = getattr(largest, "values", largest)[..., None]
        else:
            largest = 0 * values[..., :1] + fixed
        return largest.clip(least(largest.dtype), None)

    def product(self, values: Any, read: Callable[[Any], Any], *, key: int = 0) -> Any:
        """The sum over the planes of what `read` makes of each (..., rows) -> (..., columns)."""
        return sum(
            significance * read(plane) for significance, plane in self.planes(values, key=key)
        )

    def cost(self, rows: int, columns: int, adc: ADC | None = None) -> Reading:
        """What one vector of `rows` values takes on an array of `columns` columns.

        It is converted by `adc`. Reads and conversions follow each other; without converters the
        readings take no time but their own.
        """
        rows, columns = (
            check.whole(self, "rows", rows, least=1),
            check.whole(self, "columns", columns, least=1),
        )
        check.instance(self, "adc", adc, ADC, optional=True)
        latency = 0.0 if adc is None else adc.latency(columns)
        drive = (
            0.0 if self.converter is None or not self.converted else self.converter.conversion_time
        )
        seconds = (
            None
            if latency is None or drive is None
            else self.reads * (self.read_time + latency) + drive
        )
        return Reading(
            reads=self.reads,
            dac_conversions=self.converted * rows,
            adc_conversions=0 if adc is None else self.reads * columns,
            seconds=seconds,
        )


@final
@dataclass(frozen=True)
class Amplitude(InputCoding):
    """A row's voltage is the value, from a DAC; None: any voltage."""

    dac: DAC | None = None
    _: KW_ONLY
    read_time: float = 100e-9  # [s]

    def __post_init__(self) -> None:
        check.keep(self, "dac", check.instance, DAC, optional=True)
        check.keep(self, "read_time", check.within, above=0.0, unit="s")

    @property
    def converter(self) -> DAC | None:
        return self.dac

    @property
    def reads(self) -> int:
        return 1

    @property
    def rms(self) -> float:
        return 1 / 3  # of normal values whose largest is three standard deviations

    @property
    def converted(self) -> int:
        return 0 if self.dac is None else 1

    def planes(self, values: Any, *, key: int = 0) -> Planes:
        return [(1.0, values if self.dac is None else self.dac.convert(values, key=key))]


@final
@dataclass(frozen=True)
class BitSerial(InputCoding):
    """One read per bit of the magnitude; shift and add makes the sum.

    A line has full voltage or none, of the value's sign. `bits` count the sign where `signed`. Each
    plane is a reading of its own with noise of its own, as in Wang et al. (2023),
    doi:10.1038/s42256-023-00609-5 (4 bits).
    """

    bits: int = 8
    _: KW_ONLY
    range: float | str = "auto"
    signed: bool = True
    read_time: float = 100e-9  # [s]

    def __post_init__(self) -> None:
        check_codes(self)
        check.keep(self, "read_time", check.within, above=0.0, unit="s")

    @property
    def converter(self) -> DAC | None:
        return DAC(bits=self.bits, range=self.range, signed=self.signed)

    @property
    def reads(self) -> int:
        return self.bits - self.signed

    @property
    def rms(self) -> float:
        return float(np.sqrt(0.5))  # of bits that are set half the time

    def planes(self, values: Any, *, key: int = 0) -> Planes:
        assert self.converter is not None
        given = values.detach() if hasattr(values, "detach") else values
        levels, full, highest = (
            self.converter.convert(given),
            self.full_scale(values),
            self.converter.codes[1],
        )
        codes = (levels / full * highest).round()
        rest, sign, planes = abs(codes), 1.0 * (codes > 0) - 1.0 * (codes < 0), []
        for k in range(self.reads):
            bit = rest % 2
            rest = (rest - bit) / 2
            planes.append((2**k / highest, straight(sign * bit * full, values)))
        return planes


@final
@dataclass(frozen=True)
class PulseWidth(InputCoding):
    """Full voltage for as many slots as the magnitude of the value's code.

    The sign is that of the voltage. The charge of a column over the whole read is converted once. A
    cell's error either lasts the whole read (slow noise, the law of `Amplitude`) or is drawn anew
    in every slot (`white`), which long pulses average.
    """

    bits: int = 8
    _: KW_ONLY
    range: float | str = "auto"
    signed: bool = True
    slot: float = 1e-9  # [s]
    white: bool = False

    def __post_init__(self) -> None:
        check_codes(self)
        check.keep(self, "slot", check.within, above=0.0, unit="s")
        check.keep(self, "white", check.flag)

    @property
    def converter(self) -> DAC | None:
        return DAC(bits=self.bits, range=self.range, signed=self.signed)

    @property
    def read_time(self) -> float:  # type: ignore[override]
        assert self.converter is not None
        return self.converter.codes[1] * self.slot

    @property
    def reads(self) -> int:
        return 1

    @property
    def rms(self) -> float:
        return 1 / 3

    def planes(self, values: Any, *, key: int = 0) -> Planes:
        assert self.converter is not None
        return [(1.0, self.converter.convert(values))]

    def squares(self, plane: Any, full_scale: Any) -> Any:
        assert self.converter is not None
        return abs(plane) * full_scale / self.converter.codes[1] if self.white else plane * plane
