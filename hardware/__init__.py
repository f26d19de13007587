"""Weights on emulated devices: cells, crossbars, converters, joules."""

from .cost import Cost, Part, digital_joules, gpu_joules, joules, synaptic_events
from .crossbar import Crossbar, to_conductances
from .device import BreakdownReRAM, Device, PulsedReRAM

__all__ = [
    "BreakdownReRAM", "Cost", "Crossbar", "Device", "Part", "PulsedReRAM", "digital_joules", "gpu_joules", "joules",
    "synaptic_events", "to_conductances",
]  # fmt: skip
