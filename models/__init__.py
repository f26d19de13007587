"""What a unit is."""

from .lif import LIF
from .spike_source import SpikeSource

__all__ = ["LIF", "SpikeSource"]
