"""Files of NIR: what is written is read, by us and by nir; hostile ones end in one sentence."""

import io

import h5py
import numpy as np
import pytest

from potentia.errors import DataError, NetworkError, ParameterError, PotentiaError
from potentia.models.bridges import NirGraph, NirNode, from_nir
from potentia.models.bridges.nir_file import read_graph, write_graph
from potentia.models.bridges.nir_graph import same_graph
from potentia.tests.models.bridges.nir_graphs import random_graph

ANSWERS = {
    "scheme": "exact",
    "dt": 1e-4,
    "reset": "value",
    "spike": "dirac",
    "edges": "step",
    "inputs": "spikes",
    "start": "zero",
}


def everything() -> NirGraph:
    """A graph with every primitive of NIR, a graph in it, and metadata."""
    rng = np.random.default_rng(2)
    image = NirNode("Input", {"shape": [2, 6, 6]})
    conv = {"stride": 1, "padding": "same", "dilation": 1, "groups": 1}
    pool = {"kernel_size": [2, 2], "stride": [2, 2], "padding": [0, 0]}
    lif = {"tau": [0.01] * 4, "r": [1.0] * 4, "v_leak": [0.1] * 4}
    fires = {"v_threshold": [1.0] * 4, "v_reset": [0.0] * 4}
    cuba = {"tau_syn": [0.01] * 4, "tau_mem": [0.02] * 4, "r": [1.0] * 4, "v_leak": [0.0] * 4}
    cuba["w_in"] = [1.0] * 4
    eye = NirNode("Linear", {"weight": np.eye(4)})
    inner = NirGraph(
        {"a": NirNode("Input", {"shape": [4]}), "w": eye, "b": NirNode("Output", {"shape": [4]})},
        [("a", "w"), ("w", "b")],
        {"from": "here", "more": {"numbers": np.arange(3)}},
    )
    chain = {
        "in": image,
        "conv": NirNode(
            "Conv2d",
            {
                "input_shape": [6, 6],
                "weight": rng.random((3, 2, 3, 3)),
                "bias": [0.0, 0.1, 0.2],
                **conv,
            },
        ),
        "sum": NirNode("SumPool2d", pool),
        "mean": NirNode("AvgPool2d", {"kernel_size": 2, "stride": 1, "padding": 0}),
        "flat": NirNode("Flatten", {"start_dim": 1, "end_dim": -1, "input_type": [3, 2, 2]}),
        "line": NirNode(
            "Conv1d",
            {"input_shape": 4, "weight": rng.random((2, 3, 3)), "bias": [0.0, 0.0], **conv}
            | {"padding": [0]},
        ),
        "flat2": NirNode("Flatten", {"start_dim": 0, "end_dim": 1, "input_type": [2, 2]}),
        "affine": NirNode("Affine", {"weight": rng.random((4, 4)), "bias": [0.1] * 4}),
        "scale": NirNode("Scale", {"scale": [1.0, 2.0, 3.0, 4.0]}),
        "delay": NirNode("Delay", {"delay": [0.0, 1e-3, 2e-3, 0.0]}),
        "lif.lif": NirNode("LIF", lif | fires, {"note": "a text", "count": np.int64(3)}),
        "graph": inner,
        "if": NirNode("IF", {"r": [1.0] * 4, **fires}),
        "cubalif": NirNode("CubaLIF", cuba | fires),
        "cubali": NirNode("CubaLI", cuba),
        "integral": NirNode("I", {"r": [1.0] * 4}),
        "li": NirNode("LI", lif),
        "threshold": NirNode("Threshold", {"threshold": [0.5] * 4}),
        "out": NirNode("Output", {"shape": [4]}),
    }
    return NirGraph(chain, list(zip(chain, list(chain)[1:], strict=False)))


def test_what_is_written_is_read(tmp_path):
    graph = everything()
    path = write_graph(graph, tmp_path / "all.nir")
    again = read_graph(path)
    assert same_graph(again, graph)
    inner = again.nodes["graph"].metadata
    assert (inner["from"], inner["more"]["numbers"].tolist()) == ("here", [0, 1, 2])
    assert again.nodes["lif.lif"].metadata["note"] == "a text"
    assert [file.name for file in tmp_path.iterdir()] == ["all.nir"]


