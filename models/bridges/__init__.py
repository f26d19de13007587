"""Networks of other tools as ours, and ours as theirs."""

from .nir_export import to_nir
from .nir_graph import NirGraph
from .nir_import import from_nir
from .nir_nodes import NirNode
from .nir_report import NirReport, NirRow
from .snntorch_export import to_snntorch
from .snntorch_import import from_snntorch
from .stepwise import run_steps

__all__ = [
    "NirGraph",
    "NirNode",
    "NirReport",
    "NirRow",
    "from_nir",
    "from_snntorch",
    "run_steps",
    "to_nir",
    "to_snntorch",
]
