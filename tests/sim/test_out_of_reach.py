"""Files that are whole but cannot be read now are not called damaged."""

from __future__ import annotations

import errno

import h5py
import pytest

from potentia import Result
from potentia.errors import DataError
from potentia.sim.disk import files
from potentia.sim.hdf5 import hdf5
from potentia.tests.test_cli import potentia


@pytest.fixture
def saved(tmp_path):
    return Result(0.0, 1.0, "hash", tallies={"deliveries": 3}).save(tmp_path / "r.h5")


def test_a_file_that_another_program_is_writing(saved, tmp_path):
    with h5py.File(tmp_path / "new.h5", "w") as file:
        file.create_group("meta")
        with pytest.raises(
            DataError, match=r"new\.h5 cannot be read: another program is writing to it"
        ):
            Result.load(tmp_path / "new.h5")
        refused = potentia("inspect", tmp_path / "new.h5")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "another program is writing to it" in refused.stderr
    with pytest.raises(DataError, match="is refused"):
        Result.load(tmp_path / "new.h5")


def test_a_file_that_is_only_locked_is_read(saved):
    with h5py.File(saved, "r+"):
        assert Result.load(saved).tallies == {"deliveries": 3}


def test_a_disk_that_does_not_answer(saved, monkeypatch):
    def broken(file):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(hdf5, "open_root", broken)
    with pytest.raises(DataError, match=r"r\.h5 cannot be read: Input/output error"):
        Result.load(saved)


def test_a_file_that_may_not_be_read(saved, monkeypatch):
    def forbidden(*given):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files.os, "open", forbidden)
    with pytest.raises(DataError, match=r"r\.h5 cannot be read: Permission denied"):
        Result.load(saved)
