"""A linear layer of torch whose weights are devices in arrays."""

from __future__ import annotations

from typing import Any, Final, Self, final

import numpy as np

from ...sim import validation as check
from ...sim.free_memory import check_bytes
from ...sim.notice import once_a_call
from ...sim.seed import check_key, check_seed, stream_key
from ..array.array import ProgrammedArray
from ..array.design import ArrayDesign, Pairs, cell_keys
from ..array.numbers import WireSolver
from ..devices.device import Device, tell_ageless
from ..periphery.coding import Amplitude, InputCoding, Reading
from ..periphery.converters import ADC, DAC
from ..periphery.mapping import DifferentialPairs, WeightMapping
from ..periphery.straight_through import check_floats, in_own_precision, torch
from ..periphery.tile import Tile
from . import reading
from .checks import check_parts, largest_weight, vectors
from .digits import DigitArray
from .tensors import Tensors

KEPT: Final = 16  # bytes of a device: what was written, and as it is read
WEIGHT: Final = 8  # bytes of a weight
MOST_VOLTS: Final = 1e6  # far above what any device stands


@final
class AnalogLinear(torch.nn.Module):
    """y = x W^T + b with W on resistive memory.

    A drop-in for `torch.nn.Linear` that trains hardware-aware.

    A row of an array is an input, a column an output. With u = x / F in [-1, 1] (F: the coding's
    full scale),

        I_j = sum_i V u_i (plus_ij - minus_ij) + V sqrt(sum_i u_i^2 (s+_ij^2 + s-_ij^2)) z_j
        [A] y_j = F * largest / (V (g_max - g_min)) * ADC(I_j) + b_j,

    added up over slices of the mapping, planes of the coding and tiles below each other. The cells'
    independent normal reading errors of standard deviation s make one normal error per column, so
    the second term has exactly the law of drawing every cell (`read_cells`, the oracle). It stops
    being exact where a single cell's error is not normal (telegraph noise in few cells, readings
    clipped at zero), where current is not proportional to voltage, and with wires, where an error
    is taken to reach the column as its cell does, H_ij / g_ij, without changing the others.

    In training every call writes the devices anew (`Device.write`), so the loss sees programming
    errors, read noise and converters; gradients are exact but for the rounding of converters and
    slices, which they pass straight through (Joshi et al. 2020, doi:10.1038/s41467-020-16108-9). In
    evaluation the devices keep what `program` wrote; without it the first call writes them.
    `train()` forgets them.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
        Whether to add a bias, digitally.
    device : Device
        Must take graded weights.
    adc, dac : ADC, DAC or None
        None: no rounding. An automatic range of the ADC [A] covers four standard deviations of the
        column currents to be expected, or what `calibrate` has seen.
    coding : InputCoding or None
        Default ``Amplitude(dac)``; others bring converters of their own.
    mapping : WeightMapping
    wires : object or None
        With ``effective``, ``currents`` and ``gradient``: see `WireSolver`. None: ideal wires.
    tile : Tile or None
        None: one array as large as needed.
    read_voltage : float
        Of a fully driven row [V].
    seed : int or None
        Of all draws: layers of the same seed and size have the same devices and noise. None takes
        it from the state of torch's generator, after the initial weights were drawn and without
        moving it: every layer has a seed of its own, and the same ones again after
        ``torch.manual_seed``. `state_dict` keeps it.

    Raises
    ------
    ParameterError
        If a value is outside what its field allows, an input is not finite, or numbers are neither
        float32 nor float64.
    UnsupportedError
        If tensors are not on the CPU.
    """

    plus: torch.Tensor
    minus: torch.Tensor
    largest: torch.Tensor
    seconds: torch.Tensor
    compensation: torch.Tensor
    adc_range: torch.Tensor
    writes: torch.Tensor
    reads: torch.Tensor
    cells: torch.Tensor
    streams: torch.Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        device: Device,
        adc: ADC | None = ADC(),  # noqa: B008
        dac: DAC | None = DAC(),  # noqa: B008
        coding: InputCoding | None = None,
        mapping: WeightMapping = DifferentialPairs(),  # noqa: B008
        wires: WireSolver | None = None,
        tile: Tile | None = None,
        read_voltage: float = 0.2,
        seed: int | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        in_features = self.in_features = check.whole(self, "in_features", in_features, least=1)
        out_features = self.out_features = check.whole(self, "out_features", out_features, least=1)
        bias = check.flag(self, "bias", bias)
        self.device, self.mapping, self.wires = device, mapping, wires
        self.adc, self.coding = adc, Amplitude(dac) if coding is None else coding
        self.tile = Tile(rows=in_features, columns=out_features) if tile is None else tile
        self.read_voltage = check.within(
            self, "read_voltage", read_voltage, above=0.0, most=MOST_VOLTS, unit="V"
        )
        check_parts(self)
        check_floats(self, "dtype", torch.get_default_dtype() if dtype is None else dtype)
        numbers = (
            float(in_features) * out_features * (2 * len(mapping.coefficients) * KEPT + WEIGHT)
        )
        check_bytes(type(self).__name__, numbers, f"{in_features} x {out_features}")
        linear = torch.nn.Linear(in_features, out_features, bias=bias, dtype=dtype)
        own = _next_seed() if seed is None else check_seed(self, seed)
        self.weight, self.bias = linear.weight, linear.bias
        with torch.inference_mode(False):
            self._register(own)
        self.register_load_state_dict_post_hook(_forget)
        self._ready: ProgrammedArray | None = None
        self._digits: list[DigitArray] | None = None

    def _register(self, own: int) -> None:
        """Tensors for what devices hold and what is counted, and the seed."""
        shape = (len(self.mapping.coefficients), self.in_features, self.out_features)
        other = (*shape[:2], 1 if self.mapping.shared else shape[2])
        self.register_buffer("plus", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("minus", torch.zeros(other, dtype=torch.float64))
        for name in ("largest", "seconds", "compensation", "adc_range"):
            self.register_buffer(name, torch.zeros((), dtype=torch.float64))
        for name in ("writes", "reads", "cells"):
            self.register_buffer(name, torch.zeros((), dtype=torch.int64))
        self.register_buffer(
            "streams", torch.tensor(np.uint64(own).astype(np.int64), dtype=torch.int64)
        )

    @classmethod
    def from_linear(cls, linear: torch.nn.Linear, **options: Any) -> Self:
        """A layer with the weights and the bias of `linear`, for the options that the class takes."""
        if not isinstance(linear, torch.nn.Linear):
            raise check.fail(
                cls.__name__, "linear", "must be a torch.nn.Linear", type(linear).__name__
            )
        bias = linear.bias is not None
        layer = cls(
            linear.in_features,
            linear.out_features,
            bias,
            **{"dtype": linear.weight.dtype, **options},
        )
        layer.load_state_dict(linear.state_dict(), strict=False)
        return layer.train(linear.training)

    @once_a_call
    @in_own_precision
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """y (..., out_features) of x (..., in_features)."""
        values = vectors(self, x)
        ready = self._written_anew() if self.training else self._as_written()
        self.reads += 1
        learns = x.requires_grad or (self.bias is not None and self.bias.requires_grad)
        if self.training or (learns and torch.is_grad_enabled()) or self._digits is None:
            y = reading.product(self, ready, values)
        else:
            y = reading.whole_product(self, self._digits, values)
        return y.reshape(*x.shape[:-1], self.out_features)

    @once_a_call
    @in_own_precision
    @torch.no_grad()
    def read_cells(self, x: torch.Tensor) -> torch.Tensor:
        """`forward` in evaluation, but every cell is drawn for every vector.

        This is the oracle of read noise, and slow. A cell's error lasts one reading, so this is no
        oracle of ``PulseWidth(white=True)``.
        """
        values = vectors(self, x)
        ready = self._as_written()
        self.reads += 1
        return reading.read_cells(self, ready, values).reshape(*x.shape[:-1], self.out_features)

    @once_a_call
    @torch.no_grad()
    def program(self, key: int | None = None) -> Self:
        """Write the weights into the devices that `key` stands for, by default others every time."""
        key = None if key is None else check_key(self, key)
        self.writes += 1
        key = self.key("write", int(self.writes)) if key is None else key
        largest = largest_weight(self).double()
        for k, (plus, minus) in enumerate(self._write(key, largest)):
            self.plus[k], self.minus[k] = plus, minus
        self.largest.copy_(largest)
        self.cells.fill_(int(np.uint64(key).view(np.int64)))
        self.seconds.zero_()
        self.compensation.fill_(1.0)
        _forget(self)
        return self

    @once_a_call
    @torch.no_grad()
    def age(self, seconds: float, *, compensate: bool = True) -> Self:
        """Let the devices be what they are `seconds` [s] after they were written.

        compensate: multiply what is read by one factor for the whole layer, the sum of |plus -
        minus| of all cells as written over that as aged (global drift compensation, Joshi et al.
        2020, doi:10.1038/s41467-020-16108-9; here the factor is measured without read noise).
        """
        seconds = check.within(self, "seconds", seconds, least=0.0, unit="s")
        compensate = check.flag(self, "compensate", compensate)
        if seconds:
            tell_ageless(self, self.device, seconds)
        if not self.programmed:
            self.program()
        self.seconds.fill_(seconds)
        self.compensation.fill_(1.0)
        if compensate:
            before, after = (
                sum(float((plus - minus).abs().sum()) for plus, minus in pairs)
                for pairs in (zip(self.plus, self.minus, strict=True), self._aged())
            )
            self.compensation.fill_(before / after if after > 0 else 1.0)
        _forget(self)
        return self

    @once_a_call
    @in_own_precision
    @torch.no_grad()
    def calibrate(self, x: torch.Tensor) -> Self:
        """End the automatic range of the ADC at the largest column current.

        It is the largest that x (..., in_features) makes.
        """
        values = vectors(self, x)
        self.adc_range.fill_(reading.peak(self, self._as_written(), values))
        _forget(self)
        return self

    @property
    def design(self) -> ArrayDesign:
        """The arrays that the devices stand in."""
        return ArrayDesign(
            device=self.device,
            mapping=self.mapping,
            adc=self.adc,
            read_voltage=self.read_voltage,
            wires=self.wires,
            tile=self.tile,
            numbers=Tensors(),
        )

    @property
    def programmed(self) -> bool:
        """Whether the devices hold what `program` wrote."""
        return bool(self.compensation > 0)

    @once_a_call
    @torch.no_grad()
    def conductances(self) -> Pairs:
        """(plus, minus) of every slice, (in_features, out_features) [S], as the devices are now."""
        return self._as_written().devices

    @once_a_call
    @torch.no_grad()
    def stored_weight(self) -> torch.Tensor:
        """The weights (out_features, in_features) that the devices stand for now."""
        weights: torch.Tensor = self._as_written().weights()
        return weights.T.to(self.weight.dtype)

    def cost(self) -> Reading:
        """What one input vector takes, all tiles and slices together; they all work at once."""
        below, beside = self.tile.grid(self.in_features, self.out_features)
        slices = len(self.mapping.coefficients)
        one = self.coding.cost(
            self.in_features, min(self.out_features, self.tile.columns), self.adc
        )
        return Reading(
            reads=one.reads * below * beside * slices,
            dac_conversions=one.dac_conversions * beside,
            adc_conversions=0
            if self.adc is None
            else one.reads * self.out_features * below * slices,
            seconds=one.seconds,
        )

    def train(self, mode: bool = True) -> Self:
        """In training every call writes the devices anew; what `program` wrote is forgotten."""
        mode = check.flag(self, "mode", mode)
        if mode:
            self.compensation.zero_()
            self.seconds.zero_()
            _forget(self)
        return super().train(mode)

    def _apply(self, fn: Any, *arguments: Any, **options: Any) -> Self:
        """Another type of numbers, or place, for all tensors."""
        check_floats(self, "weight", fn(torch.zeros(0, dtype=self.weight.dtype)).dtype)
        _forget(self)
        super()._apply(fn, *arguments, **options)
        return self

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Take a state over.

        One without a seed leaves the layer its own; weights without devices are to be written.
        """
        state_dict.setdefault(prefix + "streams", self.streams)
        if prefix + "weight" in state_dict and prefix + "plus" not in state_dict:
            self.compensation.zero_()
            self.seconds.zero_()
        super()._load_from_state_dict(state_dict, prefix, *rest)

    @property
    def seed(self) -> int:
        """Of all draws."""
        return int(self.streams) % 2**64

    def key(self, *names: object) -> int:
        """Of the layer's random stream called `names`."""
        return stream_key(self.seed, *names)

    def _written_anew(self) -> ProgrammedArray:
        """Devices written for one call in training, with gradients."""
        self.writes += 1
        key, largest = self.key("write", int(self.writes)), largest_weight(self)
        keys = cell_keys(key, len(self.mapping.coefficients))
        return reading.arrays(self, self._write(key, largest), self.design.scale(largest), keys)

    def _as_written(self) -> ProgrammedArray:
        """The devices as `program` wrote them and `age` left them.

        If they are not written, they are written now, in training for once.
        """
        if self._ready is not None:
            return self._ready
        if self.training and not self.programmed:
            return self._written_anew()
        if not self.programmed:
            self.program()
        with torch.inference_mode(False), torch.no_grad():  # a later call may ask for gradients
            dtype, scale = self.weight.dtype, self.design.scale(self.largest) * self.compensation
            devices = [(plus.to(dtype), minus.to(dtype)) for plus, minus in self._aged()]
            self._ready = reading.arrays(self, devices, scale, self._keys())
            self._digits = reading.digit_arrays(self, self._ready) if reading.whole(self) else None
        return self._ready

    def _write(self, key: int, largest: torch.Tensor) -> Pairs:
        """The devices that `key` stands for after writing the weights."""
        targets = self.design.targets(self.weight.T.to(largest.dtype), largest)
        return self.design.write(targets, cell_keys(key, len(targets)), bounded=True)

    def _keys(self) -> list[tuple[int, int]]:
        """Of the cells that `program` wrote."""
        return cell_keys(int(self.cells) % 2**64, len(self.mapping.coefficients))

    def _aged(self) -> Pairs:
        """What was written, as it is after `seconds`."""
        return self.design.aged(
            list(zip(self.plus, self.minus, strict=True)), float(self.seconds), self._keys()
        )

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}, "
            f"device={type(self.device).__name__}, coding={self.coding}, adc={self.adc}"
        )


def _next_seed() -> int:
    """A seed for the state in which torch's generator is now."""
    return stream_key(0, torch.get_rng_state().numpy().tobytes().hex())


def _forget(layer: AnalogLinear, *_: Any) -> None:
    """What was made ready for reading is no longer true."""
    layer._ready, layer._digits = None, None
