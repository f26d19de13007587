"""Kernels of a local rule: loops over the synapses at which something happens.

In them stand the formulas of what becomes of one synapse. A trace x is kept scaled, see
`kernels/reference/traces.py`: what a formula reads is x = fade_x * trace_x[...], and what it adds to
an eligibility x is multiplied by grow_x.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from textwrap import indent
from typing import Final, NamedTuple

from .expression import Symbol, change_of, names_in
from .printed import Printed, printed
from .spelling import TENSORS, Spelled, spelled

WEIGHT: Final = "w"
AHEAD: Final = 64  # synapses between fetching the weight of one and changing it
NEAR: Final = 1 << 19  # so many synapses stay in the second-level cache: nothing is fetched ahead


class Disposal(Enum):
    """How a rule changes weights.

    DIRECT: it changes them itself; READ: it proposes changes, and can read them; BLIND: it proposes
    changes and cannot.
    """

    DIRECT = "direct"
    READ = "read"
    BLIND = "blind"


class Sites(NamedTuple):
    """Where the names in the formulas of a rule are found.

    pre, post: traces of each side; synapse: eligibilities; target: modulators (n_post,); numbers:
    constants. Names that end with _pre or _post are state variables of source and target.
    """

    pre: frozenset[str]
    post: frozenset[str]
    synapse: frozenset[str]
    target: frozenset[str]
    numbers: frozenset[str]


class Formula(NamedTuple):
    """What an event does to a synapse: the new value of each number that it changes, by name."""

    changes: Mapping[str, Symbol]

    @property
    def names(self) -> set[str]:
        """What it reads."""
        return names_in(list(self.changes.values()))


def arrival_kernel(label: str, formula: Formula, sites: Sites, disposal: Disposal) -> Printed:
    """The kernel for phase ARRIVALS: a spike arrives at a synapse."""
    parts = _Parts(formula, sites, disposal)
    body = f"""\
depth, arrived = history.shape[0], 0
{parts.begins}
for g in range(lags.size):
    slot = (step - lags[g]) % depth
    arrived += history_count[slot]
    for k in range(history_count[slot]):
        segment = history[slot, k] * lags.size + g
{indent(parts.of_segment, " " * 8)}
        for s in range(begin[segment], end[segment]):
{indent(parts.of_target("targets[s]"), " " * 12)}
{indent(parts.of_synapse, " " * 12)}
{parts.ends}
return arrived"""
    arrays = ["history", "history_count", "lags", "begin", "end", "targets"]
    return printed(
        f"{label}_arrival", parts.kernel(arrays, body), parts.twin("arriving[:, segments]")
    )


def spike_kernel(label: str, formula: Formula, sites: Sites, disposal: Disposal) -> Printed:
    """The kernel for phase LEARN: the target of a synapse fires."""
    parts = _Parts(formula, sites, disposal)
    fetch = fetched = ""
    if disposal is Disposal.DIRECT:
        fetch = f"for q in range(begin, min(begin + {AHEAD}, end) if far else begin):\n    prefetch(weights, synapse_post[q])\n"
        fetched = f"if far and q + {AHEAD} < end:\n    prefetch(weights, synapse_post[q + {AHEAD}])\n"
    body = f"""\
if count_post[0] == 0:
    return 0
