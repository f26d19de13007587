"""Random networks over everything that exists, before judges that know what must not matter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from functools import cache
from inspect import signature
from typing import Any

import numpy as np
import pytest
from numba.core.event import install_recorder

import potentia.hardware
import potentia.learning
import potentia.models
import potentia.sim
from potentia import Network, Simulator
from potentia.hardware import Device, Law
from potentia.hardware.devices.ageing import Ageing
from potentia.kernels.cpu import binding
from potentia.sim import (
    Connectivity,
    Distribution,
    NeuronModel,
    Rule,
    Stimulus,
    Store,
)
from potentia.tests.fuzz import networks, owned
from potentia.tests.fuzz.case import Case, Drive, Look, Units, Wiring
from potentia.tests.fuzz.generator import generate

# of devices out of their range
pytestmark = pytest.mark.filterwarnings("ignore::potentia.errors.PotentiaWarning")
PORTS = (NeuronModel, Connectivity, Distribution, Stimulus, Rule, Store, Device, Ageing, Law)
SIZES = {"short": 200, "long": 20_000}
GROUPS = 10
SAMPLE = 1500  # networks that are looked through for what the generator makes
# Public names that are no part of a network, and why the generator need not know them.
ELSEWHERE = {
    "AnalogLinear": "a layer for torch",
    "Amplitude": "of AnalogLinear",
    "Average": "of the class of a rule",
    "Eligibility": "of the class of a rule",
    "LocalRule": "the base of rules",
    "Oja": "of linear rate units, see tests/learning/test_rule_library.py",
    "Trace": "of the class of a rule",
    "BitSerial": "of AnalogLinear",
    "BitSlicing": "of AnalogLinear",
    "DifferentialPairs": "of AnalogLinear",
    "InputCoding": "of AnalogLinear",
    "Macro40nm": "of AnalogLinear",
    "OffsetColumn": "of AnalogLinear",
    "PulseWidth": "of AnalogLinear",
    "Reading": "of AnalogLinear",
    "WeightMapping": "of AnalogLinear",
    "SinhCell": "of Wires.currents alone",
    "Cost": "an account",
    "Part": "an account",
    "Readout": "reads results",
    "TrainedReadout": "reads results",
    "Cochlea": "makes spike trains of sounds",
    "Capabilities": "of a store",
    "Connections": "a result",
    "GraphMeasures": "a result",
    "Condition": "ends a run",
    "Residual": "ends a run",
    "SpikeCount": "ends a run",
    "EventKernels": "of a model",
    "EventProp": "a module for torch",
    "Surrogate": "of a module for torch",
    "ArcTan": "of a module for torch",
    "FastSigmoid": "of a module for torch",
    "StraightThrough": "of a module for torch",
    "Triangular": "of a module for torch",
    "TensorStore": "of a store, on tensors",
    "EventSpikes": "a result",
    "Phase": "of operators",
    "ProjectionScope": "what stores and rules see",
    "Proposals": "what rules write",
    "EventRule": "of a rule",
    "EventTrace": "of a rule",
    "EventInput": "of Stimulus.event",
    "HeldNoise": "of Stimulus.event",
    "PiecewiseConstant": "of Stimulus.event",
    "PoissonProcess": "of Stimulus.event",
    "SpikeTimes": "of Stimulus.event",
    "BatchResult": "a result",
    "Result": "a result",
    "Samples": "a result",
    "Spikes": "a result",
    "Network": "what is built",
    "Simulator": "what runs it",
    "Input": "made by Network",
    "Population": "made by Network",
    "Probe": "made by Network",
    "Projection": "made by Network",
}


def public() -> dict[str, Any]:
    """All public classes of the rooms, by name."""
    rooms = (potentia.sim, potentia.models, potentia.learning, potentia.hardware)
    named = {
        name: getattr(room, name)
        for room in rooms
        for name in room.__all__
        if name != "AnalogLinear"
    }
    return {name: part for name, part in named.items() if isinstance(part, type)}


def concrete(port: type) -> Iterator[type]:
    """The library's own subclasses of a port that can be made."""
    for kind in port.__subclasses__():
        yield from concrete(kind)
        if (
            not getattr(kind, "__abstractmethods__", None)
            and kind.__module__.startswith("potentia.")
            and (".tests." not in kind.__module__)
        ):
            yield kind


@cache
def made() -> dict[str, dict[str, set[str]]]:
    """Of every class in the networks of many seeds, and of each of its fields, the forms of its
    values.
    """
    forms: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def look(value: Any) -> None:
        if is_dataclass(value) and not isinstance(value, type):
            own_forms = forms[type(value).__name__]
            for own in fields(value):
                inner = getattr(value, own.name)
                own_forms[own.name].add(form(inner, own))
                look(inner)
        elif isinstance(value, (tuple, list)):
            for item in value:
                look(item)
        elif isinstance(value, dict):
            for item in value.values():
                look(item)

    for seed in range(SAMPLE):
        look(generate(seed))
    return {name: dict(own) for name, own in forms.items()}


def form(value: Any, own: Any) -> str:
    """Whether a value is the field's default, one number, an array, a law or something else."""
    if isinstance(value, np.ndarray):
        return "array"
    if is_dataclass(value):
        return "law" if isinstance(value, Distribution) else "part"
    return (
        "default"
        if np.ndim(value) == 0 and value == own.default
        else "number"
        if np.isscalar(value)
        else "other"
    )


