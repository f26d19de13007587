"""Locks of folders: one holder at a time, between processes and threads, and none once the holder
is dead.
"""

from __future__ import annotations

import errno
import os
import platform
import signal
import subprocess
import sys
import threading

import pytest

from potentia.errors import DataError, PotentiaWarning
from potentia.sim.disk import lock
from potentia.sim.disk.lock import FolderLock

NAME = ".some.lock"
HOLD = """
import sys, time
from pathlib import Path
from potentia.sim.disk.lock import FolderLock
held = FolderLock(Path(sys.argv[1]), ".some.lock", "is in use")
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def elsewhere(tmp_path):
    """A process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_another_process_is_kept_out_and_told_who_is_in(tmp_path, elsewhere):
    told = f"{tmp_path} is in use, as process {elsewhere.pid} on {platform.node()}, since 20"
    with pytest.raises(DataError, match=told):
        FolderLock(tmp_path, NAME, "is in use")
    assert lock.holder(tmp_path, NAME)["process"] == elsewhere.pid


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_dies_with_its_holder(number, tmp_path, elsewhere):
    """What it said of itself is still there, and counts for nothing, whoever has its number now."""
    elsewhere.send_signal(number)
    elsewhere.wait()
    text = (tmp_path / NAME).read_text()
    (tmp_path / NAME).write_text(text.replace(str(elsewhere.pid), str(os.getppid())))
    assert lock.holder(tmp_path, NAME) is None
    FolderLock(tmp_path, NAME, "is in use").release()
    assert not list(tmp_path.iterdir())


def test_a_lock_holds_within_a_process_too(tmp_path):
    first = FolderLock(tmp_path, NAME, "is in use")
    with pytest.raises(DataError, match=f"is in use, as process {os.getpid()}"):
        FolderLock(tmp_path / "." / "x" / "..", NAME, "is in use")
    with FolderLock(tmp_path, ".other.lock", "is in use"):
        pass
    first.release()
    first.release()
    with FolderLock(tmp_path, NAME, "is in use"):
        first.release()  # is not the holder any more
        assert lock.holder(tmp_path, NAME)["process"] == os.getpid()
    assert not list(tmp_path.iterdir())


def test_one_of_many_threads_at_a_time(tmp_path):
    inside, most = [], []

    def work():
        with FolderLock(tmp_path, NAME, "is in use", patience=60.0):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 20


def test_a_child_does_not_keep_what_its_parent_held(tmp_path):
    """A fork has all that its parent has open; were the lock among it, it would
    outlive the parent.
    """
    held = FolderLock(tmp_path, NAME, "is in use")
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        held.release()
        (tmp_path / NAME).touch()
        FolderLock(tmp_path, NAME, "is in use").release()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff" * 10_000, b'{"process": {"a": "\\n"}}']
)
def test_whatever_a_lock_says(content, tmp_path, elsewhere):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(DataError, match="is in use") as caught:
        FolderLock(tmp_path, NAME, "is in use")
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_no_file_is_no_lock(tmp_path):
    (tmp_path / "file").touch()
    for make in (os.mkfifo, os.mkdir, lambda path: os.symlink(tmp_path / "file", path)):
        make(tmp_path / NAME)
        assert lock.holder(tmp_path, NAME) is None
        with pytest.raises(DataError, match="cannot be locked"):
            FolderLock(tmp_path, NAME, "is in use")
        (tmp_path / NAME).rmdir() if (tmp_path / NAME).is_dir() else (tmp_path / NAME).unlink()


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(handle, text):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lock.os, "write", full)
    with pytest.raises(DataError, match="cannot be locked: No space left on device"):
        FolderLock(tmp_path, NAME, "is in use")
    assert not list(tmp_path.iterdir())


def test_a_file_system_without_locks_warns(tmp_path, monkeypatch):
    def missing(handle, kind):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", missing)
    with pytest.warns(PotentiaWarning, match="has no locks"):
        held = FolderLock(tmp_path, NAME, "is in use")
    with pytest.raises(DataError, match="is in use"):  # threads are still kept apart
        FolderLock(tmp_path, NAME, "is in use")
    held.release()
