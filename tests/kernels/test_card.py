"""How the gpu's program talks to CuPy, told to a stand-in for CuPy that runs the kernels on the
host.

It knows the few names of CuPy that are used, refuses what CuPy refuses, and does between
`begin_capture` and `end_capture` what a card does: nothing.
"""

from __future__ import annotations

import ctypes
import shutil
import sys
import types
from typing import ClassVar

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import DependencyError, UnsupportedError
from potentia.kernels.gpu import card, device, devices, host
from potentia.models import CubaLIF
from potentia.sim import Constant, FixedProbability, Uniform


class Capture:
    """What is launched between begin and end, and for which of it every launch waits."""

    now = None

    def __init__(self):
        self.launches, self.waits, self.tips = [], [], {}

    def launch(self, call, stream):
        assert stream in self.tips, "a launch on a stream that is not part of the capture"
        self.waits.append(frozenset(self.tips[stream]))
        self.tips[stream] = {len(self.launches)}
        self.launches.append(call)

    def ancestors(self, place):
        found, open_ = set(), set(self.waits[place])
        while open_:
            place = open_.pop()
            found.add(place)
            open_ |= self.waits[place] - found
        return found


class Event:
    def __init__(self, *, disable_timing):
        assert disable_timing
        self.tip = None


class Stream:
    ptr = 1
    entered: ClassVar = []

    def __init__(self, *, non_blocking):
        assert non_blocking

    def __enter__(self):
        Stream.entered.append(self)

    def __exit__(self, *error):
        Stream.entered.pop()

    def synchronize(self):
        assert Capture.now is None

    def begin_capture(self):
        Capture.now = Capture()
        Capture.now.tips[self] = set()

    def record(self, event):
        event.tip = set(Capture.now.tips[self])

    def wait_event(self, event):
        Capture.now.tips[self] = Capture.now.tips.get(self, set()) | event.tip

    def end_capture(self):
        capture, Capture.now = Capture.now, None
        last = len(capture.launches) - 1
        assert capture.tips[self] == {last}
        assert capture.ancestors(last) == set(range(last)), (
            "a stream that does not join the first one again"
        )
        return Graph(capture)


class Graph:
    """Launches in the order that is most unlike the given one and that their waits allow."""

    made: ClassVar = []

    def __init__(self, capture):
        calls = [
            call._replace(after=tuple(after))
            for call, after in zip(capture.launches, capture.waits, strict=True)
        ]
        self.replay = host.Host(backwards=True).prepare(calls, "float64")
        Graph.made.append(capture)

    def launch(self, stream):
        self.replay(1)


class Module:
    def __init__(self, *, code, options):
        assert "-fmad=false" in options
        assert code.startswith("// sources ")

    def get_function(self, name):
        def launch(grid, block, arguments):
            # taken by value
            assert all(isinstance(value, np.ndarray) and value.size == 1 for value in arguments)
            call = device.Launch(
                name.removeprefix("run_"), grid, block, tuple(value.copy() for value in arguments)
            )
            if Capture.now is None:
                host.Host().prepare([call], "float64")(1)
            else:
                Capture.now.launch(call, Stream.entered[-1])

        return launch


class Bytes:
    def __init__(self, n_bytes, dtype):
        assert Stream.entered
        self.words = np.zeros(n_bytes + 8, dtype)
        self.data = types.SimpleNamespace(ptr=self.words.ctypes.data + -self.words.ctypes.data % 8)


def copy(target, origin, n_bytes, kind, stream):
    assert kind in (1, 2)
    assert stream == Stream.ptr
    ctypes.memmove(target, origin, n_bytes)


def stand_in(devices=1):
    runtime = types.SimpleNamespace(
        memcpyAsync=copy,
        memcpyHostToDevice=1,
        memcpyDeviceToHost=2,
        getDeviceCount=lambda: devices,
        CUDARuntimeError=OSError,
    )
    memory = types.SimpleNamespace(OutOfMemoryError=MemoryError)
    cuda = types.SimpleNamespace(Event=Event, Stream=Stream, runtime=runtime, memory=memory)
    return types.SimpleNamespace(cuda=cuda, RawModule=Module, zeros=Bytes)


@pytest.fixture
def forgetful(monkeypatch):
    """What was found once is looked for again, before and after."""
    monkeypatch.delenv(devices.SWITCH, raising=False)
    for found in (card._cupy, card._module):
        found.cache_clear()
    yield monkeypatch
    for found in (card._cupy, card._module):
        found.cache_clear()


def network():
    """Three populations, each joined to all."""
    net = Network(seed=2)
    cells = [net.population(CubaLIF(), n, name=f"cells{n}") for n in (90, 60, 40)]
    for pre in cells:
        for post in cells:
            net.connect(pre, post, FixedProbability(0.2), weight=1e-3, delay=Uniform(1e-4, 1e-3))
    for population in cells:
        net.stimulate(population, Constant(np.linspace(18e-3, 22e-3, population.n)))
        net.probe(population, "spikes")
        net.probe(population, "rate")
    return net


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_a_network_through_graphs(forgetful):
    """Chunks that begin and end inside a graph of 64 steps, in any order that it allows, give the
    spikes of the cpu.
    """
    forgetful.setitem(sys.modules, "cupy", stand_in())
    here, there = (
        Simulator(
            network(), dt=1e-4, backend=name, dtype="float64", chunk=chunk, deterministic=True
        ).run(0.03)
        for name, chunk in (("gpu", 90), ("cpu", 1000))
    )
    assert len(there.spikes("cells90")) > 50
    assert here.hash == there.hash
    capture = Graph.made[-1]
    depth = []
    for waits in capture.waits:
        depth.append(1 + max((depth[place] for place in waits), default=0))
    # sum, advance, list, send or record, and deliver beside them, of all populations
    assert depth[-1] < 4.1 * 64
    assert len(capture.launches) < 7.1 * 64


def test_no_cupy(forgetful):
    forgetful.setitem(sys.modules, "cupy", None)
    with pytest.raises(
        DependencyError, match=r'backend="gpu" needs cupy: pip install potentia\[gpu\]'
    ):
        Simulator(network(), backend="gpu")


def test_no_device(forgetful):
    forgetful.setitem(sys.modules, "cupy", stand_in(devices=0))
    with pytest.raises(
        UnsupportedError, match='backend="gpu" needs a CUDA device, and there is none'
    ):
        Simulator(network(), backend="gpu")


def test_no_driver(forgetful):
    cupy = stand_in()
    cupy.cuda.runtime.getDeviceCount = lambda: (_ for _ in ()).throw(OSError("no driver"))
    forgetful.setitem(sys.modules, "cupy", cupy)
    with pytest.raises(UnsupportedError, match=r"needs a CUDA device and its driver \(no driver\)"):
        Simulator(network(), backend="gpu")
