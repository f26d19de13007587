"""Results answer by part and by name alike, and a batch as each of its samples does."""

import copy
import pickle

import numpy as np
import pytest

from potentia import Network, Result, Simulator
from potentia.errors import ParameterError
from potentia.models import LIF
from potentia.sim import BatchResult, Constant, FixedProbability, Poisson


def network():
    net = Network(seed=3)
    pre, post = net.population(LIF(), 6, name="pre"), net.population(LIF(), 3, name="post")
    net.stimulate(pre, Poisson(rate=400.0, weight=9e-3))
    net.stimulate(post, Constant(20e-3))
    joined = net.connect(pre, post, FixedProbability(0.5), weight=1e-3, delay=1e-3)
    for what in ("spikes", "counts", "rate", "v"):
        net.probe(pre, what)
    net.probe(joined, "weights", every=10e-3)
    return net


def asked(result, population, projection):
    """Every question that takes a part, as arrays."""
    spikes = result.spikes(population)
    trains = spikes if isinstance(spikes, list) else [spikes]
    return [
        *(array for train in trains for array in (train.times, train.ids)),
        result.trace(population, "v"),
        result.counts(population),
        result.rate(population),
        result.weights(projection),
    ]


@pytest.mark.parametrize("batch", [None, 2])
def test_a_part_answers_as_its_name_does(batch):
    net = network()
    result = Simulator(net).run(0.05, batch=batch)
    by_name = asked(result, "pre", "pre->post")
    assert sum(map(np.size, by_name[:2])) > 0
    again = pickle.loads(pickle.dumps(net))
    # of a copy, or of another network: the name counts
    for one in (
        net,
        copy.copy(net),
        again,
        network(),
    ):
        for left, right in zip(
            by_name, asked(result, one.populations[0], one.projections[0]), strict=True
        ):
            assert np.array_equal(left, right)


def test_what_is_no_part_or_was_not_recorded_is_refused():
    net = network()
    result = Simulator(net).run(0.01)
    with pytest.raises(
        ParameterError,
        match=r"spikes population: must be a population or a projection, or its name",
    ):
        result.spikes(0)
    with pytest.raises(
        ParameterError, match=r"no spikes of population 'post' was recorded \(recorded: pre\)"
    ):
        result.spikes(net.populations[1])
    with pytest.raises(
        ParameterError, match=r"must be a population or a projection, or its name \(got None\)"
    ):
        result.weights(None)


def test_a_batch_is_a_sequence_of_its_samples():
    """Indices from both ends, slices, iteration; a slice answers like a batch."""
    batch = Simulator(network()).run(0.05, batch=4)
    assert list(batch) == batch.samples
    assert (batch[0], batch[-1], batch[np.int64(2)]) == (
        batch.samples[0],
        batch.samples[3],
        batch.samples[2],
    )
    part = batch[1:3]
    assert isinstance(part, BatchResult)
    assert part.samples == batch.samples[1:3]
    assert np.array_equal(part.rate("pre"), batch.rate("pre")[1:3])
    assert [spikes.times.size for spikes in part.spikes("pre")] == [
        len(s.spikes("pre")) for s in part
    ]
    assert batch.rate("pre").shape == (4, 50)
    assert len({sample.hash for sample in batch}) == 4
    for outside in (4, -5):
        with pytest.raises(IndexError, match=f"there is no sample {outside} among 4"):
            batch[outside]


def test_a_batch_refuses_what_its_samples_cannot_answer_together():
    one = Simulator(network()).run(0.01)
    with pytest.raises(
        ParameterError, match=r"rate: needs one or more samples with equal records "
    ):
        BatchResult([]).rate("pre")
    longer = Simulator(network()).run(0.02)
    with pytest.raises(ParameterError, match=r"equal records \(got 'shapes \(10,\), \(20,\)'"):
        BatchResult([one, longer]).rate("pre")
    with pytest.raises(ParameterError, match="samples: must be a list of results"):
        BatchResult([one, None])
    assert BatchResult([]).spikes("pre") == []


def test_an_empty_run_answers_with_empty_records():
    result = Simulator(network()).run(0.0)
    assert isinstance(result, Result)
    assert len(result.spikes("pre")) == 0
    assert result.rate("pre").shape == (0,)
