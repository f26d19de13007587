"""The inputs of a batch: what users hand over, checked, as the stimuli of every sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...errors import ParameterError
from .. import validation as check
from ..conversion import shown
from ..description.drawn import drawn_stimulus
from ..description.inputs import Stimulus
from ..description.network import Network
from ..description.parts import Input
from ..plan.inputs import suits

MOST_SAMPLES: Final = 1_000_000  # of one batch
OWNER: Final = "Simulator"

BatchInputs = Mapping[str, Stimulus | Sequence[Stimulus]]


def checked(inputs: Any) -> dict[str, Stimulus | Sequence[Stimulus]]:
    """The inputs of a batch, once all are known to be stimuli or lists of them."""
    found = check.mapping(OWNER, "run inputs", inputs, "{'pixels': [SpikeTrain(...), ...]}")
    for name, given in found.items():
        listed = isinstance(given, (list, tuple)) and len(given) > 0
        if not all(isinstance(part, Stimulus) for part in (given if listed else [given])):
            rule = f"{shown(name)} must be a stimulus or a list of one for each sample"
            raise check.fail(OWNER, "run inputs", rule, given)
    return found


def longest(inputs: BatchInputs) -> float:
    """The time at which the last of the inputs ends [s]."""
    given = [
        part
        for value in inputs.values()
        for part in ([value] if isinstance(value, Stimulus) else value)
    ]
    return max((part.duration for part in given), default=0.0)


def samples(
    network: Network, inputs: BatchInputs, batch: int | None, first: int
) -> list[dict[str, Stimulus]]:
    """The stimuli of every sample of a batch: each fits the input whose place it takes.

    first: the number of the first sample.
    """
    known = {part.name: part for part in network.inputs}
    lengths = {
        name: len(given) for name, given in inputs.items() if not isinstance(given, Stimulus)
    }
    if batch is None:
        batch = max(lengths.values(), default=1)
    batch = check.whole(OWNER, "run batch", batch, least=1, most=MOST_SAMPLES)
    for name, given in inputs.items():
        if name not in known:
            hint = check.nearest(name, known)
            raise ParameterError(
                f"Simulator.run inputs: no input is called {shown(name)}{hint} (known: {check.listed(known) or 'none'})"
            )
        if lengths.get(name, batch) != batch:
            raise ParameterError(
                f"Simulator.run inputs: {name!r} must have one stimulus per sample ({batch}) (got {lengths[name]})"
            )
        kind = type(known[name].stimulus)
        for stimulus in [given] if isinstance(given, Stimulus) else given:
            if type(stimulus) is not kind:
                raise ParameterError(
                    f"Simulator.run inputs: {name!r} takes a {kind.__name__} (got {type(stimulus).__name__})"
                )
    ready = {name: _drawn(network, known[name], given, first) for name, given in inputs.items()}
    return [
        {
            name: given if isinstance(given, Stimulus) else given[sample]
            for name, given in ready.items()
        }
        for sample in range(batch)
    ]


def _drawn(
    network: Network, described: Input, given: Stimulus | Sequence[Stimulus], first: int
) -> Stimulus | list[Stimulus]:
    """What takes the place of an input in a batch, once it suits the input.

    Distributions are replaced by the numbers that are drawn from them.

    One stimulus for all samples is drawn once; where each has its own, each draws its own.
    """
    alone = isinstance(given, Stimulus)
    stimuli = [given] if isinstance(given, Stimulus) else given
    made = [
        drawn_stimulus(network, described, part, None if alone else k)
        for k, part in enumerate(stimuli, first)
    ]
    for part in made:
        suits(described, part)
    return made[0] if alone else made


def told(samples: Sequence[Mapping[str, Stimulus]]) -> dict[str, Any]:
    """What `history` keeps of the inputs of a batch: each stimulus once, and who gets which."""
    stimuli = {id(part): part for sample in samples for part in sample.values()}
    numbers = {key: k for k, key in enumerate(stimuli)}
    given = [{name: numbers[id(part)] for name, part in sample.items()} for sample in samples]
    return {"samples": given} | {f"stimulus {k}": part for k, part in enumerate(stimuli.values())}
