"""The command line: what it prints, where it writes, how it ends."""

import errno
import io
import json
import os
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import pytest

from potentia import cli
from potentia.errors import DataError
from potentia.experiments import balanced_network, experiments, load
from potentia.experiments.framework.experiment import (
    Context,
    read_settings,
)
from potentia.experiments.framework.runner import execute, verify
from potentia.sim.disk import atomic
from potentia.sim.runs.runfolder import read_run
from potentia.version import __version__

SMALL = ["--set", "neurons=200", "--set", "duration=0.05", "--set", "probability=0.1"]


def potentia(*arguments):
    """The command, run here: exit code, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["potentia", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    return SimpleNamespace(returncode=stop.value.code, stdout=out.getvalue(), stderr=err.getvalue())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small run made by the command line: its folder and what was printed."""
    base = tmp_path_factory.mktemp("cli")
    done = potentia(
        "run", "balanced-network", *SMALL, "--seed", 3, "--out", base / "runs", "--json"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    return told, done


def test_run_prints_one_json_object_with_exactly_these_keys(run):
    told, done = run
    assert set(told) == {"experiment", "seed", "metrics", "run"}
    assert (told["experiment"], told["seed"]) == ("balanced-network", 3)
    assert told["metrics"]["spikes"] > 0
    assert len(done.stdout.splitlines()) == 1


def test_run_writes_its_folder(run):
    folder = Path(run[0]["run"])
    names = {path.name for path in folder.iterdir()}
    assert {"run.json", "results.h5", "report.html"} <= names
    record = read_run(folder)
    assert record["status"] == "done"
    assert record["config"]["neurons"] == 200
    assert record["metrics"] == run[0]["metrics"]
    with h5py.File(folder / "results.h5") as file:
        assert "spikes/exc/timestamps" in file


def test_inspect_plot_and_verify(run):
    folder = run[0]["run"]
    shown = potentia("inspect", folder)
    assert shown.returncode == 0
    assert "timestamps  float64" in shown.stdout
    assert "rate_excitatory" in shown.stdout
    assert "[V]" in potentia("inspect", folder + "/results.h5").stdout
    redrawn = potentia("plot", folder)
    assert redrawn.returncode == 0
    assert "report.html" in redrawn.stdout
    again = potentia("verify", folder)
    assert again.returncode == 0, again.stderr
    assert "the same spikes" in again.stdout


def test_verify_finds_a_difference(run, tmp_path):
    record = read_run(run[0]["run"])
    record["config"]["seed"] = 4
    (tmp_path / "run.json").write_text(json.dumps(record))
    done = potentia("verify", tmp_path)
    assert done.returncode == 1
    assert "the spike hash was" in done.stderr


def test_list_names_every_experiment():
    done = potentia("list")
    assert done.returncode == 0
    assert "balanced-network" in done.stdout
    assert set(experiments()) >= {"balanced-network"}
    # the reference first
    assert all("(" in text and text.endswith(".") for text in experiments().values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "balanced-netwrok"], "did you mean 'balanced-network'?"),
        (["run", "balanced-network", "--set", "duraton=1"], "did you mean 'duration'?"),
        (
            ["run", "balanced-network", "--set", "duration=10 ms"],
            "in s, without a unit: duration=0.01 (got '10 ms')",
        ),
        (
            ["run", "balanced-network", "--set", "duration=10 mV"],
            "without a unit, such as duration=1.0",
        ),
        (
            ["run", "balanced-network", "--set", "duration=-1"],
            "duration: must be greater than 0 (got -1)",
        ),
        (["run", "balanced-network", "--set", "duration=nan"], "duration: must be a finite number"),
        (
            ["run", "balanced-network", "--set", "neurons=true"],
            "neurons: must be a valid integer (got 'true')",
        ),
        (["run", "balanced-network", "--set", "neurons=20.5"], "neurons: must be a valid integer"),
        (["run", "balanced-network", "--set", "neurons"], "form key=value"),
        (
            ["run", "balanced-network", "--seed", "-1"],
            "seed: must be greater than or equal to 0 (got -1)",
        ),
        (["run", "balanced-network", "--seed", str(2**64)], "seed: must be less than or equal to"),
        (["run", "balanced-network", "--seed", "x"], "--seed"),
        (["run", "balanced-network", "--backend", "banana"], "backend: must be one of auto, cpu"),
        (["run", "balanced-network", "--data", "/no/such"], "/no/such is not a folder"),
        (["run", "balanced-network", "--set", "dt=1"], "dt"),
        (["run"], "Missing argument"),
        (["rnu"], "rnu"),
        (["run", "balanced-network", "--banana"], "--banana"),
        (["inspect", "/no/such"], "does not exist"),
        (["inspect", "."], "no run folder"),
        (["inspect", "run.txt"], "no HDF5 file"),
        (["plot", "."], "holds no results.h5"),
        (["verify", "."], "no run folder"),
        (["bench", "cubas"], "did you mean 'cuba'?"),
        (["bench", "cuba", "--peers", "nest"], "peers: must be one of brian2"),
        (["bench", "cuba", "--set", "repeats=0"], "repeats: must be greater than or equal to 1"),
    ],
)
def test_bad_input_ends_in_one_sentence(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.txt").write_text("hello")
    done = potentia(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("potentia: ")
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert not list(tmp_path.glob("runs/*"))  # nothing half-written


def test_an_unwritable_folder_fails_before_the_run(tmp_path):
    (tmp_path / "file").write_text("x")
    done = potentia("run", "balanced-network", "--out", tmp_path / "file")
    assert done.returncode == 2
    assert "cannot be made" in done.stderr


def test_a_fault_of_ours_is_one_sentence_too(tmp_path, monkeypatch):
    monkeypatch.setattr(balanced_network, "run", lambda settings, context: 1 / 0)
    done = potentia("run", "balanced-network", "--out", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("potentia: a fault of Potentia itself")
    assert len(done.stderr.splitlines()) == 1
    record = read_run(next(tmp_path.iterdir()))
    assert record["status"] == "failed"
    assert "ZeroDivisionError" in record["traceback"]


def test_a_full_disk_is_no_fault_of_ours(tmp_path, monkeypatch):
    def full(settings, context):
        raise OSError(errno.ENOSPC, "No space left on device", str(context.folder / "x.npz"))

    monkeypatch.setattr(balanced_network, "run", full)
    done = potentia("run", "balanced-network", "--out", tmp_path)
    assert done.returncode == 2
    assert done.stderr.endswith("x.npz: No space left on device\n")
    assert read_run(next(tmp_path.iterdir()))["status"] == "failed"


def test_data_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("POTENTIA_DATA", "/no/such")
    done = potentia("run", "balanced-network", "--out", tmp_path)
    assert done.returncode == 2
    assert "/no/such is not a folder" in done.stderr


def shell(command):
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes as on POSIX")
def test_a_closed_pipe_is_no_error(run):
    command = (
        f"{sys.executable} -m potentia inspect {run[0]['run']} | true; echo ${{PIPESTATUS[0]}}"
    )
    assert shell(command) == (0, "0\n", "")


@pytest.mark.skipif(os.name != "posix", reason="streams as on POSIX")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(run, closed):
    code, out, err = shell(f"{sys.executable} -m potentia inspect {run[0]['run']} {closed}")
    assert (code, err) == (0, "")
    assert ("timestamps" in out) == (">&-" not in closed.split())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no /dev/full")
def test_a_run_whose_output_is_lost_is_done(tmp_path):
    """Whatever happens to what is printed; a command of which only that was wanted says so."""
    command = f"{sys.executable} -m potentia run balanced-network {' '.join(SMALL)} --out"
    code, _, err = shell(f"{command} {tmp_path}/out > /dev/full")
    assert (code, err) == (2, "potentia: what was to be printed is lost: No space left on device\n")
    assert shell(f"{command} {tmp_path}/err 2> /dev/full")[0] == 0
    for name in ("out", "err"):
        assert read_run(next((tmp_path / name).iterdir()))["status"] == "done"


def test_a_disk_that_is_full_from_the_start_leaves_nothing(tmp_path, monkeypatch):
    @contextmanager
    def full(path):
        raise DataError(f"{path} cannot be written: No space left on device")
        yield

    monkeypatch.setattr(atomic, "writing", full)
    for arguments in (
        ["run", "balanced-network"],
        ["sweep", "balanced-network", "--grid", "seed=1,2"],
    ):
        done = potentia(*arguments, "--out", tmp_path / "some" / "runs")
        assert done.returncode == 2
        assert "No space left on device" in done.stderr
        assert not list(tmp_path.iterdir())


def test_experiments_draw_without_matplotlib(tmp_path, monkeypatch):
    said: list[Any] = []
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    settings = read_settings("x", load("balanced-network").settings, SMALL[1::2])
    folder = execute(load("balanced-network"), settings, base=tmp_path, say=said.append)
    assert folder.record["status"] == "done"
    assert any("pip install potentia[plot]" in text for text in said)
    assert verify(folder.path) == []


def test_the_hash_of_a_run_depends_on_the_order_of_its_results(tmp_path):
    class One:
        hash = "1"

    class Two:
        hash = "2"

    def hashed(*results):
        context = Context(backend="cpu", data=None, folder=tmp_path)
        for result in results:
            context.record(result)
        return context.spike_hash

    assert hashed(One(), Two()) != hashed(Two(), One())


def test_bench_reports_in_the_promised_form():
    settings = ["--set", "duration=0.1", "--set", "repeats=1", "--set", "neurons=400"]
    done = potentia("bench", "cuba", *settings, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told) == {"bench", "rows", "ratios", "ceiling_fraction"}
    assert {"case", "engine", "cpu_s", "wall_s", "rss_mb"} <= set(told["rows"][0])
    assert told["ratios"] == {}
    assert told["ceiling_fraction"] > 0


def test_version_and_help_without_a_command():
    assert potentia("--version").stdout == f"potentia {__version__}\n"
    for arguments in ((), ("--help",)):
        shown = potentia(*arguments)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "Name the experiments." in shown.stdout
    module = [sys.executable, "-m", "potentia"]
    told = subprocess.run(
        [*module, "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stdout == f"potentia {__version__}\n"


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_help_on_an_experiment_lists_its_settings(command):
    shown = potentia(command, "microcircuit", "--seed", 3, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "--backend" in shown.stdout
    rows = {
        line.split()[0]: " ".join(line.split()[1:])
        for line in shown.stdout.splitlines()
        if line.strip()
    }
    assert rows["duration"] == "5.0 s number > 0 simulated and recorded time"
    assert rows["drive"].startswith(
        "null dc | poisson | null what stands for the input from outside"
    )
    assert rows["bits"].startswith("8 whole number | null >= 1 and <= 16 2**bits levels")
    assert rows["procedural"].startswith("false true | false draw synapses again")
    assert set(load("microcircuit").settings.model_fields) <= set(rows)


def test_plain_help_imports_no_experiment():
    script = (
        "import sys; sys.argv = ['potentia', 'run', '--help']\nimport potentia.cli\n"
        "try: potentia.cli.main()\nexcept SystemExit: pass\n"
        "print(*[name for name in sys.modules if name.startswith('potentia.experiments') or name == 'numpy'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert "An experiment; see" in done.stdout
    assert done.stdout.splitlines()[-1] == ""


def test_help_on_an_unknown_experiment_names_the_nearest():
    shown = potentia("run", "balanced-netwrok", "--help")
    assert shown.returncode == 2
    assert "did you mean 'balanced-network'?" in shown.stderr
