"""Kernels of local rules in Python on arrays and numbers, to be compiled or run as they are."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent
from typing import Final

from .expression import Symbol, names_in
from .parts import ARRIVING, WEIGHT, Formula, Parts, Sites
from .spelling import spelled

AHEAD: Final = 64  # synapses between fetching the weight of one and changing it
NEAR: Final = 1 << 19  # so many synapses stay in the second-level cache: nothing is fetched ahead


def arrival(parts: Parts) -> str:
    """A spike arrives at a synapse."""
    body = f"""\
depth, arrived = history.shape[0], 0
{_begins(parts)}
for g in range(lags.size):
    slot = (step - lags[g]) % depth
    arrived += history_count[slot]
    for k in range(history_count[slot]):
        segment = history[slot, k] * lags.size + g
{indent(_of_segment(parts), " " * 8)}
        for s in range(begin[segment], end[segment]):
{indent(_of_target(parts, "targets[s]"), " " * 12)}
{indent(_of_synapse(parts), " " * 12)}
{_ends(parts)}
return arrived"""
    return _whole(parts, ["history", "history_count", "lags", "begin", "end", "targets"], body)


def spike(parts: Parts) -> str:
    """The target of a synapse fires."""
    fetch = fetched = ""
    if parts.direct:
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
{_begins(parts)}
for k in range(count_post[0]):
    begin, end = first_post[fired_post[k]], first_post[fired_post[k] + 1]
    if portions > 1:
        begin, end = portion_of(begin, end, portion, portions)
{indent(_of_target(parts, "fired_post[k]"), " " * 4)}
{indent(fetch, " " * 4)}
    for q in range(begin, end):
{indent(fetched, " " * 8)}
        s, segment = synapse_post[q], segment_post[q]
{indent(_of_segment(parts), " " * 8)}
{indent(_of_synapse(parts), " " * 8)}
{_ends(parts)}
return count_post[0]"""
    arrays = ["fired_post", "count_post", "portion", "portions"]
    arrays += ["first_post", "synapse_post", "segment_post", *parts.lags]
    return _whole(parts, arrays, body)


def step(parts: Parts) -> str:
    """Every step, on synapses that meet the conditions."""
    body = f"""\
done = 0
upcoming[0] = step + 1
{_begins(parts)}
for j in range(begin_post, end_post):
{indent(_of_target(parts, "j"), " " * 4)}
{indent(_skips(parts, early=True), " " * 4)}
    for q in range(first_post[j], first_post[j + 1]):
        s, segment = synapse_post[q], segment_post[q]
{indent(_of_segment(parts), " " * 8)}
{indent(_skips(parts, early=False), " " * 8)}
{indent(_of_synapse(parts), " " * 8)}
        done += 1
{_ends(parts)}
return done"""
    arrays = ["begin_post", "end_post", "first_post", "synapse_post", "segment_post", *parts.lags]
    arrays.append("upcoming")  # a condition may come to hold while nothing else happens
    return _whole(parts, arrays, body)


def average(value: Symbol, sites: Sites) -> str:
    """Averages (n,) follow a value of each unit."""
    names = sorted(names_in([value]))
    known = {name: f"own_{name}" if name in sites.numbers else f"{name}[i]" for name in names}
    text = spelled([value], known)
    arguments = [f"own_{name}" if name in sites.numbers else name for name in names]
    lines = [*text.lines, f"average[i] = average[i] * kept + {text.values[0]} * gained"]
    body = f"for i in range(average.size):\n{indent(chr(10).join(lines), ' ' * 4)}\nreturn average.size"
    named = ", ".join(["average", "kept", "gained", *arguments])
    return f"def NAME({named}):\n{indent(body, ' ' * 4)}\n"


def event(formula: Formula) -> str:
    """The new weight of one synapse on the event engine."""
    names = sorted(formula.names)
    text = spelled([formula.changes[WEIGHT]], {name: name for name in names})
    body = "\n".join([*text.lines, f"return {text.values[0]}"])
    return f"def NAME({', '.join(names)}):\n{indent(body, ' ' * 4)}\n"