def test_a_graph_differs_where_a_number_differs(tmp_path):
    graph = everything()
    changed = dict(graph.nodes) | {"scale": NirNode("Scale", {"scale": [1.0, 2.0, 3.0, 4.5]})}
    assert not same_graph(graph, NirGraph(changed, graph.edges))
    assert not same_graph(graph, NirGraph(graph.nodes, graph.edges[1:]))


@pytest.mark.validate
def test_nir_reads_what_we_write_and_we_what_it_writes(tmp_path):
    nir = pytest.importorskip("nir", reason="nir is not installed (extra `validate`)")
    graphs = [random_graph(np.random.default_rng(seed)) for seed in range(20)] + [everything()]
    for graph in graphs:
        ours = write_graph(graph, tmp_path / "ours.nir")
        theirs = nir.read(ours)
        assert same_graph(NirGraph.from_dict(theirs.to_dict()), graph)
        nir.write(tmp_path / "theirs.nir", theirs)
        assert same_graph(read_graph(tmp_path / "theirs.nir"), graph)
        assert same_graph(
            NirGraph.from_dict(nir.dict2NIRNode(graph.to_dict()).to_dict()),
            graph,
        )
    net, _ = from_nir(theirs, **ANSWERS | {"scheme": "euler", "spike": "one", "reset_at": "spike"})
    assert sorted(population.n for population in net.populations) == [4] * 7 + [72]


def small() -> dict:
    """A graph of one neuron, as dictionaries."""
    lif = {"tau": [0.01], "r": [1.0], "v_leak": [0.0], "v_threshold": [1.0], "v_reset": [0.0]}
    return {
        "type": "NIRGraph",
        "nodes": {
            "in": {"type": "Input", "shape": np.array([1])},
            "w": {"type": "Linear", "weight": np.array([[2.0]])},
            "lif": {"type": "LIF", **{key: np.array(value) for key, value in lif.items()}},
            "out": {"type": "Output", "shape": np.array([1])},
        },
        "edges": [("in", "w"), ("w", "lif"), ("lif", "out")],
    }


def of(node: str, **fields):
    """A change of one node; None takes a field away."""

    def change(graph):
        told = graph["nodes"][node] | fields
        graph["nodes"][node] = {key: value for key, value in told.items() if value is not None}

    return change


def edges(*more):
    return lambda graph: graph["edges"].extend(more)


def only_maps(graph):
    graph["nodes"]["w2"] = {"type": "Linear", "weight": np.array([[1.0]])}
    graph["edges"] += [("w", "w2"), ("w2", "w")]


def nested(graph):
    for _ in range(20):
        inner = {"type": "NIRGraph", "nodes": {"g": dict(graph)}, "edges": []}
        graph.update(inner)


