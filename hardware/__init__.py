"""Weights on emulated devices: cells, crossbars, converters, a layer for torch, joules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .coding import Amplitude, BitSerial, InputCoding, PulseWidth, Reading
from .converters import ADC, DAC
from .cost import Cost, Part, digital_joules, joules, synaptic_events
from .crossbar import Crossbar, to_conductances
from .device import BreakdownReRAM, Device, PulsedReRAM
from .mapping import BitSlicing, DifferentialPairs, OffsetColumn, WeightMapping
from .tile import Tile

if TYPE_CHECKING:
    from .analog import AnalogLinear

__all__ = [
    "ADC", "DAC", "Amplitude", "AnalogLinear", "BitSerial", "BitSlicing", "BreakdownReRAM", "Cost", "Crossbar",
    "Device", "DifferentialPairs", "InputCoding", "OffsetColumn", "Part", "PulseWidth", "PulsedReRAM", "Reading",
    "Tile", "WeightMapping", "digital_joules", "joules", "synaptic_events", "to_conductances",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """`AnalogLinear` on first use, since it needs torch."""
    if name == "AnalogLinear":
        from .analog import AnalogLinear

        return AnalogLinear
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
