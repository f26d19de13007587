"""Weights on emulated devices: cells, crossbars, converters, joules."""

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
from .pulsed import PulsedReRAM

__all__ = [
    "Ageing", "BreakdownReRAM", "Cost", "Crossbar", "Device", "Endurance", "Flicker", "Law", "Logarithm",
    "LogarithmicRelaxation", "Measured", "MultilevelCell", "Part", "Pieces", "Polynomial", "Power", "PowerDrift",
    "PulsedReRAM", "StuckAt", "Telegraph", "Widening", "digital_joules", "gpu_joules", "joules", "presets",
    "synaptic_events", "to_conductances",
]  # fmt: skip
