"""Sending: which units fired, and the running spike hash, for a span of time."""

from __future__ import annotations

from ..cpu.caching import cached, kernel
from ..cpu.random import mix
from ..cpu.send import SPREAD


@kernel
def list_fired(sent, fired):
    """List in fired (n,) the units whose number in sent (n,) is not 0; return how many."""
    count = 0
    for unit in range(sent.shape[0]):
        if sent[unit] != 0:
            fired[count] = unit
            count += 1
    return count


def _sign(steps, units, signature):
    code = signature[0]
    for k in range(steps.size):
        if k == 0 or steps[k] != steps[k - 1]:
            code = mix(code ^ (steps[k] * SPREAD))
        code = mix(code ^ units[k])
    signature[0] = code


def send_step(steps, units, signature):
    """Enter spikes into the running hash: steps and units (n_spikes,) uint64, in order of time.

    signature (1,) uint64 is changed in place.
    """
    cached(_sign)(steps, units, signature)
