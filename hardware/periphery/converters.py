"""Converters: digital-to-analogue at the rows, analogue-to-digital at the foot of the columns."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Final, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from ...kernels.cpu import analogue as kernels
from ...kernels.cpu.distributions import draw_normal
from ...kernels.reference.analogue import LEAST
from ...sim import validation as check
from ...sim.conversion import is_tensor
from ...sim.seed import check_key, stream_key

MOST_BITS: Final = 16
MOST_COLUMNS: Final = 1 << 24  # that are converted at once

Array = NDArray[np.float64]
Law = Callable[[NDArray[Any], NDArray[Any], int], NDArray[Any]]
Values = TypeVar("Values")


@dataclass(frozen=True, kw_only=True)
class Characteristics:
    """What converters of both directions have: codes, a range, and the spread of their errors."""

    bits: int = 8
    range: float | str = "auto"  # of the highest code, in the unit of the values
    signed: bool = True
    offset: float = 0.0  # standard deviation over converters [steps]
    gain: float = 0.0  # the same, relative
    dnl: float = 0.0  # standard deviation of the width of a step [steps]
    inl: float = 0.0  # standard deviation of the bow at mid-scale [steps]
    conversion_time: float | None = None  # [s]; None: unknown

    def __post_init__(self) -> None:
        check_codes(self)
        for field in ("offset", "dnl", "inl"):
            check.keep(self, field, check.within, least=0.0, unit="steps")
        check.keep(self, "gain", check.within, least=0.0, below=1.0)
        if self.conversion_time is not None:
            check.keep(self, "conversion_time", check.within, above=0.0, unit="s")


@final
@dataclass(frozen=True, kw_only=True)
class ADC(Characteristics):
    """Analogue-to-digital converters of the columns.

    Each is for `columns_per_adc` neighbouring columns, one after the other. Columns of two arrays
    never share one: the last converter of an array has what is left.

    code = round(value / step), step = range / highest code; codes are two's complement, or begin at
    0 where not `signed`. "auto" takes the largest magnitude of the values as the range.

    A converter of its own reads code k from (k - 1/2 + e_k) steps on, with

        e_k = offset z1 + gain z2 k + inl z3 4 t (1 - t) + bridge_k,    t in [0, 1] along the codes,

    z standard normal, drawn once per converter; `bridge` sums normal errors of the steps' widths
    (`dnl`) and is tied to zero at both ends. A code whose step has no width left is never read. The
    model is that of static errors in IEEE Std 1241-2010, doi:10.1109/IEEESTD.2011.5692956; the laws
    of the draws are an assumption. Droop of the sample and hold is unknown: no source for these
    arrays.
    """

    columns_per_adc: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check.keep(self, "columns_per_adc", check.whole, least=1)

    @property
    def codes(self) -> tuple[int, int]:
        """The lowest and the highest code."""
        ends = quantiser(self.bits, 1.0, signed=self.signed)
        return ends.lowest, ends.highest

    def converters(self, columns: int, *, width: int | None = None) -> int:
        """How many converters `columns` columns need.

        They lie in arrays of `width` columns beside each other, or in one.
        """
        columns, width = self._in_arrays(columns, width)
        whole, rest = divmod(columns, width)
        return whole * -(-width // self.columns_per_adc) + -(-rest // self.columns_per_adc)

    def sharing(self, columns: int, *, width: int | None = None) -> NDArray[np.uint32]:
        """The converter (columns,) of each column; see `converters`."""
        columns, width = self._in_arrays(columns, width)
        array, place = np.divmod(np.arange(columns), width)
        return np.asarray(
            array * -(-width // self.columns_per_adc) + place // self.columns_per_adc, np.uint32
        )

    def latency(self, columns: int) -> float | None:
        """Seconds until `columns` columns are converted; None where `conversion_time` is unknown."""
        each = min(check.whole(self, "columns", columns), self.columns_per_adc)
        return None if self.conversion_time is None else self.conversion_time * each

    def errors(self, columns: int, key: int, *, width: int | None = None) -> Array | None:
        """e_k of every converter and code (converters, codes) [steps]; None where there are none."""
        return _errors(replace(self, range="auto"), self.converters(columns, width=width), key)

    def edges(self, columns: int, key: int, *, width: int | None = None) -> Array | None:
        """Where every converter goes on to the next code.

        Shape (converters, codes - 1) [steps]; None where they are ideal.
        """
        errors, (lowest, highest) = self.errors(columns, key, width=width), self.codes
        if errors is None:
            return None
        edges: Array = np.maximum.accumulate(
            np.arange(lowest + 1, highest + 1) - 0.5 + errors[:, 1:], axis=1
        )
        return edges

    def step(self, values: NDArray[Any]) -> NDArray[Any]:
        """What one code stands for when these values are converted."""
        full_scale = np.abs(values).max(initial=0.0) if isinstance(self.range, str) else self.range
        return np.asarray(full_scale / max(self.codes[1], 1))

    def inside(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of these values have a code and are not clipped."""
        return _inside(self, values)

    def convert(self, values: Values, *, key: int = 0, width: int | None = None) -> Values:
        """The numbers read from `values` (..., columns), in their own unit.

        Parameters
        ----------
        values : array_like or torch.Tensor, shape (..., columns)
            A tensor passes gradients straight through: 1 where they are not clipped, else 0.
            float32 stays float32.
        key : int
            Of the draw of the errors; the same key makes the same converters.
        width : int or None
            Columns of an array, where there are several beside each other; None: all are one
            array's.

        Raises
        ------
        ParameterError
            If a value is not finite.
        """
        return _convert(self, values, key, partial(self._read, width=width))

    def _in_arrays(self, columns: int, width: int | None) -> tuple[int, int]:
        columns = check.whole(self, "columns", columns, most=MOST_COLUMNS)
        own = (
            max(columns, 1)
            if width is None
            else check.whole(self, "width", width, least=1, most=MOST_COLUMNS)
        )
        return columns, own

    def _read(
        self, values: NDArray[Any], step: NDArray[Any], key: int, width: int | None
    ) -> NDArray[Any]:
        lowest, highest = self.codes
        edges = self.edges(values.shape[-1], key, width=width)
        if edges is None:
            return np.asarray(np.clip(np.rint(values / step), lowest, highest) * step)
        sharing = self.sharing(values.shape[-1], width=width)
        return np.asarray(edged_codes(values / step, edges, sharing, lowest) * step)


