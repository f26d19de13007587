"""Backend "torch" has the spikes of the cpu, in double precision."""

from __future__ import annotations

from dataclasses import replace

from potentia.errors import UnsupportedError

from .case import Case
from .judges import LISTS, close, whole


def tensors(case: Case) -> bool:
    """One network on tensors and on the cpu, run in one piece and, as a batch, sample by sample."""
    if case.engine == "event":
        return False
    probes = tuple(look for look in case.probes if look.what not in LISTS)
    case = replace(case, probes=probes, dtype="float64", deterministic=False)
    try:
        case.simulator(backend="torch")
    except UnsupportedError:
        return False  # a model, store or rule that has no form on tensors
    close("tensors", whole(case, backend="torch"), whole(case, backend="cpu"))
    return True
