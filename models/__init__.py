"""What a unit is."""

from .adaptive_lif import AdaptiveLIF
from .adex import AdEx
from .alpha_lif import AlphaLIF
from .coba_lif import CobaLIF
from .cuba_lif import CubaLIF
from .discrete_alpha_lif import DiscreteAlphaLIF
from .discrete_cuba_lif import DiscreteCubaLIF
from .discrete_lif import DiscreteLIF
from .escape_lif import EscapeLIF
from .integrator import IF
from .izhikevich import Izhikevich
from .leaky_rate import LeakyRate
from .lif import LIF
from .spike_source import SpikeSource

__all__ = [
    "IF",
    "LIF",
    "AdEx",
    "AdaptiveLIF",
    "AlphaLIF",
    "CobaLIF",
    "CubaLIF",
    "DiscreteAlphaLIF",
    "DiscreteCubaLIF",
    "DiscreteLIF",
    "EscapeLIF",
    "Izhikevich",
    "LeakyRate",
    "SpikeSource",
]
