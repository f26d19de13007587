"""The ports and the loop: what a network is, and how it runs."""

from .description.connectivity import (
    AllToAll,
    Connectivity,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    OneToOne,
)
from .description.continuous import (
    EventInput,
    HeldNoise,
    PiecewiseConstant,
    PoissonProcess,
    SpikeTimes,
)
from .description.convolution import Conv1d, Conv2d, SumPool2d
from .description.currents import Constant, Noise, Step, TimedArray
from .description.distributions import Choice, Distribution, LogNormal, Normal, Uniform
from .description.explicit import Explicit, FromSparse
from .description.graphs import ScaleFree, SmallWorld
from .description.grid import DistanceDependent
from .description.inputs import Events, Poisson, SpikeTrain, Stimulus
from .description.local_rule import Average, Eligibility, LocalRule, Trace
from .description.network import Network
from .description.neuron import EventKernels, NeuronModel
from .description.parts import Input, Population, Probe, Projection
from .description.rule import EventRule, EventTrace, Rule
from .description.rules import Rules
from .description.store import Capabilities, Ideal, Procedural, Store
from .description.surrogate import ArcTan, FastSigmoid, StraightThrough, Surrogate, Triangular
from .description.tensor_store import TensorStore
from .encoding.cochlea import Cochlea
from .encoding.encoders import encode_latency, encode_level_crossing, encode_rate
from .operators.connections import Connections
from .operators.graph import GraphMeasures
from .operators.operator import Phase
from .operators.projection import ProjectionScope, Proposals
from .results.batch_result import BatchResult
from .results.conditions import Condition, Residual, SpikeCount
from .results.records import Samples, Spikes
from .results.result import Result
from .simulator import Simulator

__all__ = [
    "AllToAll",
    "ArcTan",
    "Average",
    "BatchResult",
    "Capabilities",
    "Choice",
    "Cochlea",
    "Condition",
    "Connections",
    "Connectivity",
    "Constant",
    "Conv1d",
    "Conv2d",
    "DistanceDependent",
    "Distribution",
    "Eligibility",
    "EventInput",
    "EventKernels",
    "EventRule",
    "EventTrace",
    "Events",
    "Explicit",
    "FastSigmoid",
    "FixedInDegree",
    "FixedOutDegree",
    "FixedProbability",
    "FixedTotal",
    "FromSparse",
    "GraphMeasures",
    "HeldNoise",
    "Ideal",
    "Input",
    "LocalRule",
    "LogNormal",
    "Network",
    "NeuronModel",
    "Noise",
    "Normal",
    "OneToOne",
    "Phase",
    "PiecewiseConstant",
    "Poisson",
    "PoissonProcess",
    "Population",
    "Probe",
    "Procedural",
    "Projection",
    "ProjectionScope",
    "Proposals",
    "Residual",
    "Result",
    "Rule",
    "Rules",
    "Samples",
    "ScaleFree",
    "Simulator",
    "SmallWorld",
    "SpikeCount",
    "SpikeTimes",
    "SpikeTrain",
    "Spikes",
    "Step",
    "Stimulus",
    "Store",
    "StraightThrough",
    "SumPool2d",
    "Surrogate",
    "TensorStore",
    "TimedArray",
    "Trace",
    "Triangular",
    "Uniform",
    "encode_latency",
    "encode_level_crossing",
    "encode_rate",
]