far = synapse_post.size > {NEAR}
{parts.begins}
for k in range(count_post[0]):
    begin, end = first_post[fired_post[k]], first_post[fired_post[k] + 1]
    if portions > 1:
        begin, end = portion_of(begin, end, portion, portions)
{indent(parts.of_target("fired_post[k]"), " " * 4)}
{indent(fetch, " " * 4)}
    for q in range(begin, end):
{indent(fetched, " " * 8)}
        s, segment = synapse_post[q], segment_post[q]
{indent(parts.of_segment, " " * 8)}
{indent(parts.of_synapse, " " * 8)}
{parts.ends}
return count_post[0]"""
    arrays = ["fired_post", "count_post", "portion", "portions"]
    arrays += ["first_post", "synapse_post", "segment_post"]
    return printed(
        f"{label}_spike", parts.kernel(arrays, body), parts.twin("fired_post[:, targets]")
    )


def event_kernel(label: str, formula: Formula) -> Printed:
    """The kernel of the event engine: the new weight of one synapse."""
    names = sorted(formula.names)
    text = spelled([formula.changes[WEIGHT]], {name: name for name in names})
    body = "\n".join([*text.lines, f"return {text.values[0]}"])
    return printed(label, f"def NAME({', '.join(names)}):\n{indent(body, ' ' * 4)}\n")


class _Parts:
    """The pieces of which the kernels of one formula are put together."""

    def __init__(self, formula: Formula, sites: Sites, disposal: Disposal) -> None:
        self.sites, self.disposal = sites, disposal
        self.read = sorted(formula.names)
        self.adds = {name: change_of(value, name) for name, value in formula.changes.items()}
        if disposal is not Disposal.DIRECT and WEIGHT in self.adds:
            change = self.adds[WEIGHT]
            self.adds[WEIGHT] = formula.changes[WEIGHT] - _name(WEIGHT) if change is None else change
        elif WEIGHT in self.adds:
            self.adds[WEIGHT] = None  # it is set, not added to
        self.changed = {
            name: value if self.adds[name] is None else self.adds[name]
            for name, value in formula.changes.items()
        }
        self.used = sorted(names_in(list(self.changed.values())))

    @property
    def traces(self) -> list[str]:
        """The traces and eligibilities that are read or changed."""
        own = self.sites.pre | self.sites.post | self.sites.synapse
        return [name for name in sorted({*self.used, *self.changed}) if name in own]

    @property
    def like(self) -> str:
        """An array whose precision numbers are given."""
        return "weights" if self.disposal is Disposal.DIRECT else "change"

    def kernel(self, arrays: list[str], body: str) -> str:
        """The whole function; arrays: what its loop reads."""
        scaled = [f"{part}_{name}" for name in self.traces for part in ("trace", "rate", "span")]
        others = [name for name in self.used if name in self.sites.target or _is_state(name)]
        numbers = [f"own_{name}" for name in self.used if name in self.sites.numbers]
        room = ["weights", "low", "high"] if self.disposal is Disposal.DIRECT else []
        if self.disposal is not Disposal.DIRECT:
            room = ["synapse", "change", "proposed"]
            room += ["readable"] if WEIGHT in self.used else []
        named = ", ".join(["step", *arrays, *scaled, *others, *room, *numbers])
        lines = "\n".join(line for line in body.split("\n") if line.strip())
        return f"def NAME({named}):\n{indent(lines, ' ' * 4)}\n"

    @property
    def begins(self) -> str:
        """What is computed once a step."""
        lines = [
            f"fade_{name} = {self.like}.dtype.type(math.exp(-rate_{name} * (step % span_{name})))"
            for name in self.traces
            if name in self.used
        ]
        lines += [
            f"grow_{name} = {self.like}.dtype.type(math.exp(rate_{name} * (step % span_{name})))"
            for name in self.changed
            if name in self.sites.synapse
        ]
        if self.disposal is not Disposal.DIRECT:
            lines.append("room = proposed[0]")
        return "\n".join(lines)

    @property
    def ends(self) -> str:
        return "" if self.disposal is Disposal.DIRECT else "proposed[0] = room"

    @property
    def of_segment(self) -> str:
        """What all synapses of a segment read."""
        lines = [
            f"{name}_ = fade_{name} * trace_{name}[segment]"
            for name in self.used
            if name in self.sites.pre
        ]
        lines += [
            f"{name}_ = {name}[segment // lags.size]" for name in self.used if name.endswith("_pre")
        ]
        return "\n".join(lines)

    def of_target(self, index: str) -> str:
        """What all synapses of a target read."""
        lines = [
            f"{name}_ = fade_{name} * trace_{name}[{index}]"
            for name in self.used
            if name in self.sites.post
        ]
        lines += [
            f"{name}_ = {name}[{index}]"
            for name in self.used
            if name in self.sites.target or name.endswith("_post")
        ]
        return "\n".join(lines)

    @property
    def of_synapse(self) -> str:
        """What is read, computed and changed for one synapse."""
        weights = "weights" if self.disposal is Disposal.DIRECT else "readable"
        lines = [f"{WEIGHT}_ = {weights}[s]"] if WEIGHT in self.used else []
        lines += [
            f"{name}_ = fade_{name} * trace_{name}[s]"
            for name in self.used
            if name in self.sites.synapse
        ]
        text = self._spelled({name: f"{name}_" for name in self.used})
        lines += text.lines
        news = dict(zip(self.changed, text.values, strict=True))
        fresh = {name: f"new_{name}" for name in news}
        lines += [f"{fresh[name]} = {value}" for name, value in news.items()]
        for name in self.changed:
            if name == WEIGHT:
                lines += self._weight_changes()
            elif self.adds[name] is None:
                lines.append(f"trace_{name}[s] = {fresh[name]} * grow_{name}")
            else:
                lines.append(f"trace_{name}[s] += {fresh[name]} * grow_{name}")
        return "\n".join(lines)

    def _weight_changes(self) -> list[str]:
        if self.disposal is Disposal.DIRECT:
            return ["weights[s] = min(max(new_w, low), high)"]
        return [
            "if new_w != 0:",
            "    synapse[room] = s",
            "    change[room] = new_w",
            "    room += 1",
        ]

    def _spelled(self, names: Mapping[str, str], *, tensors: bool = False) -> Spelled:
        known = dict(names) | {
            name: f"own_{name}" for name in self.used if name in self.sites.numbers
        }
        values = list(self.changed.values())
        return spelled(values, known, TENSORS, "") if tensors else spelled(values, known)

    def twin(self, spikes: str) -> str:
        """The function on tensors; spikes: where there is one (batch, n_synapses)."""
        scaled = [f"{part}_{name}" for name in self.traces for part in ("trace", "rate", "span")]
        others = [name for name in self.used if name in self.sites.target or _is_state(name)]
        numbers = [f"own_{name}" for name in self.used if name in self.sites.numbers]
        weights = {Disposal.DIRECT: ["weights", "low", "high"], Disposal.READ: ["readable"]}
        room = weights.get(self.disposal, [])
        named = ["step", spikes.partition("[")[0], "segments", "targets", "sources"]
        lines = [f"spiked = {spikes}", "here, none = spiked != 0, torch.zeros_like(spiked)"]
        lines += self._tensor_reads()
        text = self._spelled({name: f"{name}_" for name in self.used}, tensors=True)
        lines += [*text.lines, "found = {}"]
        for name, value in zip(self.changed, text.values, strict=True):
            lines.append(self._tensor_change(name, value))
        lines.append("return found")
        arguments = ", ".join([*named, *scaled, *others, *room, *numbers])
        return f"def NAME({arguments}):\n{indent(chr(10).join(lines), ' ' * 4)}\n"

    def _tensor_reads(self) -> list[str]:
        weights = "weights" if self.disposal is Disposal.DIRECT else "readable"
        lines = []
        for name in self.used:
            if name in self.sites.numbers:
                continue
            fade = f"math.exp(-rate_{name} * (step % span_{name}))"
            if name == WEIGHT:
                lines.append(f"w_ = {weights}")
            elif name in self.sites.pre:
                lines.append(f"{name}_ = trace_{name}[:, segments] * {fade}")
            elif name in self.sites.post:
                lines.append(f"{name}_ = trace_{name}[:, targets] * {fade}")
            elif name in self.sites.synapse:
                lines.append(f"{name}_ = trace_{name} * {fade}")
            else:
                side = "sources" if name.endswith("_pre") else "targets"
                lines.append(f"{name}_ = {name}[:, {side}]")
        return lines

    def _tensor_change(self, name: str, value: str) -> str:
        if name == WEIGHT and self.disposal is Disposal.DIRECT:
            kept = f"({value} + none).clamp(low, high)"
            return f"found['weights'] = torch.where(here, {kept}, weights)"
        if name == WEIGHT:
            return f"found['change'] = torch.where(here, {value} + none, none)"
        grow = f"math.exp(rate_{name} * (step % span_{name}))"
        if self.adds[name] is None:
            return f"found['trace_{name}'] = torch.where(here, {value} * {grow} + none, trace_{name})"
        return f"found['trace_{name}'] = trace_{name} + torch.where(here, {value} * {grow} + none, none)"


def _is_state(name: str) -> bool:
    return name.endswith(("_pre", "_post"))


def _name(name: str) -> Symbol:
    return Symbol("name", name)
