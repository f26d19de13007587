"""Stimuli: the kernels of every room do what the readable ones do, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest

from potentia.kernels.backend import NEVER, TENSORS
from potentia.tests.kernels.agreement import KEY, WAKING, N, assert_agrees, run, zeros


def test_spike_train(twin):
    steps = np.array([0, 0, 3, 3, 30])
    given = {
        "event_steps": steps,
        "event_ids": np.array([1, 1, 2, 0, 3], "uint32"),
        "event_weights": np.arange(1.0, 6.0),
        "cursor": zeros(1, "int64"),
        "receiving": zeros(4),
        "upcoming": zeros(1, "int64"),
        **WAKING,
    }
    seen = assert_agrees(twin, "spike_train_step", given)
    np.testing.assert_array_equal(seen[0]["receiving"], [0, 3, 0, 0])
    np.testing.assert_array_equal(seen[-1]["receiving"], [4, 3, 3, 5])
    assert [int(seen[step]["upcoming"][0]) for step in (0, 3, 30)] == [3, 30, NEVER]


@pytest.mark.parametrize("per_unit", [False, True])
def test_poisson(room, per_unit):
    rates = np.append(np.linspace(100.0, 3000.0, N - 1), 0.0)
    given = {
        "key": KEY,
        "sample": np.array([3]),
        "dt": 1e-3,
        "rate": rates if per_unit else 500.0,
        "weight": 0.25,
        "due": np.full(N, -1.0),
        "drawn": zeros(N, "int64"),
        "earliest": np.full(1, -1.0),
        "receiving": zeros(N),
        "upcoming": zeros(1, "int64"),
        **WAKING,
    }
    cpu, reference = (run(name, "poisson_step", given)[-1] for name in (room, "reference"))
    np.testing.assert_array_equal(cpu["drawn"], reference["drawn"])
    np.testing.assert_array_equal(cpu["receiving"], reference["receiving"])
    np.testing.assert_allclose(cpu["due"], reference["due"], rtol=1e-14)  # two libraries' log
    if per_unit:
        assert cpu["receiving"][-1] == 0.0
    assert cpu["receiving"].any()


# a drive that is started anew in every step
STANDING = {
    "until": zeros(1, "int64"),
    "renewed": np.ones(1, "int64"),
}
CURRENTS = {
    "hold_step": {"base": np.linspace(0, 1, N)},
    "timed_array_step": {"values": np.random.default_rng(3).normal(size=(4, N)), "repeat": 6},
    "timed_array_step for all": {"values": np.arange(12.0)[:, None], "repeat": 3},
    "step_current_step": {
        "from_steps": np.array([2, 9]),
        "levels": np.random.default_rng(4).normal(size=(2, N)),
    },
    "step_current_step for all": {
        "from_steps": np.array([0, 7, 20]),
        "levels": np.array([[1.0], [0.0], [-2.0]]),
    },
}


@pytest.mark.parametrize("case", CURRENTS)
def test_currents(twin, case):
    if twin == TENSORS and case == "hold_step":
        pytest.skip("what always stands is added up before a span begins")

    def restart(step, arguments):
        arguments["drive"][:] = 0.125

    given = {
        "drive": zeros(N),
        "upcoming": zeros(1, "int64"),
        "lasting": 0,
        **STANDING,
        **CURRENTS[case],
    }
    seen = assert_agrees(twin, case.split()[0], given, each=restart)
    assert any((state["drive"] != 0.125).any() for state in seen)


def test_noise(room):
    """Equal up to the last bit of log and cos; held for `repeat` steps."""
    given = {
        "key": KEY,
        "sample": np.array([0]),
        "mean": 1.0,
        "std": np.linspace(0, 1, N),
        "repeat": 4,
        "drive": zeros(N),
        **STANDING,
    }

    def restart(step, arguments):
        arguments["drive"][:] = 0.0

    given["drive"] = zeros(N)
    cpu, reference = (run(name, "noise_step", given, each=restart) for name in (room, "reference"))
    for here, there in zip(cpu, reference, strict=True):
        np.testing.assert_allclose(here["drive"], there["drive"], rtol=1e-13)
    np.testing.assert_array_equal(cpu[0]["drive"], cpu[3]["drive"])
    assert (cpu[3]["drive"][1:] != cpu[4]["drive"][1:]).all()
    assert cpu[4]["drive"][0] == 1.0
