"""Snapshots of both engines, how they are changed, and how they are read."""

from __future__ import annotations

import io
import json
import warnings
from typing import Any, ClassVar

import h5py
import numpy as np

from potentia import Network, Simulator
from potentia.hardware import BreakdownReRAM, Crossbar
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import Constant, Events, FixedProbability, Poisson, SpikeTrain
from potentia.sim.description.currents import Noise
from potentia.sim.hdf5 import hdf5
from potentia.sim.runs import snapshot

from .mutations import bytes_changed, words_changed
from .reader import Reader, told


class Snapshots(Reader):
    """Snapshots that were sealed again: what is loaded runs on, wherever that leads."""

    share = 12
    options: ClassVar[dict[str, Any]] = {"dt": 1e-3, "chunk": 10}

    def describe(self) -> Network:
        net = Network(seed=4)
        pre, post = (
            net.population(SpikeSource(), 20, name="pre"),
            net.population(LIF(), 5, name="post"),
        )
        for k, store in enumerate((Crossbar(BreakdownReRAM()), None)):
            how = {} if store is None else {"store": store}
            net.connect(
                pre,
                post,
                FixedProbability(0.5),
                weight=4e-3,
                delay=3e-3,
                rule=STDP(),
                name=f"j{k}",
                **how,
            )
        net.stimulate(pre, Poisson(rate=200.0))
        net.stimulate(pre, SpikeTrain([1e-3, 12e-3, 40e-3], [0, 1, 2]))
        net.stimulate(post, Noise(std=1e-3))
        net.stimulate(post, Constant(16e-3))
        net.probe(post, "counts", every=7e-3)
        net.probe(post, "rate", every=7e-3)
        return net

    def prepare(self) -> None:
        self.path = self.home / "s.snapshot"
        sim = Simulator(self.describe(), **self.options)
        sim.run(20e-3)
        sim.save(self.path)
        self.content = self.path.read_bytes()
        with h5py.File(io.BytesIO(self.content[snapshot.BLOCK :])) as file:
            self.arrays = {
                f"{title}/{name}": file[title][name][()]
                for title in ("arrays", "engine")
                for name in file[title]
            }
            self.words = json.loads(file["description"][()].tobytes())
        Simulator.load(self.path).run(5e-3)

    def changed(self, rng: np.random.Generator) -> bytes:
        if rng.random() < 0.3:
            body = bytes_changed(rng, self.content[snapshot.BLOCK :])
            return (
                snapshot._header(snapshot.SCHEMA, body) + body
                if rng.random() < 0.7
                else self.content[:512] + body
            )
        arrays, words = dict(self.arrays), self.words
        if rng.random() < 0.3:
            words = words_changed(rng, words)
        for _ in range(int(rng.integers(1, 4))):
            name = sorted(arrays)[int(rng.integers(len(arrays)))]
            arrays[name] = _array_changed(rng, arrays[name])

        def fill(file: h5py.File) -> None:
            hdf5.add(file, "description", np.frombuffer(json.dumps(words).encode(), np.uint8))
            for title in ("arrays", "engine"):
                file.create_group(title)
            for name, array in arrays.items():
                hdf5.add(file, name, array)

        body = bytes(hdf5.image(fill))
        return snapshot._header(snapshot.SCHEMA, body) + body

    def read(self, content: bytes, seed: int) -> None:
        self.path.write_bytes(content)
        with told(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Simulator.load(self.path).run(5e-3)


class EventSnapshots(Snapshots):
    """The same of the event engine."""

    share = 12
    options: ClassVar[dict[str, Any]] = {"engine": "event"}

    def describe(self) -> Network:
        net = Network(seed=4)
        pre, post = net.population(LIF(), 20, name="pre"), net.population(LIF(), 5, name="post")
        net.connect(pre, post, FixedProbability(0.5), weight=4e-3, delay=3e-3)
        net.connect(post, pre, FixedProbability(0.5), weight=4e-3, delay=5.5e-3)
        net.stimulate(pre, Poisson(rate=200.0, weight=10e-3))
        net.stimulate(pre, Constant(16e-3))
        net.stimulate(post, SpikeTrain([1e-3, 12e-3, 40e-3], [0, 1, 2], 20e-3))
        net.stimulate(post, Events(x=[0, 0], y=[0, 0], t=[2e-3, 21e-3], width=2, height=1))
        net.probe(post, "counts", every=7e-3)
        return net


def _array_changed(rng: np.random.Generator, array: Any) -> Any:
    """An array with some odd numbers, or of another shape or type."""
    array = np.array(array)
    if array.size == 0 or rng.random() < 0.1:
        return array[:-1] if array.ndim else array.astype(np.float32)
    if rng.random() < 0.05:
        return array.astype(rng.choice(["u1", "i8", "f4", "f8"]))
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(array.size))
        if array.dtype.kind == "f":
            array.flat[place] = rng.choice([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e300, 1e-300, 5.0])
        elif array.dtype.kind in "iu":
            size = 8 * array.dtype.itemsize
            number = int(rng.choice([*map(float, range(-2, 30)), 4.8e11, 2.0**31, 2.0**62])) % (
                1 << size
            )
            array.flat[place : place + int(rng.integers(1, 4))] = np.array(
                [number], f"u{size // 8}"
            ).view(array.dtype)[0]
    return array
