"""Weights on emulated devices: cells, crossbars, wires, converters, a layer for torch, joules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import presets
from .ageing import Ageing, LogarithmicRelaxation, PowerDrift, Widening
from .breakdown import BreakdownReRAM
from .coding import Amplitude, BitSerial, InputCoding, PulseWidth, Reading
from .converters import ADC, DAC
from .cost import Cost, Part, digital_joules, gpu_joules, joules, synaptic_events
from .crossbar import Crossbar, to_conductances
from .device import Device
from .faults import Endurance, StuckAt
from .laws import Law, Logarithm, Pieces, Polynomial, Power
from .macro import Macro40nm
from .mapping import BitSlicing, DifferentialPairs, OffsetColumn, WeightMapping
from .measured import Measured
from .multilevel import MultilevelCell
from .noise import Flicker, Telegraph
from .nonlinear import SinhCell
from .pulsed import PulsedReRAM
from .tile import Tile
from .wires import Wires, effective_conductance, output_currents

if TYPE_CHECKING:
    from .analog import AnalogLinear

__all__ = [
    "ADC", "DAC", "Ageing", "Amplitude", "AnalogLinear", "BitSerial", "BitSlicing", "BreakdownReRAM", "Cost",
    "Crossbar", "Device", "DifferentialPairs", "Endurance", "Flicker", "InputCoding", "Law", "Logarithm",
    "LogarithmicRelaxation", "Macro40nm", "Measured", "MultilevelCell", "OffsetColumn", "Part", "Pieces",
    "Polynomial", "Power", "PowerDrift", "PulseWidth", "PulsedReRAM", "Reading", "SinhCell", "StuckAt", "Telegraph",
    "Tile", "WeightMapping", "Widening", "Wires", "digital_joules", "effective_conductance", "gpu_joules", "joules",
    "output_currents", "presets", "synaptic_events", "to_conductances",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """`AnalogLinear` on first use, since it needs torch."""
    if name == "AnalogLinear":
        from .analog import AnalogLinear

        return AnalogLinear
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
