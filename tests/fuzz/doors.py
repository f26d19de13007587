"""Every public class, method and function, found by looking, with a call of each that is good."""

from __future__ import annotations

import importlib
import inspect
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel

import potentia.experiments
from potentia.experiments.framework.experiment import read_settings

from .examples import CALLS, NAMES, Of, instance

PACKAGES = (
    "",
    ".sim",
    ".models",
    ".models.bridges",
    ".learning",
    ".hardware",
    ".hardware.devices.presets",
    ".sim.results.statistics",
    ".sim.results.figures",
    ".sim.results.result",
    ".experiments",
    ".experiments.framework.experiment",
)

# What the library itself makes and hands out: users read these, and call their methods.
RECORDS = {
    "BatchResult",
    "Connections",
    "Context",
    "Cost",
    "EventSpikes",
    "Experiment",
    "GraphMeasures",
    "Input",
    "NirReport",
    "NirRow",
    "Part",
    "Population",
    "Probe",
    "Projection",
    "ProjectionScope",
    "Proposals",
    "Reading",
    "Result",
    "Samples",
    "Spikes",
    "TrainedReadout",
}
# What engines and stores ask of the parts of a description, with arguments of their own making.
HOOKS = {
    "Connectivity": {"expected", "rows"},
    "Crossbar": {"converter"},
    "LocalRule": {"active", "arrival", "constants", "spike", "step"},
    "Device": {"pulse_constants", "stick"},
    "Measured": {"ask_conductances", "ask_seconds"},
    "StuckAt": {"apply"},
    "Endurance": {"apply"},
    "Flicker": {"error"},
    "Telegraph": {"error", "flip"},
    "SinhCell": {"check_reach", "current", "slope"},
    "InputCoding": {"full_scale", "planes", "product", "squares"},
    "WeightMapping": {"split"},
    "ADC": {"edges", "errors", "inside", "step"},
    "DAC": {"errors", "inside", "step"},
    "AnalogLinear": {"extra_repr", "key"},
    "EventProp": {"extra_repr"},
}
# all of whose methods are such
PORTS = {
    "Condition",
    "Context",
    "EventInput",
    "NeuronModel",
    "ProjectionScope",
    "Rule",
    "Stimulus",
    "Store",
    "TensorStore",
}
# of modules: not meant for users
SKIPPED = {
    "ask",
    "is_timed",
    "one_line",
    "settings_rows",
    "style",
    "format_table",
}


@dataclass(frozen=True)
class Door:
    """Something that users call: `make` gives the callable, `good` arguments that it takes, by
    name.
    """

    name: str
    make: Callable[[], tuple[Callable[..., Any], dict[str, Any]]]
    parameters: tuple[str, ...]


def doors() -> list[Door]:
    """All of them, in a fixed order."""
    found: dict[str, Door] = {}
    for package in PACKAGES:
        module = importlib.import_module(f"potentia{package}")
        listed = getattr(module, "__all__", None)
        # without a list, what others made is only passing through
        home = "potentia" if listed else module.__name__
        for name in sorted(listed or vars(module)):
            part = getattr(module, name, None)
            if not name.startswith("_") and str(getattr(part, "__module__", "")).startswith(home):
                for door in _of(name, part):
                    found.setdefault(door.name, door)
    for name in potentia.experiments.experiments():
        found[f"settings of {name}"] = _settings(name)
    return list(found.values())


def _of(name: str, part: Any) -> Iterator[Door]:
    if inspect.isclass(part):
        if issubclass(part, (BaseException, BaseModel, Enum)) or inspect.isabstract(part):
            return
        if name not in RECORDS:
            yield _door(name, part, None)
        hooks = {hook for kind in part.__mro__ for hook in HOOKS.get(kind.__name__, ())}
        hooks |= {hook for kind in part.__mro__ if kind.__name__ in PORTS for hook in vars(kind)}
        for attribute in sorted(set(dir(part)) - hooks):
            if not attribute.startswith("_") and _own_function(part, attribute):
                yield _door(f"{name}.{attribute}", getattr(part, attribute), part)
    elif isinstance(part, types.FunctionType) and name not in SKIPPED:
        yield _door(name, part, None)


def _own_function(kind: type, attribute: str) -> bool:
    static = inspect.getattr_static(kind, attribute)
    plain = static.__func__ if isinstance(static, (classmethod, staticmethod)) else static
    return inspect.isfunction(plain) and plain.__module__.startswith("potentia")


def _door(name: str, function: Any, kind: type | None) -> Door:
    asked = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    names = tuple(p.name for p in asked if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
    needed = [p.name for p in asked if p.default is p.empty and p.name in names]
    bound = kind is not None and not inspect.ismethod(function)

    def make() -> tuple[Callable[..., Any], dict[str, Any]]:
        own = dict(CALLS.get(name, {}))
        whose = own.pop("self", None)  # where another object than usual is needed
        owner = instance(kind) if bound and kind is not None else None
        owner = owner if whose is None else whose.make(None)
        good = {key: own.get(key, NAMES.get(key)) for key in {*needed, *own}}
        for key in needed:
            if key not in own and key not in NAMES:
                raise LookupError(f"tests/fuzz/examples.py has no good value for {name}({key}=...)")
        made = {
            key: value.make(owner) if isinstance(value, Of) else value
            for key, value in good.items()
        }
        return (getattr(owner, name.rpartition(".")[2]) if bound else function), made

    return Door(name, make, names)


def _settings(name: str) -> Door:
    """The settings of an experiment, as a script or the command line hands them over."""
    model = potentia.experiments.load(name).settings

    def read(**values: Any) -> Any:
        return read_settings(name, model, values=values)

    return Door(f"settings of {name}", lambda: (read, {}), tuple(model.model_fields))
