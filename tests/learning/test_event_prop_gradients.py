"""Exact gradients by events against differences of the engine, on random networks."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from potentia import Network
from potentia.learning import EventProp
from potentia.models import CubaLIF, SpikeSource
from potentia.sim import AllToAll, Constant, FixedProbability, OneToOne, SpikeTrain
from potentia.tests.learning.differences import derivative

DURATION, UNIT = 60e-3, 1e-3  # [s]
LOOKS = np.array([11.3e-3, 24.9e-3, 51.7e-3])  # times at which potentials are observed [s]
PRECISE = 1e-8  # relative: what central differences of times in whole femtoseconds can confirm
STEP = 1.5e-3  # the largest distance, relative to the size of a parameter
MOST = 400  # spikes


def cells(rng, n):
    """A model with parameters per unit, or one for all, with or without a refractory time."""
    each = n if rng.random() < 0.7 else None
    return CubaLIF(
        tau=rng.uniform(5e-3, 25e-3, each),
        tau_excitatory=rng.uniform(2e-3, 8e-3, each),
        tau_inhibitory=rng.uniform(2e-3, 15e-3, each) if rng.random() < 0.8 else 5e-3,
        threshold=rng.uniform(6e-3, 12e-3, each),
        reset=rng.uniform(-3e-3, 1e-3, each),
        refractory=0.0 if rng.random() < 0.3 else rng.uniform(1e-3, 6e-3, each),
    )


def synapses(net, rng, pre, post, most):
    """A projection of a random kind."""
    chance = rng.uniform(0.5, 1.0)
    wiring = AllToAll() if rng.random() < 0.5 else FixedProbability(chance)
    n = round(wiring.expected(pre.n, post.n)) if isinstance(wiring, AllToAll) else None
    delay = 1.5e-3 if rng.random() < 0.3 or n is None else rng.uniform(0.3e-3, 6e-3, n)
    weight = rng.uniform(-0.3 * most, most, n) if n else rng.uniform(0.3 * most, most)
    receptor = "inhibitory" if rng.random() < 0.3 else "excitatory"
    net.connect(pre, post, wiring, weight=weight, delay=delay, receptor=receptor)


def random_network(seed):
    """Two populations, one of which is recurrent, under spikes and constant currents."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 6, 3)
    net = Network(seed=seed)
    source = net.population(SpikeSource(), int(sizes[0]), name="source")
    start = {"v": rng.uniform(-2e-3, 4e-3, sizes[1]), "g_e": rng.uniform(0, 5e-3, sizes[1])}
    one = net.population(cells(rng, int(sizes[1])), int(sizes[1]), name="one", initial=start)
    two = net.population(cells(rng, int(sizes[2])), int(sizes[2]), name="two")
    synapses(net, rng, source, one, 35e-3)
    synapses(net, rng, one, two, 30e-3)
    synapses(net, rng, one, one, 8e-3)
    if rng.random() < 0.5:
        synapses(net, rng, two, one, 8e-3)
    net.stimulate(source, SpikeTrain(), name="spikes")
    net.stimulate(two, SpikeTrain(weight=12e-3), receptor="inhibitory", name="direct")
    net.stimulate(one, Constant(rng.uniform(0.0, 9e-3)))
    times = {
        name: torch.from_numpy(rng.uniform(1e-3, 40e-3, (2, int(n), 3)))
        for name, n in (("spikes", sizes[0]), ("direct", sizes[2]))
    }
    return net, times


def loss_of(model, times, factors):
    """A random linear function of all spike times and potentials, and which spikes there are."""
    spikes = model(times)
    total, places = 0.0, []
    for name in ("one", "two"):
        rows = spikes.samples[name] * 7 + spikes.units[name]
        total = total + (spikes.times[name] / UNIT * factors[: len(rows)]).sum()
        total = total + (spikes.potentials[name] / UNIT).mul(factors[0]).mean()
        places.append(rows.numpy())
    return total, np.concatenate(places)


def relative_error(seed):
    """How far the gradient along a random direction is from differences, in units of the sum of
    its parts' sizes; None where spikes come and go nearby, or differences cannot tell.
    """
    net, times = random_network(seed)
    model = EventProp(
        net,
        DURATION,
        train_delays=[part for part in net.projections],
        watch=["one", "two"],
        watch_times=LOOKS,
    )
    rng = np.random.default_rng(seed + 1)
    factors = torch.from_numpy(rng.normal(size=100 * MOST))
    tensors = [*model.parameters(), *times.values()]
    for tensor in times.values():
        tensor.requires_grad_()
    loss, places = loss_of(model, times, factors)
    if not 0 < places.size < MOST:
        return None
    gradients = torch.autograd.grad(loss, tensors)
    start = [tensor.detach().clone() for tensor in tensors]
    along = [torch.from_numpy(rng.uniform(-1, 1, tuple(own.shape))) * own for own in start]
    changed = False

    def moved(distance):
        nonlocal changed
        with torch.no_grad():
            for tensor, begin, way in zip(tensors, start, along, strict=True):
                tensor.copy_(begin + distance * way)
            value, now = loss_of(model, times, factors)
        changed = changed or not np.array_equal(now, places)
        return float(value)

    found, error = derivative(moved, STEP)
    parts = torch.cat(
        [(own * way).ravel() for own, way in zip(gradients, along, strict=True)]
    ).numpy()
    scale = np.abs(parts).sum()
    if changed or error > 0.3 * PRECISE * scale:
        return None
    return abs(parts.sum() - found) / scale


def test_arrivals_that_meet_at_a_source_share_its_gradient():
    """One spike comes of them, which moves as far as all of them together."""
    net = Network(seed=1)
    source, relay = net.population(SpikeSource(), 2), net.population(SpikeSource(), 2)
    cells = net.population(CubaLIF(), 2, name="cells")
    net.connect(source, relay, AllToAll(), weight=1.0, delay=1e-3)
    net.connect(relay, cells, OneToOne(), weight=80e-3, delay=1e-3, name="p")
    net.stimulate(source, SpikeTrain(), name="spikes")
    times = torch.full((1, 2, 2), 5e-3, dtype=torch.float64, requires_grad=True)
    EventProp(net, DURATION)(times).first("cells")[0].sum().backward()
    # 4 meet in each of 2 spikes; differences are those of rounding
    assert times.grad.flatten().tolist() == pytest.approx([0.5, 0.5, 0.5, 0.5], rel=1e-12)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much],
)
@given(seed=st.integers(0, 2**32 - 1))
def test_gradients_are_those_of_differences(seed):
    """Of weights, delays and input times at once, on random networks."""
    error = relative_error(seed)
    assume(error is not None)
    assert error <= PRECISE