def _whole(parts: Parts, arrays: Sequence[str], body: str) -> str:
    """The whole function; arrays: what its loop reads."""
    scaled = [f"{part}_{name}" for name in parts.traces for part in ("trace", "rate", "span")]
    if parts.direct:
        room = ["weights", "low", "high"]
    else:
        room = ["synapse", "change", "proposed", *(["readable"] if WEIGHT in parts.used else [])]
    named = ", ".join(["step", *arrays, *scaled, *parts.others, *room, *parts.numbers])
    lines = "\n".join(line for line in body.split("\n") if line.strip())
    return f"def NAME({named}):\n{indent(lines, ' ' * 4)}\n"


def _begins(parts: Parts) -> str:
    """What is computed once a step."""
    like = "weights" if parts.direct else "change"
    faded = [(name, "fade", "-") for name in parts.traces if name in parts.used]
    scales = [*faded, *((name, "grow", "") for name in parts.raised)]
    lines = [
        f"{word}_{name} = {like}.dtype.type(math.exp({sign}rate_{name} * (step % span_{name})))"
        for name, word, sign in scales
    ]
    return "\n".join(lines if parts.direct else [*lines, "room = proposed[0]"])


def _ends(parts: Parts) -> str:
    return "" if parts.direct else "proposed[0] = room"


def _of_segment(parts: Parts) -> str:
    """What all synapses of a segment read."""
    lines = []
    for name in parts.used:
        if name in parts.sites.pre:
            lines.append(f"{name}_ = fade_{name} * trace_{name}[segment]")
        elif parts.sites.of_source(name):
            lines.append(f"{name}_ = {name}[segment // lags.size]")
        elif name == ARRIVING:
            lines.append(f"{name}_ = {name}[segment]")
    return "\n".join(lines)


def _of_target(parts: Parts, index: str) -> str:
    """What all synapses of a target read."""
    lines = []
    for name in parts.used:
        if name in parts.sites.post:
            lines.append(f"{name}_ = fade_{name} * trace_{name}[{index}]")
        elif parts.sites.of_target(name):
            lines.append(f"{name}_ = {name}[{index}]")
    return "\n".join(lines)


def _of_synapse(parts: Parts) -> str:
    """What is read, computed and changed for one synapse."""
    text = spelled(list(parts.changed.values()), parts.spelling)
    lines = [*_synapse_reads(parts, parts.used), *text.lines]
    lines += [
        f"new_{name} = {value}" for name, value in zip(parts.changed, text.values, strict=True)
    ]
    for name in parts.changed:
        if name == WEIGHT:
            lines += _weight_changes(parts)
        else:
            raised = "+=" if parts.added[name] else "="
            lines.append(f"trace_{name}[s] {raised} new_{name} * grow_{name}")
    return "\n".join(lines)


def _synapse_reads(parts: Parts, names: Sequence[str]) -> list[str]:
    lines = [f"{WEIGHT}_ = {parts.readable}[s]"] if WEIGHT in names else []
    own = [name for name in names if name in parts.sites.synapse]
    return [*lines, *(f"{name}_ = fade_{name} * trace_{name}[s]" for name in own)]


def _weight_changes(parts: Parts) -> list[str]:
    if parts.direct:
        return ["weights[s] = min(max(new_w, low), high)"]
    append = ["    synapse[room] = s", "    change[room] = new_w", "    room += 1"]
    return ["if new_w != 0:", *append]


def _skips(parts: Parts, *, early: bool) -> str:
    """What leaves out a target, or a synapse, that does not meet a condition."""
    lines: list[str] = []
    for condition in parts.conditions:
        if parts.at_target(condition) is not early:
            continue
        reads = [] if early else _synapse_reads(parts, sorted(names_in([condition])))
        text = spelled([condition], parts.spelling)
        lines += [*reads, *text.lines, f"if not {text.values[0]}:", "    continue"]
    return "\n".join(lines)
