"""Kernels of local rules in CUDA; `kernels/gpu/launch.cuh` explains what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent
from typing import Final

from .expression import Symbol, names_in
from .parts import ARRIVING, WEIGHT, Parts, Sites
from .spelling import CUDA, spelled

ROWS: Final = "int64(blockIdx.x) * blockDim.y + threadIdx.y"  # a row of threads for each
NEXT: Final = "int64(gridDim.x) * blockDim.y"


def arrival(parts: Parts) -> str:
    """A spike arrives at a synapse."""
    body = f"""\
if (blockIdx.y >= lags.size) return;
const int64 step = clock.step(), slot = behind(step, lags[blockIdx.y], history.rows);
{_begins(parts)}
const int64 spikes = history_count[slot][0];
for (int64 k = {ROWS}; k < spikes; k += {NEXT}) {{
    const int64 segment = history[slot][k] * lags.size + blockIdx.y;
{indent(_of_segment(parts), " " * 4)}
    for (int64 s = int64(begin[segment]) + threadIdx.x; s < end[segment]; s += blockDim.x) {{
{indent(_of_target(parts, "targets[s]"), " " * 8)}
{indent(_of_synapse(parts), " " * 8)}
    }}
}}"""
    places = [
        "Ring<const uint32> history",
        "Ring<const int64> history_count",
        "Array<const int64> lags",
        "Array<const uint32> begin",
        "Array<const uint32> end",
        "Indices targets",
    ]
    return _whole("ARRIVAL_KERNEL", parts, places, body)


def spike(parts: Parts) -> str:
    """The target of a synapse fires."""
    body = f"""\
if (count_post[0] == 0) return;
const int64 step = clock.step();
{_begins(parts)}
for (int64 k = {ROWS}; k < count_post[0]; k += {NEXT}) {{
    const uint32 j = fired_post[k];
{indent(_of_target(parts, "j"), " " * 4)}
    const int64 first = first_post[j], n = int64(first_post[j + 1]) - first;
    const int64 end = first + n * (portion + 1) / portions;
    for (int64 q = first + n * portion / portions + threadIdx.x; q < end; q += blockDim.x) {{
        const int64 s = synapse_post[q], segment = segment_post[q];
{indent(_of_segment(parts), " " * 8)}
{indent(_of_synapse(parts), " " * 8)}
    }}
}}"""
    places = ["Array<const uint32> fired_post", "Array<const int64> count_post"]
    places += ["int64 portion", "int64 portions", *_incoming(parts)]
    return _whole("SPIKE_KERNEL", parts, places, body)


def step(parts: Parts) -> str:
    """Every step, on synapses that meet the conditions."""
    body = f"""\