BAD = {
    "an unknown type": (of("lif", type="LIFF"), "type: must be one of Input.*did you mean 'LIF'"),
    "no type": (of("lif", type=None), "'lif'.type: must be given"),
    "NaN in a weight": (of("w", weight=np.array([[np.nan]])), "'w'.*weight: must be finite"),
    "a complex weight": (of("w", weight=np.array([[1j]])), "'w'.*weight: must be an array of real"),
    "tau of 0": (of("lif", tau=np.array([0.0])), "'lif'.*tau: must be > 0"),
    "tau below 0": (of("lif", tau=np.array([-1.0])), "'lif'.*tau: must be > 0"),
    "a reset above": (of("lif", v_reset=np.array([2.0])), "v_reset: must be <= v_threshold"),
    "a field too many": (of("lif", tau_syn=np.array([1.0])), "parameters: must be one of tau"),
    "a field too few": (of("lif", tau=None), "'lif'.*tau: must be given"),
    "other shapes": (of("lif", r=np.ones(2)), "must have the shape"),
    "shapes that do not fit": (of("w", weight=np.ones((2, 1))), "shapes must be equal"),
    "an empty weight": (of("w", weight=np.ones((0, 1))), "at least one number"),
    "a flat weight": (of("w", weight=np.ones(1)), "at least 2 dimensions"),
    "an edge to nowhere": (edges(("lif", "outt")), "did you mean 'out'"),
    "an edge twice": (edges(("lif", "out")), "each may be there once"),
    "an edge of three": (edges(("lif", "out", "in")), "must be pairs of names"),
    "an edge into an input": (edges(("lif", "in")), "must be where a graph begins"),
    "a map onto itself": (edges(("w", "w")), "a loop needs a neuron"),
    "a loop of maps": (only_maps, "a loop needs a neuron.*w, w2"),
    "an output of nothing": (lambda graph: graph["edges"].pop(), "got no edge to it"),
    "a size beyond all": (of("in", shape=np.array([2**40])), "whole number >= 1 and <="),
    "sizes beyond all": (of("in", shape=np.array([2**20, 2**20])), "at most 2147483647 units"),
    "a size of 0": (of("in", shape=np.array([0])), "whole number >= 1"),
    "half a size": (of("in", shape=np.array([1.5])), "whole number"),
    "no nodes": (lambda graph: graph.pop("nodes"), "nodes: must be given"),
    "no edges": (lambda graph: graph.pop("edges"), "edges: must be given"),
    "graphs in graphs": (nested, "nested more than 16 deep"),
    "nothing in it": (
        lambda graph: graph.update(nodes={}, edges=[]),
        "must hold a neuron or an Input",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_graph_ends_in_one_sentence(name):
    change, told = BAD[name]
    graph = small()
    change(graph)
    with pytest.raises((ParameterError, NetworkError), match=told) as caught:
        from_nir(type("Graph", (), {"to_dict": lambda self: graph})(), **ANSWERS)
    assert "\n" not in str(caught.value)


def put(group, told):
    """Nested dictionaries as nir writes them."""
    for key, value in told.items():
        if isinstance(value, dict):
            put(group.create_group(key), value)
        elif isinstance(value, str):
            group.create_dataset(key, data=value, dtype=h5py.string_dtype())
        elif isinstance(value, np.ndarray) and value.size:
            group.create_dataset(key, data=value, compression="gzip")
        else:
            group.create_dataset(key, data=value)


def written(path, change=lambda file: None, version="1.0.8"):
    """A file of the small graph, changed with the HDF5 library."""
    with h5py.File(path, "w") as file:
        if version is not None:
            file.create_dataset("version", data=version, dtype=h5py.string_dtype())
        put(file.create_group("node"), small())
        change(file)
    return path


def replaced(file, make):
    del file["node/nodes/w/weight"]
    make(file["node/nodes/w"])


def virtual(group):
    layout = h5py.VirtualLayout((1, 1), "f8")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (1, 1))
    group.create_virtual_dataset("weight", layout)


def circle(file):
    file["node/nodes/lif/more"] = file["node/nodes"]


WEIGHT = "node/nodes/w/weight"
HOSTILE = {
    "an external link": lambda file: replaced(
        file, lambda w: w.__setitem__("weight", h5py.ExternalLink("/etc/passwd", "/x"))
    ),
    "storage outside": lambda file: replaced(
        file, lambda w: w.create_dataset("weight", (1, 1), "f8", external=[("/etc/passwd", 0, 8)])
    ),
    "virtual storage": lambda file: replaced(file, virtual),
    "a soft link": lambda file: replaced(
        file, lambda w: w.__setitem__("weight", h5py.SoftLink("/node/nodes/lif/tau"))
    ),
    "a circle of soft links": lambda file: file["node/nodes/w"].__setitem__(
        "more", h5py.SoftLink("/node/nodes")
    ),
    "a circle of hard links": circle,
    "160 GB": lambda file: replaced(
        file, lambda w: w.create_dataset("weight", (1 << 17, 1 << 17), "f8", chunks=(1024, 1024))
    ),
    "references": lambda file: replaced(
        file, lambda w: w.create_dataset("weight", (1, 1), h5py.ref_dtype)
    ),
    "complex numbers": lambda file: replaced(
        file, lambda w: w.create_dataset("weight", data=np.array([[1j]]))
    ),
    "a text for numbers": lambda file: replaced(
        file, lambda w: w.create_dataset("weight", data="evil")
    ),
    "a group for numbers": lambda file: replaced(file, lambda w: w.create_group("weight")),
    "numbers for a node": lambda file: file["node/nodes"].__setitem__("evil", np.ones(3)),
    "numbers for edges": lambda file: (
        file.__delitem__("node/edges"),
        file["node"].__setitem__("edges", np.ones((3, 2))),
    ),
    "no nodes": lambda file: file.__delitem__("node/nodes"),
    "no node": lambda file: file.__delitem__("node"),
    "no type": lambda file: file.__delitem__("node/type"),
    "a name with a slash": lambda file: put(
        file["node/nodes"].create_group("a/b"), {"type": "Scale", "scale": np.ones(1)}
    ),
    "groups without end": lambda file: file["node/nodes"].create_group("/".join("g" * 30)),
    "NaN": lambda file: file[WEIGHT].__setitem__((0, 0), np.nan),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_one_sentence_that_names_it(name, tmp_path):
    path = written(tmp_path / "evil.nir", HOSTILE[name])
    with pytest.raises(DataError, match=r"evil\.nir is (refused|damaged)") as caught:
        from_nir(path, **ANSWERS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("version", ["99.0", "2.0.0", "", "evil", None])
def test_another_version_is_refused(version, tmp_path):
    with pytest.raises(DataError, match=r"version|no text /version"):
        from_nir(written(tmp_path / "x.nir", version=version), **ANSWERS)


def test_a_file_without_v_reset_resets_to_zero(tmp_path):
    path = written(tmp_path / "old.nir", lambda file: file.__delitem__("node/nodes/lif/v_reset"))
    assert read_graph(path).nodes["lif"]["v_reset"].tolist() == [0.0]


def test_a_file_cut_or_changed_anywhere_is_read_right_or_refused(tmp_path):
    whole = written(tmp_path / "whole.nir").read_bytes()
    rng = np.random.default_rng(1)
    path = tmp_path / "hurt.nir"
    spoiled = [whole[: len(whole) * k // 16] for k in range(16)] + [b"", b"text" * 40]
    for _ in range(300):
        hurt = bytearray(whole)
        hurt[rng.integers(len(whole))] ^= int(1 << rng.integers(8))
        spoiled.append(bytes(hurt))
    told = []
    for content in spoiled:
        path.write_bytes(content)
        try:
            from_nir(path, **ANSWERS)
        except PotentiaError as error:
            told.append(str(error))
    # most of a file with so few numbers is structure, or room that nobody reads
    assert len(told) > 40
    assert not any("\n" in line for line in told)


def test_files_that_are_none(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        from_nir(tmp_path / "nothing.nir", **ANSWERS)
    with pytest.raises(DataError, match="not a file"):
        from_nir(tmp_path, **ANSWERS)
    with pytest.raises(ParameterError, match="must be the path of a NIR file"):
        from_nir(3, **ANSWERS)
    stream = io.BytesIO()
    with pytest.raises(ParameterError, match="must be the path of a NIR file"):
        from_nir(stream, **ANSWERS)


@pytest.mark.validate
def test_a_graph_that_holds_itself_is_refused():
    nir = pytest.importorskip("nir", reason="nir is not installed (extra `validate`)")
    graph = nir.NIRGraph({}, [], type_check=False)
    graph.nodes["self"] = graph
    with pytest.raises(ParameterError, match="must be a graph that tells what it holds"):
        from_nir(graph, **ANSWERS)


def test_a_name_that_a_file_cannot_hold_is_refused(tmp_path):
    graph = NirGraph({"a/b": NirNode("Input", {"shape": [1]})}, [])
    with pytest.raises(ParameterError, match="without '/'"):
        write_graph(graph, tmp_path / "x.nir")
    assert not list(tmp_path.iterdir())
