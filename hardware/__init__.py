"""Weights on emulated devices: cells, crossbars, wires, converters, a layer for torch, joules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cost import Cost, Part, digital_joules, gpu_joules, joules, synaptic_events
from .crossbars.crossbar import Crossbar
from .crossbars.macro import Macro40nm
from .crossbars.pairs import to_conductances
from .devices import presets
from .devices.ageing import Ageing, LogarithmicRelaxation, PowerDrift, Widening
from .devices.breakdown import BreakdownReRAM
from .devices.device import Device
from .devices.faults import Endurance, StuckAt
from .devices.laws import Law, Logarithm, Pieces, Polynomial, Power
from .devices.measured import Measured
from .devices.multilevel import MultilevelCell
from .devices.noise import Flicker, Telegraph
from .devices.pulsed import PulsedReRAM
from .periphery.coding import Amplitude, BitSerial, InputCoding, PulseWidth, Reading
from .periphery.converters import ADC, DAC
from .periphery.mapping import BitSlicing, DifferentialPairs, OffsetColumn, WeightMapping
from .periphery.tile import Tile
from .wires.nonlinear import SinhCell
from .wires.wires import Wires, effective_conductance, output_currents

if TYPE_CHECKING:
    from .analog_layer.layer import AnalogLinear

__all__ = [
    "ADC",
    "DAC",
    "Ageing",
    "Amplitude",
    "AnalogLinear",
    "BitSerial",
    "BitSlicing",
    "BreakdownReRAM",
    "Cost",
    "Crossbar",
    "Device",
    "DifferentialPairs",
    "Endurance",
    "Flicker",
    "InputCoding",
    "Law",
    "Logarithm",
    "LogarithmicRelaxation",
    "Macro40nm",
    "Measured",
    "MultilevelCell",
    "OffsetColumn",
    "Part",
    "Pieces",
    "Polynomial",
    "Power",
    "PowerDrift",
    "PulseWidth",
    "PulsedReRAM",
    "Reading",
    "SinhCell",
    "StuckAt",
    "Telegraph",
    "Tile",
    "WeightMapping",
    "Widening",
    "Wires",
    "digital_joules",
    "effective_conductance",
    "gpu_joules",
    "joules",
    "output_currents",
    "presets",
    "synaptic_events",
    "to_conductances",
]


def __getattr__(name: str) -> Any:
    """`AnalogLinear` on first use, since it needs torch."""
    if name == "AnalogLinear":
        from .analog_layer.layer import AnalogLinear

        return AnalogLinear
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
