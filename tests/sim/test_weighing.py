"""Weights and delays are drawn apart from the targets they belong to, on both engines and in every
store.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from potentia import Network, Simulator
from potentia.errors import CapacityError
from potentia.models import IF, SpikeSource
from potentia.sim import FixedOutDegree, FixedTotal, Ideal, Procedural, Uniform
from potentia.sim.engines import event_chains

ALARM = 1e-6  # false-alarm rate of each statistical test; the seeds are fixed
OUT, SOURCES = 2000, 20


def drawn(n_post, store, *, engine="clock", connectivity=None, delay=1e-3):
    """Targets, weights and delays [steps] of the synapses of 20 sources."""
    net = Network(seed=11)
    source, target = net.population(SpikeSource(), SOURCES), net.population(IF(), n_post)
    chosen = connectivity or FixedOutDegree(OUT)
    loop = net.connect(
        source, target, chosen, weight=Uniform(0.0, 1.0), delay=delay, store=store, name="loop"
    )
    if engine == "event":
        made = event_chains.draw(net, loop)
        return made.edges.targets, np.broadcast_to(made.weights, len(made.edges)), None
    simulator = Simulator(net, dt=1e-3, threads=1)
    synapses = simulator.plan.synapses["loop"]
    return (
        synapses.targets,
        simulator.weights(loop),
        np.concatenate([np.repeat(synapses.lags, own) for own in synapses.lag_counts()]),
    )


def independent(one, other, n_one, n_other):
    """The p-value of a chi-square test of independence."""
    table = np.zeros((n_one, n_other))
    np.add.at(table, (one, other), 1)
    return stats.chi2_contingency(table[table.any(1)][:, table.any(0)]).pvalue


@pytest.mark.parametrize(
    ("n_post", "bits"),
    [(2**18, 16), (2**17, 16), (150_001, 16), (2**20, 14), (2**20, 12), (2**18, 8), (1000, 8)],
)
@pytest.mark.parametrize("engine", ["clock", "event"])
def test_weights_tell_nothing_of_targets(n_post, bits, engine):
    """Also where the random bits of a target and those of a level are more than a word has."""
    targets, weights, _ = drawn(n_post, Ideal(bits=bits), engine=engine)
    level = np.minimum((weights * 8).astype(int), 7)
    for part in (targets % 4, targets % 8, targets * 8 // n_post):
        assert independent(part.astype(int), level, 8, 8) > ALARM
    means = np.array([weights[targets % 4 == k].mean() for k in range(4)])
    # 5 standard errors
    np.testing.assert_allclose(means, 0.5, atol=5 * 0.2887 / np.sqrt(OUT * SOURCES / 4))


@pytest.mark.parametrize("store", [Ideal, Procedural])
@pytest.mark.parametrize(
    ("n_post", "bits"), [(60_000, 16), (45_000, 16), (21_846, 16), (1_500_000, 11)]
)
def test_no_target_has_heavier_weights(n_post, bits, store):
    """The words that choose a target are 2**32 / n_post in a row: their low bits go round a whole
    number of times, and a part, whose mean was that of the target's weights."""
    targets, weights, _ = drawn(n_post, store(bits=bits))
    first, length = -(-(targets.astype(np.int64) << 32) // n_post), 1 << bits
    rest = (2**32 // n_post) % length
    middle = ((first + rest / 2) % length) / length  # of that part
    parts = [weights[(middle >= low) & (middle < low + 0.25)] for low in (0.0, 0.25, 0.5, 0.75)]
    for part in parts:
        assert abs(part.mean() - 0.5) < 5 * 0.2887 / np.sqrt(part.size)
    assert stats.kstest(weights, "uniform").pvalue > ALARM


def test_both_engines_draw_the_same_weights():
    for n_post in (500, 2**18):
        here, there = (
            drawn(n_post, Ideal(bits=16), engine=engine) for engine in ("clock", "event")
        )
        order, other = (np.lexsort((made[1], made[0])) for made in (here, there))
        np.testing.assert_array_equal(here[0][order], there[0][other])
        # float32 on the clock engine
        np.testing.assert_allclose(here[1][order], there[1][other], atol=1e-6)


@pytest.mark.parametrize("connectivity", [FixedOutDegree(OUT), FixedTotal(OUT * SOURCES)])
@pytest.mark.parametrize(("n_post", "bits"), [(500, 16), (60_000, 16), (300_001, 8), (2**20, 10)])
def test_a_store_that_draws_again_has_the_weights_of_one_that_keeps_them(
    connectivity, n_post, bits
):
    kept, again = (
        drawn(n_post, kind(bits=bits), connectivity=connectivity) for kind in (Ideal, Procedural)
    )
    for one, other in zip(kept, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_store_that_draws_again_refuses_what_one_word_cannot_tell_apart():
    with pytest.raises(CapacityError, match="too many receptors and levels for words of 32 bits"):
        drawn(2**18, Procedural(bits=16))


@pytest.mark.parametrize("n_post", [1000, 2**18])
def test_delays_tell_nothing_of_targets_and_weights(n_post):
    targets, weights, lags = drawn(n_post, Ideal(bits=16), delay=Uniform(1e-3, 8e-3))
    level = np.minimum((weights * 8).astype(int), 7)
    assert independent(lags - 1, level, 8, 8) > ALARM
    assert independent(lags - 1, (targets % 8).astype(int), 8, 8) > ALARM
    assert independent(lags - 1, (targets * 8 // n_post).astype(int), 8, 8) > ALARM
