"""A user's own kernels for the event engine: never stale, and held to the rules in one sentence
each.
"""

import math

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import NetworkError, PotentiaError
from potentia.models import LIF
from potentia.sim import Poisson
from potentia.sim.description.neuron import EventKernels
from potentia.tests.models.own_kernels import adding, keyword_step, model


def test_event_kernels_of_one_factory_differ():
    def waiting(time):
        def same_flow(v):
            return v

        def same_next(v):
            return time if v < 1.0 else math.inf

        def same_fire(v):
            return v + 1.0

        kernels = EventKernels(
            flow=same_flow, next=same_next, fire=same_fire, state=("v",), receives={"jump": "v"}
        )
        net = Network()
        cells = net.population(model(adding(0.0), event=kernels), 2, name="cells")
        net.probe(cells, "spikes")
        return Simulator(net, engine="event").run(0.1).spikes("cells").times.tolist()

    assert [waiting(time) for time in (0.01, 0.03, 0.01)] == [
        [time, time] for time in (0.01, 0.03, 0.01)
    ]


def events(after, *, flow=None, fire=None, refractory=0.0, name="cells"):
    """A network of one model with these event kernels."""

    def still_flow(v):
        return v

    kernels = EventKernels(
        flow=flow or still_flow, next=after, fire=fire, state=("v",), receives={"jump": "v"}
    )
    net = Network()
    net.population(LIF(), 2, name="before")
    made = model(adding(0.0), event=kernels, refractory=refractory, reset=0.0)
    cells = net.population(made, 3, name=name)
    net.stimulate(cells, Poisson(rate=100.0, weight=0.1))
    net.probe(cells, "spikes")
    return net


def nan_next(v):
    return math.nan if v > 0.25 else math.inf


def at_once_next(v):
    return 0.0


def never_next(v):
    return math.inf


def again_next(v):
    return -1e-30


def nan_flow(v, elapsed):
    return v + math.nan * elapsed


BAD_EVENTS = {
    "nan": (
        events(nan_next),
        r"Own of population 'cells': the event kernel `next` must return a time.*got nan",
    ),
    "for ever": (
        events(at_once_next),
        r"Own of population 'cells': after a spike the event kernel `next` must not return",
    ),
    "again": (
        events(again_next),
        r"Own of population 'cells': the event kernel `next` must be asked again only after",
    ),
    "nan state": (events(never_next, flow=nan_flow), r"cells.v of unit \d is nan"),
}


@pytest.mark.parametrize("case", BAD_EVENTS)
def test_event_kernels_that_break_the_rules_end_the_run(case):
    """And the next run says the same, from where the first began."""
    net, rule = BAD_EVENTS[case]
    simulator = Simulator(net, engine="event")
    for _ in range(2):
        with pytest.raises(PotentiaError, match=rf"^{rule}"):
            simulator.run(0.2)
        assert simulator.time == 0.0


def test_a_unit_at_threshold_fires_once_its_rest_is_over():
    """A refractory time makes of what would fire for ever a train."""
    spikes = (
        Simulator(events(at_once_next, refractory=2e-3), engine="event")
        .run(10.5e-3)
        .spikes("cells")
    )
    np.testing.assert_allclose(spikes.trains()[0], np.arange(6) * 2e-3, atol=1e-12)


def short_next(v):
    return (math.inf, v)


@pytest.mark.parametrize(
    "kernel",
    [short_next, keyword_step, math.exp, lambda v: "soon"],
    ids=["too few", "a keyword", "a builtin", "a lambda"],
)
def test_event_kernels_that_cannot_be_compiled_are_refused(kernel):
    with pytest.raises(
        NetworkError, match=r"^Own of population 'cells': (event )?kernel"
    ) as caught:
        Simulator(events(kernel), engine="event")
    assert "\n" not in str(caught.value)
