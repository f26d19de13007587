"""Sections must join up wherever they are read; gaps and strangers are refused."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest

from potentia import Network, Result, Simulator
from potentia.errors import DataError
from potentia.models import LIF
from potentia.sim.results import chain, storage
from potentia.sim.runs import sections
from potentia.tests.sim.test_storage import same, simulator


@pytest.fixture(scope="module")
def result():
    return simulator().run(0.1)


def chained(folder, monkeypatch, n=12):
    """The sections of a run that broke off, and their paths."""
    with monkeypatch.context() as patch:
        patch.setattr(sections, "MOST_BYTES", 1)
        left = iter(range(n))

        def tick(steps):
            if next(left, None) is None:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            simulator(chunk=20)._session.single(0.1, tick, folder)
    return chain.sections(folder)


def test_sections_are_in_order_of_their_numbers(result, tmp_path, monkeypatch):
    """seg-10 comes after seg-9, as seg-10000 does after seg-9999."""
    monkeypatch.setattr(chain, "name", lambda number: f"seg-{number}.h5")
    paths = chained(tmp_path, monkeypatch)
    assert [path.name for path in paths] == [f"seg-{k}.h5" for k in range(1, len(paths) + 1)]
    assert len(paths) > 10
    part = Result.load(tmp_path)
    early = result.spikes("exc").times <= part.stop
    assert np.array_equal(part.spikes("exc").times, result.spikes("exc").times[early])
    same(simulator().run(0.1, record_to=tmp_path, resume=True), result)


def strip(path):
    """Make a section look like those of versions that wrote no places into them."""
    with h5py.File(path, "r+") as file:
        for name in ("segment", "run", "follows"):
            file["meta"].attrs.pop(name, None)


def test_sections_that_do_not_tell_their_places_are_read(result, tmp_path, monkeypatch):
    for path in chained(tmp_path, monkeypatch):
        strip(path)
    assert Result.load(tmp_path).stop > 0.02
    same(simulator(chunk=20).run(0.1, record_to=tmp_path, resume=True), result)


def other(folder, monkeypatch):
    """Sections of another seed."""
    with monkeypatch.context() as patch:
        patch.setattr(sections, "MOST_BYTES", 1)
        net = Network(seed=3)
        exc = net.population(LIF(), 30, name="exc")
        net.probe(exc, "v")
        patch.setattr(sections.Sections, "merge", lambda self: Result(0.0, 0.0, ""))
        Simulator(net, chunk=20).run(0.1, record_to=folder)
    return chain.sections(folder)


def test_gaps_and_strangers_are_refused(tmp_path, monkeypatch):
    good, bad = chained(tmp_path / "good", monkeypatch), other(tmp_path / "bad", monkeypatch)
    spoilers = {
        "seg-0001.h5 is missing": lambda row: row[0].unlink(),
        "seg-0004.h5 is missing": lambda row: row[3].unlink(),
        "was written as section 5, not as 4": lambda row: row[4].replace(row[3]),
        "begins at": lambda row: (row[4].replace(row[3]), row[5].replace(row[4]), strip(row[3])),
        "is of another simulation than": lambda row: shutil.copy(bad[2], row[2]),
        "is of another simulation than the": lambda row: shutil.copy(bad[0], row[0]),
        "two sections with the number": lambda row: shutil.copy(
            row[2], row[2].with_name("seg-3.h5")
        ),
        "was written after another section": lambda row: forged(row[2]),
        "is damaged": lambda row: row[2].write_bytes(row[2].read_bytes()[:-100]),
    }
    for number, (message, spoil) in enumerate(spoilers.items()):
        folder = tmp_path / str(number)
        shutil.copytree(good[0].parent, folder)
        spoil(chain.sections(folder))
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(DataError, match=message):
            Result.load(folder)
        with pytest.raises(DataError):
            simulator(chunk=20).run(0.1, record_to=folder, resume=True)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def forged(path):
    """Another section of the same place: one number is another."""
    link, part = chain.link(path), Result.load(path)
    part.trace("exc", "v")[0, 0] += 1e-3
    place = {"segment": link.section, "run": link.run, "follows": link.follows}
    storage.write_result(part, path, place=place, overwrite=True)


def test_the_sections_of_another_simulation_are_not_removed(tmp_path, monkeypatch):
    """A resume without a checkpoint begins anew, but only in a folder of its own."""
    before = [path.name for path in other(tmp_path, monkeypatch)]
    with pytest.raises(DataError, match="holds the sections of another simulation"):
        simulator(chunk=20).run(0.1, record_to=tmp_path, resume=True)
    assert [path.name for path in chain.sections(tmp_path)] == before


def test_only_a_resume_goes_on_in_the_folder_of_a_broken_run(tmp_path, monkeypatch):
    chained(tmp_path, monkeypatch)
    with pytest.raises(DataError, match="of a run that broke off; go on with resume=True"):
        simulator(chunk=20).run(0.1, record_to=tmp_path)
