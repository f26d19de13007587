"""Networks on no grid as modules of torch: spikes, closed forms, training, what is refused."""

import copy
import math
import pickle
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from potentia import Network, Simulator
from potentia.errors import UnsupportedError
from potentia.learning import EventProp
from potentia.models import CubaLIF, SpikeSource
from potentia.sim import (
    AllToAll,
    Constant,
    Explicit,
    FixedProbability,
    NeuronModel,
    OneToOne,
    SpikeTrain,
    Uniform,
)
from potentia.sim.engines import event_samples

DURATION = 60e-3


def network(n_in=4, n=6, n_out=2, *, seed=0, **model):
    """Input, a recurrent population, and a readout, with a delay for each synapse."""
    rng = np.random.default_rng(seed)
    net = Network(seed=seed)
    source = net.population(SpikeSource(), n_in, name="source")
    hidden = net.population(CubaLIF(tau=rng.uniform(8e-3, 20e-3, n), **model), n, name="hidden")
    out = net.population(CubaLIF(), n_out, name="out")
    net.connect(
        source, hidden, AllToAll(), weight=30e-3, delay=rng.uniform(1e-3, 4e-3, n_in * n), name="in"
    )
    net.connect(hidden, out, AllToAll(), weight=Uniform(5e-3, 20e-3), name="read")
    net.connect(hidden, hidden, FixedProbability(0.5), weight=-3e-3, name="within")
    net.stimulate(source, SpikeTrain([1e-3, 5e-3], [0, 1]), name="spikes")
    net.stimulate(out, Constant(1e-3))
    return net


def some_times(n_samples, n_in=4, seed=1):
    rng = np.random.default_rng(seed)
    times = rng.uniform(0, 30e-3, (n_samples, n_in, 3))
    times[rng.random(times.shape) < 0.3] = np.inf
    return torch.from_numpy(times)


def assert_same_spikes(spikes, sample, net, trains):
    """One sample has the spikes of the event engine on its own."""
    net = net.copy()
    for population in net.populations:
        net.probe(population, "spikes")
    sim = Simulator(net, engine="event")
    result = sim.run(DURATION, inputs=trains, batch=1)[0]
    for population in net.populations:
        own = spikes.samples[population.name] == sample
        expected = result.spikes(population.name)
        times = spikes.times[population.name].detach()[own].numpy()
        np.testing.assert_array_equal(times, expected.times)
        np.testing.assert_array_equal(spikes.units[population.name][own].numpy(), expected.ids)


def train_of(times):
    """The times of one sample (n_units, n) as a SpikeTrain."""
    units, places = np.nonzero(np.isfinite(times.numpy()))
    return SpikeTrain(times.numpy()[units, places], units)


@pytest.mark.parametrize("threads", [1, 2])
def test_spikes_are_those_of_the_event_engine(threads):
    model = EventProp(network(), DURATION, train_delays=["in", "within"], threads=threads)
    times = some_times(35)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(torch.rand_like(parameter) + 0.5)
        spikes = model(times)
    assert len(spikes.times["out"]) > 35
    trained = model.network()
    for sample in (0, 17, 34):
        assert_same_spikes(spikes, sample, trained, {"spikes": train_of(times[sample])})


def test_parameters_are_in_the_order_of_the_weights():
    net = network()
    model, sim = EventProp(net, DURATION, train_delays=["in"]), Simulator(net, engine="event")
    assert list(model.weights) == ["in", "read", "within"]
    for name, parameter in model.weights.items():
        np.testing.assert_array_equal(parameter.detach().numpy(), sim.weights(name))
    delays = model.delays["in"].detach().numpy()
    np.testing.assert_array_equal(delays, sim.synapses("in").delays)


def test_gradients_follow_synapses_whose_order_changes():
    """Trained delays turn the order of the engine's synapses; some pairs have several synapses."""
    net = Network(seed=1)
    source = net.population(SpikeSource(), 2)
    cells = net.population(CubaLIF(), 2, name="cells")
    pairs = Explicit([0, 0, 0, 1, 1], [0, 0, 1, 1, 0])
    delays = np.array([3e-3, 1e-3, 2e-3, 2e-3, 2e-3])
    net.connect(source, cells, pairs, weight=100e-3, delay=delays, name="p")
    net.stimulate(source, SpikeTrain([1e-3, 2e-3], [0, 1]))
    model = EventProp(net, DURATION, train_delays=["p"])
    with torch.no_grad():
        model.delays["p"].copy_(torch.tensor([4.0, 3.0, 2.5, 1.0, 0.5], dtype=torch.float64) * 1e-3)

    def loss():
        return model().first("cells").sum()

    loss().backward()
    for parameter in (model.weights["p"], model.delays["p"]):
        for k in range(5):
            h = 1e-3 * float(parameter[k].detach())
            ends = []
            for way in (h, -h):
                with torch.no_grad():
                    parameter[k] += way
                    ends.append(float(loss().detach()))
                    parameter[k] -= way
            # the error of a central difference is some h**2
            assert float(parameter.grad[k]) == pytest.approx(
                (ends[0] - ends[1]) / (2 * h), rel=1e-4, abs=1e-9
            )


