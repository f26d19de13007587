"""How weights change, and what reads a network out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..sim.description.local_rule import Average, Eligibility, LocalRule, Trace
from .dense import run_dense
from .inhibitory import InhibitorySTDP
from .oja import Oja
from .readout import Readout, TrainedReadout
from .stdp import STDP
from .triplet import TripletSTDP

if TYPE_CHECKING:
    from .event_prop.module import EventProp
    from .event_prop.spikes import EventSpikes

__all__ = [
    "STDP",
    "Average",
    "Eligibility",
    "EventProp",
    "EventSpikes",
    "InhibitorySTDP",
    "LocalRule",
    "Oja",
    "Readout",
    "Trace",
    "TrainedReadout",
    "TripletSTDP",
    "run_dense",
]


def __getattr__(name: str) -> Any:
    """`EventProp` and `EventSpikes` on first use, since they need torch."""
    if name == "EventProp":
        from .event_prop.module import EventProp

        return EventProp
    if name == "EventSpikes":
        from .event_prop.spikes import EventSpikes

        return EventSpikes
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
