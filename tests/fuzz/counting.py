"""What arrives at a source is not lost: it makes a spike, or is told to be merged in one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from potentia.hardware import Crossbar
from potentia.models import IF, SpikeSource
from potentia.sim import Conv1d, Conv2d, FromSparse, SpikeTrain

from .case import Case, Drive, Look, Units, Wiring
from .drives import spelled
from .judges import Difference, whole
from .own import Plain

SUM = IF(threshold=1e9)  # its potential is the sum of all weights that have arrived


def counted(case: Case) -> bool:
    """Spikes of a source and those merged in them are as many as arrive: the sum of a unit that
    adds 1 for each.

    Crossbars bring currents, which nobody counts, and a store of a user's own may. A source that
    hears of its own spikes is left out, as the unit that adds in its place has none.
    """
    said = False
    for units in case.populations:
        incoming = [wiring for wiring in case.projections if wiring.post == units.name]
        if not isinstance(units.model, SpikeSource) or any(
            isinstance(part.store, (Crossbar, Plain)) for part in incoming
        ):
            continue
        if units.name in _reached(case, units.name):
            continue
        result = whole(replace(case, probes=(Look(units.name, "spikes"),)))
        arrived = whole(_summing(case, units)).samples(units.name, "v").values[-1]
        fired, merged = result.spikes(units.name).counts(), result.tallies[f"{units.name}.merged"]
        if fired.sum() + merged != arrived.sum() or ((fired > 0) != (arrived > 0)).any():
            raise Difference(
                f"{units.name}: {arrived.sum():g} inputs, {fired.sum()} spikes and {merged} merged; by unit "
                f"{arrived[:12].tolist()} inputs and {fired[:12].tolist()} spikes"
            )
        said = True
    return said


def _reached(case: Case, name: str) -> set[str]:
    """All populations that spikes of one may reach."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        here = ahead.pop()
        more = {wiring.post for wiring in case.projections if wiring.pre == here} - found
        found |= more
        ahead += more
    return found


def _summing(case: Case, units: Units) -> Case:
    """The case with units that add 1 for each input in place of a source, and fire never."""
    look = Look(units.name, "v", case.seconds(case.first + case.second))
    return replace(
        case,
        populations=tuple(replace(p, model=SUM) if p is units else p for p in case.populations),
        projections=tuple(_of_one(w) if w.post == units.name else w for w in case.projections),
        inputs=tuple(
            _spikes_of_one(d) if d.population == units.name else d
            for d in case.inputs
            if _adds(d, units)
        ),
        probes=(look,),
    )


def _adds(drive: Drive, units: Units) -> bool:
    """Whether an input is none of the currents that a source does nothing with."""
    return drive.population != units.name or drive.stimulus.goes == "receptor"


def _of_one(wiring: Wiring) -> Wiring:
    """The same synapses with weights of 1 for good."""
    if isinstance(wiring.connectivity, (Conv1d, Conv2d)):
        ones = np.ones_like(wiring.connectivity.kernel)
        pixels = replace(wiring.connectivity, kernel=ones)
        return replace(wiring, connectivity=pixels, weight=None, receptor=None, rule=None)
    if not isinstance(wiring.connectivity, FromSparse):
        return replace(wiring, weight=1.0, receptor=None, rule=None)
    matrix = wiring.connectivity.matrix.copy()
    if isinstance(matrix, np.ndarray):
        matrix = (matrix != 0).astype(float)
    else:
        matrix.data[:] = 1.0
    return replace(wiring, connectivity=FromSparse(matrix), receptor=None, rule=None)


def _spikes_of_one(drive: Drive) -> Drive:
    """The same spikes with weights of 1."""
    stimulus = spelled(drive.stimulus)
    if isinstance(stimulus, SpikeTrain):
        stimulus = SpikeTrain(np.asarray(stimulus.times), np.asarray(stimulus.ids))
    else:
        stimulus = replace(stimulus, weight=1.0)  # type: ignore[call-arg]
    return replace(drive, stimulus=stimulus, receptor=None)
