"""Units that pass on what they receive."""

from __future__ import annotations

from .scan import note


def relay_step(arrived, fired):
    """Fire every unit that something arrived at; arrived (n,) is zeroed; return the spike count."""
    count = note(arrived != 0, fired)
    arrived[:] = 0
    return count
