"""Descriptions: names and parts are found at once however many there are, also in copies and
pickles.
"""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import NetworkError, ParameterError
from potentia.models import LIF
from potentia.sim import AllToAll, Constant, FixedOutDegree, NeuronModel, OneToOne


def described():
    net = Network(seed=3)
    cells = net.population(LIF(), 3, name="cells")
    net.connect(cells, cells, OneToOne(), weight=1e-3)
    net.stimulate(cells, Constant(1.0))
    net.probe(cells, "v")
    return net


@pytest.mark.parametrize(
    "again",
    [lambda net: net, Network.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))],
)
def test_names_and_parts_are_known_to_copies(again):
    """Taken names stay taken, defaults go on counting, parts are members and those of other
    networks are not.
    """
    net = again(described())
    cells = net.populations[0]
    with pytest.raises(NetworkError, match="the name 'cells' is taken"):
        net.population(LIF(), 1, name="cells")
    with pytest.raises(NetworkError, match="the name 'cells->cells' is taken"):
        net.connect(cells, cells, OneToOne(), weight=1e-3, name="cells->cells")
    with pytest.raises(NetworkError, match="recorded already"):
        net.probe(cells, "v")
    assert net.connect(cells, cells, OneToOne(), weight=1e-3).name == "cells->cells1"
    with pytest.raises(NetworkError, match="must be a population of this network"):
        net.connect(described().populations[0], cells, OneToOne(), weight=1e-3)
    Simulator(net, dt=1e-3).run(1e-3)


def test_a_copy_goes_its_own_way():
    net = described()
    other = net.copy()
    other.population(LIF(), 1, name="new")
    net.population(LIF(), 1, name="new")
    assert [part.name for part in net.populations] == [part.name for part in other.populations]
    with pytest.raises(NetworkError, match="of this network"):
        net.probe(other.populations[1], "v")


def test_lists_may_be_changed_by_hand():
    """Scripts drop probes, and put parts of one network into another."""
    net = described()
    net.probes = [probe for probe in net.probes if probe.what == "spikes"]
    net.probe(net.populations[0], "v")
    other = Network(seed=1)
    other.populations, other.projections, other.inputs = (
        list(net.populations),
        net.projections,
        net.inputs,
    )
    other.probe(net.populations[0], "v")
    with pytest.raises(NetworkError, match="the name 'cells' is taken"):
        other.population(LIF(), 1, name="cells")
    del other.populations[0]
    with pytest.raises(NetworkError, match="of this network"):
        other.stimulate(net.populations[0], Constant(1.0))


def test_what_is_refused_takes_no_name():
    net = described()
    cells = net.populations[0]
    for options in (
        {"weight": float("nan")},
        {"weight": 1.0, "delay": -1.0},
        {"weight": 1.0, "receptor": "no"},
        {"weight": 1.0, "receptor": np.arange(2)},
    ):
        with pytest.raises(ParameterError):
            net.connect(cells, cells, OneToOne(), name="mine", **options)
    assert net.connect(cells, cells, OneToOne(), weight=1.0, name="mine").name == "mine"


def test_default_names_skip_those_that_were_given():
    net = Network()
    net.population(LIF(), 1, name="population1")
    assert [net.population(LIF(), 1).name for _ in range(3)] == [
        "population",
        "population2",
        "population3",
    ]


@pytest.mark.parametrize(
    "names", [("p", "q", "p+q"), ("p", "q", "p, thread 1"), ("p", "q, thread 1", "p+q, thread 1")]
)
def test_names_of_projections_never_clash(names):
    """Projections that are delivered together have a common operator, whose name nobody else can
    bear.
    """
    net = Network(seed=1)
    pre = net.population(LIF(), 40, name="pre")
    posts = [net.population(LIF(refractory=k * 1e-3), 40, name=f"post{k}") for k in range(3)]
    net.stimulate(pre, Constant(30e-3))
    for name, post in zip(names, posts, strict=True):
        net.connect(pre, post, FixedOutDegree(3), weight=9e-3, name=name)
        net.probe(post, "spikes")
    hashes = {Simulator(net, dt=1e-3, threads=threads).run(0.1).hash for threads in (1, 2)}
    assert len(hashes) == 1


def test_known_names_in_a_message_are_few():
    net = Network()
    for _ in range(5000):
        net.population(LIF(), 1)
    with pytest.raises(
        NetworkError, match=r"population19 and 4980 more\) \(got 'population7'\)"
    ) as caught:
        net.connect("population7", net.populations[0], AllToAll(), weight=1.0)
    assert len(str(caught.value)) < 500


def test_initial_values_and_ids_of_many_kinds():
    """Ranges, tuples and arrays of any layout mean the same units and values."""
    net = Network()
    cells = net.population(
        LIF(), 4, name="cells", initial={"v": (1e-3 * np.arange(8, dtype=">f4"))[::2]}
    )
    net.probe(cells, "v", ids=range(1, 3))
    assert net.probes[0].ids == (1, 2)
    trace = Simulator(net, dt=1e-3).run(1e-3).trace("cells", "v")
    assert trace[0] == pytest.approx(np.exp(-1 / 20) * np.array([2e-3, 4e-3]), rel=1e-5)


@pytest.mark.parametrize("shown", [str, lambda net: net._repr_html_()], ids=["text", "html"])
def test_a_part_that_is_no_dataclass_is_shown_by_its_name(shown):
    """Nothing tells which of its attributes are parameters."""

    class Plain(NeuronModel):
        kernel, state, receptors = "lif_step", {"v": "float"}, ("jump",)

        def constants(self, dt):
            return {}

    net = Network()
    net.population(Plain(), 3, name="cells")
    assert "Plain(...)" in shown(net)
