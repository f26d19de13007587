"""What lies between neurons of NIR: convolutions, poolings, sums, graphs in graphs."""

import tracemalloc

import numpy as np
import pytest

from potentia import Simulator
from potentia.errors import CapacityError, NetworkError, ParameterError, UnsupportedError
from potentia.models.bridges import NirGraph, NirNode, from_nir, nir_maps
from potentia.models.bridges.nir_maps import map_of, plain
from potentia.models.bridges.nir_shapes import shapes_of
from potentia.sim import Conv2d, SumPool2d, TimedArray

DT = 1e-3
ANSWERS = {
    "scheme": "euler",
    "dt": DT,
    "reset": "subtract",
    "reset_at": "spike",
    "spike": "one",
    "edges": "layers",
    "inputs": "numbers",
}
IMAGE = (4, 7, 8)


def windows(rng):
    """Convolutions and poolings of an image, and what torch makes of them."""
    torch = pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")
    functional = torch.nn.functional
    for groups, stride, padding, dilation, size in (
        (1, 1, 0, 1, (3, 2)),
        (2, (2, 1), (1, 2), (1, 2), (3, 3)),
        (1, 1, "same", (2, 1), (3, 4)),
        (4, 1, "valid", 1, (1, 5)),
    ):
        weight, bias = rng.normal(size=(4, 4 // groups, *size)), rng.normal(size=4)
        fields = {"weight": weight, "bias": bias, "stride": stride, "padding": padding}
        fields |= {"dilation": dilation, "groups": groups}
        given = torch.tensor(weight), torch.tensor(bias), stride, padding, dilation, groups
        yield NirNode("Conv2d", fields), lambda x, given=given: functional.conv2d(x, *given)
        line = {
            key: value[0] if isinstance(value, tuple) else value for key, value in fields.items()
        }
        line["weight"] = weight[..., 0]
        given = (
            torch.tensor(weight[..., 0]),
            torch.tensor(bias),
            *(value[0] if isinstance(value, tuple) else value for value in given[2:]),
        )
        yield NirNode("Conv1d", line), lambda x, given=given: functional.conv1d(x[:, :, 0], *given)
    pool = {"kernel_size": [2, 3], "stride": [2, 1], "padding": [1, 0]}

    def mean(x):
        return functional.avg_pool2d(x, (2, 3), (2, 1), (1, 0))

    yield NirNode("AvgPool2d", pool), mean
    yield NirNode("SumPool2d", pool), lambda x: 6 * mean(x)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_convolutions_and_poolings_are_those_of_torch():
    import torch

    rng = np.random.default_rng(1)
    for node, theirs in windows(rng):
        shape = (4, 8) if node.type == "Conv1d" else IMAGE
        image = rng.normal(size=(1, *IMAGE))
        expected = theirs(torch.tensor(image))[0].numpy()
        own = image[0, :, 0] if node.type == "Conv1d" else image[0]
        graph = chain({"in": NirNode("Input", {"shape": shape}), "x": node})
        taken, given = shapes_of(graph)["x"]
        assert given == expected.shape
        map, added = map_of(graph.nodes["x"], taken, given)
        made = plain(map) @ own.reshape(-1) + (0.0 if added is None else added)
        assert made.reshape(given) == pytest.approx(expected, abs=1e-12)  # sums are reordered


def chain(nodes, shape=None):
    """Nodes in a row; with `shape` also an Output."""
    from potentia.models.bridges.nir_graph import flattened

    if shape is not None:
        nodes = {**nodes, "out": NirNode("Output", {"shape": shape})}
    graph = NirGraph(nodes, list(zip(nodes, list(nodes)[1:], strict=False)))
    return graph if shape is not None else flattened(graph)


def neurons(n):
    return NirNode("IF", {"r": np.full(n, 1 / DT), "v_threshold": np.full(n, 1.0)})


def test_a_convolution_alone_stays_one_and_stores_no_synapse_of_its_own():
    conv = {"weight": np.ones((3, 2, 3, 3)), "bias": np.zeros(3), "stride": 1, "padding": 1}
    pool = {"kernel_size": 2, "stride": 2, "padding": 0}
    nodes = {
        "in": NirNode("Input", {"shape": [2, 6, 6]}),
        "conv": NirNode("Conv2d", {**conv, "dilation": 1, "groups": 1}),
        "a": neurons((3, 6, 6)),
        "pool": NirNode("AvgPool2d", pool),
        "b": neurons((3, 3, 3)),
        "flat": NirNode("Flatten", {"start_dim": 0, "end_dim": -1}),
        "w": NirNode("Linear", {"weight": np.ones((2, 27))}),
        "c": neurons(2),
    }
    net, _ = from_nir(chain(nodes, [2]), **ANSWERS)
    first, second, _ = (part.connectivity for part in net.projections)
    assert isinstance(first, Conv2d)
    assert isinstance(second, SumPool2d)
    assert net.projections[1].weight == 0.25
    net.stimulate(net.populations[0], TimedArray(np.ones((1, 72)), DT))
    for name in ("a", "b"):
        net.probe({part.name: part for part in net.populations}[name], "v")
    result = Simulator(net, dt=DT, dtype="float64").run(6e-3)
    # an image of ones: 18 reach a pixel in the middle, 8 one in a corner; a spike takes 1 off, and
    # is the quarter of a pixel in the next layer
    v = result.samples("a", "v").values.reshape(6, 3, 6, 6)
    assert v[1:, 0, 2, 2].tolist() == [17.0, 16.0, 15.0, 14.0, 13.0]
    assert v[1:, 2, 0, 5].tolist() == [7.0, 6.0, 5.0, 4.0, 3.0]
    assert result.samples("b", "v").values.max() <= 1.0
    assert result.spikes("c").times.size > 0


def test_edges_that_meet_add_up_and_a_constant_is_a_current():
    nodes = {
        "in": NirNode("Input", {"shape": [2]}),
        "w": NirNode("Affine", {"weight": np.eye(2), "bias": [0.25, 0.5]}),
        "s": NirNode("Scale", {"scale": [2.0, 3.0]}),
        "out": NirNode("Output", {"shape": [2]}),
    }
    edges = [("in", "w"), ("in", "s"), ("in", "out"), ("w", "out"), ("s", "out")]
    net, report = from_nir(NirGraph(nodes, edges), **ANSWERS)
    net.stimulate(net.populations[0], TimedArray([[1.0, 10.0]] * 5, DT))
    values = (
        Simulator(net, dt=DT, dtype="float64").run(5e-3).samples(report.outputs["out"], "v").values
    )
    assert report.late[report.outputs["out"]] == 1
    assert values.tolist() == [[0.0, 0.0]] + [[4.25, 50.5]] * 4


def test_a_graph_in_a_graph_is_spelled_out():
    inner = {
        "a": NirNode("Input", {"shape": [2]}),
        "w": NirNode("Linear", {"weight": 2 * np.eye(2)}),
        "cell": neurons(2),
        "b": NirNode("Output", {"shape": [2]}),
    }
    graph = NirGraph(inner, [("a", "w"), ("w", "cell"), ("cell", "b")])
    nodes = {"in": NirNode("Input", {"shape": [2]}), "one": graph, "two": graph}
    net, report = from_nir(chain(nodes, [2]), **ANSWERS)
    assert [part.name for part in net.populations] == ["in", "one_cell", "two_cell"]
    assert report.populations["two.cell"] == "two_cell"
    assert [
        part.matrix.diagonal().tolist() for part in (p.connectivity for p in net.projections)
    ] == [
        [2.0, 2.0],
        [2.0, 2.0],
    ]


def test_a_graph_with_two_inputs_in_a_graph_is_refused():
    inner = {name: NirNode("Input", {"shape": [2]}) for name in ("a", "b")}
    inner["c"] = NirNode("Output", {"shape": [2]})
    graph = NirGraph(inner, [("a", "c"), ("b", "c")])
    with pytest.raises(NetworkError, match="'one': a graph inside another one must have one Input"):
        from_nir(chain({"in": NirNode("Input", {"shape": [2]}), "one": graph}, [2]), **ANSWERS)


def loop(delay):
    """Two neurons, each driving the other, one way with a delay."""
    nodes = {"in": NirNode("Input", {"shape": [2]}), "a": neurons(2), "b": neurons(2)}
    nodes["d"] = NirNode("Delay", {"delay": [delay] * 2})
    edges = [("in", "a"), ("a", "b"), ("b", "d"), ("d", "a")]
    return NirGraph(nodes, edges)


def test_a_loop_over_several_nodes_needs_time_for_its_steps():
    with pytest.raises(NetworkError, match=r"give edges='step' .got a loop of a, b"):
        from_nir(loop(DT), **ANSWERS)
    net, report = from_nir(loop(2 * DT), **ANSWERS)
    lags = {part.name: round(part.delay / DT) for part in net.projections}
    assert lags == {"in to a": 1, "b to a": 1, "a to b": 1}
    assert report.late == {"in": 0, "a": 1, "b": 2}


BAD = {
    "delay off the grid": ({"d": [1.5e-3] * 2}, {}, "delay: must be a multiple of dt"),
    "no scheme": ({}, {"scheme": None}, "scheme: must be one of exact, euler, semi-implicit"),
    "no dt": ({}, {"dt": None}, "dt: must be a time in s, for the file leaves open"),
    "no reset": ({}, {"reset": None}, "reset: must be one of value, subtract, none"),
    "no time of it": ({}, {"reset_at": None}, "reset_at: must be one of spike, before"),
    "no inputs": ({}, {"inputs": None}, "inputs: must be one of spikes, numbers"),
    "no edges": ({}, {"edges": None}, "edges: must be one of none, step, layers"),
    "no spike": ({}, {"spike": None}, "spike: must be one of one, dirac"),
    "no start": ({"leak": 0.1}, {}, "start: must be one of zero, leak"),
    "a near answer": ({}, {"reset": "subtracts"}, "did you mean 'subtract'"),
    "a long step": ({"tau": 1e-4}, {}, "dt: must be at most the shortest tau"),
    "exact and subtract": ({}, {"scheme": "exact"}, "reset: must be 'value' with scheme='exact'"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_was_not_answered_is_asked_for(name):
    changed, answers, told = BAD[name]
    lif = {"tau": [changed.get("tau", 0.01)] * 2, "r": [1.0] * 2, "v_threshold": [1.0] * 2}
    lif["v_leak"] = [changed.get("leak", 0.0)] * 2
    nodes = {
        "in": NirNode("Input", {"shape": [2]}),
        "d": NirNode("Delay", {"delay": changed.get("d", [DT] * 2)}),
        "a": NirNode("LIF", lif),
        "b": NirNode("LIF", lif),
    }
    with pytest.raises((ParameterError, UnsupportedError), match=told) as caught:
        from_nir(chain(nodes, [2]), **ANSWERS | answers)
    assert "\n" not in str(caught.value)


def test_maps_too_large_to_make_are_refused():
    nodes = {
        "in": NirNode("Input", {"shape": [10_000]}),
        "narrow": NirNode("Linear", {"weight": np.ones((1, 10_000))}),
        "wide": NirNode("Linear", {"weight": np.ones((10_000, 1))}),
    }
    with pytest.raises(CapacityError, match="would make a matrix of 10,000 x 10,000"):
        from_nir(chain(nodes, [10_000]), **ANSWERS)


def image_graph(node, shape):
    nodes = {"in": NirNode("Input", {"shape": shape}), "x": node}
    nodes["cells"] = NirNode("IF", {"r": 1.0, "v_threshold": 1.0})
    return NirGraph(nodes, [("in", "x"), ("x", "cells")])


def test_a_small_file_cannot_ask_for_many_biases():
    fields = {"weight": [[[[1.0]]]], "bias": [1.0], "stride": 1, "padding": 0}
    node = NirNode("Conv2d", fields | {"dilation": 1, "groups": 1})
    with pytest.raises(CapacityError, match="must give at most"):
        from_nir(image_graph(node, [1, 40_000, 40_000]), **ANSWERS)


@pytest.mark.parametrize(
    ("size", "padding", "stride", "shape"),
    [
        (40_000, 20_000, 1, [1, 40_000, 40_000]),
        ([1, 2**26], [0, 2**25], 2**20, [1, 4, 4]),
        ([200_001, 1], [100_000, 0], 2**20, [1, 4, 4]),
        ([2**31 - 1] * 2, [2**30] * 2, [1, 1], [1, 1, 1]),
    ],
)
@pytest.mark.parametrize("kind", ["SumPool2d", "AvgPool2d"])
def test_a_pooling_takes_no_memory_for_windows(kind, size, padding, stride, shape):
    node = NirNode(kind, {"kernel_size": size, "padding": padding, "stride": stride})
    tracemalloc.start()
    net, _ = from_nir(image_graph(node, shape), **ANSWERS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(net.projections) == 1
    assert peak < 2**23  # of windows with up to 2**62 places; some numbers for each row


def test_a_pooling_before_a_convolution_is_one_product_of_few_entries():
    """A product of sparse matrices is as large as its entries, not as its rows by columns."""
    rng = np.random.default_rng(1)
    fields = {"weight": rng.normal(size=(4, 2, 3, 3)), "bias": np.zeros(4), "stride": 1}
    nodes = {
        "in": NirNode("Input", {"shape": [2, 96, 96]}),
        "pool": NirNode("SumPool2d", {"kernel_size": 2, "stride": 2, "padding": 0}),
        "conv": NirNode("Conv2d", fields | {"padding": 1, "dilation": 1, "groups": 1}),
    }
    net, _ = from_nir(chain(nodes, [4, 48, 48]), **ANSWERS)
    (projection,) = net.projections
    entries = 4 * (3 * 48 - 2) ** 2 * 2 * 4  # of each output channel: what meets, of four pixels
    assert projection.connectivity.expected(2 * 96**2, 4 * 48**2) == entries
    assert 2 * 96**2 * 4 * 48**2 > 2**26  # more than a matrix may have


def doubling(stages):
    """Two delays side by side, again and again: as many different sums as a power of two."""
    nodes, edges = {"in": NirNode("Input", {"shape": [1]})}, []
    last = ["in"]
    for k in range(stages):
        pair = [f"{k}.0", f"{k}.1"]
        for name, steps in zip(pair, (1, 1 + 2**k), strict=True):
            nodes[name] = NirNode("Delay", {"delay": [steps * DT]})
            edges += [(before, name) for before in last]
        last = pair
    nodes["cell"] = NirNode("IF", {"r": [1.0], "v_threshold": [1.0]})
    return NirGraph(nodes, edges + [(name, "cell") for name in last])


def copied(copies, n):
    """One large matrix, and many nodes that each make another of it."""
    nodes = {
        "in": NirNode("Input", {"shape": [n]}),
        "big": NirNode("Linear", {"weight": np.ones((n, n))}),
        "cell": NirNode("IF", {"r": [1.0] * n, "v_threshold": [1.0] * n}),
    }
    edges = [("in", "big")]
    for k in range(copies):
        nodes[f"{k}"] = NirNode("Scale", {"scale": np.full(n, 2.0 + k)})
        edges += [("big", f"{k}"), (f"{k}", "cell")]
    return NirGraph(nodes, edges)


def delayed_apart(n, delays):
    """A delay for each of many units, of as many values as there may be."""
    nodes = {
        "in": NirNode("Input", {"shape": [n]}),
        "d": NirNode("Delay", {"delay": (np.arange(n) % delays) * DT}),
        "cell": NirNode("IF", {"r": [1.0] * n, "v_threshold": [1.0] * n}),
    }
    return NirGraph(nodes, [("in", "d"), ("d", "cell")])


@pytest.mark.parametrize(
    "graph", [doubling(40), copied(60, 150), delayed_apart(4000, 1000)], ids=["sums", "copies", "d"]
)
def test_a_small_file_cannot_multiply_what_it_holds(graph, monkeypatch):
    monkeypatch.setattr(nir_maps, "MOST_MADE", 2**20)
    with pytest.raises(CapacityError, match="maps of more than 1,048,576 numbers in all"):
        from_nir(graph, **ANSWERS)


def test_small_graphs_of_the_same_kinds_are_read(monkeypatch):
    monkeypatch.setattr(nir_maps, "MOST_MADE", 2**20)
    for graph in (doubling(5), copied(6, 150), delayed_apart(100, 10)):
        assert len(from_nir(graph, **ANSWERS)[0].projections) == 1


def test_synapses_one_by_one_are_bounded():
    """Two ways of different delays between units that match are listed unit by unit."""
    n = 2**25 + 1
    nodes = {"in": NirNode("Input", {"shape": [n]}), "d": NirNode("Delay", {"delay": DT})}
    nodes["cell"] = NirNode("IF", {"r": 1.0, "v_threshold": 1.0})
    with pytest.raises(CapacityError, match="would make 67,108,866 synapses"):
        from_nir(NirGraph(nodes, [("in", "d"), ("d", "cell"), ("in", "cell")]), **ANSWERS)


def test_the_report_is_a_table_of_what_was_assumed():
    nodes = {"in": NirNode("Input", {"shape": [2]}), "a.b": neurons(2)}
    _, report = from_nir(chain(nodes, [2]), **ANSWERS)
    answers = {row.question: row.answer for row in report.rows}
    asked = ("scheme", "reset", "reset_at", "edges", "inputs")
    assert answers == {name: ANSWERS[name] for name in asked} | {"dt": "0.001 s"}
    assert "a_b" in str(report)
    assert "stands for 'a.b'" in str(report)
    assert str(report).splitlines()[0].split() == ["question", "answer", "meaning"]
    assert "subtract" in report._repr_html_()
