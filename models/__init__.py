"""What a unit is."""

from .adaptive_lif import AdaptiveLIF
from .adex import AdEx
from .alpha_lif import AlphaLIF
from .coba_lif import CobaLIF
from .cuba_li import CubaLI
from .cuba_lif import CubaLIF
from .discrete_alpha_lif import DiscreteAlphaLIF
from .discrete_cuba_li import DiscreteCubaLI
from .discrete_cuba_lif import DiscreteCubaLIF
from .discrete_li import DiscreteLI
from .discrete_lif import DiscreteLIF
from .escape_lif import EscapeLIF
from .integral import Integral
from .integrator import IF
from .izhikevich import Izhikevich
from .leaky_rate import LeakyRate
from .lif import LIF
from .rate_source import RateSource
from .spike_source import SpikeSource

__all__ = [
    "IF",
    "LIF",
    "AdEx",
    "AdaptiveLIF",
    "AlphaLIF",
    "CobaLIF",
    "CubaLI",
    "CubaLIF",
    "DiscreteAlphaLIF",
    "DiscreteCubaLI",
    "DiscreteCubaLIF",
    "DiscreteLI",
    "DiscreteLIF",
    "EscapeLIF",
    "Integral",
    "Izhikevich",
    "LeakyRate",
    "RateSource",
    "SpikeSource",
]