def test_the_gradient_is_that_of_the_closed_form():
    """Where tau = 2 tau_excitatory the crossing is the root of a quadratic (Goeltz et al. 2021,
    doi:10.1038/s42256-021-00388-x).
    """
    net = Network()
    source, cell = net.population(SpikeSource(), 1), net.population(CubaLIF(tau=10e-3), 1, name="c")
    net.connect(source, cell, OneToOne(), weight=60e-3, delay=2e-3, name="p")
    net.stimulate(source, SpikeTrain([3e-3], [0]))
    model = EventProp(net, 15e-3, train_delays=["p"])
    first = model().first("c")
    first.sum().backward()
    # w (x - x**2) = threshold with x = exp(-t / tau)
    w, threshold, tau = 60e-3, 10e-3, 10e-3
    root = math.sqrt(1 - 4 * threshold / w)
    x = (1 + root) / 2
    slope = -tau / x * threshold / (w**2 * root)
    assert first.item() == pytest.approx(5e-3 - tau * math.log(x), abs=2e-15)  # some ticks
    assert model.weights["p"].grad.item() == pytest.approx(slope, rel=1e-12)
    assert model.delays["p"].grad.item() == pytest.approx(1.0, rel=1e-12)


def test_all_times_shift_with_the_input():
    """Without drive nothing but the input sets times, so gradients of arrivals add up."""
    net = network()
    net.inputs.pop()  # the constant current
    times = some_times(20).requires_grad_()
    spikes = EventProp(net, 1.0)(times)
    spikes.times["out"].sum().backward()
    per_sample = torch.where(torch.isfinite(times), times.grad, 0.0).sum(dim=(1, 2))
    counts = spikes.counts("out").sum(dim=1).double()
    assert counts.min() > 0
    torch.testing.assert_close(per_sample, counts, rtol=1e-9, atol=0.0)


def test_threads_change_no_bit_and_a_second_call_neither():
    def gradients(threads):
        model = EventProp(network(), DURATION, train_delays=["in"], threads=threads)
        for _ in range(2):
            model.zero_grad()
            spikes = model(some_times(50))
            (spikes.times["out"] ** 2).sum().backward()
        return [parameter.grad for parameter in model.parameters()]

    for one, two in zip(gradients(1), gradients(2), strict=True):
        assert torch.equal(one, two)
        assert one.abs().max() > 0


def test_a_sum_over_samples_is_the_sum_of_their_gradients():
    model, times = EventProp(network(), DURATION), some_times(3)

    def gradient(inputs):
        model.zero_grad()
        model(inputs).times["out"].sum().backward()
        return model.weights["in"].grad.clone()

    together, apart = gradient(times), sum(gradient(times[k : k + 1]) for k in range(3))
    torch.testing.assert_close(together, apart, rtol=1e-12, atol=1e-12)


def test_views_of_the_spikes():
    spikes = EventProp(network(), DURATION)(some_times(8))
    first, everything, counts = spikes.first("out"), spikes.all("out"), spikes.counts("out")
    assert first.shape == (8, 2)
    assert everything.shape == (8, 2, int(counts.max()))
    assert torch.equal(everything[..., 0], first)
    assert torch.equal(torch.isfinite(everything).sum(dim=2), counts)
    flat = everything[torch.isfinite(everything)].sort().values
    assert torch.equal(flat, spikes.times["out"].sort().values)
    assert "8 samples" in repr(spikes)


def test_silence_is_infinitely_late_and_has_no_gradient():
    model = EventProp(network(), DURATION)
    times = torch.full((2, 4), torch.inf, dtype=torch.float64, requires_grad=True)
    first = model(times).first("out")
    assert torch.isinf(first).all()
    assert model(times).all("out").shape == (2, 2, 0)
    torch.where(torch.isinf(first), 0.0, first).sum().backward()
    assert not model.weights["in"].grad.any()
    assert not times.grad.any()


def test_potentials_are_those_of_the_probe():
    net = network()
    watch_times = np.arange(1, 60) * 1e-3
    model = EventProp(net, DURATION, watch=["out", "hidden"], watch_times=watch_times)
    found = model().potentials
    assert list(found) == ["out", "hidden"]
    net.probe(net.populations[1], "v", every=1e-3)
    expected = Simulator(net, engine="event").run(59e-3).samples("hidden", "v").values
    np.testing.assert_allclose(found["hidden"][0].detach().numpy(), expected, rtol=0, atol=1e-15)


def test_inputs_may_be_trains_or_left_out():
    net, times = network(), some_times(3)
    model = EventProp(net, DURATION)
    by_times = model({"spikes": times})
    by_trains = model([train_of(own) for own in times])
    assert torch.equal(by_times.times["out"], by_trains.times["out"])
    assert_same_spikes(model(), 0, net, {})


