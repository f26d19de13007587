"""`potentia resume`: a run that was broken off goes on in its folder."""

from __future__ import annotations

import json
import os
import platform
import signal
from pathlib import Path

import pytest

from potentia.experiments import balanced_network, load
from potentia.experiments.framework.experiment import read_settings
from potentia.experiments.framework.runner import execute
from potentia.sim.disk.lock import FolderLock
from potentia.sim.engines.clock import ClockEngine
from potentia.sim.runs import sections, snapshot, stop
from potentia.sim.runs.claim import LOCK, RECORD
from potentia.sim.runs.runfolder import read_run
from potentia.tests.test_cli import potentia

SETTINGS = {"neurons": 200, "duration": 0.5, "probability": 0.1, "seed": 3}


def execute_into(base):
    experiment = load("balanced-network")
    settings = read_settings(experiment.name, experiment.settings, values=SETTINGS)
    return execute(experiment, settings, base=base, say=lambda text: None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The record of an unbroken run."""
    return execute_into(tmp_path_factory.mktemp("whole")).record


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """The folder of a run that was interrupted after three sections."""
    put, left = sections.Sections.put, iter(range(3))

    def interrupted(self, *given):
        if next(left, None) is None:
            raise KeyboardInterrupt
        put(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(sections, "MOST_BYTES", 1)
        patch.setattr(sections, "CHECKPOINT_SECONDS", 0.0)
        patch.setattr(sections.Sections, "put", interrupted)
        with pytest.raises(KeyboardInterrupt):
            execute_into(tmp_path)
    (folder,) = tmp_path.iterdir()
    assert read_run(folder)["status"] == "interrupted"
    assert len(list(folder.glob("seg-*.h5"))) == 3
    return folder


def test_a_run_goes_on_to_the_same_end(broken, whole):
    done = potentia("resume", broken, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["run"], told["experiment"], told["seed"]) == (str(broken), "balanced-network", 3)
    record = read_run(broken)
    assert (record["status"], record["spike_hash"]) == ("done", whole["spike_hash"])
    timed = {"seconds"}
    for name in whole["metrics"].keys() - timed:
        assert record["metrics"][name] == whole["metrics"][name]
    assert len(record["resumed"]) == 1
    left = {path.name for path in broken.iterdir()} - {"overview.png"}
    assert left == {"results.h5", "report.html", RECORD}


def test_a_run_that_failed_after_its_simulation(tmp_path, whole, monkeypatch):
    """What was simulated is not simulated again."""
    with monkeypatch.context() as patch:
        patch.setattr(balanced_network, "plot", lambda context: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            execute_into(tmp_path)
    (folder,) = tmp_path.iterdir()
    assert read_run(folder)["status"] == "failed"
    before = (folder / "results.h5").read_bytes()
    monkeypatch.setattr(ClockEngine, "run", lambda *given: 1 / 0)
    assert potentia("resume", folder).returncode == 0
    assert (folder / "results.h5").read_bytes() == before
    record = read_run(folder)
    assert (record["status"], record["spike_hash"]) == ("done", whole["spike_hash"])
    assert not {"error", "traceback"} & record.keys()


def test_a_run_that_is_done_is_told(broken, whole):
    """Its record is printed, and nothing in its folder changes."""
    assert potentia("resume", broken).returncode == 0
    before = {path.name: path.read_bytes() for path in broken.iterdir()}
    # as a run leaves it that is killed between its last word and its end
    (broken / ".run.lock").touch()
    again = potentia("resume", broken)
    assert (again.returncode, again.stderr) == (0, "")
    assert not (broken / ".run.lock").exists()
    assert again.stdout.startswith("balanced-network, seed 3, done\n")
    assert "rate_excitatory" in again.stdout
    assert again.stdout.endswith(f"spike hash {whole['spike_hash']}\n{broken}\n")
    told = json.loads(potentia("resume", broken, "--json").stdout)
    assert (told["run"], told["metrics"]["spikes"]) == (str(broken), whole["metrics"]["spikes"])
    assert {path.name: path.read_bytes() for path in broken.iterdir()} == before


def interrupting(patch, signals):
    """Send this process so many signals when a recorded run looks for the second time whether to
    hand over.
    """
    wants, looks = sections.Sections.wants, iter(range(1))

    def interrupted(self, n_bytes):
        if next(looks, None) is None:
            for _ in range(signals):
                os.kill(os.getpid(), signal.SIGINT)
        return wants(self, n_bytes)

    patch.setattr(sections.Sections, "wants", interrupted)


def test_ctrl_c_writes_a_checkpoint_and_says_how_to_go_on(tmp_path, whole, monkeypatch):
    settings = [part for key, value in SETTINGS.items() for part in ("--set", f"{key}={value}")]
    with monkeypatch.context() as patch:
        interrupting(patch, 1)
        stopped = potentia("run", "balanced-network", *settings, "--out", tmp_path)
    (folder,) = tmp_path.iterdir()
    assert stopped.returncode == 130
    assert stopped.stderr == f"potentia: interrupted; to go on: potentia resume {folder}\n"
    assert snapshot.load(folder / sections.CHECKPOINTS[0]).time == pytest.approx(0.2)
    assert read_run(folder)["status"] == "interrupted"
    taken: list[float] = []
    resumed = sections.Sections._resumed
    monkeypatch.setattr(
        sections.Sections, "_resumed", lambda self: taken.append(1) or resumed(self)
    )
    assert potentia("resume", folder).returncode == 0
    assert taken
    assert read_run(folder)["spike_hash"] == whole["spike_hash"]


def test_a_second_ctrl_c_does_not_wait(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupting(patch, 2)
        stopped = potentia("run", "balanced-network", "--set", "neurons=200", "--out", tmp_path)
    (folder,) = tmp_path.iterdir()
    assert stopped.returncode == 130
    assert not list(folder.glob("*.snapshot"))
    assert not stop.asked()


def test_a_run_that_still_runs_is_refused(broken):
    """As long as its process lives, wherever it says that it runs; another process with its number
    does not count.
    """
    record = read_run(broken)
    record |= {"status": "running", "host": record["host"] | {"process": os.getppid()}}
    (broken / RECORD).write_text(json.dumps(record))
    with FolderLock(broken, LOCK, "runs"):
        assert read_run(broken)["status"] == "running"
        refused = potentia("resume", broken)
    assert refused.returncode == 2
    assert (
        f"holds a run that is still running, as process {os.getpid()} on {platform.node()}, since"
        in refused.stderr
    )
    assert len(refused.stderr.splitlines()) == 1
    assert read_run(broken)["status"] == "interrupted"
    assert potentia("resume", broken).returncode == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"config": {"neurons": "many"}}, "neurons: must be a valid integer"),
        ({"experiment": "balanced-netwrok"}, "did you mean 'balanced-network'?"),
        ({"data": "/no/such"}, "the run needs the data in /no/such"),
        ({"backend": "banana"}, "backend: must be one of"),
    ],
)
def test_bad_records_change_nothing(broken, changes, message):
    record = read_run(broken) | changes
    (broken / RECORD).write_text(json.dumps(record))
    before = sorted(path.name for path in broken.iterdir())
    refused = potentia("resume", broken)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert sorted(path.name for path in broken.iterdir()) == before


def test_an_interrupted_run_says_how_it_goes_on(tmp_path, monkeypatch):
    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(ClockEngine, "run", interrupted)
    stopped = potentia("run", "balanced-network", "--out", tmp_path / "with space")
    (folder,) = (tmp_path / "with space").iterdir()
    assert stopped.returncode == 130
    assert stopped.stderr == f"potentia: interrupted; to go on: potentia resume '{folder}'\n"
    assert read_run(folder)["status"] == "interrupted"
    again = potentia("resume", folder)
    assert (again.returncode, again.stderr) == (130, stopped.stderr)


def test_no_run_folder(tmp_path: Path):
    refused = potentia("resume", tmp_path)
    assert refused.returncode == 2
    assert "is no run folder" in refused.stderr
