"""Records that are written while the simulation runs, piece by piece."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import platform
import threading

import numpy as np
import pytest

from potentia import Network, Result, Simulator
from potentia.errors import DataError, NetworkError, ParameterError
from potentia.models import LIF
from potentia.sim import Constant
from potentia.sim.disk import atomic
from potentia.sim.results import storage
from potentia.sim.runs import sections
from potentia.tests.sim.test_storage import same, simulator


@pytest.fixture(scope="module")
def result():
    return simulator().run(0.1)


def test_records_written_while_running_equal_those_in_memory(result, tmp_path, monkeypatch):
    monkeypatch.setattr(sections, "MOST_BYTES", 1)  # a section per chunk
    sealed = []
    monkeypatch.setattr(sections.Sections, "merge", watch(sections.Sections.merge, sealed))
    same(simulator(chunk=100).run(0.1, record_to=tmp_path / "run"), result)
    assert len(sealed[0]) > 5
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["results.h5"]
    same(Result.load(tmp_path / "run"), result)


def test_the_event_engine_writes_while_running_too(tmp_path):
    def simulator():
        net = Network(seed=2)
        exc = net.population(LIF(), 30, name="exc")
        net.stimulate(exc, Constant(np.linspace(16e-3, 22e-3, 30)))
        net.probe(exc, "spikes")
        return Simulator(net, engine="event")

    written = simulator().run(0.3, record_to=tmp_path / "run")
    assert storage.digest(written) == storage.digest(simulator().run(0.3))


def watch(merge, sealed):
    def watched(self):
        sealed.append(sorted(path.name for path in self.folder.iterdir()))
        return merge(self)

    return watched


def test_a_broken_run_leaves_what_was_sealed(result, tmp_path, monkeypatch):
    monkeypatch.setattr(sections, "MOST_BYTES", 1)
    sim = simulator(chunk=100)
    ticks = iter(range(100))

    def tick(steps):
        if next(ticks) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sim._session.single(0.1, tick, tmp_path / "run")
    part = Result.load(tmp_path / "run")
    assert part.stop == pytest.approx(0.06)
    early = result.spikes("exc").times <= part.stop
    assert np.array_equal(part.spikes("exc").times, result.spikes("exc").times[early])


class Full:
    """`atomic.writing`, but on a disk that has room for so many bytes only."""

    def __init__(self, name, room):
        self.name, self.room, self.writing = name, room, atomic.writing

    @contextlib.contextmanager
    def __call__(self, path):
        with self.writing(path) as file:
            yield Narrow(file, self.room) if path.name == self.name else file


class Narrow(io.FileIO):
    def __init__(self, file, room):
        super().__init__(file.fileno(), "w+", closefd=False)
        self.room = room

    def write(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("room", [0, 1, 1000, 3000, 6000, 9000])
def test_a_disk_that_runs_full_keeps_what_was_sealed(room, result, tmp_path, monkeypatch):
    """Wherever in a file it is that the disk is full."""
    monkeypatch.setattr(sections, "MOST_BYTES", 1)
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "writing", Full("seg-0003.h5", room))
        with pytest.raises(
            DataError, match=r"No space left on device.*2 sections sealed before are kept"
        ):
            simulator(chunk=50).run(0.1, record_to=tmp_path / "run")
    assert Result.load(tmp_path / "run").stop > 0
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "seg-0001.h5",
        "seg-0002.h5",
    ]
    same(simulator(chunk=50).run(0.1, record_to=tmp_path / "run", resume=True), result)


@pytest.mark.parametrize(
    "fault", [MemoryError("no memory"), KeyError("x"), SystemExit(1), NetworkError("no network")]
)
def test_whatever_stops_the_thread_stops_the_run(fault, result, tmp_path, monkeypatch):
    """And is raised where the user waits; the folder can be gone on with."""
    monkeypatch.setattr(sections, "MOST_BYTES", 1)
    write, left = storage.write_result, iter(range(2))

    def faulty(*given, **choices):
        if next(left, None) is None:
            raise fault
        return write(*given, **choices)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "write_result", faulty)
        kind = type(fault) if isinstance(fault, NetworkError) else DataError
        with pytest.raises(
            kind, match=r"the run was stopped, the 2 sections sealed before are kept"
        ) as caught:
            simulator(chunk=10).run(0.1, record_to=tmp_path)
    assert caught.value.__cause__ is fault
    same(simulator(chunk=10).run(0.1, record_to=tmp_path, resume=True), result)


def test_a_fault_in_the_last_piece_is_not_lost(tmp_path, monkeypatch):
    """Where the run is over before the thread is."""

    def faulty(*given, **choices):
        raise MemoryError

    monkeypatch.setattr(storage, "write_result", faulty)
    with pytest.raises(
        DataError, match="MemoryError; the run was stopped, nothing was sealed before"
    ):
        simulator().run(0.1, record_to=tmp_path)
    assert not list(tmp_path.iterdir())


def test_two_runs_do_not_share_a_folder(result, tmp_path, monkeypatch):
    """The second is refused, whether it runs or resumes, and the first is not disturbed."""
    monkeypatch.setattr(sections, "MOST_BYTES", 1)
    refused = []

    def tick(steps):
        if len(refused) < 2:
            with pytest.raises(DataError) as caught:
                simulator().run(0.1, record_to=tmp_path, resume=bool(refused))
            refused.append(str(caught.value))

    same(simulator(chunk=20)._session.single(0.1, tick, tmp_path)[0], result)
    told = f"holds the records of a run that still goes on, as process {os.getpid()} on {platform.node()}, since 20"
    assert all(told in text for text in refused)
    assert [path.name for path in tmp_path.iterdir()] == ["results.h5"]


def test_threads_do_not_share_a_folder(result, tmp_path):
    """Many at once: one runs, the others are refused or find its result."""
    sims = [simulator() for _ in range(6)]
    ends = []

    def run(sim):
        try:
            ends.append(sim.run(0.1, record_to=tmp_path, resume=True))
        except DataError as error:
            ends.append(str(error))

    threads = [threading.Thread(target=run, args=(sim,)) for sim in sims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [end for end in ends if isinstance(end, Result)]
    assert done
    for end in done:
        same(end, result)
    assert all("still goes on" in end for end in ends if isinstance(end, str))
    assert [path.name for path in tmp_path.iterdir()] == ["results.h5"]


def test_a_folder_in_use_is_refused_before_the_run(result, tmp_path):
    result.save(tmp_path / "run")
    sim = simulator()
    with pytest.raises(DataError, match="holds results already"):
        sim.run(0.1, record_to=tmp_path / "run")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot be made a folder"):
        sim.run(0.1, record_to=tmp_path / "file")
    with pytest.raises(ParameterError, match="run resume: must be False for a batch"):
        sim.run(0.1, batch=2, resume=True)
    with pytest.raises(ParameterError, match="must be None for a batch"):
        sim.run(0.1, batch=2, record_to=tmp_path / "run2")
    assert sim.time == 0.0