def test_buffers_grow_where_they_are_full(monkeypatch):
    monkeypatch.setattr(event_samples, "ROWS", 2)
    monkeypatch.setattr("potentia.sim.engines.event_memory.ROOM", 2)
    net = network()
    model, times = EventProp(net, DURATION), some_times(20)
    spikes = model(times)
    monkeypatch.undo()
    assert torch.equal(spikes.times["out"], model(times).times["out"])


def test_a_module_is_copied_pickled_and_saved():
    model = EventProp(network(), DURATION, train_delays=["in"])
    with torch.no_grad():
        model.weights["in"] *= 1.1
    times = some_times(2)
    expected = model(times).times["out"]
    other = EventProp(network(), DURATION, train_delays=["in"])
    other.load_state_dict(model.state_dict())
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), other):
        assert torch.equal(twin(times).times["out"], expected)


def test_delays_stay_in_their_range():
    model = EventProp(network(), DURATION, train_delays=["in"], least_delay=0.5e-3)
    with torch.no_grad():
        model.delays["in"] -= 1.0
    model()
    assert (model.delays["in"] == 0.5e-3).all()


def test_a_readout_learns_when_to_fire_and_frozen_weights_do_not():
    """Each of two outputs is to fire at a time of its own; delays and weights of the readout learn."""
    wanted = torch.tensor([16e-3, 12e-3], dtype=torch.float64)
    times = torch.tensor([[1.0, 3.0, 5.0, 7.0]], dtype=torch.float64) * 1e-3

    def distance(model):
        return (model(times).first("out") - wanted).abs().mean()

    model = EventProp(network(), DURATION, train_delays=["read"])
    frozen = distance(model).item()
    optimiser = torch.optim.Adam(
        [
            {"params": [model.weights["read"]], "lr": 2e-4},
            {"params": [model.delays["read"]], "lr": 1e-4},
        ]
    )
    for _ in range(60):
        optimiser.zero_grad()
        distance(model).backward()
        optimiser.step()
    assert distance(model).item() < 0.1 * frozen


@pytest.mark.parametrize("precision", [torch.float32, torch.float16, torch.bfloat16])
def test_other_precisions_are_taken_and_given_back(precision):
    """Of parameters and input, whose gradients then are those of the rounded numbers."""
    model = EventProp(network(), DURATION, train_delays=["in"]).to(precision)
    times = some_times(3).to(precision).requires_grad_()
    model(times).times["out"].sum().backward()
    gradients = [times.grad, model.weights["in"].grad, model.delays["in"].grad]
    assert all(own.dtype == precision and own.abs().max() > 0 for own in gradients)
    exact = copy.deepcopy(model).double()
    exact.zero_grad()
    exact(times.detach().double()).times["out"].sum().backward()
    for kind in ("weights", "delays"):
        own, other = (getattr(one, kind)["in"].grad for one in (model, exact))
        torch.testing.assert_close(own, other.to(precision))
    written, same = (one.network().projections[0].weight for one in (model, exact))
    assert np.array_equal(written, same)


@dataclass(frozen=True, kw_only=True)
class Own(NeuronModel):
    """A user's own model, with the equations of CubaLIF and perhaps a spike of its own."""

    tau: float = 15e-3
    tau_excitatory: float = 5e-3
    tau_inhibitory: float = 5e-3
    threshold: float = 10e-3
    reset: float = 0.0
    refractory: float = 5e-3

    kernel = "cuba_lif_step"
    state = CubaLIF.state
    receptors = CubaLIF.receptors
    receives = CubaLIF.receives
    event = CubaLIF.event

    constants = CubaLIF.constants


@dataclass(frozen=True, kw_only=True)
class Emptying(Own):
    """A spike uses up the current as well, which the adjoint does not know."""

    event = replace(CubaLIF.event, fire=lambda g_e, reset, g_i: (reset, 0.0 * g_e, g_i))


def test_a_users_own_model_takes_part_where_its_kernels_are_known():
    def first_spikes(model):
        net = Network(seed=1)
        source, cells = net.population(SpikeSource(), 2), net.population(model, 3, name="cells")
        net.connect(source, cells, AllToAll(), weight=70e-3, name="p")
        net.stimulate(source, SpikeTrain([1e-3, 4e-3], [0, 1]))
        module = EventProp(net, DURATION)
        first = module().first("cells")
        first.sum().backward()
        return torch.cat([first.detach().ravel(), module.weights["p"].grad])

    assert torch.equal(first_spikes(Own()), first_spikes(CubaLIF(tau=15e-3, tau_inhibitory=5e-3)))
    refused(UnsupportedError, "is of Emptying", lambda: first_spikes(Emptying()))


def refused(error, message, make):
    with pytest.raises(error, match=re.escape(message)):
        make()
