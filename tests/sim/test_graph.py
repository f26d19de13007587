"""Graphs inside one population and their measures, beside those of networkx."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potentia import Network, Simulator
from potentia.errors import ParameterError
from potentia.models import LIF
from potentia.sim import FixedProbability, ScaleFree, SmallWorld
from potentia.sim.operators import graph
from potentia.sim.operators.graph import measure

networkx = pytest.importorskip("networkx", reason="networkx is not installed (comes with torch)")

ROUNDING = 1e-12  # relative: sums of whole numbers, divided once
N = 60
DRAWS = 60


def judged(sources, targets, n):
    """What networkx says of the same directed graph."""
    known = networkx.DiGraph()
    known.add_nodes_from(range(n))
    known.add_edges_from((s, t) for s, t in zip(sources, targets, strict=True) if s != t)
    distances = [
        distance
        for source, reached in networkx.all_pairs_shortest_path_length(known)
        for target, distance in reached.items()
        if source != target
    ]
    degrees = np.array([degree for _, degree in known.degree()])
    return {
        "density": networkx.density(known),
        "reachable": len(distances) / (n * (n - 1)),
        "path_length": np.mean(distances) if distances else math.nan,
        "clustering": networkx.average_clustering(known),
        "degree_spread": degrees.std() / degrees.mean() if degrees.any() else math.nan,
    }


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 20), st.integers(0, 120), st.integers(0, 2**32), st.integers(1, 400))
def test_measures_of_any_graph_are_those_of_networkx(n, synapses, seed, most):
    """With autapses and multapses among the synapses, and distances in pieces of any size."""
    sources, targets = np.random.default_rng(seed).integers(0, n, (2, synapses))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph, "MOST_DISTANCES", most)
        ours = asdict(measure(sources, targets, n))
    known = judged(sources.tolist(), targets.tolist(), n)
    assert ours == pytest.approx(known, rel=ROUNDING, nan_ok=True)


def test_measures_of_graphs_known_by_heart():
    """A ring one way, a triangle both ways, and nothing at all."""
    ring = measure(np.arange(10), (np.arange(10) + 1) % 10, 10)
    assert asdict(ring) == pytest.approx(
        {
            "density": 1 / 9,
            "reachable": 1.0,
            "path_length": 5.0,  # the mean of 1 to 9
            "clustering": 0.0,
            "degree_spread": 0.0,
        }
    )
    triangle = measure(np.array([0, 1, 2, 1, 2, 0]), np.array([1, 2, 0, 0, 1, 2]), 3)
    assert triangle.clustering == triangle.path_length == triangle.density == 1.0
    for n in (0, 1):
        nothing = measure(np.zeros(0, int), np.zeros(0, int), n)
        assert math.isnan(nothing.path_length)
        assert math.isnan(nothing.density)


def drawn(recipe):
    """Measures (DRAWS, n_measures) of our graphs on N units."""
    rows = []
    for key in range(DRAWS):
        edges = recipe.edges(N, N, key, recurrent=True)
        rows.append(
            list(asdict(measure(edges.sources.astype(int), edges.targets.astype(int), N)).values())
        )
    return np.array(rows)


def theirs(make):
    """The same of graphs of networkx, whose links are synapses in both directions."""
    rows = []
    for seed in range(DRAWS):
        ends = np.array(list(make(seed).to_directed().edges())).T
        rows.append(list(asdict(measure(*ends, N)).values()))
    return np.array(rows)


@pytest.mark.parametrize(
    ("recipe", "make"),
    [
        (ScaleFree(1), lambda seed: networkx.barabasi_albert_graph(N, 1, seed)),
        (ScaleFree(4), lambda seed: networkx.barabasi_albert_graph(N, 4, seed)),
        (
            FixedProbability(0.1, autapses=False),
            lambda seed: networkx.gnp_random_graph(N, 0.1, seed, directed=True),
        ),
        (SmallWorld(6, 0.0), lambda seed: networkx.watts_strogatz_graph(N, 6, 0.0, seed)),
    ],
    ids=["scale-free, tree", "scale-free", "Erdos-Renyi", "lattice"],
)
def test_graphs_measure_like_those_of_networkx(recipe, make):
    """Every measure has the mean and the spread that theirs has.

    Means within 5 standard errors; standard deviations, which DRAWS values tell to 1 in 11, within
    a factor of 2.
    """
    ours, known = drawn(recipe), theirs(make)
    error = np.sqrt((ours.var(axis=0, ddof=1) + known.var(axis=0, ddof=1)) / DRAWS)
    assert (np.abs(ours.mean(axis=0) - known.mean(axis=0)) <= 5 * error + 1e-9).all()
    assert (ours.std(axis=0) <= 2 * known.std(axis=0) + 1e-9).all()
    assert (known.std(axis=0) <= 2 * ours.std(axis=0) + 1e-9).all()


def test_a_small_world_is_clustered_with_short_paths():
    """Few rewired synapses shorten the paths of the lattice and leave most triangles (Watts and
    Strogatz 1998, figure 2).
    """
    lattice, small, random = (
        dict(zip(asdict(measure(np.zeros(0, int), np.zeros(0, int), 1)), row, strict=True))
        for row in (drawn(SmallWorld(6, p)).mean(axis=0) for p in (0.0, 0.1, 1.0))
    )
    assert small["path_length"] < 0.7 * lattice["path_length"]
    assert small["clustering"] > 0.6 * lattice["clustering"]
    assert random["clustering"] < 0.3 * lattice["clustering"]


def test_degrees_of_a_scale_free_graph_follow_the_stationary_law():
    """Of 3,000 units a share 2 m (m + 1) / (d (d + 1) (d + 2)) has d links (Bollobas et al. 2001,
    doi:10.1002/rsa.1009).

    Within 5 standard deviations of a binomial count, and 1 % for the units at the start.
    """
    n, m = 3000, 3
    edges = ScaleFree(m).edges(n, n, 7, recurrent=True)
    links = np.bincount(edges.sources, minlength=n)
    for d in range(m, 9):
        share = 2 * m * (m + 1) / (d * (d + 1) * (d + 2))
        sd = math.sqrt(share * (1 - share) / n)
        assert np.mean(links == d) == pytest.approx(share, abs=5 * sd + 0.01 * share)
    assert links.max() > 20 * m  # hubs
    assert links.argmax() < 30  # among the first


@pytest.mark.parametrize("engine", ["clock", "event"])
def test_a_simulator_tells_the_measures_of_a_projection(engine):
    """The same graph on both engines, whatever the weights; two sizes have no common graph."""
    net = Network(seed=3)
    cells, few = net.population(LIF(), 40, name="cells"), net.population(LIF(), 5, name="few")
    net.connect(cells, cells, ScaleFree(2), weight=0.0, name="graph")
    net.connect(cells, few, FixedProbability(0.5), weight=1e-3, name="out")
    synapses = Simulator(net, dt=1e-3 if engine == "clock" else None, engine=engine).synapses(
        "graph"
    )
    assert len(synapses) == 2 * 2 * 38
    known = judged(synapses.sources.tolist(), synapses.targets.tolist(), 40)
    assert asdict(synapses.graph()) == pytest.approx(known, rel=ROUNDING)
    with pytest.raises(ParameterError, match=r"n_post: must be the 40 units .* \(got 5\)"):
        Simulator(net, dt=1e-3).synapses("out").graph()
