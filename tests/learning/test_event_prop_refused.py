"""Networks on no grid as modules of torch: what is refused, each in one sentence."""

import pytest
import torch
from torch.nn import Parameter

from potentia.errors import DivergenceError, NetworkError, ParameterError, UnsupportedError
from potentia.learning import STDP, EventProp
from potentia.models import LIF
from potentia.sim import (
    AllToAll,
    FixedTotal,
    Ideal,
    Poisson,
    SpikeTrain,
)

from .test_event_prop import DURATION, network, refused, some_times


def test_what_has_no_adjoint_is_refused_by_name():
    net = network()
    net.population(LIF(), 1, name="leaky")
    refused(UnsupportedError, "population 'leaky' is of LIF", lambda: EventProp(net, DURATION))
    net = network()
    net.stimulate(net.populations[0], Poisson(rate=5.0), name="noise")
    refused(UnsupportedError, "input 'noise' is Poisson", lambda: EventProp(net, DURATION))
    net = network()
    one, two = net.populations[1:3]
    net.connect(one, two, AllToAll(), weight=1e-3, rule=STDP(), name="plastic")
    refused(UnsupportedError, "'plastic' learns by STDP", lambda: EventProp(net, DURATION))
    net = network()
    one, two = net.populations[1:3]
    net.connect(one, two, FixedTotal(5), weight=1e-3, store=Ideal(bits=4), name="coarse")
    refused(
        ParameterError, "must not round the weights of 'coarse'", lambda: EventProp(net, DURATION)
    )


def test_bad_arguments_end_in_a_sentence():
    net = network()
    for options, error, message in (
        ({"train": ["reed"]}, NetworkError, "must be among in, read, within; did you mean 'read'"),
        ({"train": "read"}, ParameterError, "must be a list"),
        ({"watch": ["source"]}, NetworkError, "must be among"),
        ({"watch_times": [2e-3, 1e-3]}, ParameterError, "must ascend"),
        ({"least_delay": 2e-3, "train_delays": ["in"]}, ParameterError, "'in' with"),
        ({"threads": 0}, ParameterError, "threads"),
    ):
        refused(error, message, lambda options=options: EventProp(net, DURATION, **options))
    refused(ParameterError, "duration", lambda: EventProp(net, 0.0))
    refused(ParameterError, "must be a Network", lambda: EventProp("net", 1.0))
    net = network()
    one, two = net.populations[1:3]
    net.connect(one, two, AllToAll(), weight=1e-3, name="keys")
    refused(NetworkError, "cannot be called 'keys'", lambda: EventProp(net, DURATION))


def test_bad_inputs_end_in_a_sentence():
    model = EventProp(network(), DURATION)
    for inputs, message in (
        ({"spike": torch.zeros(1, 4)}, "'spikes'"),
        (torch.zeros(1, 3), "must be times (n_samples, 4)"),
        (torch.zeros(0, 4), "of one sample or more, or"),
        (torch.full((1, 4), torch.nan), "must be times >= 0 s"),
        (-torch.ones(1, 4), "must be times >= 0 s"),
        ([SpikeTrain([0.0], [9])], "and < 4"),
        (5, "must be a dict"),
    ):
        refused(ParameterError, message, lambda inputs=inputs: model(inputs))
    with torch.no_grad():
        model.weights["read"][0] = torch.nan
    refused(ParameterError, "weights of 'read'", model)
    with torch.no_grad():
        model.weights["read"][:] = 1e308
        model.weights["in"][:] = 1.0
    refused(DivergenceError, "not finite", lambda: model(some_times(1)))


@pytest.mark.parametrize("kind", ["weights", "delays"])
def test_replaced_parameters_that_do_not_fit_end_in_a_sentence(kind):
    """Others than floating-point numbers, one for each synapse of a projection that learns."""
    for name, other, message in (
        ("read", Parameter(torch.zeros(1)), "must have 12 entries, one for each synapse (got 1)"),
        ("read", Parameter(torch.zeros(6, 2)), "must have 1 dimension"),
        ("read", Parameter(torch.zeros(12, dtype=torch.int64), requires_grad=False), "int64"),
        ("read", Parameter(torch.zeros(12, device="meta")), "must be an array of numbers"),
        ("read", None, "must be a parameter of floating-point numbers (got None)"),
        ("reed", Parameter(torch.zeros(12)), "must be one of in, read, within; did you mean"),
    ):
        model = EventProp(network(), DURATION, train_delays=["read"])
        getattr(model, kind)[name] = other
        refused(ParameterError, message, lambda model=model: model(some_times(1)))
