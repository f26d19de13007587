"""Weights on emulated devices: cells, crossbars, wires, converters, joules."""

from .cost import Cost, Part, digital_joules, joules, synaptic_events
from .crossbar import Crossbar, to_conductances
from .device import BreakdownReRAM, Device, PulsedReRAM
from .nonlinear import SinhCell
from .wires import Wires, effective_conductance, output_currents

__all__ = [
    "BreakdownReRAM", "Cost", "Crossbar", "Device", "Part", "PulsedReRAM", "SinhCell", "Wires", "digital_joules",
    "effective_conductance", "joules", "output_currents", "synaptic_events", "to_conductances",
]  # fmt: skip