def test_every_part_of_a_network_is_made():
    """A class that is public, or that can stand where a port is asked for, is missing from no
    generator.
    """
    kinds = {kind.__name__ for port in PORTS for kind in concrete(port)} | set(public())
    kinds -= {port.__name__ for port in PORTS}
    assert not sorted(kinds - made().keys() - ELSEWHERE.keys()), (
        "generators know nothing of these: see tests/fuzz"
    )
    assert not sorted(ELSEWHERE.keys() & made().keys())


def test_parts_of_a_users_own_are_made():
    """A store, rules and stimuli such as a user writes, and several rules on one projection."""
    kinds = {
        kind.__name__
        for kind in vars(owned).values()
        if isinstance(kind, type) and kind.__module__.endswith(".fuzz.own")
    }
    assert len(kinds) >= 7
    assert kinds <= made().keys()


def test_every_field_is_set():
    """Every field of every class in a network is more than its default somewhere; of a model it is
    one per unit too.
    """
    missing = []
    for name, own in made().items():
        for field, forms in own.items():
            if forms == {"default"}:
                missing.append(f"{name}.{field}")
    for kind in concrete(NeuronModel):
        for own in fields(kind):
            if isinstance(own.default, (str, bool)):  # a choice
                continue
            if not {"array", "number", "law"} <= made()[kind.__name__][own.name]:
                missing.append(
                    f"{kind.__name__}.{own.name} as a number, as an array and as a distribution"
                )
    assert not missing


@pytest.mark.parametrize(
    ("kind", "field", "forms"),
    [
        ("Wiring", "weight", {"number", "array", "law"}),
        ("Wiring", "delay", {"number", "array", "law"}),
        ("Wiring", "store", {"part"}),
        ("Wiring", "rule", {"part", "other"}),
        ("Wiring", "receptor", {"number"}),
        ("Poisson", "rate", {"number", "array", "law"}),
        ("Poisson", "weight", {"number", "array", "law"}),
        ("Constant", "value", {"number", "array", "law"}),
        ("Noise", "mean", {"number", "array", "law"}),
        ("Noise", "std", {"number", "array", "law"}),
        ("SpikeTrain", "weight", {"number", "array", "law"}),
        ("Look", "ids", {"array"}),
        ("Look", "every", {"number", "default"}),
    ],
)
def test_values_take_every_form(kind, field, forms):
    assert forms <= made()[kind][field]


@pytest.mark.parametrize(
    ("call", "part", "elsewhere"),
    [
        (Network.population, Units, set()),
        (Network.connect, Wiring, set()),
        (Network.stimulate, Drive, set()),
        (Network.probe, Look, set()),
        (Simulator.__init__, Case, {"network", "dt", "backend", "threads"}),
        (
            Simulator.run,
            Case,
            {"duration", "inputs", "batch", "progress", "record_to", "resume", "learn"},
        ),
    ],
)
def test_every_parameter_is_used(call, part, elsewhere):
    """What may be said of a part of a network is a field of a case; the judges choose what stands
    `elsewhere`.
    """
    assert signature(call).parameters.keys() - {"self"} - elsewhere <= {
        own.name for own in fields(part)
    }


def test_initial_values_take_every_form():
    forms = {
        form(value, None_)
        for seed in range(200)
        for units in generate(seed).populations
        for value in units.initial.values()
    }
    assert {"number", "array", "law"} <= forms


class None_:  # a field without default
    default = None


def test_seeds_make_the_same_network_again():
    assert generate(5).script() == generate(5).script() != generate(6).script()


def test_scripts_run():
    """What is printed of a fault is a program."""
    case = next(
        case
        for seed in range(50)
        if (case := generate(seed)).later
        and case.projections
        and not any(w.rule for w in case.projections)
    )
    scope: dict[str, Any] = {}
    exec(case.script(), scope)
    assert scope["second"].hash == networks.symmetries.whole(case).hash


def test_no_number_makes_kernels_compile_again():
    """Other sizes, seeds, steps and delays run on the machine code that the first networks made."""
    cases = [generate(seed) for seed in range(40)]
    clocked = [case for case in cases if case.engine == "clock" and case.grid > 1e-4]
    for case in clocked:
        networks.judges.quietly(_run, case)
    known = binding._compiled.cache_info().misses
    with install_recorder("numba:compile") as recorder:
        for case in clocked:
            other = replace(
                case,
                grid=case.grid / 2,
                network_seed=case.network_seed + 1,
                populations=tuple(_larger(case)),
            )
            other = other if all(wiring.store is None for wiring in case.projections) else case
            networks.judges.quietly(_run, other)
    assert binding._compiled.cache_info().misses == known
    assert [event for _, event in recorder.buffer if event.is_start] == []


def _run(case: Case) -> bool:
    case.simulator().run(2 * case.grid)
    return True


def _larger(case: Case) -> Iterator[Units]:
    """The populations with one unit more where nothing is said of units one by one."""
    named = {wiring.pre for wiring in case.projections} | {
        wiring.post for wiring in case.projections
    }
    named |= {drive.population for drive in case.inputs} | {look.target for look in case.probes}
    for units in case.populations:
        arrays = any(
            isinstance(value, np.ndarray)
            for value in (*vars(units.model).values(), *units.initial.values())
        )
        yield units if arrays or units.name in named else replace(units, n=units.n + 1)


@pytest.mark.parametrize("group", range(GROUPS))
def test_no_judge_finds_a_fault(group, request):
    """No judge finds a fault; each is printed with its smallest network and how to see it again."""
    seeds = range(group, SIZES[request.config.getoption("--fuzz-size")], GROUPS)
    found = [fault for seed in seeds for fault in networks.faults(seed)]
    assert not found, "\n\n".join([found[0].report(), *map(str, found[1:])])
