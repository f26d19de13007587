"""What a type checker sees of the simulator, as a user's own script is checked."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import numpy as np
from numpy.typing import NDArray

from potentia import Network, Simulator
from potentia.sim import Constant, Stimulus
from potentia.sim.engines.engine import Engine
from potentia.sim.engines.clock import ClockEngine
from potentia.sim.engines.event import EventEngine


def engines(clock: ClockEngine, event: EventEngine) -> tuple[Engine, Engine]:
    return clock, event


def runs(sim: Simulator, size: int | None) -> None:
    inputs: dict[str, list[Stimulus]] = {"drive": [Constant(1.0)]}
    reveal_type(sim.run(0.1))
    reveal_type(sim.run(0.1, record_to="folder", resume=True))
    reveal_type(sim.run(0.1, batch=3))
    reveal_type(sim.run(0.1, inputs=inputs))
    reveal_type(sim.run(inputs, batch=3))
    reveal_type(sim.run({"drive": Constant(1.0)}))
    reveal_type(sim.run(0.1, batch=size))
    weights: NDArray[np.float64] = sim.weights("joined")
    targets: NDArray[np.int64] = sim.synapses("joined").targets
    print(weights, targets)
    reveal_type(sim.network)
    reveal_type(sim.time)
    sim.run("long")
    sim.run(inputs, record_to="folder")
"""
EXPECTED = [
    *["Result"] * 2,
    *["BatchResult"] * 4,
    "Result | BatchResult",
    "Network",
    "float",
]


def test_a_type_checker_knows_what_runs_return(tmp_path):
    """Engines fulfil the protocol, single and batch runs are told apart, and what makes no sense is
    refused.
    """
    pytest.importorskip("mypy")
    (tmp_path / "potentia").symlink_to(ROOT)
    (tmp_path / "script.py").write_text(SCRIPT)
    cache = ROOT / ".cache" / "mypy-of-scripts"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "script.py",
            "--cache-dir",
            str(cache),
            "--strict",
            "--follow-imports=silent",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={"MYPYPATH": ".", "PATH": "/usr/bin:/bin"},
    )
    told = done.stdout + done.stderr
    revealed = [
        re.sub(r"\b[\w.]+\.(?=\w)", "", part)
        for part in re.findall(r'Revealed type is "(.*)"', told)
    ]
    assert revealed == EXPECTED, told
    errors = re.findall(r"script.py:(\d+): error", told)
    wrong = [
        number
        for number, line in enumerate(SCRIPT.splitlines(), 1)
        if line.startswith("    sim.run(")
    ]
    assert errors == [str(number) for number in wrong], told
