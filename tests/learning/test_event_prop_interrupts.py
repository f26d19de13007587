"""Networks on no grid as modules: passes that Ctrl-C ends, and passes that overlap."""

import numpy as np
import pytest
import torch

from potentia.learning import EventProp
from potentia.tests.sim.test_broken_runs import Interrupt

from .test_event_prop import DURATION, network, some_times

TIMES = some_times(3)


def made(threads=1):
    return EventProp(network(), DURATION, train_delays=("in",), watch=["out"], threads=threads)


def passed(model, times=TIMES):
    """What a pass comes to, and the gradients of its sum."""
    model.zero_grad()
    spikes = model(times)
    (spikes.times["out"].sum() + spikes.potentials["out"].sum()).backward()
    return [spikes.times["out"].detach(), *(one.grad.clone() for one in model.parameters())]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_pass_that_is_interrupted_leaves_no_trace(threads):
    """Forwards or back, the next pass has the bits of one that nothing came before."""
    expected, model = passed(made(threads)), made(threads)
    assert all(one.any() for one in expected)
    passed(model)  # what is compiled or imported once is there
    with Interrupt() as count:
        passed(model)
    interrupted = 0
    for place in np.linspace(1, 0.95 * count.passed, 25).astype(int):
        try:
            with Interrupt(place):
                passed(model)
        except KeyboardInterrupt:
            interrupted += 1
        for one, other in zip(passed(model), expected, strict=True):
            assert torch.equal(one, other)
    assert interrupted > 15


def test_passes_overlap():
    """Two forwards before the first way back: gradients are those of each, and add up."""
    model, others = made(), some_times(2, seed=7)
    apart = [passed(model), passed(model, others)]
    model.zero_grad()
    first, second = model(TIMES), model(others)
    for spikes in (second, first):
        (spikes.times["out"].sum() + spikes.potentials["out"].sum()).backward()
    for k, one in enumerate(model.parameters()):
        torch.testing.assert_close(one.grad, apart[0][k + 1] + apart[1][k + 1], rtol=1e-12, atol=0)


def test_a_sample_alone_is_as_among_others():
    model = made()
    alone = [passed(model, TIMES[k : k + 1])[1:] for k in range(3)]
    for whole, parts in zip(passed(model)[1:], zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(whole, sum(parts), rtol=1e-11, atol=1e-15)


def test_a_pass_of_no_samples_is_refused():
    with pytest.raises(ValueError, match=r"^EventProp\.inputs 'spikes': .*shape \(0, 4, 3\)"):
        made()(TIMES[:0])
