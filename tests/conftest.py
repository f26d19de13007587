"""One fixture runs a test on every backend present."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from potentia import Simulator
from potentia.errors import DependencyError, UnsupportedError
from potentia.kernels.backend import TENSORS, Backend, load
from potentia.kernels.gpu import devices
from potentia.sim.runs import snapshot

HOST = "gpu on the host"  # the gpu's kernels, compiled for the processor
GPUS = [HOST, pytest.param("gpu", marks=pytest.mark.gpu)]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz-size",
        choices=("short", "long"),
        default="short",
        help="how many random cases tests/fuzz tries",
    )


@pytest.fixture(params=["cpu", "reference", *GPUS])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """A backend; its kernels are attributes."""
    return load(_room(request.param, monkeypatch))


@pytest.fixture(params=["cpu", "reference"])
def processor(request: pytest.FixtureRequest) -> str:
    """The name of a backend that runs Python functions of the user's own."""
    name: str = request.param
    return name


@pytest.fixture(params=["cpu", *GPUS])
def room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a backend that is held to the reference."""
    return _room(request.param, monkeypatch)


@pytest.fixture(params=["cpu", TENSORS, *GPUS])
def twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a room, that on tensors too, that is held to the reference."""
    return _room(request.param, monkeypatch)


@pytest.fixture(params=GPUS)
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the gpu's backend."""
    return _room(request.param, monkeypatch)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Simulator], Mapping[str, NDArray[np.generic]]]:
    """A function that saves a simulator and returns the arrays in the file, by the names of their
    signals.
    """

    def arrays(simulator: Simulator) -> Mapping[str, NDArray[np.generic]]:
        simulator.save(tmp_path / "state.snapshot")
        return snapshot.load(tmp_path / "state.snapshot").state

    return arrays


def _room(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    if name == HOST:
        if shutil.which("g++") is None:
            pytest.skip("g++ is not installed")
        monkeypatch.setenv(devices.SWITCH, "host")
        return "gpu"
    if name == "gpu":
        monkeypatch.delenv(devices.SWITCH, raising=False)
        try:
            devices.present()
        except (DependencyError, UnsupportedError) as error:
            pytest.skip(str(error))
    return name
