"""A run that an interrupt or an error ends leaves no trace; the next one is as if it had never
been.
"""

import inspect
import signal
import sys
import threading
import time
import weakref

import numpy as np
import pytest
import torch

from potentia import Network, Result, Simulator
from potentia.errors import DataError, DivergenceError, ParameterError
from potentia.kernels.led import Led
from potentia.models import LIF
from potentia.sim import Constant, Poisson, SpikeTrain
from potentia.sim.engines.clock_recording import ClockRecording
from potentia.sim.operators.signals import Memory
from potentia.sim.runs import sections
from potentia.tests.sim.interrupted import CLOCKS, EVENT, TENSORS, WAYS, same, simulator, state


class Interrupt:
    """Raises KeyboardInterrupt when the main thread comes to its `place`-th function, or back from
    one in C.

    Those are the places at which Python looks for signals. Without a place it counts them.
    """

    def __init__(self, place=None):
        self.place, self.passed = place, 0

    def __enter__(self):
        sys.setprofile(self._look)
        return self

    def __exit__(self, *error):
        sys.setprofile(None)

    def _look(self, frame, event, argument):
        if event not in ("call", "c_return") or frame.f_code.co_filename == __file__:
            return
        # perhaps a generator that is thrown away, or what a thread pool does when it is: they let
        # nothing out
        if frame.f_code.co_flags & inspect.CO_GENERATOR or frame.f_code.co_name == "weakref_cb":
            return
        # what is done when something goes: it lets nothing out either
        if frame.f_code.co_filename == weakref.__file__:
            return
        # Python's own waits trip there, and say RuntimeError
        if frame.f_code.co_filename == threading.__file__:
            return
        self.passed += 1
        if self.place is not None and self.passed >= self.place:
            sys.setprofile(None)
            raise KeyboardInterrupt


