"""Kernels of a local rule: loops over the synapses at which something happens.

In them stand the formulas of what becomes of one synapse. A trace x is kept scaled, see
`kernels/reference/traces.py`: what a formula reads is x = fade_x * trace_x[...], and what it adds to
an eligibility x is multiplied by grow_x.
"""

from __future__ import annotations

from . import cuda, numbers, tensors
from .expression import Symbol
from .parts import ARRIVING, Disposal, Formula, Parts, Sites
from .printed import Printed, printed


def arrival_kernel(label: str, formula: Formula, sites: Sites, disposal: Disposal) -> Printed:
    """The kernel for phase ARRIVALS: a spike arrives at a synapse."""
    parts = Parts(formula, sites, disposal)
    twin = tensors.at_spikes(parts, ARRIVING, "segments")
    return printed(f"{label}_arrival", numbers.arrival(parts), twin, cuda.arrival(parts))


def spike_kernel(label: str, formula: Formula, sites: Sites, disposal: Disposal) -> Printed:
    """The kernel for phase LEARN: the target of a synapse fires."""
    parts = Parts(formula, sites, disposal)
    twin = tensors.at_spikes(parts, "fired_post", "targets")
    return printed(f"{label}_spike", numbers.spike(parts), twin, cuda.spike(parts))


def step_kernel(label: str, formula: Formula, sites: Sites, disposal: Disposal) -> Printed:
    """The kernel for phase LEARN that works in every step, on synapses that meet the conditions."""
    parts = Parts(formula, sites, disposal)
    return printed(
        f"{label}_step", numbers.step(parts), tensors.everywhere(parts), cuda.step(parts)
    )


def average_kernel(label: str, value: Symbol, sites: Sites) -> Printed:
    """The kernel for phase GATHER that lets averages (n,) follow a value of each unit."""
    texts = (room.average(value, sites) for room in (numbers, tensors, cuda))
    return printed(f"{label}_average", *texts)


def event_kernel(label: str, formula: Formula) -> Printed:
    """The kernel of the event engine: the new weight of one synapse."""
    return printed(label, numbers.event(formula))
