"""Crossbars on tensors: the spikes and tallies of the cpu, and weights that are trained."""

import numpy as np
import pytest
import torch

from potentia import Network, Simulator
from potentia.hardware import (
    ADC,
    DAC,
    BreakdownReRAM,
    Crossbar,
    PulsedReRAM,
    StuckAt,
    Tile,
    Wires,
    joules,
)
from potentia.hardware.devices import presets
from potentia.models import LIF, SpikeSource
from potentia.sim import FixedProbability, Normal, SpikeTrain, Uniform

from .driven import simulate

DT, STEPS, BATCH = 1e-3, 25, 3
GRADED = PulsedReRAM(read_noise=0.05, write_error=0.02)
SIGNS = BreakdownReRAM(forming_voltage=3.6)  # most cells break down
ERRORS = {"offset": 0.4, "gain": 0.02, "dnl": 0.2}
TILE, WIRES = Tile(rows=16, columns=7), Wires(r_word=2.0, r_bit=2.0)

STORES = {
    "graded": Crossbar(GRADED),
    "currents": Crossbar(GRADED, adc=None),
    "signs": Crossbar(SIGNS),
    "both": Crossbar(BreakdownReRAM(), pairs="both"),
    "wires": Crossbar(GRADED, wires=WIRES),
    "tiles": Crossbar(GRADED, wires=WIRES, tile=TILE),
    "signs behind wires": Crossbar(SIGNS, wires=WIRES, tile=TILE),
    "converters": Crossbar(GRADED, adc=ADC(bits=5, columns_per_adc=2, **ERRORS), tile=TILE),
    "narrow": Crossbar(GRADED, adc=ADC(bits=4, range=2e-6)),
    "aged": Crossbar(presets.get("pcm-nandakumar"), age=10.0),
    "stuck": Crossbar(PulsedReRAM(faults=StuckAt(low=0.1, high=0.05))),
}


def spiking(store, *, weight=None, delay=None, density=0.6):
    """Spikes through a crossbar to units that reach each other through another."""
    net = Network(seed=3)
    if weight is None:
        weight = Normal(0.5e-3, 1e-3) if store.device.graded else 1e-3
    delay = Uniform(DT, 4 * DT) if delay is None else delay
    pixels = net.population(SpikeSource(), 30, name="pixels")
    units = net.population(LIF(tau=10e-3, threshold=3e-3, refractory=DT), 20, name="units")
    net.stimulate(pixels, SpikeTrain(), name="image")
    for name, pre in (("w_in", pixels), ("w_rec", units)):
        joins = FixedProbability(density)
        net.connect(pre, units, joins, weight=weight, delay=delay, store=store, name=name)
    net.probe(units, "spikes")
    net.probe(units, "v")
    return net


def spikes(seed=0, share=0.2, n=30):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(STEPS, BATCH, n, generator=generator) < share).double()


def given(x, sample=0):
    """A sample as a stimulus."""
    steps, ids = np.nonzero(x[:, sample].numpy())
    return SpikeTrain((steps + 1) * DT, ids)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
def test_a_run_is_that_of_the_cpu(store, dtype):
    """Bit for bit, in spikes, potentials and all that is counted, so in joules too."""
    results = []
    for backend in ("cpu", "torch"):
        simulator = Simulator(spiking(store), dt=DT, backend=backend, dtype=dtype)
        simulator.stimulate("image", given(spikes()))
        first, second = simulator.run(10 * DT), simulator.run(15 * DT)
        costs = [joules(simulator, second, name).joules for name in ("w_in", "w_rec")]
        results.append((first, second, costs))
    for one, other in zip(*(found[:2] for found in results), strict=True):
        assert one.hash == other.hash
        assert one.tallies == other.tallies
        assert np.array_equal(one.trace("units", "v"), other.trace("units", "v"))
    assert len(results[0][1].spikes("units").ids) > 10
    assert results[0][2] == results[1][2]
    assert min(results[0][2]) > 0


DRIVEN = {
    "any voltage": Crossbar(GRADED, adc=None),
    "converters": Crossbar(GRADED, adc=ADC(bits=6, **ERRORS), dac=DAC(bits=5)),
    "strips": Crossbar(GRADED, dac=DAC(bits=5, **ERRORS), tile=Tile(rows=4, columns=2)),
    "range": Crossbar(GRADED, dac=DAC(bits=5, range=0.5), wires=WIRES),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("store", DRIVEN.values(), ids=DRIVEN)
def test_a_run_with_numbers_is_that_of_the_cpu(store, dtype):
    delays = DT * np.resize([1, 3], 45)
    one, other = (
        simulate(store, delay=delays, backend=backend, dtype=dtype).run(20 * DT)
        for backend in ("cpu", "torch")
    )
    assert one.tallies == other.tallies
    # the potential of rate units rounds otherwise: exp(-dt / tau) of 1e-16, or 6e-8 in float32
    assert np.allclose(
        one.trace("post", "r"), other.trace("post", "r"), rtol=1e-5 if dtype == "float32" else 1e-12
    )


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
def test_a_module_makes_the_spikes_of_a_run(store):
    simulator = Simulator(spiking(store), dt=DT, backend="torch", dtype="float64")
    seen = simulator.module()({"image": spikes()})
    for sample in range(BATCH):
        cpu = Simulator(simulator.network, dt=DT, backend="cpu", dtype="float64")
        cpu.stimulate("image", given(spikes(), sample))
        result = cpu.run(STEPS * DT, batch=1, first=sample)[0]
        steps, units = np.nonzero(seen["units.spikes"][:, sample].numpy())
        record = result.spikes("units")
        assert np.array_equal(record.ids, units)
        assert np.allclose(record.times, (steps + 1) * DT, atol=1e-9)
        # sums round otherwise, 1e-16 of 1e-3
        assert np.allclose(result.trace("units", "v"), seen["units.v"][:, sample], atol=1e-15)


@pytest.mark.parametrize("store", DRIVEN.values(), ids=DRIVEN)
def test_a_module_with_numbers_makes_those_of_a_run(store):
    simulator = simulate(store, delay=DT * np.resize([1, 3], 45), backend="torch")
    seen = simulator.module()(steps=20)["post.r"]
    assert np.allclose(simulator.run(20 * DT).trace("post", "r"), seen[:, 0], rtol=1e-9)


@pytest.mark.parametrize("name", ["converters", "signs behind wires"])
def test_a_batch_and_a_run_that_changes_hands_are_those_of_the_cpu(name, tmp_path):
    """Each sample with noise and tallies of its own; a snapshot goes on where the other stopped."""
    one, other = (
        Simulator(spiking(STORES[name]), dt=DT, backend=backend, dtype="float64")
        for backend in ("cpu", "torch")
    )
    trains = [given(spikes(), sample) for sample in range(BATCH)]
    batches = [
        simulator.run(STEPS * DT, inputs={"image": trains}, batch=BATCH, first=2)
        for simulator in (one, other)
    ]
    for found, expected in zip(*batches, strict=True):
        assert found.hash == expected.hash
        assert found.tallies == expected.tallies
    assert batches[0][0].hash != batches[0][1].hash
    for simulator in (one, other):
        simulator.stimulate("image", trains[0])
    one.run(10 * DT)
    other.run(10 * DT)
    other.save(tmp_path / "half")
    again = Simulator.load(tmp_path / "half", backend="cpu").run(10 * DT)
    assert again.hash == one.run(10 * DT).hash == other.run(10 * DT).hash
