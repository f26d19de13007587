"""Parameters drawn from distributions: one value per unit, fixed by the network's seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from ...errors import ParameterError
from .. import validation as check
from ..seed import stream_key
from .distributions import Distribution, values
from .inputs import Stimulus
from .network import Network
from .parts import Input, Population
from .plausibility import check_model

Part = TypeVar("Part")


def drawn(network: Network) -> Network:
    """The network with numbers in place of its distributions.

    Distributions stand in the fields of its models and stimuli. A value depends on the network's
    seed, the name of the population or input, the field and the unit alone. The network itself is
    returned where nothing is to be drawn. Raises ParameterError, in the words of the model or
    stimulus, for a value that its field does not allow.
    """
    populations = {part.name: _population(network, part) for part in network.populations}
    inputs = [
        replace(part, stimulus=drawn_stimulus(network, part, part.stimulus))
        for part in network.inputs
    ]
    if all(
        one is other for one, other in zip(populations.values(), network.populations, strict=True)
    ) and all(
        one.stimulus is other.stimulus for one, other in zip(inputs, network.inputs, strict=True)
    ):
        return network
    made = Network(seed=network.seed)
    made.populations += populations.values()
    made.projections += [
        replace(part, pre=populations[part.pre.name], post=populations[part.post.name])
        for part in network.projections
    ]
    made.inputs += [replace(part, population=populations[part.population.name]) for part in inputs]
    targets: dict[str, Any] = populations | {part.name: part for part in made.projections}
    made.probes += [replace(part, target=targets[part.target.name]) for part in network.probes]
    return made


def drawn_stimulus(
    network: Network, described: Input, stimulus: Stimulus, sample: int | None = None
) -> Stimulus:
    """A stimulus with numbers in place of its distributions.

    It is the described one or one that takes its place.

    sample: where each sample of a batch has a stimulus of its own, the one that it is for.
    """
    place = ("input", described.name) if sample is None else ("input", described.name, sample)
    n = described.population.n
    return _drawn(
        stimulus,
        network.seed,
        place,
        lambda field: stimulus.entries(field, n),
        f"input {described.name!r}",
    )


def _population(network: Network, part: Population) -> Population:
    model = _drawn(
        part.model,
        network.seed,
        ("model", part.name),
        lambda _: part.n,
        f"population {part.name!r}",
    )
    if model is part.model:
        return part
    model.fits(part.n)
    check_model(model)
    return replace(part, model=model)


def _drawn(part: Part, seed: int, place: Sequence[object], entries: Any, owner: str) -> Part:
    """A model or stimulus with arrays in place of its distributions, made by its own constructor."""
    if not is_dataclass(part) or isinstance(part, type):
        return part
    laws = {own.name: getattr(part, own.name) for own in fields(part) if own.init}
    laws = {name: law for name, law in laws.items() if isinstance(law, Distribution)}
    if not laws:
        return part
    kind = check.name_of(part)
    arrays = {
        name: values(law, entries(name), stream_key(seed, *place, name), kind, name)
        for name, law in laws.items()
    }
    try:
        return replace(part, **arrays)
    except ParameterError as error:
        told = ", ".join(f"{name} from {law}" for name, law in laws.items())
        raise ParameterError(f"{error}; drawn for {owner}: {told}") from None
