"""The event engine at the ends: where units start, the last times that there are, numbers that are
none.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from potentia import Network, Simulator
from potentia.errors import DivergenceError, ParameterError, UnsupportedError
from potentia.models import IF, LIF, AdaptiveLIF, CubaLIF
from potentia.sim import (
    Constant,
    NeuronModel,
    Normal,
    OneToOne,
    Poisson,
    SpikeTrain,
    Step,
    TimedArray,
    Uniform,
)
from potentia.sim.description.neuron import EventKernels
from potentia.sim.engines.event_solved import LIMIT

NEAR = 1e-12  # [s]
LATE = 9001.0  # [s], behind the last time of a run


def cells_of(model, n=1, *stimuli, initial=None, probes=("spikes",), **every):
    """A network of one population of `n` units, which is recorded."""
    net = Network(seed=11)
    cells = net.population(model, n, name="cells", initial=initial)
    for stimulus in stimuli:
        net.stimulate(cells, stimulus)
    for what in probes:
        net.probe(cells, what, **every)
    return net


# Where state variables start


def test_a_start_above_rest_shortens_the_first_interval_alone():
    """From v0 to threshold under a drive d it takes tau ln((d - v0) / (d -
    threshold)), per unit.
    """
    model, starts, drive = (
        LIF(tau=np.array([15e-3, 20e-3, 40e-3])),
        np.array([-4e-3, 0.0, 11e-3]),
        25e-3,
    )
    net = cells_of(model, 3, Constant(drive), initial={"v": starts})
    trains = Simulator(net, engine="event").run(0.5).spikes("cells").trains()
    first = model.tau * np.log((drive - starts) / (drive - 15e-3))
    after = model.tau * np.log(drive / (drive - 15e-3)) + 2e-3
    for train, one, more in zip(trains, first, after, strict=True):
        assert len(train) > 8
        assert np.abs(train - one - more * np.arange(len(train))).max() < NEAR


def test_a_start_at_threshold_fires_at_once():
    net = cells_of(IF(), 2, initial={"v": np.array([15e-3, 15e-3 - 1e-9])})
    spikes = Simulator(net, engine="event").run(0.1).spikes("cells")
    assert_array_equal(spikes.times, [0.0])
    assert_array_equal(spikes.ids, [0])


@pytest.mark.parametrize(
    ("model", "initial"),
    [
        (IF(), {"v": 3e-3}),
        (LIF(), {"v": Uniform(-5e-3, 12e-3)}),
        (AdaptiveLIF(), {"v": np.linspace(-1e-3, 9e-3, 7), "a": Normal(4e-3, 1e-3)}),
        (CubaLIF(), {"v": Uniform(0.0, 9e-3), "g_e": np.linspace(0.0, 6e-3, 7), "g_i": -1e-3}),
    ],
    ids=lambda part: type(part).__name__,
)
def test_every_variable_starts_as_on_the_clock(model, initial):
    """A number, one per unit, or drawn: a nanosecond later nothing has moved by more than a
    millionth, both alike.
    """
    net = cells_of(model, 7, initial=initial, probes=tuple(initial), every=1e-9)
    clock = Simulator(net, dt=1e-9, dtype="float64").run(1e-9)
    event = Simulator(net, engine="event").run(1e-9)
    for variable, start in initial.items():
        assert event.trace("cells", variable) == pytest.approx(
            clock.trace("cells", variable), rel=1e-14
        )
        if not hasattr(start, "sample"):
            assert event.trace("cells", variable)[0] == pytest.approx(
                np.broadcast_to(start, 7), abs=1e-8
            )
        else:
            assert np.ptp(event.trace("cells", variable)) > 1e-4


def test_starts_are_saved_and_shared_by_batches(tmp_path):
    net = cells_of(CubaLIF(), 5, Constant(12e-3), initial={"v": Uniform(0.0, 9e-3), "g_e": 1e-3})
    simulator = Simulator(net, engine="event")
    simulator.save(tmp_path / "saved")
    whole = Simulator(net, engine="event").run(0.2)
    assert len(whole.spikes("cells")) > 5
    assert [sample.hash for sample in simulator.run(0.2, batch=2).samples] == [whole.hash] * 2
    assert Simulator.load(tmp_path / "saved").run(0.2).hash == whole.hash


def straight_flow(v, drive, elapsed):
    return v + drive * elapsed


def straight_next(v, drive, slopes, threshold):
    return max((threshold - v) / (drive * slopes), 0.0)


@dataclass(frozen=True, kw_only=True)
class Straight(NeuronModel):
    """A user's model with a variable that only the clock engine knows, and a field that is not
    checked.
    """

    slopes: object = 1.0
    threshold: float = 10e-3
    reset: float = 0.0
    kernel: ClassVar[str] = "lif_step"
    state: ClassVar[dict[str, str]] = {"v": "float", "u": "float"}
    receptors: ClassVar[tuple[str, ...]] = ("jump",)
    event: ClassVar[EventKernels] = EventKernels(
        flow=straight_flow, next=straight_next, state=("v",), receives={"jump": "v"}
    )

    def constants(self, dt):
        return {}


def test_what_the_engine_cannot_start_is_refused():
    with pytest.raises(
        UnsupportedError, match="no variable 'u' of 'cells', only v; use engine='clock'"
    ):
        Simulator(cells_of(Straight(), initial={"u": 1.0}), engine="event")


def test_fields_that_are_not_one_per_unit_are_refused():
    """They would be read past their end."""
    simulator = Simulator(cells_of(Straight(slopes=[1.0, 2.0]), 2, Constant(1.0)), engine="event")
    assert simulator.run(0.0101).spikes("cells").times == pytest.approx(
        [5e-3, 10e-3, 10e-3], abs=NEAR
    )
    with pytest.raises(
        ParameterError, match=r"Straight\.slopes: must be one number or one per unit \(3\)"
    ):
        Simulator(cells_of(Straight(slopes=[1.0, 2.0]), 3, Constant(1.0)), engine="event")
    with pytest.raises(
        ParameterError, match=r"Straight\.slopes: must be one number or one per unit"
    ):
        Simulator(cells_of(Straight(slopes="steep"), 3, Constant(1.0)), engine="event")


# The last times


@pytest.mark.parametrize("refractory", [LIMIT - 1.0, LATE, 1e300, math.nextafter(LIMIT, 0)])
def test_refractory_times_that_end_beyond_all_runs(refractory):
    """The second unit is an ordinary one; the first fires once, whatever comes, in one run or
    several.
    """
    model = LIF(refractory=np.array([refractory, 2e-3]))
    kicks = SpikeTrain([400.0, 400.0, 500.0, 501.0, 8999.5], [0, 1, 0, 1, 0], weight=20e-3)
    simulator = Simulator(cells_of(model, 2, kicks, Constant(1e-3)), engine="event")
    pieces = [simulator.run(duration).spikes("cells") for duration in (450.0, 100.0, LIMIT - 550.0)]
    assert np.concatenate([piece.times for piece in pieces]).tolist() == [400.0, 400.0, 501.0]
    assert np.concatenate([piece.ids for piece in pieces]).tolist() == [0, 1, 1]


def test_a_held_unit_is_saved(tmp_path):
    net = cells_of(LIF(refractory=LATE), 1, SpikeTrain([1.0, 3.0], [0, 0], weight=20e-3))
    simulator = Simulator(net, engine="event")
    assert len(simulator.run(2.0).spikes("cells")) == 1
    simulator.save(tmp_path / "saved")
    assert len(Simulator.load(tmp_path / "saved").run(2.0).spikes("cells")) == 0


@pytest.mark.parametrize("every", [5000.0, LIMIT, LATE, 1e200])
def test_samples_further_apart_than_half_of_all_time(every):
    """In runs that begin before and after the first; the rates count since the last sample."""
    kicks = SpikeTrain([1.0, 8000.0], [0, 0], weight=20e-3)
    net = cells_of(IF(), 1, kicks, probes=("v", "counts", "rate"), every=every)
    simulator = Simulator(net, engine="event")
    results = [simulator.run(duration) for duration in (4000.0, 2000.0, LIMIT - 6000.0)]
    expected = [[], [5000.0] * (every == 5000.0), [LIMIT] * (every == LIMIT)]
    assert [result.samples("cells", "v").times.tolist() for result in results] == expected
    counted = [result.counts("cells").ravel().tolist() for result in results]
    assert counted == [[], [1] * (every == 5000.0), [2] * (every == LIMIT)]


def test_predictions_draws_and_stimuli_beyond_all_runs():
    """Crossings, spikes and changes of current that would come after the last time never come, nor
    do others.
    """
    slow = IF(threshold=np.array([1.0, 1.0, 1.0, 1.0]))
    drives = np.array([1.0 / LATE, 1.0 / 8000.0, 1e-300, 5e-324])
    net = cells_of(slow, 4, Constant(drives))
    assert Simulator(net, engine="event").run(LIMIT).spikes("cells").times == pytest.approx(
        [8000.0], rel=1e-14
    )
    later = SpikeTrain([1.0, LATE, 1e5, 1e300], [0, 0, 0, 0], weight=2.0)
    changes = (Step([2.0, LATE, 1e300], [0.0, 5.0, 9.0]), TimedArray([0.0, 0.0, 9.0], 5000.0))
    rare = Poisson(rate=np.array([1e-300, 5e-324, 0.0, 1e-9]), weight=2.0)
    net = cells_of(slow, 4, later, *changes, rare)
    assert Simulator(net, engine="event").run(LIMIT).spikes("cells").times.tolist() == [1.0]


def test_spikes_in_flight_at_the_end():
    """They arrive behind the end of the last run that there can be."""
    net = cells_of(LIF(), 1, SpikeTrain([LIMIT - 1.0], [0], weight=20e-3))
    cells = net.populations[0]
    for delay in (0.5, 2.0, 100.0):
        net.connect(cells, cells, OneToOne(), weight=20e-3, delay=delay)
    simulator = Simulator(net, engine="event")
    assert simulator.run(LIMIT).spikes("cells").times.tolist() == [LIMIT - 1.0, LIMIT - 0.5, LIMIT]
    assert simulator.time == LIMIT
    with pytest.raises(ParameterError, match="must end by 9000 s"):
        simulator.run(1e-3)


def test_numbers_that_are_none_end_the_run():
    """An infinite potential would never be seen to cross anything."""
    net = cells_of(CubaLIF(threshold=1e308), 2, SpikeTrain([1e-3] * 3, [1] * 3, weight=-1e308))
    with pytest.raises(DivergenceError, match=r"cells\.g_e of unit 1 is -inf by"):
        Simulator(net, engine="event").run(0.01)
