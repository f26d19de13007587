"""What an analogue layer refuses: parts of another kind, and inputs that do not fit."""

from __future__ import annotations

from typing import Protocol

from ...sim import validation as check
from ..array.numbers import WireSolver
from ..devices.device import Device
from ..periphery.coding import InputCoding
from ..periphery.converters import ADC
from ..periphery.mapping import WeightMapping
from ..periphery.straight_through import checked, torch
from ..periphery.tile import Tile


class Layer(Protocol):
    """What is checked of an `AnalogLinear`, whose docstring says what each is."""

    in_features: int
    device: Device
    coding: InputCoding
    mapping: WeightMapping
    adc: ADC | None
    wires: WireSolver | None
    tile: Tile

    @property
    def weight(self) -> torch.Tensor: ...


def vectors(layer: Layer, x: torch.Tensor) -> torch.Tensor:
    """x as (batch, in_features), checked."""
    if not isinstance(x, torch.Tensor):
        raise check.fail(layer, "x", "must be a torch.Tensor", type(x).__name__)
    if x.ndim == 0 or x.shape[-1] != layer.in_features:
        raise check.fail(
            layer,
            "x",
            f"must end in in_features = {layer.in_features}",
            f"shape {tuple(x.shape)}",
        )
    checked(layer, "weight", layer.weight)
    if x.device.type == "cpu" and x.dtype != layer.weight.dtype:
        raise check.fail(layer, "x", f"must be {layer.weight.dtype} like the weights", x.dtype)
    return checked(layer, "x", x).reshape(-1, layer.in_features)


def largest_weight(layer: Layer) -> torch.Tensor:
    """The largest magnitude of a weight, with its gradient."""
    largest = checked(layer, "weight", layer.weight).abs().max()
    if not torch.isfinite(largest):
        raise check.fail(layer, "weight", "must be finite everywhere", largest.item())
    return largest


def check_parts(layer: Layer) -> None:
    """Refuse parts that are of another kind, and devices that cannot hold any weight."""
    kinds = {
        "device": (layer.device, Device, "a Device such as PulsedReRAM()"),
        "adc": (layer.adc, ADC | None, "an ADC or None"),
        "coding": (layer.coding, InputCoding, "an InputCoding such as BitSerial(8)"),
        "mapping": (layer.mapping, WeightMapping, "a WeightMapping such as DifferentialPairs()"),
        "tile": (layer.tile, Tile, "a Tile or None"),
    }
    for field, (value, kind, rule) in kinds.items():
        if not isinstance(value, kind):
            raise check.fail(layer, field, f"must be {rule}", value)
    if not layer.device.graded:
        raise check.fail(
            layer, "device", "must take graded weights, such as PulsedReRAM()", layer.device
        )
    for method in ("effective", "currents", "gradient"):
        if layer.wires is not None and not callable(getattr(layer.wires, method, None)):
            raise check.fail(
                layer, "wires", f"must have a method {method}, or be None", layer.wires
            )
