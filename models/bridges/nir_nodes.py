"""The primitives of NIR: which parameters each has, and what these may be.

Pedersen et al. (2024), "Neuromorphic intermediate representation", Nature Communications 15, 8122,
doi:10.1038/s41467-024-52259-9; fields as in the package nir 1.0.8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from ...sim import validation as check
from ...sim.conversion import array

MOST_EXTENT: Final = 2**31 - 1  # of one dimension, and of all of them together
PADDINGS: Final = ("same", "valid")
Parameters = Mapping[str, Any]
Check = Callable[[object, str, Any], Any]


@final
@dataclass(frozen=True, eq=False)
class NirNode:
    """One node of a NIR graph: the name of its primitive, and its checked parameters.

    Numbers are float64 arrays of the node's shape, sizes are tuples of whole numbers. metadata:
    texts, arrays and dictionaries of them, which mean nothing to NIR. Raises ParameterError, which
    names the node (called `name` there), the field and the value.
    """

    type: str
    parameters: Parameters
    metadata: Parameters = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        check.keep(self, "name", check.text)
        owner = f"NIR node {self.name!r:.100}"
        check.one_of(owner, "type", self.type, PRIMITIVES)
        owner = f"{owner} ({self.type})"
        given = check.mapping(owner, "parameters", self.parameters, "{'weight': w}")
        metadata = check.mapping(owner, "metadata", self.metadata, "{'source': 'a text'}")
        object.__setattr__(self, "parameters", _checked(owner, self.type, given))
        object.__setattr__(self, "metadata", metadata)

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]

    def __str__(self) -> str:
        return f"{self.name} ({self.type})"

    @property
    def owner(self) -> str:
        """What messages call the node."""
        return f"NIR node {self.name!r:.100} ({self.type})"


def _checked(owner: str, kind: str, given: dict[str, Any]) -> Parameters:
    """The parameters of a primitive, each checked, and all of them together."""
    known = PRIMITIVES[kind]
    for name in given:
        check.one_of(owner, "parameters", name, known)
    for name in known:
        if given.get(name) is None and name not in OPTIONAL:
            rule = f"must be given, as {kind} has {', '.join(known)}"
            raise check.fail(owner, name, rule, None)
    values = {
        name: rule(owner, name, given[name])
        for name, rule in known.items()
        if given.get(name) is not None
    }
    if kind in NEURONS:
        _complete(owner, values, known)
    if kind in ("Conv1d", "Conv2d"):
        _check_channels(owner, values)
    if kind == "Affine" and values["bias"].shape != values["weight"].shape[:-1]:
        rule = f"must have one entry per output ({values['weight'].shape[:-1]})"
        raise check.fail(owner, "bias", rule, f"shape {values['bias'].shape}")
    return values


def _complete(owner: str, values: dict[str, Any], known: Mapping[str, Check]) -> None:
    """Give a neuron the parameters that a file may lack; all must have one shape.

    One number stands for all units.
    """
    if "v_reset" in known:
        values.setdefault("v_reset", np.zeros_like(values["v_threshold"]))
    if "w_in" in known:
        values.setdefault("w_in", np.ones(()))
    shape = max((value.shape for value in values.values()), key=len)
    for name, value in values.items():
        if value.ndim and value.shape != shape:
            raise check.fail(owner, name, f"must have the shape {shape} of the others", value.shape)
    if "v_reset" in known:
        v_reset, above = np.broadcast_arrays(values["v_reset"], values["v_threshold"])
        if (v_reset > above).any():
            place = int((v_reset > above).argmax())
            rule = f"must be <= v_threshold ({check.digits(float(above.flat[place]))})"
            raise check.fail(owner, "v_reset", rule, float(v_reset.flat[place]))


def _check_channels(owner: str, values: dict[str, Any]) -> None:
    """Refuse a convolution whose channels, groups and biases do not fit."""
    weight, groups = values["weight"], values["groups"]
    if weight.shape[0] % groups:
        raise check.fail(owner, "groups", f"must divide the {weight.shape[0]} outputs", groups)
    if values["bias"].shape != weight.shape[:1]:
        rule = f"must have one entry per output channel ({weight.shape[0]})"
        raise check.fail(owner, "bias", rule, f"shape {values['bias'].shape}")
    if values["padding"] == "same" and any(step != 1 for step in values["stride"]):
        raise check.fail(owner, "stride", "must be 1 where padding is 'same'", values["stride"])


def _numbers(owner: object, name: str, value: Any) -> NDArray[np.float64]:
    numbers = check.finite_array(owner, name, value)
    if 0 in numbers.shape:
        raise check.fail(owner, name, "must hold at least one number", f"shape {numbers.shape}")
    numbers.flags.writeable = False
    return numbers


def _positive(owner: object, name: str, value: Any) -> NDArray[np.float64]:
    numbers = _numbers(owner, name, value)
    if (numbers <= 0).any():
        raise check.fail(owner, name, "must be > 0 s, as a time constant", float(numbers.min()))
    return numbers


def _duration(owner: object, name: str, value: Any) -> NDArray[np.float64]:
    numbers = _numbers(owner, name, value)
    if (numbers < 0).any():
        raise check.fail(owner, name, "must be >= 0 s", float(numbers.min()))
    return numbers


def _matrix(ndim: int, *, exactly: bool) -> Check:
    """A check for weights of `ndim` dimensions, or of at least so many."""

    def checked(owner: object, name: str, value: Any) -> NDArray[np.float64]:
        numbers = _numbers(owner, name, value)
        if numbers.ndim < ndim or (exactly and numbers.ndim != ndim):
            rule = f"must have {'' if exactly else 'at least '}{ndim} dimensions"
            raise check.fail(owner, name, rule, f"shape {numbers.shape}")
        return numbers

    return checked


def _sizes(n: int | None, *, least: int) -> Check:
    """A check for `n` whole numbers (any number of them if None); one stands for all."""

    def checked(owner: object, name: str, value: Any) -> tuple[int, ...]:
        try:
            given = array(value)
        except (ValueError, MemoryError):
            raise check.fail(owner, name, "must be whole numbers", value) from None
        if given.ndim > 1 or given.size > 32 or (n is not None and given.size not in (1, n)):
            rule = f"must be {'at most 32' if n is None else f'one or {n}'} whole numbers"
            raise check.fail(owner, name, rule, f"shape {given.shape}")
        whole = [
            check.whole(owner, name, entry, least=least, most=MOST_EXTENT)
            for entry in given.reshape(-1).tolist()
        ]
        return tuple(whole * (n or 1) if given.size == 1 else whole)

    return checked


def _shape(owner: object, name: str, value: Any) -> tuple[int, ...]:
    """The shape of a signal: at least one unit, and no more than a population may have."""
    shape: tuple[int, ...] = _sizes(None, least=1)(owner, name, value)
    units = 1
    for extent in shape:
        units *= extent
    if units > MOST_EXTENT:
        raise check.fail(owner, name, f"must have at most {MOST_EXTENT} units", shape)
    return shape


def _padding(n: int) -> Check:
    def checked(owner: object, name: str, value: Any) -> Any:
        if isinstance(value, str):
            return check.one_of(owner, name, value, PADDINGS)
        return _sizes(n, least=0)(owner, name, value)

    return checked


def _whole(least: int, most: int) -> Check:
    def checked(owner: object, name: str, value: Any) -> int:
        return check.whole(owner, name, value, least=least, most=most)

    return checked


def _convolution(n: int) -> dict[str, Check]:
    return {
        "input_shape": _sizes(n, least=1),
        "weight": _matrix(n + 2, exactly=True),
        "stride": _sizes(n, least=1),
        "padding": _padding(n),
        "dilation": _sizes(n, least=1),
        "groups": _whole(1, MOST_EXTENT),
        "bias": _numbers,
    }


POOL: Final[dict[str, Check]] = {
    "kernel_size": _sizes(2, least=1),
    "stride": _sizes(2, least=1),
    "padding": _sizes(2, least=0),
}
SPIKING: Final[dict[str, Check]] = {"v_threshold": _numbers, "v_reset": _numbers}
LEAKY: Final[dict[str, Check]] = {"tau": _positive, "r": _numbers, "v_leak": _numbers}
CUBA: Final[dict[str, Check]] = {
    "tau_syn": _positive,
    "tau_mem": _positive,
    "r": _numbers,
    "v_leak": _numbers,
    "w_in": _numbers,
}
PRIMITIVES: Final[dict[str, dict[str, Check]]] = {
    "Input": {"shape": _shape},
    "Output": {"shape": _shape},
    "Linear": {"weight": _matrix(2, exactly=False)},
    "Affine": {"weight": _matrix(2, exactly=False), "bias": _numbers},
    "Scale": {"scale": _numbers},
    "Conv1d": _convolution(1),
    "Conv2d": _convolution(2),
    "SumPool2d": POOL,
    "AvgPool2d": POOL,
    "Flatten": {
        "start_dim": _whole(-32, 31),
        "end_dim": _whole(-32, 31),
        "input_type": _shape,
    },
    "Delay": {"delay": _duration},
    "Threshold": {"threshold": _numbers},
    "I": {"r": _numbers},
    "IF": {"r": _numbers, **SPIKING},
    "LI": LEAKY,
    "LIF": {**LEAKY, **SPIKING},
    "CubaLI": CUBA,
    "CubaLIF": {**CUBA, **SPIKING},
}
OPTIONAL: Final = ("v_reset", "w_in", "input_shape", "input_type")
NEURONS: Final = ("I", "IF", "LI", "LIF", "CubaLI", "CubaLIF", "Threshold")
