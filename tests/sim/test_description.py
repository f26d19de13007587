"""Descriptions survive a round trip through JSON and arrays; nothing else gets in."""

import json
from dataclasses import dataclass, fields
from typing import final

import numpy as np
import pytest
from scipy.sparse import random_array

from potentia import Network
from potentia.errors import DataError, UnsupportedError
from potentia.models import LIF
from potentia.sim import (
    Constant,
    FixedProbability,
    Input,
    Normal,
    Poisson,
    Population,
    Probe,
    Projection,
)
from potentia.sim.description import serialise as description
from potentia.sim.description.currents import Noise, Step, TimedArray
from potentia.sim.description.explicit import Explicit, FromSparse
from potentia.sim.description.grid import DistanceDependent
from potentia.sim.description.inputs import Events, SpikeTrain


def round_trip(value):
    arrays = {}
    words = json.loads(json.dumps(description.pack(value, arrays), allow_nan=False))
    return description.unpack(words, arrays)


def same(left, right):
    """Whether two values are equal field by field, array by array."""
    if hasattr(left, "tocsr"):
        return (left != right).nnz == 0 and left.shape == right.shape
    if hasattr(left, "__dataclass_fields__"):
        members = [field.name for field in fields(left)]
        return type(left) is type(right) and all(
            same(getattr(left, m), getattr(right, m)) for m in members
        )
    if isinstance(left, list):
        return left == right
    return type(left) is type(right) and np.array_equal(
        left, right, equal_nan=isinstance(left, float)
    )


@pytest.mark.parametrize(
    "value",
    [
        LIF(tau=7e-3, threshold=0.1 + 0.2),
        Constant(np.linspace(0, 1, 5)),
        Poisson(rate=[1.0, 2.0], weight=3e-3),
        SpikeTrain([0.3, 0.1, 0.1], [1, 0, 2], weight=np.array([1.0, 2.0, 3.0])),
        Events(x=[0, 1], y=[1, 0], t=[0.1, 0.2], p=[0, 1], width=2, height=2),
        Step([0.0, 0.1], [[1.0, 2.0], [3.0, 4.0]]),
        TimedArray([1.0, 2.0], 1e-3),
        Noise(std=1e-3),
        FixedProbability(0.25, autapses=False),
        Explicit([0, 1, 1], [2, 0, 0]),
        FromSparse(random_array((5, 4), density=0.4, rng=1, format="csr")),
        DistanceDependent(shape=(3, 2, 1), pre_cells=[0, 5]),
        Normal(1.0, 2.0, low=0.0),
        float("inf"),
        float("nan"),
        -0.0,
        np.float32(0.1),
        np.arange(3, dtype=np.uint8),
        [1, (2.5, "x"), None, True],
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_kind_of_value_comes_back(value):
    assert same(round_trip(value), value)


def test_a_model_of_the_user_is_found_by_its_name():
    @final
    @dataclass(frozen=True, kw_only=True)
    class Mine(LIF.__base__):
        size: float = 1.0
        kernel = "lif_step"

        def constants(self, dt):
            return {}

    assert round_trip(Mine(size=2.0)) == Mine(size=2.0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"class": "os.system", "fields": {}}, "'os.system'"),
        ({"class": "subprocess.Popen", "fields": {"args": "true"}}, "does not know"),
        ({"class": "potentia.sim.description.network.Network", "fields": {}}, "does not know"),
        ({"class": "potentia.models.no.such.Thing", "fields": {}}, "does not know"),
        ({"class": "potentia", "fields": {}}, "does not know"),
        ({"class": "no.such.module.Thing", "fields": {}}, "import no.such.module first"),
        ({"class": ["LIF"], "fields": {}}, "no known form"),
        ({"class": "potentia.models.lif.LIF", "fields": {"tau": 1.0}}, "LIF has the fields"),
        (
            {"class": "potentia.models.lif.LIF", "fields": {"tau": 1.0, "__class__": 1}},
            "LIF has the fields",
        ),
        ({"class": "potentia.models.lif.LIF"}, "LIF has the fields"),
        ({"array": "7"}, "array '7'"),
        ({"float": "1e3"}, "no known form"),
        ({"banana": 1}, "no known form"),
        ({}, "no known form"),
        ([1, 2], "no known form"),
    ],
)
def test_foreign_words_are_refused(words, message):
    with pytest.raises(DataError, match=message):
        description.unpack(words, {})


