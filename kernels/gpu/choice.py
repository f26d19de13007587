"""Whether a network is large enough for a card.

What a step costs here and there is estimated with a margin. A card waits between launches, so a
small network runs faster on a processor. On the processor the figures are those of one core, on a
card those of an H100: 8 us for a step of CUBA's 4000 neurons (2 us on the core beside it), 11 us
for one of the cortical microcircuit's 77,000 with 300 million synapses (180 us), 9 us for a tenth
of them (20 us).
"""

from __future__ import annotations

from typing import Final

from ...errors import DependencyError, UnsupportedError
from .devices import present

RATE: Final = 5.0  # assumed, of every unit [Hz]
MARGIN: Final = 2.0  # times faster that a card must seem

NEURON_CPU: Final = 0.5e-9  # update of a unit [s]
EVENT_CPU: Final = 1.5e-9  # delivery of a spike to a synapse [s]
LAUNCH: Final = 2.5e-6  # a kernel that finds little to do [s]
NEURON_GPU: Final = 2e-11  # [s]
EVENT_GPU: Final = 2e-11  # [s]


def pays(*, neurons: int, synapses: int, kernels: int, dt: float) -> bool:
    """Whether a step of `dt` [s] should be much faster on a card.

    kernels: of one step, a launch each.
    """
    events = synapses * RATE * dt
    here = neurons * NEURON_CPU + events * EVENT_CPU
    there = kernels * LAUNCH + neurons * NEURON_GPU + events * EVENT_GPU
    return here > MARGIN * there


def available() -> bool:
    """Whether there is a card to run on."""
    try:
        present()
    except (DependencyError, UnsupportedError):
        return False
    return True
