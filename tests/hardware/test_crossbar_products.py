"""Crossbars driven with numbers: exact weights, the layer for torch, noise, wires, converters,
steps of a network.
"""

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import NetworkError, ParameterError
from potentia.hardware import ADC, DAC, Crossbar, PulsedReRAM, Tile
from potentia.models import LIF, LeakyRate
from potentia.sim import AllToAll, Constant, FixedProbability, FixedTotal, Ideal, Normal, Procedural

from .driven import CELL, DT, N_POST, N_PRE, RNG, WIRES, X, Z, arrived, simulate

STORES = {
    "ideal": (Ideal(), None),
    "levels": (Ideal(bits=3), None),
    "procedural": (Procedural(), FixedTotal(40)),
    "crossbar": (Crossbar(CELL, adc=None), None),
    "aged": (Crossbar(CELL, adc=None, tile=Tile(rows=4, columns=2)), None),
    "wires": (Crossbar(CELL, adc=None, wires=WIRES, tile=Tile(rows=4, columns=2)), None),
}


@pytest.mark.parametrize("case", STORES)
def test_products_are_those_of_the_weights(case):
    """Forwards and backwards, of one vector and of many; by reciprocity through wires as well."""
    store, connectivity = STORES[case]
    net = Network(seed=1)
    pre, post = net.population(LIF(), N_PRE), net.population(LIF(), N_POST)
    weight = Normal(1e-3, 1e-3) if connectivity else RNG.normal(size=N_PRE * N_POST)
    net.connect(pre, post, connectivity or AllToAll(), weight=weight, store=store, name="p")
    simulator = Simulator(net, dtype="float64")
    matrix = simulator.synapses("p").matrix().toarray()
    tiny = 1e-9 * np.abs(matrix).max()
    if case == "wires":  # where there is no synapse a cell is at rest, so the pairs cancel there
        assert np.abs(matrix - matrix.mean()).max() > 0
    np.testing.assert_allclose(simulator.product("p", X), X @ matrix, rtol=1e-9, atol=tiny)
    np.testing.assert_allclose(simulator.product("p", X[0]), X[0] @ matrix, rtol=1e-9, atol=tiny)
    np.testing.assert_allclose(
        simulator.product("p", Z, transpose=True), Z @ matrix.T, rtol=1e-9, atol=tiny
    )
    deep = X.reshape(3, 1, N_PRE)
    np.testing.assert_array_equal(
        simulator.product("p", deep), simulator.product("p", X).reshape(3, 1, N_POST)
    )
    assert simulator.product("p", np.zeros((2, 0, N_PRE))).shape == (2, 0, N_POST)
    assert simulator.product("p", np.zeros((0, N_POST)), transpose=True).shape == (0, N_PRE)


