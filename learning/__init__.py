"""How projections learn, and how populations are read out."""

from .stdp import STDP

__all__ = ["STDP"]
