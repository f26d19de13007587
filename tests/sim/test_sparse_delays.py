"""Delays given beside a matrix of weights belong to its entries, in whatever order the matrix keeps
them.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from potentia import Network, Simulator
from potentia.models import LIF, SpikeSource
from potentia.sim import FromSparse, SpikeTrain

SOURCES, TARGETS = np.array([2, 0, 1, 2, 0]), np.array([1, 2, 0, 0, 1])
WEIGHTS, DELAYS = (
    np.array([1.0, 2.0, 3.0, 4.0, 5.0]) * 1e-3,
    np.array([5e-3, 1e-3, 4e-3, 2e-3, 3e-3]),
)
ROWS = np.lexsort((TARGETS, SOURCES))


def entries():
    return sparse.coo_array((WEIGHTS, (SOURCES, TARGETS)), shape=(3, 3))


def unsorted():
    """A CSR matrix whose rows hold their entries in the order given."""
    order = np.argsort(SOURCES, kind="stable")
    first = np.searchsorted(SOURCES[order], np.arange(4))
    return sparse.csr_array((WEIGHTS[order], TARGETS[order], first), shape=(3, 3)), order


MATRICES = {
    "coo": (entries(), np.arange(5)),
    "coo matrix": (sparse.coo_matrix(entries()), np.arange(5)),
    "csr": (entries().tocsr(), ROWS),
    "csr unsorted": unsorted(),
    "csc": (entries().tocsc(), np.lexsort((SOURCES, TARGETS))),
    "dense": (entries().toarray(), ROWS),
}


def network(matrix, delays):
    net = Network()
    pre = net.population(SpikeSource(), 3, name="pre")
    post = net.population(LIF(tau=1e3, threshold=1.0), 3, name="post")
    net.stimulate(pre, SpikeTrain([1e-3] * 3, range(3)))
    net.connect(pre, post, FromSparse(matrix), delay=delays, name="syn")
    net.probe(post, "v", every=1e-3)
    return net


def arrivals(simulator):
    """How much each unit receives in each millisecond (8, 3) [V]."""
    v = simulator.run(8e-3).trace("post", "v")
    return np.diff(v, axis=0, prepend=0.0)


EXPECTED = np.zeros((8, 3))  # row k is 1 ms * (k + 1); the sources fire at 1 ms
np.add.at(EXPECTED, (np.rint(DELAYS * 1e3).astype(int), TARGETS), WEIGHTS)


@pytest.mark.parametrize("engine", ["clock", "event"])
@pytest.mark.parametrize("kind", MATRICES)
def test_delays_follow_the_entries(kind, engine, tmp_path):
    matrix, order = MATRICES[kind]
    options = {"engine": engine} | ({"dt": 1e-3, "dtype": "float64"} if engine == "clock" else {})
    simulator = Simulator(network(matrix, DELAYS[order]), **options)
    simulator.save(tmp_path / "saved")
    # the leak of 8 ms in 1,000 s
    np.testing.assert_allclose(arrivals(simulator), EXPECTED, rtol=0, atol=1e-7)
    np.testing.assert_allclose(
        arrivals(Simulator.load(tmp_path / "saved")), EXPECTED, rtol=0, atol=1e-7
    )


def test_a_shuffled_matrix_is_the_same_network():
    """100 random entries in two orders, each with its own delay: the same synapses."""
    rng = np.random.default_rng(0)
    places = rng.choice(30 * 40, 100, replace=False)
    weights, delays = rng.uniform(0, 1e-3, 100), rng.integers(1, 20, 100) * 1e-4
    found = []
    for order in (np.arange(100), rng.permutation(100)):
        matrix = sparse.coo_array((weights[order], divmod(places[order], 40)), shape=(30, 40))
        net = Network()
        pre, post = net.population(LIF(), 30, name="pre"), net.population(LIF(), 40, name="post")
        projection = net.connect(pre, post, FromSparse(matrix), delay=delays[order])
        simulator = Simulator(net)
        found.append(
            (simulator.weights(projection), simulator.plan.synapses[projection.name].listing)
        )
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1].first, found[1][1].first)
    np.testing.assert_array_equal(found[0][1].targets, found[1][1].targets)


def test_repeated_entries_add_up_in_rows():
    matrix = sparse.coo_array(([1.0, 2.0, 4.0], ([1, 0, 1], [0, 1, 0])), shape=(2, 2))
    made = FromSparse(matrix)
    assert made.matrix.toarray().tolist() == [[0.0, 2.0], [5.0, 0.0]]
    assert made.expected(2, 2) == 2
