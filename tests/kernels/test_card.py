"""How the gpu's program talks to CuPy, told to a stand-in for CuPy that runs the kernels on the host.

It knows the few names of CuPy that are used, refuses what CuPy refuses, and does between `begin_capture` and
`end_capture` what a card does: nothing.
"""

from __future__ import annotations

import ctypes
import shutil
import sys
import types

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import DependencyError, UnsupportedError
from potentia.kernels.gpu import card, device, host
from potentia.models import LIF
from potentia.sim import Constant, FixedProbability


class Stream:
    ptr = 1
    current = None

    def __init__(self, *, non_blocking):
        assert non_blocking
        self.captured = None

    def __enter__(self):
        Stream.current = self

    def __exit__(self, *error):
        Stream.current = None

    def synchronize(self):
        assert self.captured is None

    def begin_capture(self):
        self.captured = []

    def end_capture(self):
        launches, self.captured = self.captured, None
        return Graph(launches)


class Graph:
    def __init__(self, launches):
        self.replay = host.Host().prepare(launches, "float64")

    def launch(self, stream):
        self.replay(1)


class Module:
    def __init__(self, *, code, options):
        assert "-fmad=false" in options
        assert code.startswith("// sources ")

    def get_function(self, name):
        def launch(grid, block, arguments):
            assert all(isinstance(value, np.ndarray) and value.size == 1 for value in arguments)  # taken by value
            call = device.Launch(name, grid, block, tuple(value.copy() for value in arguments))
            if Stream.current.captured is None:
                host.Host().prepare([call], "float64")(1)
            else:
                Stream.current.captured.append(call)

        return launch


class Bytes:
    def __init__(self, n_bytes, dtype):
        assert Stream.current is not None
        self.words = np.zeros(n_bytes + 8, dtype)
        self.data = types.SimpleNamespace(ptr=self.words.ctypes.data + -self.words.ctypes.data % 8)


def copy(target, origin, n_bytes, kind, stream):
    assert kind in (1, 2)
    assert stream == Stream.ptr
    ctypes.memmove(target, origin, n_bytes)


def stand_in(devices=1):
    runtime = types.SimpleNamespace(
        memcpyAsync=copy, memcpyHostToDevice=1, memcpyDeviceToHost=2, getDeviceCount=lambda: devices,
        CUDARuntimeError=OSError,
    )  # fmt: skip
    memory = types.SimpleNamespace(OutOfMemoryError=MemoryError)
    cuda = types.SimpleNamespace(Stream=Stream, runtime=runtime, memory=memory)
    return types.SimpleNamespace(cuda=cuda, RawModule=Module, zeros=Bytes)


@pytest.fixture
def forgetful(monkeypatch):
    """What was found once is looked for again, before and after."""
    monkeypatch.delenv(device.SWITCH, raising=False)
    for found in (card._cupy, card._module):
        found.cache_clear()
    yield monkeypatch
    for found in (card._cupy, card._module):
        found.cache_clear()


def network():
    net = Network(seed=2)
    cells = net.population(LIF(), 90, name="cells")
    net.connect(cells, cells, FixedProbability(0.2), weight=0.3e-3, delay=2e-4)
    net.stimulate(cells, Constant(np.linspace(14e-3, 22e-3, 90)))
    net.probe(cells, "spikes")
    return net


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_a_network_through_graphs(forgetful):
    """Chunks that begin and end inside a graph of 64 steps give the spikes of the cpu."""
    forgetful.setitem(sys.modules, "cupy", stand_in())
    here, there = (
        Simulator(network(), dt=1e-4, backend=name, dtype="float64", chunk=chunk).run(0.06)
        for name, chunk in (("gpu", 90), ("cpu", 1000))
    )
    assert len(there.spikes("cells")) > 100
    assert here.hash == there.hash


def test_no_cupy(forgetful):
    forgetful.setitem(sys.modules, "cupy", None)
    with pytest.raises(DependencyError, match=r'backend="gpu" needs cupy: pip install potentia\[gpu\]'):
        Simulator(network(), backend="gpu")


def test_no_device(forgetful):
    forgetful.setitem(sys.modules, "cupy", stand_in(devices=0))
    with pytest.raises(UnsupportedError, match='backend="gpu" needs a CUDA device, and there is none'):
        Simulator(network(), backend="gpu")


def test_no_driver(forgetful):
    cupy = stand_in()
    cupy.cuda.runtime.getDeviceCount = lambda: (_ for _ in ()).throw(OSError("no driver"))
    forgetful.setitem(sys.modules, "cupy", cupy)
    with pytest.raises(UnsupportedError, match=r"needs a CUDA device and its driver \(no driver\)"):
        Simulator(network(), backend="gpu")
