"""Networks of other tools as ours, and ours as theirs."""

from .snntorch_import import from_snntorch
from .stepwise import run_steps

__all__ = ["from_snntorch", "run_steps"]
