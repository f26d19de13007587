"""Kernels of a local rule: loops over the synapses at which something happens.

In them stand the formulas of what becomes of one synapse. A trace x is kept scaled, see
`kernels/reference/traces.py`: what a formula reads is x = fade_x * trace_x[...], and what it adds to
an eligibility x is multiplied by grow_x.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from textwrap import indent
from typing import Final, NamedTuple

from .expression import Symbol, change_of, names_in
from .printed import Printed, printed
from .spelling import TENSORS, Spelled, spelled

WEIGHT: Final = "w"
ARRIVING: Final = "arriving"
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

    pre, post: traces of each side; synapse: eligibilities; source, target: averages of each side and
    modulators (n_post,); numbers: constants. Names that end with _pre or _post are state variables
    of source and target; `arriving` is what a source that sends numbers brings in this step.
    """

    pre: frozenset[str]
    post: frozenset[str]
    synapse: frozenset[str]
    source: frozenset[str]
    target: frozenset[str]
    numbers: frozenset[str]

    def of_source(self, name: str) -> bool:
        """Whether a name stands for a number of the source unit."""
        return name in self.source or name.endswith("_pre")

    def of_target(self, name: str) -> bool:
        """Whether a name stands for a number of the target unit, of a trace or not."""
        return name in self.post or name in self.target or name.endswith("_post")


class Formula(NamedTuple):
    """What an event does to a synapse: the new value of each number that it changes, by name.

    conditions: of what happens in every step, all of which must hold.
    """

    changes: Mapping[str, Symbol]
    conditions: Sequence[Symbol] = ()

    @property
    def names(self) -> set[str]:
        """What it reads."""
        return names_in([*self.changes.values(), *self.conditions])


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
        fetch = (
            f"for q in range(begin, min(begin + {AHEAD}, end) if far else begin):\n"
            "    prefetch(weights, synapse_post[q])\n"
        )
        fetched = (
            f"if far and q + {AHEAD} < end:\n    prefetch(weights, synapse_post[q + {AHEAD}])\n"
        )
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
    arrays += ["first_post", "synapse_post", "segment_post", *parts.lags]
    return printed(
        f"{label}_spike", parts.kernel(arrays, body), parts.twin("fired_post[:, targets]")
    )


def step_kernel(label: str, formula: Formula, sites: Sites, disposal: Disposal) -> Printed:
    """The kernel for phase LEARN that works in every step, on synapses that meet the conditions."""
    parts = _Parts(formula, sites, disposal, always=True)
    body = f"""\
done = 0
upcoming[0] = step + 1
{parts.begins}
for j in range(begin_post, end_post):
{indent(parts.of_target("j"), " " * 4)}
{indent(parts.skips(early=True), " " * 4)}
    for q in range(first_post[j], first_post[j + 1]):
        s, segment = synapse_post[q], segment_post[q]
{indent(parts.of_segment, " " * 8)}
{indent(parts.skips(early=False), " " * 8)}
{indent(parts.of_synapse, " " * 8)}
        done += 1
{parts.ends}
return done"""
    arrays = ["begin_post", "end_post", "first_post", "synapse_post", "segment_post", *parts.lags]
    arrays.append("upcoming")  # a condition may come to hold while nothing else happens
    return printed(f"{label}_step", parts.kernel(arrays, body), parts.twin("arriving[:, segments]"))


def average_kernel(label: str, value: Symbol, sites: Sites) -> Printed:
    """The kernel for phase GATHER that lets averages (n,) follow a value of each unit.

    low, high: the first unit and the one behind the last.
    """
    names = sorted(names_in([value]))
    known = {name: f"own_{name}" if name in sites.numbers else f"{name}[i]" for name in names}
    text = spelled([value], known)
    arguments = [f"own_{name}" if name in sites.numbers else name for name in names]
    lines = [
        *text.lines,
        f"average[i] = average[i] * kept + {text.values[0]} * gained",
    ]
    body = f"for i in range(low, high):\n{indent(chr(10).join(lines), ' ' * 4)}\nreturn high - low"
    whole = {name: f"own_{name}" if name in sites.numbers else name for name in names}
    tensor = spelled([value], whole, {"where": "where({0}, {1} + none, {2} + none)"}, "")
    twin = ["none = torch.zeros_like(average)", *tensor.lines]
    twin += [f"return {{'average': average * kept + {tensor.values[0]} * gained}}"]
    named = ", ".join(arguments)
    return printed(
        f"{label}_average",
        f"def NAME(low, high, average, kept, gained, {named}):\n{indent(body, ' ' * 4)}\n",
        f"def NAME(average, kept, gained, {named}):\n{indent(chr(10).join(twin), ' ' * 4)}\n",
    )


def event_kernel(label: str, formula: Formula) -> Printed:
    """The kernel of the event engine: the new weight of one synapse."""
    names = sorted(formula.names)
    text = spelled([formula.changes[WEIGHT]], {name: name for name in names})
    body = "\n".join([*text.lines, f"return {text.values[0]}"])
    return printed(label, f"def NAME({', '.join(names)}):\n{indent(body, ' ' * 4)}\n")


