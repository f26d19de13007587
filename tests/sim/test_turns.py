"""A simulator does one thing at a time, for one caller."""

import sys
import threading

import pytest

from potentia.errors import UnsupportedError
from potentia.tests.sim.interrupted import CLOCKS, EVENT, same, simulator


def test_who_keeps_a_refusal_does_not_keep_the_turn():
    """As a future does that was not asked for its result."""
    made, refused = simulator(CLOCKS["one thread"]), []

    def second():
        try:
            made.run(1e-3)
        except UnsupportedError as error:
            refused.append(error)

    advance = made._engine._advance

    def slow(*arguments):
        worker = threading.Thread(target=second)
        worker.start()
        worker.join()
        advance(*arguments)

    made._engine._advance = slow
    made.run(1e-3)
    del made._engine._advance
    assert len(refused) == 1
    assert made.run(1e-3).stop == pytest.approx(12e-3)


@pytest.mark.parametrize("doing", ["run", "run_until", "set"])
def test_who_keeps_a_frame_does_not_keep_the_turn(doing, monkeypatch):
    """As an exception does that was caught on the way, until the collector comes by."""
    made, kept = simulator(CLOCKS["one thread"]), []
    settle = type(made._engine).settle

    def keeping(engine):
        kept.append(sys._getframe())
        settle(engine)

    monkeypatch.setattr(type(made._engine), "settle", keeping)
    calls = {
        "run": lambda: made.run(1e-3),
        "run_until": lambda: made.run_until(lambda piece: True, most=1e-3, every=1e-3),
        "set": lambda: made.set("cells", v=1e-3),
    }
    calls[doing]()
    assert kept
    calls[doing]()


@pytest.mark.parametrize("how", [CLOCKS["one thread"], EVENT], ids=str)
def test_a_second_thread_is_refused(how, monkeypatch):
    """While one thread runs a simulator, another can neither run, save nor read it; afterwards it
    can.
    """
    made, inside, go_on = simulator(how), threading.Event(), threading.Event()
    engine_run = made._engine.run

    def slow(*arguments):
        inside.set()
        go_on.wait(30)
        return engine_run(*arguments)

    monkeypatch.setattr(made._engine, "run", slow)
    results = []
    worker = threading.Thread(target=lambda: results.append(made.run(5e-3)), name="first")
    worker.start()
    assert inside.wait(30)
    for doing, call in {
        "run": lambda: made.run(1e-3),
        "save": lambda: made.save("nowhere"),
        "weights": lambda: made.weights(made.network.projections[0]),
    }.items():
        rule = f"Simulator.{doing}: must wait until Simulator.run is over; .* while thread 'first' uses it"
        with pytest.raises(UnsupportedError, match=rule):
            call()
    assert made.time == pytest.approx(10e-3)
    go_on.set()
    worker.join()
    same(results[0], simulator(how).run(5e-3))
    assert made.run(1e-3).stop == pytest.approx(16e-3)


def test_many_threads_at_once_run_one_after_the_other():
    """Whoever is let in gets a whole run; the spans of all runs join up."""
    made, spans, refused = simulator(CLOCKS["one thread"]), [], []

    def work():
        for _ in range(20):
            try:
                result = made.run(1e-3)
                spans.append((round(result.start / 1e-3), round(result.stop / 1e-3)))
            except UnsupportedError:
                refused.append(1)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(spans) == [(k, k + 1) for k in range(10, 10 + len(spans))]
    assert len(spans) + len(refused) == 80
    assert made.time == pytest.approx((10 + len(spans)) * 1e-3)
