"""How weights change, and what reads a network out."""

from .readout import Readout, TrainedReadout
from .stdp import STDP

__all__ = ["STDP", "Readout", "TrainedReadout"]
