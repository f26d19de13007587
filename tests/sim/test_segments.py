"""Records that are written while the simulation runs, piece by piece."""

from __future__ import annotations

import numpy as np
import pytest

from potentia import Network, Result, Simulator
from potentia.errors import DataError, ParameterError
from potentia.models import LIF
from potentia.sim import Constant, hdf5, segments, storage
from potentia.tests.sim.test_storage import same, simulator


@pytest.fixture(scope="module")
def result():
    return simulator().run(0.1)


def test_records_written_while_running_equal_those_in_memory(result, tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "MOST_BYTES", 1)  # a segment per chunk
    sealed = []
    monkeypatch.setattr(segments.Segments, "merge", watch(segments.Segments.merge, sealed))
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
    monkeypatch.setattr(segments, "MOST_BYTES", 1)
    sim = simulator(chunk=100)
    ticks = iter(range(100))

    def tick(steps):
        if next(ticks) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sim._run(0.1, tick, tmp_path / "run")
    part = Result.load(tmp_path / "run")
    assert part.stop == pytest.approx(0.06)
    early = result.spikes("exc").times <= part.stop
    assert np.array_equal(part.spikes("exc").times, result.spikes("exc").times[early])


def test_a_disk_that_runs_full_keeps_what_was_sealed(tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "MOST_BYTES", 1)
    write = hdf5.write_file

    def full(path, image, **choices):
        if path.name == "seg-0003.h5":
            raise DataError(f"{path} cannot be written: No space left on device")
        write(path, image, **choices)

    monkeypatch.setattr(hdf5, "write_file", full)
    with pytest.raises(DataError, match=r"No space left on device.*2 segments sealed before are kept"):
        simulator(chunk=50).run(0.1, record_to=tmp_path / "run")
    assert Result.load(tmp_path / "run").stop > 0


def test_a_folder_in_use_is_refused_before_the_run(result, tmp_path):
    result.save(tmp_path / "run")
    sim = simulator()
    with pytest.raises(DataError, match="holds results already"):
        sim.run(0.1, record_to=tmp_path / "run")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot be made a folder"):
        sim.run(0.1, record_to=tmp_path / "file")
    with pytest.raises(ParameterError, match="must be None for a batch"):
        sim.run(0.1, batch=2, record_to=tmp_path / "run2")
    assert sim.time == 0.0
