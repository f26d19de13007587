"""The plan of a network in which one stimulus is another one; all else is shared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..description.network import Network
from ..operators.build import Build
from ..operators.signals import Signal
from .inputs import constant_drive, constants_of, suits
from .plan import Plan


def stimulated(plan: Plan, network: Network, name: str) -> Plan:
    """The plan of `network`, in which only the stimulus of the input `name` is another one.

    It is of the same kind as the one in its place, so the same kernel gets other arguments.
    """
    inputs = {part.name: part for part in network.inputs}
    described = inputs[name]
    suits(described, described.stimulus)
    if described.stimulus.kernel:
        given = constants_of(described, described.stimulus, plan.dt)
        build = Build(dt=plan.dt, precision=plan.precision, backend=plan.backend, shards={})
        made = build.constants(name, given, described.stimulus.exact)
        prefix, changed = name, {plan.arriving[name]: made}
    else:
        prefix = described.population.name
        drive = constant_drive(network.inputs, described.population, {})
        alike = isinstance(described.population.model.kernel, str) and bool(
            (drive == drive[0]).all()
        )
        changed = {
            operator: {
                key: float(drive[0])
                if key == "drive" and alike
                else Signal(f"{prefix}.{key}", "fixed", "float", drive.shape, drive)
                for key in arguments
            }
            for operator, arguments in plan.driven(prefix, drive).items()
        }
        made = {key: value for arguments in changed.values() for key, value in arguments.items()}
    operators = [
        replace(
            operator,
            arguments={
                key: changed[operator].get(key, value) for key, value in operator.arguments.items()
            },
        )
        if operator in changed
        else operator  # the very same: projections know those of their stores
        for operator in plan.operators
    ]
    signals = _exchanged(plan.signals, prefix, made)
    return replace(plan, network=network, inputs=inputs, operators=operators, signals=signals)


def _exchanged(signals: list[Signal], prefix: str, made: dict[str, Any]) -> list[Signal]:
    """The signals with those that are `made` in the place of the fixed ones of the same names."""
    names = {f"{prefix}.{key}" for key in made}
    old = [
        k for k, signal in enumerate(signals) if signal.region == "fixed" and signal.name in names
    ]
    own = [k for k, signal in enumerate(signals) if signal.name.rpartition(".")[0] == prefix]
    place = old[0] if old else max(own, default=len(signals) - 1) + 1
    new = [value for value in made.values() if isinstance(value, Signal)]
    kept = set(old)
    before, after = (
        [signal for k, signal in part if k not in kept]
        for part in ([*enumerate(signals)][:place], [*enumerate(signals)][place:])
    )
    return [*before, *new, *after]
