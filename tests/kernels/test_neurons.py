"""Every neuron kernel against the reference, on random states; and whether the CPU's use vector
instructions.
"""

from __future__ import annotations

import dataclasses
import platform
import re

import numpy as np
import pytest
from numba import cfunc

from potentia.kernels.backend import Call, Clockwork, Exact
from potentia.kernels.cpu import binding
from potentia.models import (
    IF,
    LIF,
    AdaptiveLIF,
    AdEx,
    AlphaLIF,
    CobaLIF,
    CubaLIF,
    DiscreteAlphaLIF,
    DiscreteCubaLIF,
    DiscreteLIF,
    EscapeLIF,
    Izhikevich,
    SpikeSource,
)
from potentia.sim.operators.operator import parameters
from potentia.tests.kernels.on_tensors import load

DT, N, STEPS = 1e-4, 37, 8
KINDS = [IF, LIF, AdaptiveLIF, CubaLIF, AlphaLIF, CobaLIF, EscapeLIF, AdEx, Izhikevich, SpikeSource]
WITH_EXPONENTIAL = (CobaLIF, AdEx)
OFTEN = {EscapeLIF: {"rate": 5e3}}  # so that some of them fire
RESETS = [("subtract", time) for time in ("spike", "before", "after", "carried")]
RESETS += [("value", time) for time in ("spike", "before", "after")] + [("none", "spike")]
DISCRETE = [
    (kind, {"resets": resets, "reset_at": time, "inclusive": time != "after"})
    for kind in (DiscreteLIF, DiscreteCubaLIF)
    for resets, time in RESETS
]
DISCRETE += [(DiscreteCubaLIF, {"moved_by": "old"})]
DISCRETE += [(DiscreteAlphaLIF, {"resets": resets}) for resets in ("zero", "subtract", "none")]
CASES = [(kind, {}) for kind in KINDS] + DISCRETE


def name_of(case):
    """A short name of a model and the choices made in it."""
    kind, choices = case
    return " ".join([kind.__name__, *map(str, choices.values())])


def model_of(kind, choices, form, rng):
    """A model with one number per parameter, or with one per unit."""
    fields = {field.name: field.default for field in dataclasses.fields(kind)} | OFTEN.get(kind, {})
    if form == "number":
        return kind(**fields | choices)
    return kind(
        **choices,
        **{
            name: value * rng.uniform(1.0 if name == "reset" else 0.9, 1.1, N)
            for name, value in fields.items()
            if isinstance(value, float)
        },
    )


def arguments_of(model, dtype, rng):
    """Everything the kernel asks for: states around threshold, so that some fire and some are held
    back.
    """
    low = getattr(model, "reset", getattr(model, "c", 0.0))
    high = getattr(model, "threshold", getattr(model, "peak", 1.0))
    size = 400.0 if model.units.get("v") == "" else 1.0  # thresholds without a unit are near 1
    found = {name: (size * rng.uniform(0.0, 2e-3, N)).astype(dtype) for name in model.state}
    found["v"] = (low + (high - low) * rng.uniform(0.2, 1.1, N)).astype(dtype)
    found |= refractory_of(rng)
    arrivals = {
        name: size * rng.uniform(0.0, 3e-3, N) * (rng.random(N) < 0.5) for name in model.receptors
    }
    found |= {name: weights.astype(dtype) for name, weights in arrivals.items()}
    found |= {
        "drive": rng.uniform(0.0, 0.05, N).astype(dtype),
        "fired": np.zeros(N, "uint32"),
        "dt": DT,
    }
    found |= {
        "merged": np.zeros(N, "int64"),
        "counted": 1,
        "key": np.uint64(11),
        "first_unit": 2048,
    }
    return found | {
        name: constant(value, name in model.exact, dtype)
        for name, value in model.constants(DT).items()
    }


def constant(value, exact, dtype):
    """A constant as kernels get it: in double precision where they want it so."""
    if np.ndim(value):
        return value.astype("float64" if exact else dtype) if value.dtype.kind == "f" else value
    return Exact(value) if exact else value