@pytest.mark.parametrize("how", WAYS.values(), ids=WAYS)
def test_an_interrupt_anywhere_leaves_no_trace(how):
    """At many places from the first call of a run to the last, where what is done has all but
    become what is.
    """
    once = simulator(how)
    with Interrupt() as count:
        expected = once.run(20e-3)
    broken = simulator(how)
    spread = {"reference": 8, "torch": 14}.get(how.get("backend"), 70)  # those are slow
    places = np.concatenate(
        [np.linspace(1, count.passed, spread), count.passed - np.arange(1, spread // 2)]
    ).astype(int)
    interrupted = 0
    for place in places:
        before = state(broken)
        try:
            with Interrupt(place):
                broken.run(20e-3)
        except KeyboardInterrupt:
            interrupted += 1
            assert broken.time == pytest.approx(10e-3)
            assert state(broken) == before
        else:  # caches are warm by now, so a run may have fewer places than the one that was counted
            broken = simulator(how)
    assert interrupted > spread // 2
    same(broken.run(20e-3), expected)
    same(broken.run(10e-3), once.run(10e-3))


@pytest.mark.parametrize(
    "how", [CLOCKS["one thread"], TENSORS, EVENT], ids=["clock", "tensors", "event"]
)
def test_an_interrupt_in_a_batch_that_learns_leaves_no_trace(how):
    """Up to the last call, when the weights have all but become those that the
    batch has learned.
    """
    batch = {"inputs": {"noise": [Poisson(rate=600.0, weight=2e-3)] * 3}, "learn": "sum"}
    simulator(how).run(5e-3, **batch)  # what is counted then needs no code compiled or imported
    once = simulator(how)
    with Interrupt() as count:
        expected = once.run(5e-3, **batch)
    broken = simulator(how)
    before = state(broken)
    interrupted, spread = 0, 14 if how is TENSORS else 40  # those are slow
    for place in [
        *np.linspace(1, count.passed, spread).astype(int),
        *(count.passed - np.arange(1, spread // 2 + 5)),
    ]:
        try:
            with Interrupt(place):
                broken.run(5e-3, **batch)
        except KeyboardInterrupt:
            interrupted += 1
            assert state(broken) == before
        else:  # caches are warm by now, so a run may have fewer places than the one that was counted
            broken = simulator(how)
    assert interrupted > spread // 2
    again = broken.run(5e-3, **batch)
    for one, other in zip(again, expected, strict=True):
        same(one, other)
    assert state(broken) == state(once) != before


class AtModes(Interrupt):
    """One that comes only where a context ends, or where torch has changed whether it keeps what
    gradients need.
    """

    def _look(self, frame, event, argument):
        if frame.f_code.co_name == "__exit__" or "set_grad" in getattr(argument, "__name__", ""):
            super()._look(frame, event, argument)


@pytest.mark.parametrize("learn", [None, "sum"], ids=["run", "batch"])
def test_an_interrupt_leaves_the_mode_of_gradients_as_it_was(learn):
    """What the caller does afterwards still has gradients."""
    made = simulator({**TENSORS, "chunk": 1000})
    more = {"batch": 2, "learn": learn} if learn else {}
    made.run(2e-3, **more)  # caches are warm from now on, so the places are always the same
    with AtModes() as count:
        made.run(2e-3, **more)
    assert count.passed >= 2
    for place in range(1, count.passed + 1):
        with pytest.raises(KeyboardInterrupt), AtModes(place):
            made.run(2e-3, **more)
        assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    "how", [CLOCKS["one thread"], CLOCKS["two threads"], TENSORS, EVENT], ids=str
)
def test_signals_at_any_time_leave_no_trace(how):
    """Real ones, from a clock, so in the middle of compiled code as well."""
    once, broken = simulator(how), simulator(how)
    seconds = 0.04 if how is TENSORS else 0.3  # those are slow
    began = time.perf_counter()
    expected = once.run(seconds)
    lasts = time.perf_counter() - began
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for share in np.linspace(0.01, 0.9, 15):
            try:
                signal.setitimer(signal.ITIMER_REAL, share * lasts)
                broken.run(seconds)
            except KeyboardInterrupt:
                assert broken.time == pytest.approx(10e-3)
            else:
                broken = simulator(how)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:  # came after the run was over
        broken = simulator(how)
    finally:
        signal.signal(signal.SIGALRM, handler)
    same(broken.run(seconds), expected)


def breaks(monkeypatch, at, error=KeyboardInterrupt):
    """Let the `at`-th visit of Python between chunks end in an error."""
    visit, visits = ClockRecording.visit, []

    def visited(self, step):
        visit(self, step)
        visits.append(step)
        if len(visits) == at:
            raise error

    monkeypatch.setattr(ClockRecording, "visit", visited)


def test_a_run_on_a_gpu_is_taken_back(gpu, monkeypatch):
    """Its own memory, too."""
    once, broken = (simulator({"chunk": 37, "backend": gpu}) for _ in range(2))
    before = state(broken)
    breaks(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        broken.run(20e-3)
    assert state(broken) == before
    same(broken.run(20e-3), once.run(20e-3))


def test_an_interrupt_while_a_run_is_taken_back_is_no_harm(monkeypatch):
    once, broken = simulator(CLOCKS["two threads"]), simulator(CLOCKS["two threads"])
    breaks(monkeypatch, 3)
    clear = Memory.clear

    def interrupted(memory, regions):
        monkeypatch.setattr(Memory, "clear", clear)
        raise KeyboardInterrupt

    monkeypatch.setattr(Memory, "clear", interrupted)
    with pytest.raises(KeyboardInterrupt):
        broken.run(20e-3)
    assert Memory.clear is clear  # it came while the run was taken back
    assert broken.time == pytest.approx(10e-3)
    np.testing.assert_array_equal(
        *(made.weights(made.network.projections[0]) for made in (broken, once))
    )
    same(broken.run(20e-3), once.run(20e-3))


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_divergence_leaves_no_trace(backend):
    """A spike at 25 ms is too much for numbers of 32 bits."""
    net = Network()
    cells = net.population(LIF(), 3, name="cells")
    net.stimulate(cells, Constant(20e-3))
    net.stimulate(cells, SpikeTrain([25e-3, 26e-3], [1, 1], weight=-3e38))
    net.probe(cells, "v")
    once, broken = (
        Simulator(net, backend=backend, chunk=10),
        Simulator(net, backend=backend, chunk=10),
    )
    for made in (once, broken):
        made.run(15e-3)
    before = state(broken)
    with pytest.raises(DivergenceError, match="of unit 1 is"):
        broken.run(30e-3)
    assert broken.time == pytest.approx(15e-3)
    assert state(broken) == before
    same(broken.run(8e-3), once.run(8e-3))


@pytest.mark.parametrize(
    "how",
    [{"threads": 1, "deterministic": True}, {"threads": 2, "deterministic": True}, EVENT],
    ids=str,
)
def test_a_batch_that_fails_leaves_no_trace(how):
    once, broken = simulator(how, learns=False), simulator(how, learns=False)
    before = state(broken)
    stimuli = [Poisson(rate=600.0, weight=2e-3), Poisson(rate=np.full(59, 1.0), weight=2e-3)]
    with pytest.raises(ParameterError, match="rate"):
        broken.run(5e-3, inputs={"noise": stimuli})
    assert state(broken) == before
    same(broken.run(5e-3), once.run(5e-3))


def test_one_sample_that_diverges_ends_the_batch():
    """The others stop at their next sign of progress, and the simulator stays where it was."""
    net = Network()
    cells = net.population(LIF(), 2, name="cells")
    net.stimulate(cells, SpikeTrain([1e-3], [0], weight=1e-3), name="train")
    made = Simulator(net, chunk=10, threads=2)
    short = SpikeTrain([1e-3], [0], weight=1e-3)
    with pytest.raises(DivergenceError):
        made.run(
            1.0, inputs={"train": [short] * 9 + [SpikeTrain([1e-3, 2e-3], [0, 0], weight=-3e38)]}
        )
    assert made.time == 0.0
    assert made.run(5e-3).hash == Simulator(net, threads=1).run(5e-3).hash


@pytest.mark.parametrize("kept", [True, False], ids=["checkpoint", "no checkpoint"])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, DataError("no room")], ids=["interrupt", "error"]
)
@pytest.mark.parametrize("how", [CLOCKS["one thread"], TENSORS], ids=["clock", "tensors"])
def test_resuming_in_the_same_process(how, tmp_path, monkeypatch, kept, error):
    """A recorded run that is broken off and taken up by the same simulator gives the result of an
    unbroken one.
    """
    monkeypatch.setattr(sections, "MOST_SECONDS", 0.0)
    monkeypatch.setattr(sections, "CHECKPOINT_SECONDS", 0.0 if kept else 1e9)
    once, broken = simulator(how), simulator(how)
    expected = once.run(40e-3, record_to=tmp_path / "once")
    with monkeypatch.context() as patch:
        breaks(patch, 8, error)
        with pytest.raises(type(error) if isinstance(error, Exception) else error):
            broken.run(40e-3, record_to=tmp_path / "broken")
    assert bool(list((tmp_path / "broken").glob("*.snapshot"))) == kept
    same(broken.run(40e-3, record_to=tmp_path / "broken", resume=True), expected)
    same(Result.load(tmp_path / "broken"), expected)
    same(broken.run(5e-3), once.run(5e-3))


@pytest.mark.parametrize("how", [*CLOCKS.values(), TENSORS], ids=[*CLOCKS, "tensors"])
def test_two_interrupts_leave_no_trace(how, monkeypatch):
    """The second one comes while what the first one ended is taken back, at any place of that."""
    once, broken = simulator(how), simulator(how)
    before, engine = state(once), type(broken._engine)
    settle = engine.settle
    for place in (1, 2, 4, 6, 10, 20, 50):
        second = Interrupt(place)

        def interrupted(self, second=second):
            if self.standing is self.reached:
                return
            with second:
                settle(self)

        monkeypatch.setattr(engine, "settle", interrupted)
        breaks(monkeypatch, 2)
        with pytest.raises(KeyboardInterrupt):
            broken.run(20e-3)
        monkeypatch.undo()
        assert broken.time == pytest.approx(10e-3)
    assert broken.run(0.0).stop == pytest.approx(10e-3)  # whatever is left is taken back now
    assert state(broken) == before
    same(broken.run(20e-3), once.run(20e-3))


def ends_between(monkeypatch):
    """An interrupt between the beginning of the records and that of the run."""

    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(sections.Sections, "__enter__", interrupted)


def ends_while_writing(monkeypatch):
    """One in the run and two while its records are written to their end."""
    breaks(monkeypatch, 4)
    wait, left = Led.wait, [2]

    def interrupted(self):
        if left[0]:
            left[0] -= 1
            raise KeyboardInterrupt
        wait(self)

    monkeypatch.setattr(Led, "wait", interrupted)


@pytest.mark.parametrize("ends", [ends_between, ends_while_writing])
def test_no_interrupt_leaves_a_folder_locked(ends, tmp_path, monkeypatch):
    """Another simulator of the same process takes the records up, though somebody keeps the
    traceback.
    """
    expected, broken = simulator(CLOCKS["one thread"]).run(40e-3), simulator(CLOCKS["one thread"])
    ends(monkeypatch)
    with pytest.raises(KeyboardInterrupt) as kept:
        broken.run(40e-3, record_to=tmp_path)
    monkeypatch.undo()
    same(simulator(CLOCKS["one thread"]).run(40e-3, record_to=tmp_path, resume=True), expected)
    assert [path.name for path in tmp_path.iterdir()] == ["results.h5"]
    assert kept.traceback
