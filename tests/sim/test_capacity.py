"""What is larger than the machine is refused before it is drawn, in one sentence with the way out."""

from __future__ import annotations

import pytest

from potentia import Network, Simulator
from potentia.errors import CapacityError, ParameterError
from potentia.models import LIF
from potentia.sim import FixedProbability, FixedTotal, Ideal, Normal, Procedural, capacity


def wired(connectivity, store=None, weight=1e-5):
    net = Network()
    cells = net.population(LIF(), 1000, name="cells")
    net.connect(cells, cells, connectivity, weight=weight, store=store)
    return net


@pytest.mark.parametrize(
    ("connectivity", "store", "weight", "words"),
    [
        (FixedTotal(300_000), None, 1e-5, r"3e\+05 synapses need 0.0 GB.*store=Procedural\(\) draws them again"),
        (FixedTotal(300_000), Ideal(bits=8), Normal(1e-5, 1e-6), r"store=Procedural\(\) draws them again"),
        (FixedProbability(0.3), None, 1e-5, r"FixedTotal or FixedOutDegree with store=Procedural\(\) keeps none"),
    ],
)
def test_too_many_synapses_for_memory(monkeypatch, connectivity, store, weight, words):
    """With a megabyte free: named are the bytes needed and free, the projection, and a way that needs none."""
    monkeypatch.setattr(capacity, "free_bytes", lambda: 1e6)
    with pytest.raises(CapacityError, match=rf"^Network: .*0.0 GB are free; most by cells->cells; .*{words}|{words}"):
        Simulator(wired(connectivity, store, weight))


def test_procedural_needs_none(monkeypatch):
    monkeypatch.setattr(capacity, "free_bytes", lambda: 1e6)
    assert Simulator(wired(FixedTotal(300_000), Procedural())).plan.synapses["cells->cells"].n == 300_000


def test_a_system_that_does_not_tell_is_believed(monkeypatch):
    monkeypatch.setattr(capacity, "free_bytes", lambda: None)
    Simulator(wired(FixedTotal(1000)))


def test_free_memory_is_a_number_of_bytes():
    free = capacity.free_bytes()
    assert free is None or 1e6 < free < 1e15


def test_too_many_synapses_for_a_number():
    """2**31 - 1 of one projection: the limit and the count are named before memory is asked for."""
    with pytest.raises(ParameterError, match=r"number of synapses: must be at most 2147483647 .* \(got 3000000000\)"):
        Simulator(wired(FixedTotal(3_000_000_000), Procedural()))