def test_the_event_engine_multiplies_too():
    net = Network(seed=1)
    pre, post = net.population(LIF(), N_PRE), net.population(LIF(), N_POST)
    net.connect(pre, post, FixedProbability(0.5), weight=Normal(1e-3, 1e-3), delay=0.3e-3, name="p")
    simulator = Simulator(net, engine="event")
    matrix = simulator.synapses("p").matrix().toarray()
    np.testing.assert_allclose(simulator.product("p", X), X @ matrix, rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(
        simulator.product("p", Z, transpose=True), Z @ matrix.T, rtol=1e-12, atol=1e-16
    )


QUIET = {
    "exact": Crossbar(CELL, adc=None),
    "converters": Crossbar(CELL, adc=ADC(bits=6), dac=DAC(bits=4)),
    "ranges": Crossbar(CELL, adc=ADC(bits=7, range=30e-6), dac=DAC(bits=5, range=1.5)),
    "unsigned": Crossbar(CELL, adc=ADC(bits=6), dac=DAC(bits=4, signed=False)),
    "errors": Crossbar(
        CELL, adc=ADC(bits=6, offset=0.5, dnl=0.1), dac=DAC(bits=4, offset=0.3, gain=0.05)
    ),
    "wires": Crossbar(
        CELL, adc=ADC(bits=8), wires=WIRES, dac=DAC(bits=6), tile=Tile(rows=16, columns=8)
    ),
    "tiles": Crossbar(CELL, adc=ADC(bits=8), dac=DAC(bits=6), tile=Tile(rows=4, columns=2)),
}


@pytest.mark.parametrize("case", QUIET)
def test_a_step_of_a_network_reads_what_a_product_does(case, backend):
    """Two ways to one reading: kernels in the loop, row by row, and matrices outside of it."""
    simulator = simulate(QUIET[case], backend=backend.name)
    expected = simulator.product("p", X[0])
    found = arrived(simulator, 3)
    np.testing.assert_allclose(
        found, np.tile(expected, (3, 1)), rtol=1e-6, atol=1e-6 * np.abs(expected).max()
    )
    if case != "exact":
        matrix = simulator.synapses("p").matrix().toarray()
        assert np.abs(expected - X[0] @ matrix).max() > 1e-3  # converters do round


def test_delays_have_rows_of_their_own():
    """What was sent at different times drives different rows of one reading, exactly."""
    delays = DT * RNG.choice([1, 2, 7], N_PRE * N_POST)
    for backend in ("cpu", "reference"):
        exact, stored = (
            arrived(simulate(store, delay=delays, backend=backend), 9)
            for store in (Ideal(), Crossbar(PulsedReRAM(g_min=1e-6), adc=None))
        )
        np.testing.assert_allclose(stored, exact, rtol=1e-6, atol=1e-6)


def test_noise_has_the_law_of_its_cells():
    """Of standard deviation scale * F * noise * sqrt(sum u^2 (g+^2 + g-^2)), in products and in
    steps; 5 sigma.
    """
    noise, trials = 0.05, 4000
    cell = PulsedReRAM(g_min=1e-6, g_max=20e-6, read_noise=noise)
    simulator = simulate(Crossbar(cell, adc=None))
    matrix = simulator.synapses("p").matrix().toarray()
    scale = np.abs(matrix).max() / (cell.g_max - cell.g_min)
    plus, minus = (cell.g_min + np.clip(sign * matrix / scale, 0, None) for sign in (1, -1))
    expected = scale * noise * np.sqrt(X[0] ** 2 @ (plus**2 + minus**2))
    products = np.array([simulator.product("p", X[0], key=key) for key in range(trials)])
    steps = arrived(simulator, trials)
    for found in (products, steps):
        np.testing.assert_allclose(found.std(axis=0), expected, rtol=5 / np.sqrt(2 * trials))
        np.testing.assert_allclose(
            found.mean(axis=0), X[0] @ matrix, atol=5 * expected.max() / np.sqrt(trials)
        )
    np.testing.assert_array_equal(simulator.product("p", X[0], key=1), products[1])


def test_the_layer_for_torch_reads_the_same_array():
    """The same devices, drivers and converters in AnalogLinear: the same numbers."""
    torch = pytest.importorskip("torch")
    from potentia.hardware import AnalogLinear

    adc, dac = ADC(bits=7), DAC(bits=5)
    simulator = simulate(Crossbar(CELL, adc=adc, dac=dac))
    scope, memory = simulator.plan.projections["p"], simulator._engine.memory
    layer = AnalogLinear(
        N_PRE, N_POST, bias=False, device=CELL, adc=adc, dac=dac, dtype=torch.float64
    ).eval()
    with torch.no_grad():
        wanted = np.linspace(-1, 1, N_PRE * N_POST) ** 3
        layer.weight.copy_(torch.from_numpy(wanted.reshape(N_PRE, N_POST).T))
        layer.program()
        for side, name in ((layer.plus, "plus"), (layer.minus, "minus")):
            side[0] = torch.from_numpy(memory[f"{scope.name}.{name}"].reshape(N_PRE, N_POST))
        found = layer(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(simulator.product("p", X), found, rtol=1e-9)


def test_nothing_depends_on_how_it_is_run(tmp_path):
    """Noise, converters and delays: threads, cuts, snapshots and samples change no bit."""
    cell = PulsedReRAM(g_min=1e-6, g_max=20e-6, read_noise=0.05)
    store = Crossbar(cell, adc=ADC(bits=6), dac=DAC(bits=4))
    delays = DT * RNG.choice([1, 4], N_PRE * N_POST)
    whole = simulate(store, delay=delays).run(0.03).trace("post", "r")
    assert np.ptp(whole[10:], axis=0).min() > 0
    np.testing.assert_array_equal(
        simulate(store, delay=delays, threads=2).run(0.03).trace("post", "r"), whole
    )
    first = simulate(store, delay=delays)
    first.run(0.01)
    first.save(tmp_path / "saved")
    for simulator in (first, Simulator.load(tmp_path / "saved")):
        np.testing.assert_array_equal(simulator.run(0.02).trace("post", "r"), whole[10:])
    batch = simulate(store, delay=delays).run(0.03, batch=2)
    np.testing.assert_array_equal(batch[0].trace("post", "r"), whole)
    assert (batch[1].trace("post", "r") != whole).any()


def test_energy_counts_what_is_driven():
    """Of every driven cell V^2 G t, V the row's own voltage."""
    simulator = simulate(Crossbar(PulsedReRAM(g_min=1e-6), adc=None))
    plus, minus = (
        simulator._engine.memory[f"p.{side}"].reshape(N_PRE, N_POST) for side in ("plus", "minus")
    )
    tallies = simulator.run(10 * DT).tallies
    shares = X[0] / np.abs(X[0]).max()
    assert tallies["p.conducted"] == pytest.approx(
        10 * (shares**2 @ (plus + minus)).sum(), rel=1e-6
    )
    assert tallies["p.activations"] == 10 * N_PRE
    assert tallies["p.events"] == 10 * N_PRE * N_POST


def test_zeros_drive_nothing():
    for store in (Crossbar(CELL, dac=DAC(bits=4, offset=0.4)), Crossbar(CELL), Ideal()):
        simulator = simulate(store, start=np.zeros(N_PRE))
        np.testing.assert_array_equal(arrived(simulator, 2), 0.0)
        np.testing.assert_array_equal(simulator.product("p", np.zeros(N_PRE)), 0.0)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_drivers_with_offsets_drive_at_zero(backend):
    """Some numbers are 0, and the range of the drivers is fixed: their offsets reach the columns
    all the same.
    """
    start = np.where(np.arange(N_PRE) % 2, 0.0, X[0])
    for numbers in (start, np.zeros(N_PRE)):
        store = Crossbar(CELL, adc=None, dac=DAC(bits=4, range=2.0, offset=0.4))
        simulator = simulate(store, start=numbers, backend=backend)
        expected = simulator.product("p", numbers)
        assert (expected != 0).all()
        np.testing.assert_allclose(arrived(simulator)[0], expected, rtol=1e-6, atol=1e-7)


def test_an_empty_projection():
    for store in (Ideal(), Crossbar(CELL)):
        simulator = simulate(store, weight=0.1, connectivity=FixedProbability(0.0))
        np.testing.assert_array_equal(arrived(simulator, 2), 0.0)
        np.testing.assert_array_equal(simulator.product("p", X), np.zeros((3, N_POST)))
        np.testing.assert_array_equal(
            simulator.product("p", Z, transpose=True), np.zeros((3, N_PRE))
        )


REFUSED = {
    "short": (
        lambda s: s.product("p", [1.0]),
        r"Simulator.product x: must end in 9, one number per unit \(got",
    ),
    "backwards": (
        lambda s: s.product("p", X, transpose=True),
        r"product x: must end in 5, one number per unit",
    ),
    "number": (lambda s: s.product("p", 1.0), r"product x: must end in 9"),
    "nan": (
        lambda s: s.product("p", np.full(N_PRE, np.nan)),
        r"product x: must be finite everywhere",
    ),
    "key": (lambda s: s.product("p", X, key=-1), r"Simulator.product key: must be a whole number"),
    "flag": (
        lambda s: s.product("p", X, transpose="yes"),
        r"Simulator.product transpose: must be True or False",
    ),
    "dac": (lambda s: Crossbar(CELL, dac=8), r"Crossbar.dac: must be a DAC or None"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_sentence(case):
    call, message = REFUSED[case]
    with pytest.raises(ParameterError, match=message) as caught:
        call(simulate(Ideal()))
    assert "\n" not in str(caught.value)


def test_an_unknown_projection():
    with pytest.raises(NetworkError, match=r"Simulator.product: no projection is called 'q'"):
        simulate(Ideal()).product("q", X)


def test_constant_drive_is_still_there():
    """What comes by synapses is added to what comes from outside."""
    net = Network(seed=1)
    pre = net.population(LeakyRate(activation="linear", tau=1e6), 1, initial={"r": 2.0})
    post = net.population(LeakyRate(activation="linear", tau=1e-3), 1, name="post")
    net.stimulate(post, Constant(3.0))
    net.connect(
        pre,
        post,
        AllToAll(),
        weight=0.5,
        delay=1e-3,
        store=Crossbar(PulsedReRAM(g_min=1e-6), adc=None),
    )
    net.probe(post, "r")
    assert Simulator(net, dt=1e-3, dtype="float64").run(0.05).trace("post", "r")[
        -1, 0
    ] == pytest.approx(4.0, rel=1e-6)
