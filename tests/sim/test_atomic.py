"""Files appear whole or not at all, and what killed writers leave is swept, but nothing else."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys

import pytest

from potentia.errors import DataError
from potentia.sim.disk import atomic, lock
from potentia.sim.runs import claim
from potentia.sim.runs.runfolder import RunFolder
from potentia.tests.sim.test_sections import simulator

OLD = 1e9  # [s] since 1970
STUCK = """
import sys, time
from potentia.sim.disk import atomic
with atomic.writing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("half", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def writer(tmp_path):
    """A process in the middle of writing a file."""
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK, str(tmp_path / "x.h5")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "half\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def age(folder):
    for path in folder.iterdir():
        os.utime(path, (OLD, OLD))


def test_a_file_appears_when_it_is_whole(tmp_path):
    with atomic.writing(tmp_path / "x") as file:
        file.write(b"new")
        assert not (tmp_path / "x").exists()
    assert (tmp_path / "x").read_bytes() == b"new"
    with pytest.raises(TypeError), atomic.writing(tmp_path / "x") as file:
        file.write("no bytes")
    assert (tmp_path / "x").read_bytes() == b"new"
    assert names(tmp_path) == ["x"]


def test_what_a_killed_writer_left_goes_with_the_next(tmp_path, writer):
    """Once it is old enough to be surely no file of a writer that has just begun."""
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    with atomic.writing(tmp_path / "x.h5"):
        pass
    assert len(names(tmp_path)) == 2
    age(tmp_path)
    with atomic.writing(tmp_path / "y.h5"):
        pass
    assert len(names(tmp_path)) == 3
    with atomic.writing(tmp_path / "x.h5"):
        pass
    assert names(tmp_path) == ["x.h5", "y.h5"]


def test_what_a_living_writer_writes_stays(tmp_path, writer):
    age(tmp_path)
    with atomic.writing(tmp_path / "x.h5"):
        pass
    atomic.sweep(tmp_path)
    assert len(names(tmp_path)) == 2


def test_other_files_stay(tmp_path):
    """Whatever they are called."""
    other = [
        ".x.part",
        "x.h5.abcdefgh.part",
        ".x.h5.abcdefgh.par",
        ".x.h5.ABCDEFGH.part",
        ".trial2",
    ]
    for name in other:
        (tmp_path / name).touch()
    (tmp_path / ".folder.abcdefgh.part").mkdir()
    (tmp_path / ".link.abcdefgh.part").symlink_to(tmp_path / other[0])
    before = names(tmp_path)
    atomic.sweep(tmp_path)
    assert names(tmp_path) == before


def test_a_recorded_run_sweeps_its_folder(tmp_path):
    """What broken runs wrote, however young; what the user has there stays."""
    for name in ("seg-0007.h5", "results.h5", "checkpoint-1.snapshot", ".trial", "mine.txt"):
        (tmp_path / f".{name}.abcdefgh.part").touch()
    (tmp_path / ".trial").touch()
    simulator().run(0.1, record_to=tmp_path)
    assert names(tmp_path) == [".mine.txt.abcdefgh.part", "results.h5"]


def folder(base):
    return RunFolder(base, "demo", config={}, seed=1)


def test_folders_of_runs_that_were_killed_at_once_are_swept(tmp_path):
    """Folders without a name yet: with a lock that nobody holds, without one, but not that of a
    living run.
    """
    dead, new, other = (tmp_path / f".demo.{letter * 8}.part" for letter in "abc")
    for place in (dead, new, other):
        place.mkdir()
    (dead / claim.LOCK).write_text("{}")
    (dead / claim.RECORD).write_text("{}")
    (dead / ".run.json.abcdefgh.part").write_text("{")
    (other / "mine.txt").touch()
    living, held = claim._hidden(tmp_path, "demo")
    with folder(tmp_path) as run:
        assert names(tmp_path) == sorted([other.name, living.name, run.path.name])
    held.release()
    with folder(tmp_path):
        assert not living.exists()
    assert (other / "mine.txt").exists()


def test_folders_made_in_vain_are_removed(tmp_path, monkeypatch):
    def full(*given):
        raise (DataError if len(given) == 1 else OSError)("No space left on device")

    monkeypatch.setattr(atomic, "writing", full)
    with pytest.raises(DataError, match="No space left"):
        folder(tmp_path / "some" / "runs")
    monkeypatch.setattr(lock.os, "ftruncate", full)
    with pytest.raises(DataError, match="some/runs/demo cannot be locked: No space left"):
        folder(tmp_path / "some" / "runs")
    with pytest.raises(DataError, match="No space left"):
        simulator().run(0.1, record_to=tmp_path / "other" / "run")
    with pytest.raises(DataError, match="No space left"):
        simulator().run(0.1).save(tmp_path / "third" / "run")
    assert not names(tmp_path)


@pytest.mark.parametrize("name", ["x" * 300, "a/" + "y" * 300 + "/b"])
def test_a_name_too_long_for_the_system_is_told_in_one_sentence(name, tmp_path):
    with pytest.raises(DataError, match=r"cannot be made a folder: File name too long"):
        atomic.make_folder(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_not_replaced_by_a_file(tmp_path):
    """Nor a device such as /dev/null, which would be gone for all programs."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    told = "pipe cannot be written: it is a device, a pipe"
    with pytest.raises(DataError, match=told), atomic.writing(path) as file:
        file.write(b"lost")
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert [entry.name for entry in tmp_path.iterdir()] == ["pipe"]
