"""Images and constant currents as graphs of NIR, and back."""

import numpy as np
import pytest

from potentia import Network
from potentia.errors import UnsupportedError
from potentia.models import (
    LIF,
    DiscreteCubaLIF,
    DiscreteLI,
    DiscreteLIF,
    LeakyRate,
    SpikeSource,
)
from potentia.models.bridges import from_nir, to_nir
from potentia.sim import Constant, Conv1d, Conv2d, Ideal, OneToOne, SumPool2d
from potentia.tests.models.bridges.nir_graphs import outcome

DT = 1e-3


def sliding(connectivity, *, weight=None, delay=DT, store=None, model=None, loop=False):
    """An image of spikes, slid over, onto neurons with a threshold each."""
    net = Network(seed=1)
    n_in, n = np.prod(connectivity.input_shape), np.prod(connectivity.output_shape)
    source = net.population(SpikeSource(), n_in, name="in")
    model = model or DiscreteLIF(threshold=np.linspace(0.3, 1.5, n), gain=np.linspace(0.5, 1.5, n))
    cells = net.population(model, n, name="cells")
    edges = connectivity.expected(n_in, n)
    if delay is None:
        delay = np.random.default_rng(2).integers(1, 4, int(edges)) * DT
    net.connect(source, cells, connectivity, weight=weight, delay=delay, store=store)
    if loop:
        net.connect(cells, cells, OneToOne(), weight=-0.2, delay=DT)
    net.probe(cells, "spikes")
    return net


KERNEL = np.random.default_rng(4).normal(0.2, 0.5, (3, 2, 2, 3))
IMAGE = {"input_shape": (2, 5, 4)}
SLIDING = {
    "rounded": (lambda: sliding(Conv2d(KERNEL, **IMAGE), store=Ideal(bits=2)), "Linear"),
    "rounded sequence": (
        lambda: sliding(Conv1d(KERNEL[:, :, 0], input_shape=(2, 9)), store=Ideal(bits=3)),
        "Linear",
    ),
    "delays": (lambda: sliding(Conv2d(KERNEL, **IMAGE), delay=None), "Linear"),
    "a loop": (lambda: sliding(Conv2d(KERNEL, **IMAGE), loop=True), "Linear"),
    "by name": (lambda: sliding(SumPool2d(3, stride=1, padding="same", **IMAGE)), "SumPool2d"),
    "not even": (lambda: sliding(SumPool2d(2, stride=1, padding="same", **IMAGE)), "Linear"),
    "valid": (lambda: sliding(SumPool2d(2, padding="valid", **IMAGE), weight=0.3), "SumPool2d"),
    "numbers per unit": (
        lambda: sliding(Conv2d(KERNEL, **IMAGE), model=LIF(tau=TAUS, refractory=0.0, threshold=1)),
        "Conv2d",
    ),
}
TAUS = np.linspace(5e-3, 20e-3, 24)


@pytest.mark.parametrize("spike", ["one", "dirac"])
@pytest.mark.parametrize("case", SLIDING)
def test_what_slides_comes_back(case, spike, tmp_path):
    """As a convolution where NIR has it, else as the matrix that it is."""
    make, kind = SLIDING[case]
    graph = to_nir(make(), tmp_path / "x.nir", spike=spike, dt=DT)
    assert kind in {node.type for node in graph.nodes.values()}
    one, other = (outcome(net, False)["cells"] for net in (make(), from_nir(tmp_path / "x.nir")[0]))
    assert len(one) > 20
    assert np.array_equal(one, other)


def test_numbers_that_slide_onto_units_with_gains_come_back():
    """What a number counts differs from unit to unit: a Scale behind the convolution says it."""
    net = Network(seed=1)
    source = net.population(DiscreteLI(decay=0.0), 40, name="in")
    cells = net.population(LeakyRate(activation="linear", tau=TAUS), 24, name="cells")
    net.connect(source, cells, Conv2d(KERNEL, input_shape=(2, 5, 4)), delay=DT)
    net.probe(cells, "r")
    graph = to_nir(net, spike="one", dt=DT)
    assert "Conv2d" in {node.type for node in graph.nodes.values()}
    one, other = (outcome(each, True)["cells"] for each in (net, from_nir(graph)[0]))
    assert other == pytest.approx(one, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("model", [DiscreteLIF(threshold=0.4), DiscreteLI(decay=0.5)])
def test_a_current_that_no_matrix_brings_is_a_leak(model):
    """A constant current onto units that no matrix reaches moves v_leak."""
    net = Network()
    source = net.population(SpikeSource(), 4, name="in")
    cells = net.population(model, 4, name="cells")
    net.connect(source, cells, OneToOne(), weight=0.3, delay=DT)
    net.stimulate(cells, Constant([0.0, 0.05, 0.1, 0.15]))
    net.probe(cells, model.sends or "spikes")
    graph = to_nir(net, spike="one", dt=DT, edges="step")
    assert graph.nodes["cells"]["v_leak"][3] > graph.nodes["cells"]["v_leak"][1] > 0
    one, other = (outcome(each, False)["cells"] for each in (net, from_nir(graph)[0]))
    assert other == pytest.approx(one, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("weight", [0.3, 1.0])
@pytest.mark.parametrize(
    "model",
    [
        DiscreteCubaLIF(threshold=0.4),
        DiscreteLIF(decay=1.0, threshold=0.987),
        DiscreteLI(decay=0.0),
    ],
)
def test_a_current_that_no_matrix_brings_makes_one(model, weight):
    """Units without a leak, or with a current, or that add up, get a bias from a matrix."""
    net = Network()
    source = net.population(SpikeSource(), 4, name="in")
    cells = net.population(model, 4, name="cells")
    receptor = model.receptors[0] if model.receptors else None
    net.connect(source, cells, OneToOne(), weight=weight, delay=DT, receptor=receptor)
    net.stimulate(cells, Constant([0.0, 0.05, 0.1, 0.15]))
    net.probe(cells, model.sends or "spikes")
    graph = to_nir(net, spike="one", dt=DT, edges="step")
    assert "Affine" in {node.type for node in graph.nodes.values()}
    one, two = (outcome(each, False) for each in (net, from_nir(graph)[0]))
    (mine,), (theirs,) = one.values(), two.values()
    assert len(mine) > 20
    assert theirs == pytest.approx(mine, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    "model",
    [
        DiscreteLIF(offset=0.1),
        DiscreteCubaLIF(offset=0.1),
        LeakyRate(activation="linear", offset=0.1),
    ],
    ids=lambda model: type(model).__name__,
)
def test_what_moves_from_the_beginning_cannot_be_late(model):
    """Else the file could not be read, or would move v later than the network does."""
    net = sliding(SumPool2d(2, **IMAGE), model=model)
    with pytest.raises(UnsupportedError, match="'cells' begins 1 steps late then, and its offset"):
        to_nir(net, spike="one", dt=DT, edges="layers")
    assert from_nir(to_nir(net, spike="one", dt=DT, edges="step"))
