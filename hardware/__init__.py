"""Weights on emulated devices: cells, crossbars, wires, converters, joules."""

from . import presets
from .ageing import Ageing, LogarithmicRelaxation, PowerDrift, Widening
from .breakdown import BreakdownReRAM
from .cost import Cost, Part, digital_joules, gpu_joules, joules, synaptic_events
from .crossbar import Crossbar, to_conductances
from .device import Device
from .faults import Endurance, StuckAt
from .laws import Law, Logarithm, Pieces, Polynomial, Power
from .measured import Measured
from .multilevel import MultilevelCell
from .noise import Flicker, Telegraph
from .nonlinear import SinhCell
from .pulsed import PulsedReRAM
from .wires import Wires, effective_conductance, output_currents

__all__ = [
    "Ageing", "BreakdownReRAM", "Cost", "Crossbar", "Device", "Endurance", "Flicker", "Law", "Logarithm",
    "LogarithmicRelaxation", "Measured", "MultilevelCell", "Part", "Pieces", "Polynomial", "Power", "PowerDrift",
    "PulsedReRAM", "SinhCell", "StuckAt", "Telegraph", "Widening", "Wires", "digital_joules", "effective_conductance",
    "gpu_joules", "joules", "output_currents", "presets", "synaptic_events", "to_conductances",
]  # fmt: skip