def refractory_of(rng):
    """Eleven units with one to three steps left, as a list and as one count per unit."""
    units, steps = rng.permutation(N)[:11].astype("uint32"), rng.integers(1, 4, 11, dtype="int32")
    found = {
        "resting": np.zeros(N, "uint32"),
        "left": np.zeros(N, "int32"),
        "hold": np.zeros(N, "int32"),
    }
    found["resting"][:11], found["left"][:11], found["hold"][units] = units, steps, steps
    return found


def advance(name, kernel, found, dtype):
    """Copies of the arrays after STEPS steps on a backend, and the number of spikes."""
    room = load(name)
    function = room.kernel(kernel)
    arguments = {
        key: value.copy() if isinstance(value, np.ndarray) else value
        for key, value in found.items()
    }
    arguments = {key: arguments[key] for key in parameters(function) if key != "step"}
    count, total = np.zeros(1, np.int64), 0
    clockwork = Clockwork(
        np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(8, np.uint8), 1 << 40
    )
    program = room.program([Call(function, arguments, count)], clockwork, dtype)
    for step in range(STEPS):
        program.advance(step, step + 1)
        program.collect()
        total += int(count[0])
    return arguments, total


def listed(arguments):
    """The refractory and their steps, whatever their order in the list."""
    if "left" not in arguments:
        return {}
    length = np.append(np.flatnonzero(arguments["left"] == 0), N)[0]
    return dict(
        zip(
            arguments["resting"][:length].tolist(), arguments["left"][:length].tolist(), strict=True
        )
    )


@pytest.mark.parametrize(
    ("dtype", "form"), [("float64", "number"), ("float64", "per unit"), ("float32", "number")]
)
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_equals_reference(twin, case, dtype, form):
    """Bit by bit, since both make the same operations in the same order; `exp` may differ in its
    last bits.

    The float32 tolerance is 10 roundings (6e-8) of the largest value. Lists of the refractory are
    compared as sets.
    """
    rng = np.random.default_rng(7)
    kind, choices = case
    model = model_of(kind, choices, form, rng)
    found = arguments_of(model, dtype, rng)
    (here, fired), (reference, expected) = (
        advance(name, kind.kernel, found, dtype) for name in (twin, "reference")
    )
    assert fired == expected
    assert fired > 0
    assert listed(here) == listed(reference)
    for name, array in here.items():
        if not isinstance(array, np.ndarray) or name in {"resting", "left"}:
            continue
        if kind in WITH_EXPONENTIAL and array.dtype.kind == "f":
            scale = np.abs(reference[name]).max(initial=0.0)
            tolerance = (1e-12 if dtype == "float64" else 6e-7) * scale
            np.testing.assert_allclose(array, reference[name], rtol=0, atol=tolerance, err_msg=name)
        else:
            np.testing.assert_array_equal(array, reference[name], err_msg=name)


@pytest.mark.skipif(
    platform.machine() not in {"x86_64", "AMD64"}, reason="the pattern names x86 instructions"
)
@pytest.mark.parametrize("kind", [LIF, CubaLIF, CobaLIF, DiscreteLIF])
def test_update_vectorises(kind, monkeypatch):
    """The entry that the loop calls multiplies several floats at a time, else it would be 4 times
    slower.
    """
    made, compiled = [], binding._compiled.__wrapped__
    monkeypatch.setattr(binding, "_compiled", lambda *key: made.append(compiled(*key)) or made[0])
    # cached code has no assembly
    monkeypatch.setattr(binding, "cfunc", lambda signature, **options: cfunc(signature))
    found = arguments_of(kind(), "float32", np.random.default_rng(0))
    advance("cpu", kind.kernel, found, "float32")
    assembly = made[0]._library.get_asm_str()
    assert kind.kernel in assembly
    assert re.search(r"\bv?mulps\b", assembly)
