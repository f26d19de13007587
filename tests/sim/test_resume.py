"""Runs that were broken off go on from their last checkpoint, and end as unbroken ones do."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace

import pytest

from potentia import Network, Simulator
from potentia.errors import DataError, ParameterError
from potentia.learning import STDP
from potentia.models import LIF, CubaLIF
from potentia.sim import FixedProbability, Poisson, Result, Uniform
from potentia.sim.disk import atomic
from potentia.sim.results import storage
from potentia.sim.runs import sections, snapshot
from potentia.tests.sim.test_sections import Full
from potentia.version import __version__

BEFORE, SPAN = 0.05, 0.5  # [s]: simulated before the records begin, and recorded


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """A section and a checkpoint at every visit of Python."""
    monkeypatch.setattr(sections, "MOST_BYTES", 1)
    monkeypatch.setattr(sections, "CHECKPOINT_SECONDS", 0.0)


def simulator(engine="clock", seed=3):
    """Plastic and noisy, all kinds of records; the event engine takes neither
    currents nor rules.
    """
    clock = engine == "clock"
    net = Network(seed=seed)
    cells = net.population(CubaLIF() if clock else LIF(), 100, name="cells")
    net.stimulate(cells, Poisson(rate=2000.0, weight=8e-3 if clock else 3e-3))
    rule = STDP() if clock else None
    net.connect(
        cells, cells, FixedProbability(0.1), weight=1e-4, delay=Uniform(1e-3, 5e-3), rule=rule
    )
    for what, choices in (("spikes", {}), ("v", {"ids": [0, 1]}), ("counts", {}), ("rate", {})):
        net.probe(cells, what, **choices)
    sim = Simulator(net, engine=engine, **({"dt": 1e-4, "chunk": 70} if clock else {}))
    sim.run(BEFORE)
    return sim


def broken(folder, after, engine="clock"):
    """Leave the folder as a run does that is interrupted after so many visits of Python."""
    left = iter(range(after))

    def tick(steps):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulator(engine)._session.single(SPAN, tick, folder)


@pytest.fixture(scope="module", params=["clock", "event"])
def engine(request):
    return request.param


@pytest.fixture(scope="module")
def whole(engine):
    return storage.digest(simulator(engine).run(SPAN))


@pytest.mark.parametrize("after", [0, 1, 20])
def test_a_resumed_run_equals_an_unbroken_one(engine, whole, after, tmp_path):
    broken(tmp_path, after, engine)
    sim = simulator(engine)
    assert storage.digest(sim.run(SPAN, record_to=tmp_path, resume=True)) == whole
    assert storage.digest(Result.load(tmp_path)) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["results.h5"]
    assert sim.time == pytest.approx(BEFORE + SPAN)


def test_a_run_may_break_off_twice(tmp_path):
    broken(tmp_path, 10)
    checkpoints = {path.name: path.read_bytes() for path in tmp_path.glob("checkpoint*")}
    left = iter(range(20))

    def tick(steps):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulator()._session.single(SPAN, tick, tmp_path, True)
    assert all((tmp_path / name).read_bytes() != content for name, content in checkpoints.items())
    done = simulator().run(SPAN, record_to=tmp_path, resume=True)
    assert storage.digest(done) == storage.digest(simulator().run(SPAN))


@pytest.mark.parametrize(
    "damaged", [sections.CHECKPOINTS[:1], sections.CHECKPOINTS[1:], sections.CHECKPOINTS]
)
def test_a_checkpoint_that_was_not_written_to_its_end(damaged, tmp_path):
    """The other one serves; without any the run begins anew."""
    broken(tmp_path, 10)
    for name in damaged:
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
    done = simulator().run(SPAN, record_to=tmp_path, resume=True)
    assert storage.digest(done) == storage.digest(simulator().run(SPAN))


def test_what_is_sealed_is_not_simulated_again(tmp_path):
    broken(tmp_path, 20)
    seen = []
    simulator()._session.single(SPAN, seen.append, tmp_path, True)
    assert seen[0] >= 19 * 70  # at once, as far as the checkpoint
    assert sum(seen) == round(SPAN / 1e-4)


def test_a_folder_without_anything_to_resume(tmp_path):
    done = simulator().run(SPAN, record_to=tmp_path / "new", resume=True)
    assert storage.digest(done) == storage.digest(simulator().run(SPAN))


def test_a_complete_result_is_returned(engine, whole, tmp_path, monkeypatch):
    """As often as wanted; a simulator that did not take part catches up when it is used."""
    sim = simulator(engine)
    sim.run(SPAN, record_to=tmp_path)
    before = (tmp_path / "results.h5").read_bytes()
    again = simulator(engine)
    with monkeypatch.context() as patch:
        patch.setattr(again._engine, "run", None)  # nothing is simulated
        assert storage.digest(again.run(SPAN, record_to=tmp_path, resume=True)) == whole
    assert again.time == pytest.approx(BEFORE + SPAN)
    assert (tmp_path / "results.h5").read_bytes() == before
    assert storage.digest(again.run(0.1)) == storage.digest(sim.run(0.1))


def test_results_of_another_run_are_not_touched(tmp_path):
    simulator().run(SPAN, record_to=tmp_path)
    before = (tmp_path / "results.h5").read_bytes()
    later = simulator()
    later.run(0.1)
    for sim, span, message in (
        (simulator(), SPAN, ""),
        (simulator(seed=4), SPAN, "of another simulation"),
        (simulator(), 0.3, "from 0.05 s to 0.55 s"),
        (later, SPAN, "from 0.05 s to 0.55 s"),
    ):
        with pytest.raises(DataError, match=f"holds results already.*{message}"):
            sim.run(span, record_to=tmp_path, resume=bool(message))
    assert (tmp_path / "results.h5").read_bytes() == before


@pytest.mark.parametrize("at", [0, 1, 3, 6])
def test_a_merge_that_is_killed(at, engine, whole, tmp_path, monkeypatch):
    """After so many moves and removals of files: the result is there or can be made, and nothing
    else is left.
    """
    broken(tmp_path, 5, engine)
    left = iter(range(at))

    def killed(act):
        def counted(*given, **choices):
            if next(left, None) is None:
                raise SystemExit
            return act(*given, **choices)

        return counted

    sim = simulator(engine)
    merge = sections.Sections.merge

    def merging(self):
        self._finish()
        with monkeypatch.context() as patch:
            patch.setattr(sections.Path, "unlink", killed(sections.Path.unlink))
            patch.setattr(os, "replace", killed(os.replace))
            patch.setattr(os, "unlink", killed(os.unlink))
            return merge(self)

    with monkeypatch.context() as patch:
        patch.setattr(sections.Sections, "merge", merging)
        with contextlib.suppress(SystemExit):
            sim.run(SPAN, record_to=tmp_path, resume=True)
    assert storage.digest(Result.load(tmp_path)) == whole  # at any moment
    assert storage.digest(simulator(engine).run(SPAN, record_to=tmp_path, resume=True)) == whole
    assert storage.digest(Result.load(tmp_path)) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["results.h5"]


def test_damaged_checkpoints_do_not_stay(tmp_path, monkeypatch):
    """Also where all is written in one piece."""
    for name in sections.CHECKPOINTS:
        (tmp_path / name).write_bytes(b"no snapshot")
    monkeypatch.setattr(sections, "MOST_BYTES", 1 << 30)
    simulator().run(SPAN, record_to=tmp_path, resume=True)
    assert [path.name for path in tmp_path.iterdir()] == ["results.h5"]


def test_checkpoints_of_another_simulation_are_refused(tmp_path):
    broken(tmp_path, 5)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(DataError, match="is a checkpoint of another simulation"):
        simulator(seed=4).run(SPAN, record_to=tmp_path, resume=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("began", "goes_on"), [("cpu", "torch"), ("torch", "cpu"), ("cpu", "reference")]
)
def test_a_checkpoint_of_another_backend_is_refused(began, goes_on, tmp_path):
    """Two backends may round otherwise, so a result is of one alone; a snapshot may change."""
    net = Network(seed=3)
    cells = net.population(LIF(), 20, name="cells")
    net.stimulate(cells, Poisson(rate=2000.0, weight=3e-3))
    net.probe(cells, "spikes")
    made = Simulator(net, backend=began, chunk=70)
    left = iter(range(3))

    def tick(steps):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made._session.single(0.05, tick, tmp_path)
    told = f"with backend='{began}', while this one has backend='{goes_on}'; choose another folder"
    with pytest.raises(DataError, match=told):
        Simulator(net, backend=goes_on, chunk=70).run(0.05, record_to=tmp_path, resume=True)
    done = made.run(0.05, record_to=tmp_path, resume=True)
    assert done.hash == Simulator(net, backend=began).run(0.05).hash
    assert done.hash == Simulator(net, backend=goes_on).run(0.05).hash


def test_a_simulator_at_another_time_is_refused(tmp_path):
    broken(tmp_path, 5)
    sim = simulator()
    sim.run(1.0)
    with pytest.raises(
        DataError, match=r"a run from 0.05 s on, and this simulator stands at 1.05 s"
    ):
        sim.run(SPAN, record_to=tmp_path, resume=True)


def test_a_hostile_checkpoint_is_refused(tmp_path):
    """Sealed as it should be, but with a state that lacks its time."""
    sim = simulator()
    state = {name: array for name, array in sim._engine.snapshot().items() if name != "step"}
    snapshot.save(tmp_path / sections.CHECKPOINTS[0], sim._session.snapshot(state))
    with pytest.raises(DataError, match=r"checkpoint-1\.snapshot cannot be resumed"):
        sim.run(SPAN, record_to=tmp_path, resume=True)


@pytest.mark.parametrize("version", [__version__, "7.1", ""])
def test_a_checkpoint_of_another_version_is_refused_before_anything_is_removed(tmp_path, version):
    """One that lacks an array, as of a version that kept fewer, is told with who wrote it."""
    broken(tmp_path, 5)
    for name in sections.CHECKPOINTS:
        saved = snapshot.load(tmp_path / name)
        less = {key: array for key, array in saved.state.items() if "trace_post" not in key}
        assert len(less) < len(saved.state)
        snapshot.save(tmp_path / name, replace(saved, state=less))
        body = (tmp_path / name).read_bytes()[snapshot.BLOCK :]
        (tmp_path / name).write_bytes(snapshot._header(snapshot.SCHEMA, body, version) + body)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(DataError) as refusal:
        simulator().run(SPAN, record_to=tmp_path, resume=True)
    writer = f"Potentia {version}" if version else "a version that does not say which"
    assert "snapshot cannot be resumed: the saved state lacks array 'cells.trace_post_late'" in str(
        refusal.value
    )
    assert str(refusal.value).endswith(f"(the file was written by {writer}; this is {__version__})")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_resume_needs_a_folder():
    with pytest.raises(ParameterError, match="resume: needs record_to"):
        simulator().run(SPAN, resume=True)


def test_a_disk_that_is_full_of_checkpoints(tmp_path, monkeypatch):
    """A checkpoint that does not fit stops the run, and all sections are kept."""
    monkeypatch.setattr(atomic, "writing", full := Full(sections.CHECKPOINTS[1], 1000))
    with pytest.raises(
        DataError, match=r"No space left on device.*2 sections sealed before are kept"
    ):
        simulator().run(SPAN, record_to=tmp_path)
    monkeypatch.setattr(atomic, "writing", full.writing)
    done = simulator().run(SPAN, record_to=tmp_path, resume=True)
    assert storage.digest(done) == storage.digest(simulator().run(SPAN))
