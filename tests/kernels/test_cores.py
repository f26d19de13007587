"""Threads that begin side by side."""

import os
import threading

import pytest

from potentia.kernels import cores

pytestmark = pytest.mark.skipif(
    cores.core is None, reason="this system does not tell the cores of threads, or cannot move them"
)


def settled(n):
    """The cores of `n` threads that settle one after the other while the others are at work, and
    the cores that each may use then.
    """
    together, over, allowed = cores.SideBySide(), threading.Event(), []

    def work():
        together.settle()
        allowed.append(os.sched_getaffinity(0))
        over.wait()

    threads = [threading.Thread(target=work) for _ in range(n)]
    for thread in threads:
        thread.start()
    while len(allowed) < n:
        threading.Event().wait(1e-3)
    over.set()
    for thread in threads:
        thread.join()
    return together.taken, allowed


def test_a_thread_leaves_a_core_that_is_taken(monkeypatch):
    """A thread that is told to be where the first one is moves to another core."""
    usable = os.sched_getaffinity(0)
    if len(usable) < 2:
        pytest.skip("needs two cores")
    moves = []
    move = os.sched_setaffinity
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, to: (moves.append(set(to)), move(0, to)))
    together = cores.SideBySide()
    together.taken.add(cores.core())
    taken = set(together.taken)
    monkeypatch.setattr(cores, "core", iter([*taken, *(usable - taken)]).__next__)
    together.settle()
    assert moves == [usable - taken, usable]
    assert len(together.taken) == 2
    assert os.sched_getaffinity(0) == usable


@pytest.mark.parametrize("more", [0, 1, 5])
def test_all_cores_stay_usable(more):
    """Also with more threads than cores, which then share some."""
    usable = os.sched_getaffinity(0)
    n = len(usable) + more
    taken, allowed = settled(n)
    assert taken <= usable
    assert allowed == [usable] * n


def test_without_a_way_to_tell_nothing_happens(monkeypatch):
    monkeypatch.setattr(cores, "core", None)
    together = cores.SideBySide()
    together.settle()
    assert not together.taken


def test_a_system_that_refuses_is_left_alone(monkeypatch):
    def refuse(*_):
        raise OSError

    together = cores.SideBySide()
    together.taken.update(range(10_000))
    monkeypatch.setattr(os, "sched_getaffinity", refuse)
    together.settle()