const int64 step = clock.step();
{_begins(parts)}
for (int64 j = begin_post + {ROWS}; j < end_post; j += {NEXT}) {{
{indent(_of_target(parts, "j"), " " * 4)}
{indent(_skips(parts, early=True), " " * 4)}
    for (int64 q = int64(first_post[j]) + threadIdx.x; q < first_post[j + 1]; q += blockDim.x) {{
        const int64 s = synapse_post[q], segment = segment_post[q];
{indent(_of_segment(parts), " " * 8)}
{indent(_skips(parts, early=False), " " * 8)}
{indent(_of_synapse(parts), " " * 8)}
    }}
}}"""
    return _whole(
        "SPIKE_KERNEL", parts, ["int64 begin_post", "int64 end_post", *_incoming(parts)], body
    )


def average(value: Symbol, sites: Sites) -> str:
    """Averages (n,) follow a value of each unit."""
    names = sorted(names_in([value]))
    known = {name: f"own_{name}" if name in sites.numbers else f"{name}[i]" for name in names}
    text = spelled([value], known, CUDA, "")
    lines = [
        *_declared(text.lines),
        f"average[i] = real(average[i] * kept + {text.values[0]} * gained);",
    ]
    declared = ["Array<real> average", "real kept", "real gained"]
    declared += [
        f"real own_{name}" if name in sites.numbers else f"Array<const real> {name}"
        for name in names
    ]
    body = indent("\n".join(lines), " " * 8)
    return (
        f"KERNEL(NAME)(Clock clock, {', '.join(declared)}) {{\n"
        f"    EACH(i, average.size) {{\n{body}\n    }}\n}}\n"
    )


def _incoming(parts: Parts) -> list[str]:
    places = ["Array<const uint32> first_post", "Array<const uint32> synapse_post"]
    return [*places, "Indices segment_post", *(f"Array<const int64> {name}" for name in parts.lags)]


def _whole(kind: str, parts: Parts, places: Sequence[str], body: str) -> str:
    """The whole kernel; places: what its loop reads."""
    declared = list(places)
    for name in parts.traces:
        form = "" if name in parts.raised else "const "
        declared += [f"Array<{form}real> trace_{name}", f"real rate_{name}", f"int64 span_{name}"]
    declared += [f"Array<const real> {name}" for name in parts.others]
    if parts.direct:
        declared += ["Array<real> weights", "real low", "real high"]
    else:
        declared += ["Scratch<uint32> synapse", "Scratch<real> change", "Array<int64> proposed"]
        declared += ["Array<const real> readable"] if WEIGHT in parts.used else []
    declared += [f"real {name}" for name in parts.numbers]
    lines = "\n".join(line for line in body.split("\n") if line.strip())
    return f"{kind}(NAME)(Clock clock, {', '.join(declared)}) {{\n{indent(lines, ' ' * 4)}\n}}\n"


def _begins(parts: Parts) -> str:
    """What is computed once a step."""
    faded = [(name, "fade", "-") for name in parts.traces if name in parts.used]
    scales = [*faded, *((name, "grow", "") for name in parts.raised)]
    return "\n".join(
        f"const real {word}_{name} = real(exp({sign}double(rate_{name}) * (step % span_{name})));"
        for name, word, sign in scales
    )


def _of_segment(parts: Parts) -> str:
    """What all synapses of a segment read."""
    lines = []
    for name in parts.used:
        if name in parts.sites.pre:
            lines.append(f"const real {name}_ = fade_{name} * trace_{name}[segment];")
        elif parts.sites.of_source(name):
            lines.append(f"const real {name}_ = {name}[segment / lags.size];")
        elif name == ARRIVING:
            lines.append(f"const real {name}_ = {name}[segment];")
    return "\n".join(lines)


def _of_target(parts: Parts, index: str) -> str:
    """What all synapses of a target read."""
    lines = []
    for name in parts.used:
        if name in parts.sites.post:
            lines.append(f"const real {name}_ = fade_{name} * trace_{name}[{index}];")
        elif parts.sites.of_target(name):
            lines.append(f"const real {name}_ = {name}[{index}];")
    return "\n".join(lines)


def _of_synapse(parts: Parts) -> str:
    """What is read, computed and changed for one synapse."""
    text = spelled(list(parts.changed.values()), parts.spelling, CUDA, "")
    lines = [*_synapse_reads(parts, parts.used), *_declared(text.lines)]
    lines += [
        f"const real new_{name} = real({value});"
        for name, value in zip(parts.changed, text.values, strict=True)
    ]
    for name in parts.changed:
        if name == WEIGHT:
            lines.append(_weight_change(parts))
        else:
            raised = "+=" if parts.added[name] else "="
            lines.append(f"trace_{name}[s] {raised} new_{name} * grow_{name};")
    return "\n".join(lines)


def _declared(lines: Sequence[str]) -> list[str]:
    return [f"const double {line};" for line in lines]


def _synapse_reads(parts: Parts, names: Sequence[str]) -> list[str]:
    lines = [f"const real {WEIGHT}_ = {parts.readable}[s];"] if WEIGHT in names else []
    own = [name for name in names if name in parts.sites.synapse]
    return [*lines, *(f"const real {name}_ = fade_{name} * trace_{name}[s];" for name in own)]


def _weight_change(parts: Parts) -> str:
    if parts.direct:
        return "const real least = new_w > low ? new_w : low;\nweights[s] = least < high ? least : high;"
    return (
        "if (new_w != 0) {\n"
        "    const uint64 room = atomicAdd(reinterpret_cast<uint64*>(proposed.data), uint64(1));\n"
        "    synapse[room] = uint32(s);\n    change[room] = new_w;\n}"
    )


def _skips(parts: Parts, *, early: bool) -> str:
    """What leaves out a target, or a synapse, that does not meet a condition."""
    lines: list[str] = []
    for condition in parts.conditions:
        if parts.at_target(condition) is not early:
            continue
        text = spelled([condition], parts.spelling, CUDA, "")
        reads = [] if early else _synapse_reads(parts, sorted(names_in([condition])))
        inner = [*reads, *_declared(text.lines), f"skipped = !({text.values[0]});"]
        lines += ["{", "    bool skipped;", *(f"    {line}" for line in inner)]
        lines = [*lines[:-1], lines[-1], "    if (skipped) continue;", "}"]
    return "\n".join(lines)
