"""Kernels of local rules on tensors with a place for the batch in front."""

from __future__ import annotations

from textwrap import indent
from typing import Final

from .expression import Symbol, names_in
from .parts import ARRIVING, WEIGHT, Disposal, Parts, Sites
from .spelling import TENSORS, spelled

ROOM: Final = {
    Disposal.DIRECT: ["weights", "low", "high"],
    Disposal.READ: ["readable"],
    Disposal.BLIND: [],
}


def at_spikes(parts: Parts, spikes: str, index: str) -> str:
    """What happens at synapses (batch, n_synapses) where ``spikes[:, index]`` is not 0."""
    return _twin(parts, spikes, index, "came != 0")


def everywhere(parts: Parts) -> str:
    """What happens in every step, at synapses that meet the conditions."""
    return _twin(parts, ARRIVING, "segments", "none == 0")


def average(value: Symbol, sites: Sites) -> str:
    """Averages (batch, n) follow a value of each unit."""
    known = {
        name: f"own_{name}" if name in sites.numbers else name for name in sorted(names_in([value]))
    }
    text = spelled([value], known, TENSORS, "")
    lines = ["none = torch.zeros_like(average)", *text.lines]
    lines.append(f"return {{'average': average * kept + {text.values[0]} * gained}}")
    named = ", ".join(["average", "kept", "gained", *known.values()])
    return f"def NAME({named}):\n{indent(chr(10).join(lines), ' ' * 4)}\n"


def _twin(parts: Parts, spikes: str, index: str, here: str) -> str:
    scaled = [f"{part}_{name}" for name in parts.traces for part in ("trace", "rate", "span")]
    lines = [f"came = {spikes}[:, {index}]", "none = torch.zeros_like(came)", *_reads(parts)]
    lines.append(f"here = {here}")
    for condition in parts.conditions:
        text = spelled([condition], parts.spelling, TENSORS, "")
        lines += [*text.lines, f"here = here & ({text.values[0]} + none != 0)"]
    text = spelled(list(parts.changed.values()), parts.spelling, TENSORS, "")
    lines += [*text.lines, "found = {}"]
    for name, value in zip(parts.changed, text.values, strict=True):
        lines.append(_change(parts, name, value, "came" if here == "came != 0" else "None"))
    others = [name for name in parts.others if name != ARRIVING]
    room = ROOM[parts.disposal] if parts.direct or WEIGHT in parts.used else []
    indices = [one for one in ("segments", "targets", "sources") if f":, {one}]" in "".join(lines)]
    named = ", ".join(["step", spikes, *indices, *scaled, *others, *room, *parts.numbers])
    return f"def NAME({named}):\n{indent(chr(10).join([*lines, 'return found']), ' ' * 4)}\n"


def _reads(parts: Parts) -> list[str]:
    lines = []
    for name in parts.used:
        fade = f"math.exp(-rate_{name} * (step % span_{name}))"
        if name == WEIGHT:
            lines.append(f"w_ = {parts.readable}")
        elif name == ARRIVING:
            lines.append(f"{name}_ = came")
        elif name in parts.sites.pre:
            lines.append(f"{name}_ = trace_{name}[:, segments] * {fade}")
        elif name in parts.sites.post:
            lines.append(f"{name}_ = trace_{name}[:, targets] * {fade}")
        elif name in parts.sites.synapse:
            lines.append(f"{name}_ = trace_{name} * {fade}")
        elif name not in parts.sites.numbers:
            side = "sources" if parts.sites.of_source(name) else "targets"
            lines.append(f"{name}_ = {name}[:, {side}]")
    return lines


def _change(parts: Parts, name: str, value: str, came: str) -> str:
    if name == WEIGHT and parts.direct:
        kept = f"({value} + none).clamp(low, high)"
        return f"found['weights'] = taken(here, {came}, {kept}, weights)"
    if name == WEIGHT:
        return f"found['change'] = taken(here, {came}, {value} + none, none)"
    grown = f"{value} * math.exp(rate_{name} * (step % span_{name})) + none"
    if parts.added[name]:
        return f"found['trace_{name}'] = trace_{name} + taken(here, {came}, {grown}, none)"
    return f"found['trace_{name}'] = taken(here, {came}, {grown}, trace_{name})"
