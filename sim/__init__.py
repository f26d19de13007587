"""The ports and the loop: what a network is, and how it runs."""

from .cochlea import Cochlea
from .connectivity import (
    AllToAll,
    Connectivity,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    OneToOne,
    SmallWorld,
)
from .distributions import Choice, Distribution, LogNormal, Normal, Uniform
from .encoders import encode_latency, encode_level_crossing, encode_rate
from .explicit import Explicit, FromSparse
from .grid import DistanceDependent
from .inputs import Constant, Events, Noise, Poisson, SpikeTrain, Step, Stimulus, TimedArray
from .network import Input, Network, Population, Probe, Projection
from .neuron import NeuronModel
from .result import BatchResult, Result, Samples, Spikes
from .rule import Rule
from .simulator import Simulator
from .store import Ideal, Procedural, Store

__all__ = [
    "AllToAll",
    "BatchResult",
    "Choice",
    "Cochlea",
    "Connectivity",
    "Constant",
    "DistanceDependent",
    "Distribution",
    "Events",
    "Explicit",
    "FixedInDegree",
    "FixedOutDegree",
    "FixedProbability",
    "FixedTotal",
    "FromSparse",
    "Ideal",
    "Input",
    "LogNormal",
    "Network",
    "NeuronModel",
    "Noise",
    "Normal",
    "OneToOne",
    "Poisson",
    "Population",
    "Probe",
    "Procedural",
    "Projection",
    "Result",
    "Rule",
    "Samples",
    "Simulator",
    "SmallWorld",
    "SpikeTrain",
    "Spikes",
    "Step",
    "Stimulus",
    "Store",
    "TimedArray",
    "Uniform",
    "encode_latency",
    "encode_level_crossing",
    "encode_rate",
]
