"""Traces on the event engine: one for each unit and decay time, whoever asks for it."""

from __future__ import annotations

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.learning import STDP
from potentia.models import LIF, SpikeSource
from potentia.sim import FixedProbability, Poisson, Uniform

SOURCES, CELLS, TAU, DURATION = 30, 20, 20e-3, 0.3
APART = 1e-12  # relative: decay times that differ so little are two, and their traces one to 1e-10


def simulator(taus):
    """Three projections that learn lead to the cells: two from sources, one from themselves.

    taus: of the traces of the arrivals and of the target, for each of them; `(x, y), (z, w)` for a
    projection that learns by two rules.
    """
    net = Network(seed=7)
    sources = [net.population(SpikeSource(), SOURCES, name=name) for name in ("one", "other")]
    cells = net.population(LIF(), CELLS, name="cells")
    for source, own in zip((*sources, cells), taus, strict=True):
        rules = tuple(STDP(tau_plus=plus, tau_minus=minus, w_max=8e-3) for plus, minus in own)
        net.connect(
            source,
            cells,
            FixedProbability(0.6),
            weight=Uniform(1e-3, 3e-3),
            delay=Uniform(1e-3, 2e-3),
            rule=rules if len(rules) > 1 else rules[0],
            name=f"from {source.name}",
        )
    for source in sources:
        net.stimulate(source, Poisson(rate=40.0))
    net.probe(cells, "spikes")
    return Simulator(net, engine="event")


def held(made):
    """How many values of traces there are."""
    return made._engine.snapshot()["traces"].size


def apart(n):
    """Decay times of which no two are equal."""
    return [TAU * (1 + k * APART) for k in range(n)]


def arrivals(made):
    """How many segments of one source and delay there are."""
    return sum(part.n_segments for part in made.plan.synapses.values())


def test_projections_onto_one_target_share_its_traces():
    """They learn what they learn with traces of their own, all but equal; a trace for each cell is
    all there is besides those of the arrivals, in place of three.
    """
    shared = simulator([[(TAU, TAU)]] * 3)
    alone = simulator([[(TAU, tau)] for tau in apart(3)])
    assert held(shared) == arrivals(shared) + CELLS
    assert held(alone) == arrivals(alone) + 3 * CELLS
    assert shared.run(DURATION).hash == alone.run(DURATION).hash
    for part in shared.network.projections:
        before = simulator([[(TAU, TAU)]] * 3).weights(part.name)
        assert np.abs(shared.weights(part.name) - before).max() > 1e-4
        np.testing.assert_allclose(
            shared.weights(part.name), alone.weights(part.name), rtol=0, atol=1e-11
        )


def test_rules_of_one_projection_share_the_traces_of_its_arrivals():
    """Each of two rules sees a trace as it was before the event, whichever comes first: the event
    raises what they share once, when both have looked.
    """
    shared = simulator([[(TAU, TAU), (TAU, TAU)]] * 3)
    alone = simulator(
        [
            [(TAU, one), (TAU * (1 + APART), two)]
            for one, two in zip(apart(3), apart(6)[3:], strict=True)
        ]
    )
    assert held(shared) == arrivals(shared) + CELLS
    assert held(alone) == 2 * arrivals(alone) + 6 * CELLS
    assert shared.run(DURATION).hash == alone.run(DURATION).hash
    for part in shared.network.projections:
        np.testing.assert_allclose(
            shared.weights(part.name), alone.weights(part.name), rtol=0, atol=1e-11
        )


def test_cells_that_one_projection_alone_reaches_have_traces_too():
    """A cell without a synapse from the one source learns about the other as if it were alone."""
    net = Network(seed=1)
    source, cells = net.population(SpikeSource(), 40), net.population(LIF(), 60, name="cells")
    for name, probability in (("few", 0.01), ("many", 0.5)):
        net.connect(
            source,
            cells,
            FixedProbability(probability),
            weight=2e-3 if name == "many" else 1e-9,
            delay=1e-3,
            rule=STDP(w_max=4e-3, a_plus=1e-4) if name == "many" else STDP(a_plus=1e-12),
            name=name,
        )
    net.stimulate(source, Poisson(rate=50.0))
    made = Simulator(net, engine="event")
    few = np.bincount(made.synapses("few").targets, minlength=60)
    assert (few == 0).any()
    assert (few > 0).any()
    made.run(DURATION)
    lost = made.weights("many") < 2e-3 - 1e-6
    reached = np.bincount(made.synapses("many").targets[lost], minlength=60) > 0
    assert reached[few == 0].all()
    assert reached[few > 0].all()


@pytest.mark.parametrize("rules", [1, 2])
def test_shared_traces_are_saved_and_go_on(rules, tmp_path):
    whole, cut = (simulator([[(TAU, TAU)] * rules] * 3) for _ in range(2))
    expected = whole.run(0.1), whole.run(0.1)
    cut.run(0.1)
    cut.save(tmp_path / "half")
    loaded = Simulator.load(tmp_path / "half")
    assert loaded.run(0.1).hash == expected[1].hash
    for part in whole.network.projections:
        np.testing.assert_array_equal(loaded.weights(part.name), whole.weights(part.name))
    batch = loaded.run(0.1, batch=3, learn="each")
    assert batch.hash == whole.run(0.1, batch=3, learn="each").hash