@final
@dataclass(frozen=True, kw_only=True)
class DAC(Characteristics):
    """Digital-to-analogue converters, one per row of an array: level = (code + e_code) * step.

    Codes are symmetric, -(2**(bits-1) - 1) to 2**(bits-1) - 1, which takes 2 bits at least, or 0 to
    2**bits - 1 where not `signed`. "auto" lets the largest magnitude of every vector be the highest
    code: the digital side knows it before it drives. The errors are those of `ADC`. Of arrays
    beside each other each has converters of its own, which drive the arrays of `plus` and `minus`
    and of all slices of a weight.
    """

    @property
    def codes(self) -> tuple[int, int]:
        """The lowest and the highest code."""
        highest = 2 ** (self.bits - 1) - 1 if self.signed else 2**self.bits - 1
        return -highest if self.signed else 0, highest

    def errors(self, rows: int, key: int) -> Array | None:
        """e_k of every converter and code (rows, codes) [steps]; None where there are none."""
        return _errors(replace(self, range="auto"), rows, key)

    def step(self, values: NDArray[Any]) -> NDArray[Any]:
        """What one code stands for in every vector (..., 1)."""
        if isinstance(self.range, str):
            full_scale = np.abs(values).max(axis=-1, keepdims=True, initial=0.0)
            full_scale = np.where(full_scale < least(values.dtype), 0.0, full_scale).astype(
                values.dtype
            )
        else:
            full_scale = np.full((*values.shape[:-1], 1), self.range, values.dtype)
        return np.asarray(full_scale / values.dtype.type(self.codes[1]))

    def inside(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of these values have a code and are not clipped."""
        return _inside(self, values)

    def convert(self, values: Values, *, key: int = 0) -> Values:
        """The levels that stand for `values` (..., rows), in their own unit; see `ADC.convert`."""
        return _convert(self, values, key, self._drive)

    def _drive(self, values: NDArray[Any], step: NDArray[Any], key: int) -> NDArray[Any]:
        lowest, highest = self.codes
        inverse = np.divide(1, step, out=np.zeros_like(step), where=step > 0)
        codes = np.clip(np.rint(values * inverse), lowest, highest)
        errors = self.errors(values.shape[-1], key)
        if errors is not None:
            place = np.arange(values.shape[-1]), (codes - lowest).astype(np.int64)
            codes = codes + errors[place].astype(values.dtype)
        return np.asarray(codes * step)


def _convert(converter: ADC | DAC, values: Values, key: int, law: Law) -> Values:
    """`law` on an array or, straight through, on a tensor."""
    key = check_key(converter, key)
    if is_tensor(values):
        converted: Values = _convert_tensor(
            converter, values, partial(_converted, converter, key, law)
        )
        return converted
    given = check.array_of(converter, "values", values)
    array = given if given.dtype == np.float32 else check.finite_array(converter, "values", values)
    return _converted(converter, key, law, array)  # type: ignore[return-value]


def _convert_tensor(
    converter: ADC | DAC, values: Any, convert: Callable[[NDArray[Any]], NDArray[Any]]
) -> Any:
    from .straight_through import checked, straight_through, torch

    tensor = checked(converter, "values", values)
    numbers = tensor.detach().numpy()
    converted = torch.from_numpy(convert(numbers)).to(tensor.dtype)
    if not (tensor.requires_grad and torch.is_grad_enabled()):
        return converted
    return straight_through(tensor, converted, torch.from_numpy(converter.inside(numbers)))


def _converted(converter: ADC | DAC, key: int, law: Law, array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim == 0:
        raise check.fail(converter, "values", "must have at least one dimension", "a number")
    if not np.isfinite(array).all():
        check.finite_array(converter, "values", array)
    step = converter.step(array)
    converted = law(array, step, key) if step.any() else np.zeros_like(array)
    return converted.astype(array.dtype, copy=False)


def _inside(converter: ADC | DAC, values: NDArray[Any]) -> NDArray[np.bool_]:
    step, (lowest, highest) = converter.step(values), converter.codes
    return np.asarray((values >= (lowest - 0.5) * step) & (values <= (highest + 0.5) * step))


def edged_codes(
    values: NDArray[Any], edges: Array, sharing: NDArray[np.uint32], lowest: int
) -> Array:
    """The codes, from `lowest` on, that converters with `ADC.edges` read from values.

    values (..., columns) [steps]; sharing (columns,): the converter of each column.
    """
    *batch, columns = values.shape
    scaled = np.ascontiguousarray(values.reshape(math.prod(batch), columns), np.float64)
    codes = np.empty_like(scaled)
    kernels.count_edges(scaled, edges, sharing, float(lowest), codes)
    return codes.reshape(values.shape)


@lru_cache(maxsize=16)
def _errors(converter: ADC | DAC, n: int, key: int) -> Array | None:
    """The errors of `n` converters, drawn from `key` (n, codes) [steps]."""
    if not any((converter.offset, converter.gain, converter.dnl, converter.inl)):
        return None
    lowest, highest = converter.codes
    codes = np.arange(lowest, highest + 1, dtype=np.float64)
    t = (codes - lowest) / (highest - lowest)
    own = key if isinstance(converter, ADC) else stream_key(key, "DAC")
    z1, z2, z3 = (_normals(own, name, (n, 1)) for name in ("offset", "gain", "inl"))
    walk = np.cumsum(converter.dnl * _normals(own, "dnl", (n, codes.size)), axis=1)
    bridge = walk - walk[:, :1] - t * (walk[:, -1:] - walk[:, :1])
    errors = (
        converter.offset * z1
        + converter.gain * z2 * codes
        + converter.inl * z3 * 4 * t * (1 - t)
        + bridge
    )
    errors.flags.writeable = False
    return errors


def _normals(key: int, name: str, shape: tuple[int, int]) -> Array:
    values = np.empty(shape[0] * shape[1])
    draw_normal(np.uint64(stream_key(key, name)), 0.0, 1.0, -np.inf, np.inf, values)
    return values.reshape(shape)


def least(dtype: Any) -> float:
    """The smallest full scale of vectors of this type of numbers.

    Below it steps have no inverse, and all is 0.
    """
    return LEAST * float(np.finfo(str(dtype).removeprefix("torch.")).tiny)


def check_codes(owner: Any) -> None:
    """Refuse `bits`, `range` and `signed` that no converter can have."""
    check.keep(owner, "signed", check.flag)
    least = 2 if owner.signed and not isinstance(owner, ADC) else 1  # its codes are symmetric
    check.keep(owner, "bits", check.whole, least=least, most=MOST_BITS)
    if isinstance(owner.range, str):
        check.keep(owner, "range", check.one_of, ["auto"])
    else:
        check.keep(owner, "range", check.within, above=0.0)


@final
@dataclass(frozen=True, kw_only=True)
class Converter:
    """A uniform quantiser: code = round(sum / lsb) within [lowest, highest].

    lsb: the column sum that one code stands for [S], 0 for a converter without steps or limits.
    """

    lsb: float = 0.0
    lowest: int = 0
    highest: int = 0

    def constants(self) -> dict[str, Any]:
        """The arguments of `convert_step` that describe the converter."""
        return {"lsb": self.lsb, "lowest": self.lowest, "highest": self.highest}


def quantiser(bits: int | None, full_scale: float, *, signed: bool) -> Converter:
    """The converter of `bits` whose highest code stands for `full_scale` [S].

    Signed codes are two's complement; unsigned ones begin at 0. bits None: no steps.
    """
    if bits is None or full_scale == 0.0:
        return Converter()
    highest = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    return Converter(
        lsb=full_scale / max(highest, 1),
        lowest=-(2 ** (bits - 1)) if signed else 0,
        highest=highest,
    )
