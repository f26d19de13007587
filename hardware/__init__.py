"""Weights on emulated devices: cells, crossbars, converters, joules."""

from .breakdown import BreakdownReRAM
from .cost import Cost, Part, digital_joules, joules, synaptic_events
from .crossbar import Crossbar, to_conductances
from .device import Device
from .pulsed import PulsedReRAM

__all__ = [
    "BreakdownReRAM", "Cost", "Crossbar", "Device", "Part", "PulsedReRAM", "digital_joules", "joules",
    "synaptic_events", "to_conductances",
]  # fmt: skip
