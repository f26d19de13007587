"""Reading the arrays of an `AnalogLinear`: with gradients, with whole numbers, or cell by cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, Protocol

import numpy as np

from ...sim import validation as check
from ...sim.seed import stream_key
from ..array.array import ProgrammedArray
from ..array.design import ArrayDesign, Keys, Pairs, driven_range
from ..periphery.coding import Amplitude, InputCoding
from ..periphery.straight_through import flat, like, torch
from .digits import MOST_ROWS, DigitArray, encode
from .exact_currents import ExactCurrents

BYTE: Final = 127  # the highest code that fits


class Layer(Protocol):
    """What a reading must know of an `AnalogLinear`, whose docstring says what each is."""

    in_features: int
    out_features: int
    coding: InputCoding
    seconds: torch.Tensor
    reads: torch.Tensor
    adc_range: torch.Tensor

    @property
    def design(self) -> ArrayDesign: ...

    @property
    def weight(self) -> torch.Tensor: ...

    @property
    def bias(self) -> torch.Tensor | None: ...

    def key(self, *names: object) -> int: ...


def arrays(layer: Layer, devices: Pairs, scale: torch.Tensor, keys: Keys) -> ProgrammedArray:
    """Prepare devices for reading; gradients pass from what is read to the devices."""
    ready = ProgrammedArray.ready(
        layer.design, devices, seconds=float(layer.seconds), keys=keys, scale=scale
    )
    return replace(ready, full_scale=_full_scale(layer, ready))


def product(layer: Layer, ready: ProgrammedArray, x: torch.Tensor) -> torch.Tensor:
    """y (batch, out_features) of x (batch, in_features), with gradients."""
    check_finite(layer, x)
    full = layer.coding.full_scale(x)
    factor = full * (ready.scale / layer.design.read_voltage)
    y: Any = 0.0
    for worth, (k, b, p), block, drives in _readings(layer, x, full):
        keys = (
            layer.key("read", int(layer.reads), k, b, p),
            layer.key("shared read", int(layer.reads), k, b, p),
        )
        current = _joined(
            layer,
            [
                _currents(ready, k, block, volts) + ready.noise(squares, keys, k, block)
                for volts, squares in drives
            ],
        )
        y = y + worth * ready.converted(current, factor, layer.key("adc", k, b))
    whole: torch.Tensor = y if layer.bias is None else y + layer.bias
    return whole


def check_finite(layer: Layer, x: torch.Tensor) -> None:
    """Refuse inputs that no voltage can stand for."""
    finite = torch.isfinite(x)
    if not finite.all():
        raise check.fail(layer, "x", "must be finite everywhere", x[~finite][0].item())


def peak(layer: Layer, ready: ProgrammedArray, x: torch.Tensor) -> float:
    """The largest column current [A] that x (batch, in_features) makes, without read noise."""
    check_finite(layer, x)
    readings = _readings(layer, x, layer.coding.full_scale(x))
    return max(
        float(
            _joined(layer, [_currents(ready, k, block, volts) for volts, _ in drives]).abs().max()
        )
        for _, (k, _, _), block, drives in readings
    )


def read_cells(layer: Layer, ready: ProgrammedArray, x: torch.Tensor) -> torch.Tensor:
    """`product`, with every cell drawn anew for every vector and reading, and no law of sums."""
    check_finite(layer, x)
    design = layer.design
    full = layer.coding.full_scale(x)
    factor = full * (ready.scale / design.read_voltage)
    y = torch.zeros(x.shape[0], layer.out_features, dtype=x.dtype)
    for worth, (k, b, p), block, drives in _readings(layer, x, full):
        current = torch.zeros_like(y)
        for n in range(x.shape[0]):
            for cells, own, sign in zip(ready.devices[k], ready.keys[k], (1.0, -1.0), strict=True):
                key = stream_key(own, "reading", int(layer.reads), b, p, n)
                # nothing is known of the times between readings
                alone = {} if design.device.flicker is None else {"history": key}
                drawn = like(
                    cells,
                    design.device.read(flat(cells), key, float(layer.seconds), cells=own, **alone),
                )
                seen = design.effective(drawn, shared=sign < 0 and design.mapping.shared)
                parts = [volts[n] @ seen[block] for volts, _ in drives]
                current[n] += sign * _joined(layer, parts)
        y += worth * ready.converted(current, factor, layer.key("adc", k, b))
    return y if layer.bias is None else y + layer.bias


def whole(layer: Layer) -> bool:
    """Whether whole numbers can say all there is.

    They can for byte codes, ideal converters, pairs of their own and float32.
    """
    dac, adc = layer.coding.dac if isinstance(layer.coding, Amplitude) else None, layer.design.adc
    ideal = dac is not None and dac.signed and dac.codes[1] <= BYTE and dac.errors(1, 0) is None
    ideal = ideal and (adc is None or adc.errors(1, 0) is None) and not layer.design.mapping.shared
    ideal = ideal and torch.backends.mkldnn.is_available()  # else products of bytes are slow
    return ideal and layer.weight.dtype == torch.float32 and _blocks(layer)[0].stop <= MOST_ROWS


def digit_arrays(layer: Layer, ready: ProgrammedArray) -> list[DigitArray]:
    """Every array in digits, in the order of its key."""
    assert layer.coding.converter is not None
    design, levels = ready.design, layer.coding.converter.codes[1]
    step = (ready.full_scale or 1.0) / (BYTE if design.adc is None else max(design.adc.codes[1], 1))
    steps, worth = (
        design.read_voltage / (levels * step),
        step * levels * float(ready.scale) / design.read_voltage,
    )
    made = []
    for block in _blocks(layer):
        slices = zip(design.mapping.coefficients, ready.effective, ready.variances, strict=True)
        for coefficient, seen, variances in slices:
            (plus, minus), (one, other) = (
                (side[block].double().numpy() for side in pair) for pair in (seen, variances)
            )
            made.append(
                DigitArray.of(
                    plus - minus, one + other, rows=block, steps=steps, weight=coefficient * worth
                )
            )
    return made


def whole_product(layer: Layer, made: list[DigitArray], x: torch.Tensor) -> torch.Tensor:
    """`product` without gradients, by whole numbers.

    The same draws, the same law, to the rounding of float32. Only the standard deviation of the
    read noise is rounded more, to bfloat16 (1/500 of itself at most).
    """
    dac = layer.coding.converter
    assert dac is not None
    codes, squares, lsb, largest = encode(
        x, 0.0 if isinstance(dac.range, str) else dac.range, dac.codes[1]
    )
    if not np.isfinite(largest):
        raise check.fail(layer, "x", "must be finite everywhere", largest)
    y = torch.zeros(x.shape[0], layer.out_features)
    if layer.bias is not None:
        y += layer.bias
    ends = (0, 0) if layer.design.adc is None else layer.design.adc.codes
    for n, array in enumerate(made):
        b, k = divmod(n, len(layer.design.mapping.coefficients))
        array.read(
            codes, squares, layer.key("read", int(layer.reads), k, b, 0), ends, lsb, y.numpy()
        )
    return y


Drive = tuple[torch.Tensor, torch.Tensor]  # voltages (batch, rows) [V] and their squares [V^2]


def _readings(
    layer: Layer, x: torch.Tensor, full: torch.Tensor
) -> Iterator[tuple[float, tuple[int, int, int], slice, list[Drive]]]:
    """For every reading its worth, (slice, tile, plane), rows, and what drives them.

    What drives is given in each of the tiles beside each other where their drivers have errors of
    their own, else once for all.
    """
    design, strips = layer.design, len(_strips(layer))
    several = x if strips == 1 else x.repeat(1, strips)
    planes = layer.coding.planes(several, key=layer.key("dac"))
    for p, (significance, plane) in enumerate(planes):
        shares = (plane / full).split(max(x.shape[1], 1), dim=1)
        one = torch.ones_like(full)
        drives = [
            (
                share * design.read_voltage,
                layer.coding.squares(share, one) * design.read_voltage**2,
            )
            for share in shares
        ]
        for b, block in enumerate(_blocks(layer)):
            own = [(volts[:, block], squares[:, block]) for volts, squares in drives]
            for k, coefficient in enumerate(design.mapping.coefficients):
                yield significance * coefficient, (k, b, p), block, own


def _strips(layer: Layer) -> list[slice]:
    """The columns of the tiles beside each other; all at once where drivers have no errors."""
    dac, tile = layer.coding.converter, layer.design.tile
    if tile is None or dac is None or dac.errors(1, 0) is None:
        return [slice(0, layer.out_features)]
    return tile.strips(layer.out_features)


def _joined(layer: Layer, parts: list[torch.Tensor]) -> torch.Tensor:
    """Of what each drive makes of all columns (..., out_features) those of its own tile."""
    if len(parts) == 1:
        return parts[0]
    wide = [part.expand(*part.shape[:-1], layer.out_features) for part in parts]
    own = [part[..., strip] for part, strip in zip(wide, _strips(layer), strict=True)]
    return torch.cat(own, dim=-1)


def _currents(ready: ProgrammedArray, k: int, block: slice, volts: torch.Tensor) -> torch.Tensor:
    """The difference of the currents of both sides of slice `k`.

    Shape (batch, out_features) [A]; through wires exactly.
    """
    design = ready.design
    if design.wires is None or not any(side.requires_grad for side in ready.devices[k]):
        current: torch.Tensor = ready.currents(volts, k, block)
        return current
    plus, minus = (side[block] for side in ready.devices[k])
    return _solved(design, plus, volts) - _solved(design, minus, volts, design.mapping.shared)


def _solved(
    design: ArrayDesign, cells: torch.Tensor, volts: torch.Tensor, shared: bool = False
) -> torch.Tensor:
    """What the columns of `cells` conduct behind wires, with gradients.

    `cells` (rows, columns) are all of one tile's rows. shared: a reference column, which is an
    array of its own. Unused cells are at rest.
    """
    (rows, columns), tile = cells.shape, design.of_size(*cells.shape)
    driven, width, parts = (
        torch.nn.functional.pad(volts, (0, tile.rows - rows)),
        1 if shared else tile.columns,
        [],
    )
    for first in range(0, columns, width):
        part = cells[:, first : first + width]
        missing = (0, width - part.shape[1], 0, tile.rows - rows)
        whole = torch.nn.functional.pad(part, missing, value=design.device.rest)
        parts.append(ExactCurrents.apply(whole, driven, design.wires)[:, : part.shape[1]])
    return torch.cat(parts, dim=1)


@torch.no_grad()
def _full_scale(layer: Layer, ready: ProgrammedArray) -> float:
    """The range of the ADC [A]; 0 if no current can flow.

    Automatic: see `driven_range`, and `AnalogLinear`.
    """
    design = layer.design
    if design.adc is not None and not isinstance(design.adc.range, str):
        return float(design.adc.range)
    if layer.adc_range > 0:
        return float(layer.adc_range)
    return design.read_voltage * max(
        driven_range(plus[block] - minus[block], layer.coding.rms)
        for block in _blocks(layer)
        for plus, minus in ready.effective
    )


def _blocks(layer: Layer) -> list[slice]:
    """The inputs that drive each array."""
    return layer.design.of_size(layer.in_features, layer.out_features).blocks(layer.in_features)