@pytest.mark.parametrize(
    "name", ["potentia.models.LIF", "potentia.models.lif.LIF", "potentia.models.a.b.LIF"]
)
def test_classes_are_known_by_the_room_that_offers_them(name):
    """Whatever module of it they stand in; so files outlive a new order inside the library."""
    packed = description.pack(LIF(tau=5e-3), {})
    assert packed["class"] == "potentia.models.LIF"
    assert vars(description.unpack({**packed, "class": name}, {})) == vars(LIF(tau=5e-3))


def test_no_two_classes_of_the_library_have_one_name():
    import potentia.hardware
    import potentia.learning
    import potentia.models
    import potentia.sim

    kinds = [
        kind
        for kind in description.known_classes().values()
        if kind.__module__.startswith("potentia.")
    ]
    rooms = [kind for kind in kinds if kind.__module__.split(".")[1] in description.ROOMS]
    names = [description.class_name(kind) for kind in rooms]
    assert len(names) > 40
    for name in names:
        _, room, member = name.split(".")
        assert hasattr(getattr(potentia, room), member)


def test_a_bottomless_description_is_refused():
    words = {"list": []}
    for _ in range(200):
        words = {"list": [words]}
    with pytest.raises(DataError, match="deep"):
        description.unpack(words, {})


def test_what_is_no_description_is_not_saved():
    with pytest.raises(UnsupportedError, match="function"):
        description.pack(lambda: None, {})


def network():
    net = Network(seed=2**64 - 1)
    exc = net.population(LIF(), 20, name="exc", initial={"v": Normal(5e-3, 1e-3)})
    inh = net.population(LIF(tau=10e-3), 5, name="ünd so", initial={"v": np.arange(5) * 1e-3})
    joined = net.connect(exc, inh, FixedProbability(0.3), weight=Normal(1e-3, 1e-4), delay=2e-3)
    net.connect(exc, inh, Explicit([0, 1], [2, 3]), weight=[1e-3, 2e-3], delay=[1e-3, 2e-3])
    net.connect(inh, exc, FixedProbability(0.3), weight=-1e-3, receptor="jump", name="back")
    net.stimulate(exc, Constant(18e-3))
    net.stimulate(exc, Poisson(rate=5.0, weight=1e-3))
    net.probe(exc, "spikes")
    net.probe(exc, "v", every=1e-3, ids=[3, 1])
    net.probe(joined, "weights", every=0.05)
    return net


def saved_network():
    arrays = {}
    return json.loads(json.dumps(description.pack_network(network(), arrays))), arrays


def test_a_network_comes_back():
    again = description.unpack_network(*saved_network())
    assert str(again) == str(network())
    assert [part.name for part in again.projections] == ["exc->ünd so", "exc->ünd so1", "back"]
    assert again.probes[1].ids == (3, 1)


def test_no_field_of_a_network_is_forgotten():
    """A field added to a part must be packed too."""
    words, _ = saved_network()
    for title, kind in (
        ("populations", Population),
        ("projections", Projection),
        ("inputs", Input),
        ("probes", Probe),
    ):
        assert set(words[title][0]) == {field.name for field in fields(kind)}


def damaged(change):
    words, arrays = saved_network()
    change(words)
    return words, arrays


@pytest.mark.parametrize(
    "change",
    [
        lambda words: words.pop("seed"),
        lambda words: words.update(seed=-1),
        lambda words: words.update(populations=7),
        lambda words: words["populations"][0].update(n=0),
        lambda words: words["populations"][0].update(n="many"),
        lambda words: words["populations"][0].update(name="a/b"),
        lambda words: words["populations"][1].update(name="exc"),
        lambda words: words["populations"][0]["model"]["fields"].update(tau=-1.0),
        lambda words: words["populations"][0].update(model=3),
        lambda words: words["populations"][0].update(initial=3),
        lambda words: words["populations"][0].update(initial={"w": 1.0}),
        lambda words: words["projections"][0].update(pre="nobody"),
        lambda words: words["projections"][0].update(receptor="banana"),
        lambda words: words["projections"][0].update(name="x.y"),
        lambda words: words["inputs"][0].pop("stimulus"),
        lambda words: words["probes"][0].update(what="secrets"),
        lambda words: words["probes"][0].update(target=["exc"]),
    ],
)
def test_a_damaged_network_is_refused_in_one_sentence(change):
    with pytest.raises(DataError) as caught:
        description.unpack_network(*damaged(change))
    assert "\n" not in str(caught.value)
