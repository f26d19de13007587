"""Reading the arrays of an `AnalogLinear`: with gradients, with whole numbers, or cell by cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, final

import numpy as np

from ...kernels.cpu.gaussian import normal_rows
from ...sim import validation as check
from ...sim.seed import stream_key
from ..devices.device import Device
from ..periphery.coding import Amplitude, InputCoding
from ..periphery.converters import ADC, DEVIATIONS
from ..periphery.mapping import WeightMapping
from ..periphery.straight_through import StraightThrough, cell_law, flat, like, torch
from ..periphery.tile import Tile
from .digits import MOST_ROWS, DigitArray, encode
from .exact_currents import ExactCurrents, WireSolver

Pair = tuple[torch.Tensor, torch.Tensor]
Pairs = list[Pair]  # plus and minus of every slice
Keys = list[tuple[int, int]]
SMALLEST: Final = 1e-36  # variances below are none; the root of this one still has a finite slope
BYTE: Final = 127  # the highest code that fits


@final
@dataclass(frozen=True, kw_only=True)
class Arrays:
    """All there is to know for a reading; pairs hold (in_features, out_features), or (in_features, 1) if shared.

    devices: conductances [S]; effective: the same as the columns see them through wires [S]; variances: of one
    reading of a cell, as it reaches its column [S^2]; scale: weight per siemens, compensated; full_scale: range of
    the ADC [A]; keys: of the cells.
    """

    devices: Pairs
    effective: Pairs
    variances: Pairs
    scale: torch.Tensor
    full_scale: float
    keys: Keys


class Layer(Protocol):
    """What a reading must know of an `AnalogLinear`, whose docstring says what each is."""

    in_features: int
    out_features: int
    device: Device
    mapping: WeightMapping
    coding: InputCoding
    adc: ADC | None
    tile: Tile
    wires: WireSolver | None
    read_voltage: float
    seconds: torch.Tensor
    reads: torch.Tensor
    adc_range: torch.Tensor

    @property
    def weight(self) -> torch.Tensor: ...

    @property
    def bias(self) -> torch.Tensor | None: ...

    def key(self, *names: object) -> int: ...


def cell_keys(key: int, slices: int) -> Keys:
    """The keys that stand for the cells of every slice and side, of the key of them all."""
    return [(stream_key(key, k, "plus"), stream_key(key, k, "minus")) for k in range(slices)]


def arrays(layer: Layer, devices: Pairs, scale: torch.Tensor, keys: Keys) -> Arrays:
    """Prepare devices for reading; gradients pass from what is read to the devices."""
    low, high, seconds = layer.device.g_min, layer.device.g_max, float(layer.seconds)
    effective = (
        devices
        if layer.wires is None
        else [(_seen(layer, a), _seen(layer, b, layer.mapping.shared)) for a, b in devices]
    )

    def variance(cells: torch.Tensor, seen: torch.Tensor, key: int) -> torch.Tensor:
        error = cell_law(cells, lambda g: layer.device.read_error(g, seconds, cells=key), low, high)
        if seen is not cells:
            error = error * (seen / torch.where(cells > 0, cells, 1.0)).detach()
        return error * error

    variances: Any = [tuple(map(variance, *sides)) for sides in zip(devices, effective, keys, strict=True)]
    return Arrays(
        devices=devices, effective=effective, variances=variances, scale=scale, keys=keys,
        full_scale=_full_scale(layer, effective),
    )  # fmt: skip


def product(layer: Layer, ready: Arrays, x: torch.Tensor) -> torch.Tensor:
    """y (batch, out_features) of x (batch, in_features), with gradients."""
    check_finite(layer, x)
    full = layer.coding.full_scale(x)
    factor = full * (ready.scale / layer.read_voltage)
    y: Any = 0.0
    for worth, (k, b, p), block, volts, squares in _readings(layer, x, full):
        current = _currents(layer, ready, k, block, volts)
        current = current + _noise(layer, ready.variances[k], block, squares, (k, b, p))
        y = y + worth * _converted(layer, ready, current, factor, layer.key("adc", k, b))
    whole: torch.Tensor = y if layer.bias is None else y + layer.bias
    return whole


def check_finite(layer: Layer, x: torch.Tensor) -> None:
    """Refuse inputs that no voltage can stand for."""
    finite = torch.isfinite(x)
    if not finite.all():
        raise check.fail(layer, "x", "must be finite everywhere", x[~finite][0].item())


def peak(layer: Layer, ready: Arrays, x: torch.Tensor) -> float:
    """The largest column current [A] that x (batch, in_features) makes, without read noise."""
    check_finite(layer, x)
    readings = _readings(layer, x, layer.coding.full_scale(x))
    return max(
        float(_currents(layer, ready, k, block, volts).abs().max()) for _, (k, _, _), block, volts, _ in readings
    )


def read_cells(layer: Layer, ready: Arrays, x: torch.Tensor) -> torch.Tensor:
    """`product`, with every cell drawn anew for every vector and reading, and no law of sums."""
    check_finite(layer, x)
    full = layer.coding.full_scale(x)
    factor = full * (ready.scale / layer.read_voltage)
    y = torch.zeros(x.shape[0], layer.out_features, dtype=x.dtype)
    for worth, (k, b, p), block, volts, _ in _readings(layer, x, full):
        current = torch.zeros_like(y)
        for n in range(x.shape[0]):
            for cells, own, sign in zip(ready.devices[k], ready.keys[k], (1.0, -1.0), strict=True):
                key = stream_key(own, "reading", int(layer.reads), b, p, n)
                alone = (
                    {} if layer.device.flicker is None else {"history": key}
                )  # nothing is known of the times between
                drawn = like(cells, layer.device.read(flat(cells), key, float(layer.seconds), cells=own, **alone))
                seen = drawn if layer.wires is None else _seen(layer, drawn, sign < 0 and layer.mapping.shared)
                current[n] += sign * (volts[n] @ seen[block])
        y += worth * _converted(layer, ready, current, factor, layer.key("adc", k, b))
    return y if layer.bias is None else y + layer.bias


def whole(layer: Layer) -> bool:
    """Whether whole numbers can say all there is: byte codes, ideal converters, pairs of their own, float32."""
    dac = layer.coding.dac if isinstance(layer.coding, Amplitude) else None
    ideal = dac is not None and dac.signed and dac.codes[1] <= BYTE and dac.errors(1, 0) is None
    ideal = ideal and (layer.adc is None or layer.adc.errors(1, 0) is None) and not layer.mapping.shared
    ideal = ideal and torch.backends.mkldnn.is_available()  # else products of bytes are slow
    return ideal and layer.weight.dtype == torch.float32 and min(layer.in_features, layer.tile.rows) <= MOST_ROWS


def digit_arrays(layer: Layer, ready: Arrays) -> list[DigitArray]:
    """Every array in digits, in the order of its key."""
    assert layer.coding.converter is not None
    levels = layer.coding.converter.codes[1]
    step = (ready.full_scale or 1.0) / (BYTE if layer.adc is None else max(layer.adc.codes[1], 1))
    steps, worth = layer.read_voltage / (levels * step), step * levels * float(ready.scale) / layer.read_voltage
    made = []
    for block in layer.tile.blocks(layer.in_features):
        for coefficient, seen, variances in zip(
            layer.mapping.coefficients, ready.effective, ready.variances, strict=True
        ):
            (plus, minus), (one, other) = (
                (side[block].double().numpy() for side in pair) for pair in (seen, variances)
            )
            made.append(DigitArray.of(plus - minus, one + other, rows=block, steps=steps, weight=coefficient * worth))
    return made


def whole_product(layer: Layer, made: list[DigitArray], x: torch.Tensor) -> torch.Tensor:
    """`product` without gradients, by whole numbers: the same draws, the same law, to the rounding of float32.

    Only the standard deviation of the read noise is rounded more, to bfloat16 (1/500 of itself at most).
    """
    dac = layer.coding.converter
    assert dac is not None
    codes, squares, lsb, largest = encode(x, 0.0 if isinstance(dac.range, str) else dac.range, dac.codes[1])
    if not np.isfinite(largest):
        raise check.fail(layer, "x", "must be finite everywhere", largest)
    y = torch.zeros(x.shape[0], layer.out_features)
    if layer.bias is not None:
        y += layer.bias
    ends = (0, 0) if layer.adc is None else layer.adc.codes
    for n, array in enumerate(made):
        b, k = divmod(n, len(layer.mapping.coefficients))
        array.read(codes, squares, layer.key("read", int(layer.reads), k, b, 0), ends, lsb, y.numpy())
    return y


def _readings(
    layer: Layer, x: torch.Tensor, full: torch.Tensor
) -> Iterator[tuple[float, tuple[int, int, int], slice, torch.Tensor, torch.Tensor]]:
    """For every reading its worth, (slice, tile, plane), rows, voltages [V] and squared voltages [V^2]."""
    planes = layer.coding.planes(x, key=layer.key("dac"))
    for p, (significance, plane) in enumerate(planes):
        volts = plane / full * layer.read_voltage
        squares = layer.coding.squares(plane / full, torch.ones_like(full)) * layer.read_voltage**2
        for b, block in enumerate(layer.tile.blocks(layer.in_features)):
            for k, coefficient in enumerate(layer.mapping.coefficients):
                yield significance * coefficient, (k, b, p), block, volts[:, block], squares[:, block]


def _currents(layer: Layer, ready: Arrays, k: int, block: slice, volts: torch.Tensor) -> torch.Tensor:
    """The difference of the currents of both sides of slice `k` (batch, out_features) [A]."""
    if layer.wires is None or not any(side.requires_grad for side in ready.devices[k]):
        plus, minus = ready.effective[k]
        return volts @ (plus[block] - minus[block])
    plus, minus = (side[block] for side in ready.devices[k])
    return _solved(layer, plus, volts) - _solved(layer, minus, volts, layer.mapping.shared)


def _converted(layer: Layer, ready: Arrays, current: torch.Tensor, factor: torch.Tensor, key: int) -> torch.Tensor:
    """What the ADC makes of currents, times `factor`; the gradient is that of ``current * factor`` where none clips."""
    if layer.adc is None:
        return current * factor
    adc = replace(layer.adc, range=ready.full_scale or "auto")
    read = adc.convert(current.detach(), key=key, width=layer.tile.columns) * factor.detach()
    if not torch.is_grad_enabled():
        return read
    passed: torch.Tensor = StraightThrough.apply(
        current * factor, read, torch.from_numpy(adc.inside(current.detach().numpy()))
    )
    return passed


def _noise(
    layer: Layer, variances: Pair, block: slice, squares: torch.Tensor, place: tuple[int, int, int]
) -> torch.Tensor | float:
    """The error of the columns' sums (batch, out_features) [A]; a shared column's error is in all of them."""
    plus, minus = variances[0][block], variances[1][block]
    keys = layer.key("read", int(layer.reads), *place), layer.key("shared read", int(layer.reads), *place)
    if not layer.mapping.shared:
        return _error(squares @ (plus + minus), keys[0])
    return _error(squares @ plus, keys[0]) - _error(squares @ minus, keys[1])


def _error(variance: torch.Tensor, key: int) -> torch.Tensor:
    z = np.empty(variance.shape, np.float32)
    normal_rows(np.uint64(key), 0, z)
    return variance.clamp_min(SMALLEST).sqrt() * torch.from_numpy(z).to(variance.dtype)


def _tiles(layer: Layer, cells: torch.Tensor, shared: bool) -> Iterator[tuple[slice, torch.Tensor]]:
    """The columns and the conductances of the tiles that hold `cells` (rows, columns), unused cells at rest.

    shared: a reference column, which is an array of its own.
    """
    rows, columns = cells.shape
    width = 1 if shared else layer.tile.columns
    for first in range(0, columns, width):
        part = cells[:, first : first + width]
        missing = (0, width - part.shape[1], 0, layer.tile.rows - rows)
        yield slice(first, first + part.shape[1]), torch.nn.functional.pad(part, missing, value=layer.device.rest)


def _solved(layer: Layer, cells: torch.Tensor, volts: torch.Tensor, shared: bool = False) -> torch.Tensor:
    """What the columns of `cells` (rows, columns) conduct behind their wires, with gradients."""
    driven = torch.nn.functional.pad(volts, (0, layer.tile.rows - cells.shape[0]))
    parts = [
        ExactCurrents.apply(tile, driven, layer.wires)[:, : columns.stop - columns.start]
        for columns, tile in _tiles(layer, cells, shared)
    ]
    return torch.cat(parts, dim=1)


def _seen(layer: Layer, cells: torch.Tensor, shared: bool = False) -> torch.Tensor:
    """Effective conductances (in_features, columns) behind wires [S]."""
    assert layer.wires is not None
    seen = torch.empty_like(cells, requires_grad=False)
    for block in layer.tile.blocks(layer.in_features):
        for columns, tile in _tiles(layer, cells.detach()[block], shared):
            effective = layer.wires.effective(np.ascontiguousarray(tile.numpy(), dtype=np.float64))
            rows, width = block.stop - block.start, columns.stop - columns.start
            seen[block, columns] = torch.from_numpy(effective[:rows, :width]).to(seen.dtype)
    return seen


def _full_scale(layer: Layer, effective: Pairs) -> float:
    """The range of the ADC [A]; 0 if no current can flow.

    Automatic: for independent rows of the coding's expected size around zero the largest standard deviation of a
    column, times `DEVIATIONS`, and no more than all rows of one sign together.
    """
    if layer.adc is not None and not isinstance(layer.adc.range, str):
        return float(layer.adc.range)
    if layer.adc_range > 0:
        return float(layer.adc_range)
    largest, volts = 0.0, layer.read_voltage
    for block in layer.tile.blocks(layer.in_features):
        for plus, minus in effective:
            pairs = (plus[block] - minus[block]).detach()
            spread = DEVIATIONS * layer.coding.rms * pairs.square().sum(0).sqrt()
            largest = max(largest, volts * float(torch.minimum(spread, pairs.abs().sum(0)).max()))
    return largest
