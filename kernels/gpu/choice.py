"""Whether a network is large enough for a card: what a step costs here and there, estimated with a wide margin.

A card is idle between launches, so a small network runs faster on a processor. Estimates, not measurements: on the
processor those of one core, on a card the latency of a launch inside a graph and the traffic of memory.
"""

from __future__ import annotations

from typing import Final

from ...errors import DependencyError, UnsupportedError
from .device import present

RATE: Final = 5.0  # assumed, of every unit [Hz]
MARGIN: Final = 2.0  # times faster that a card must seem

NEURON_CPU: Final = 1e-9  # update of a unit [s]
EVENT_CPU: Final = 2e-9  # delivery of a spike to a synapse [s]
LAUNCH: Final = 3e-6  # [s]
NEURON_GPU: Final = 2e-11  # [s]
EVENT_GPU: Final = 1e-10  # [s]


def pays(*, neurons: int, synapses: int, operators: int, dt: float) -> bool:
    """Whether a step of `dt` [s] should be much faster on a card; operators: of one step, each about two launches."""
    events = synapses * RATE * dt
    here = neurons * NEURON_CPU + events * EVENT_CPU
    there = (2 * operators + 1) * LAUNCH + neurons * NEURON_GPU + events * EVENT_GPU
    return here > MARGIN * there


def available() -> bool:
    """Whether there is a card to run on."""
    try:
        present()
    except (DependencyError, UnsupportedError):
        return False
    return True
