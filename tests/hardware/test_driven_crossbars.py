"""Crossbars that numbers drive in a run: on a card, with converters of their own, while they learn."""

import numpy as np
import pytest

from potentia import Simulator
from potentia.hardware import ADC, DAC, Crossbar, PulsedReRAM, Tile
from potentia.sim import AllToAll, FixedProbability, Normal
from potentia.tests.learning.taught import Summed

from .driven import CELL, DT, N_POST, N_PRE, WIRES, X, Z, arrived, simulate

NOISY = PulsedReRAM(g_min=1e-6, g_max=20e-6, read_noise=0.05)
ERRORS = {"offset": 0.4, "gain": 0.02, "dnl": 0.1}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "store",
    [
        Crossbar(NOISY, adc=None),
        Crossbar(NOISY, adc=ADC(bits=9, **ERRORS), dac=DAC(bits=5, **ERRORS)),
        Crossbar(NOISY, adc=ADC(bits=8), wires=WIRES, tile=Tile(rows=8, columns=3)),
    ],
    ids=["currents", "converters", "wires"],
)
def test_a_card_reads_what_the_processor_does(store, dtype, gpu, tmp_path):
    """Noise, converters, arrays below each other, two delays: numbers to rounding, or to a code
    where one rounds the other way; tallies; and a run that changes hands.
    """
    delays = DT * np.resize([1, 4], N_PRE * N_POST)
    here, there = (
        simulate(store, delay=delays, backend=name, dtype=dtype) for name in (gpu, "cpu")
    )
    results = [simulator.run(30 * DT) for simulator in (here, there)]
    found, expected = (result.trace("post", "r") for result in results)
    assert np.ptp(expected[10:], axis=0).min() > 0
    close = np.isclose(found, expected, rtol=1e-4, atol=1e-5)
    assert close.mean() > 0.98
    for name, tally in results[1].tallies.items():
        assert results[0].tallies[name] == pytest.approx(tally, rel=1e-5), name
        assert tally > 0 or name.endswith("clipped")
    here.save(tmp_path / "half")
    again = Simulator.load(tmp_path / "half", backend="cpu").run(10 * DT).trace("post", "r")
    assert (
        np.isclose(again, there.run(10 * DT).trace("post", "r"), rtol=1e-4, atol=1e-5).mean() > 0.9
    )


SPOILT = {
    "one array": {},
    "tiles": {"tile": Tile(rows=4, columns=2)},
    "shared": {"tile": Tile(rows=2, columns=3), "adc": ADC(bits=6, columns_per_adc=2, **ERRORS)},
    "ranges": {
        "tile": Tile(rows=4, columns=8),
        "adc": ADC(bits=7, range=5e-6, **ERRORS),
        "dac": DAC(bits=4, range=1.5, **ERRORS),
    },
    "wires": {"tile": Tile(rows=4, columns=3), "wires": WIRES},
    "any voltage": {"tile": Tile(rows=4, columns=2), "dac": None},
    "unsigned": {"tile": Tile(rows=4, columns=2), "dac": DAC(bits=4, signed=False, **ERRORS)},
}


@pytest.mark.parametrize("connectivity", [AllToAll(), FixedProbability(0.25)], ids=["all", "few"])
@pytest.mark.parametrize("case", SPOILT)
def test_a_product_has_the_converters_of_a_run(case, connectivity, backend):
    """Errors of converters on both sides, arrays below and beside each other, sources and columns
    without cells: what a step delivers is the product to the rounding of sums, code for code.
    """
    options = {"adc": ADC(bits=6, **ERRORS), "dac": DAC(bits=4, **ERRORS)} | SPOILT[case]
    weight = None if isinstance(connectivity, AllToAll) else Normal(0.0, 0.5)
    simulator = simulate(
        Crossbar(CELL, **options), connectivity=connectivity, weight=weight, backend=backend.name
    )
    expected, columns = simulator.product("p", X[0]), simulator._engine.memory["p.listed"].size
    assert (columns > N_POST) == (options.get("tile") is not None)
    np.testing.assert_allclose(
        arrived(simulator, 2), np.tile(expected, (2, 1)), rtol=1e-6, atol=1e-7
    )
    assert np.abs(expected - X[0] @ simulator.synapses("p").matrix().toarray()).max() > 1e-3
    batch = simulator.product("p", np.stack([Z[0, :1].repeat(N_PRE), X[0], 0 * X[0]]))
    np.testing.assert_allclose(batch[1], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("tile", [None, Tile(rows=4, columns=2)])
def test_a_product_keeps_its_converters_while_weights_are_learned(tile):
    """Their range is that of all weights that the rule allows, before and after."""
    store = Crossbar(CELL, adc=ADC(bits=8, **ERRORS), dac=DAC(bits=5), tile=tile)
    simulator = simulate(store, rule=Summed(rate=-0.02, most=2.0))
    for _ in range(4):
        expected = simulator.product("p", X[0])
        np.testing.assert_allclose(arrived(simulator)[0], expected, rtol=1e-6, atol=1e-7)
        simulator.set("post", r=0.0)
        simulator.run(20 * DT)
        simulator.set("post", r=0.0)
    assert np.abs(simulator.product("p", X[0]) - expected).max() > 0.1


def test_arrays_beside_each_other_have_drivers_of_their_own():
    """Columns of one array see the same errors of its drivers, those of the next ones others; the
    first array's are those of a store without tiles.
    """
    cell = PulsedReRAM(g_min=1e-6, write_error=0.0)
    weight, dac = np.tile(np.linspace(0.2, 1, N_PRE), (N_POST, 1)).T, DAC(bits=4, offset=0.4)
    seen = {}
    for columns in (N_POST, 2):
        store = Crossbar(cell, adc=None, dac=dac, tile=Tile(rows=N_PRE, columns=columns))
        simulator = simulate(store, weight=weight.ravel())
        seen[columns] = arrived(simulator)[0]
        np.testing.assert_allclose(seen[columns], simulator.product("p", X[0]), rtol=1e-6)
    np.testing.assert_allclose(seen[N_POST], seen[N_POST][0], rtol=1e-6)
    np.testing.assert_allclose(seen[2][:2], seen[N_POST][:2], rtol=1e-6)
    np.testing.assert_allclose(seen[2][3], seen[2][2], rtol=1e-6)
    apart = np.abs(np.subtract.outer(seen[2][[0, 2, 4]], seen[2][[0, 2, 4]]))
    assert np.sort(apart.ravel())[3:].min() > 1e-3