class _Parts:
    """The pieces of which the kernels of one formula are put together."""

    def __init__(
        self, formula: Formula, sites: Sites, disposal: Disposal, *, always: bool = False
    ) -> None:
        self.sites, self.disposal, self.always = sites, disposal, always
        self.read = sorted(formula.names)
        self.adds = {name: change_of(value, name) for name, value in formula.changes.items()}
        if disposal is not Disposal.DIRECT and WEIGHT in self.adds:
            change = self.adds[WEIGHT]
            self.adds[WEIGHT] = (
                formula.changes[WEIGHT] - _name(WEIGHT) if change is None else change
            )
        elif WEIGHT in self.adds:
            self.adds[WEIGHT] = None  # it is set, not added to
        self.changed = {
            name: value if self.adds[name] is None else self.adds[name]
            for name, value in formula.changes.items()
        }
        self.conditions = list(formula.conditions)
        self.used = sorted(names_in([*self.changed.values(), *self.conditions]))

    @property
    def traces(self) -> list[str]:
        """The traces and eligibilities that are read or changed."""
        own = self.sites.pre | self.sites.post | self.sites.synapse
        return [name for name in sorted({*self.used, *self.changed}) if name in own]

    @property
    def others(self) -> list[str]:
        """Arrays of units and segments that are read, but for traces."""
        return [
            name
            for name in self.used
            if name == ARRIVING
            or self.sites.of_source(name)
            or (self.sites.of_target(name) and name not in self.sites.post)
        ]

    @property
    def lags(self) -> list[str]:
        """The delays, by which the source of a segment is found where it is asked for."""
        return ["lags"] if any(self.sites.of_source(name) for name in self.used) else []

    def skips(self, *, early: bool) -> str:
        """What leaves out a target, or a synapse, that does not meet a condition."""
        lines: list[str] = []
        for condition in self.conditions:
            names = names_in([condition])
            at_target = all(
                name in self.sites.numbers or self.sites.of_target(name) for name in names
            )
            if at_target is not early:
                continue
            reads = [] if early else self._synapse_reads(sorted(names))
            text = self._spell([condition], {name: f"{name}_" for name in self.used})
            lines += [*reads, *text.lines, f"if not {text.values[0]}:", "    continue"]
        return "\n".join(lines)

    @property
    def like(self) -> str:
        """An array whose precision numbers are given."""
        return "weights" if self.disposal is Disposal.DIRECT else "change"

    def kernel(self, arrays: list[str], body: str) -> str:
        """The whole function; arrays: what its loop reads."""
        scaled = [f"{part}_{name}" for name in self.traces for part in ("trace", "rate", "span")]
        others = self.others
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
            f"{name}_ = {name}[segment // lags.size]"
            for name in self.used
            if self.sites.of_source(name)
        ]
        lines += [f"{name}_ = {name}[segment]" for name in self.used if name == ARRIVING]
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
            if self.sites.of_target(name) and name not in self.sites.post
        ]
        return "\n".join(lines)

    @property
    def of_synapse(self) -> str:
        """What is read, computed and changed for one synapse."""
        lines = self._synapse_reads(self.used)
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

    def _synapse_reads(self, names: Sequence[str]) -> list[str]:
        weights = "weights" if self.disposal is Disposal.DIRECT else "readable"
        lines = [f"{WEIGHT}_ = {weights}[s]"] if WEIGHT in names else []
        return lines + [
            f"{name}_ = fade_{name} * trace_{name}[s]"
            for name in names
            if name in self.sites.synapse
        ]

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
        return self._spell(list(self.changed.values()), names, tensors=tensors)

    def _spell(
        self, symbols: Sequence[Symbol], names: Mapping[str, str], *, tensors: bool = False
    ) -> Spelled:
        known = dict(names) | {
            name: f"own_{name}" for name in self.used if name in self.sites.numbers
        }
        return spelled(symbols, known, TENSORS, "") if tensors else spelled(symbols, known)

    def twin(self, spikes: str) -> str:
        """The function on tensors; spikes: where there is one (batch, n_synapses)."""
        scaled = [f"{part}_{name}" for name in self.traces for part in ("trace", "rate", "span")]
        others = [name for name in self.others if name != ARRIVING]
        numbers = [f"own_{name}" for name in self.used if name in self.sites.numbers]
        weights = {Disposal.DIRECT: ["weights", "low", "high"], Disposal.READ: ["readable"]}
        room = weights.get(self.disposal, [])
        named = ["step", spikes.partition("[")[0], "segments", "targets", "sources"]
        lines = [f"came = {spikes}", "none = torch.zeros_like(came)", *self._tensor_reads()]
        lines.append(f"here = {'none == 0' if self.always else 'came != 0'}")
        for condition in self.conditions:
            text = self._spell([condition], {name: f"{name}_" for name in self.used}, tensors=True)
            lines += [*text.lines, f"here = here & ({text.values[0]} + none != 0)"]
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
            elif name == ARRIVING:
                lines.append(f"{name}_ = came")
            else:
                side = "sources" if self.sites.of_source(name) else "targets"
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
            return (
                f"found['trace_{name}'] = torch.where(here, {value} * {grow} + none, trace_{name})"
            )
        return f"found['trace_{name}'] = trace_{name} + torch.where(here, {value} * {grow} + none, none)"


def _name(name: str) -> Symbol:
    return Symbol("name", name)
