"""`potentia sweep`: a run for each point of a grid, and what is left of one that broke off."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from potentia.errors import DataError, ParameterError
from potentia.experiments.framework import runner, sweep, sweep_figure
from potentia.sim.disk.lock import FolderLock
from potentia.sim.runs.runfolder import RECORD, SWEEP, read_run
from potentia.tests.test_cli import potentia

NAME = "balanced-network"
SMALL = ["--set", "neurons=200", "--set", "duration=0.05"]
GRID = ["--grid", "probability=0.05,0.1", "--grid", "seed=1,2"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep of four points on two processes: its folder and what was printed."""
    base = tmp_path_factory.mktemp("sweep")
    done = potentia("sweep", NAME, *GRID, *SMALL, "--out", base, "--workers", 2, "--json")
    assert done.returncode == 0, done.stderr
    (folder,) = base.iterdir()
    return folder, json.loads(done.stdout.splitlines()[-1])


def test_each_point_is_a_run_of_its_own(swept):
    folder, told = swept
    assert told["sweep"] == str(folder)
    points = [point["settings"] for point in told["points"]]
    assert points == [{"probability": p, "seed": s} for p in (0.05, 0.1) for s in (1, 2)]
    for point in told["points"]:
        record = read_run(point["run"])
        assert record["status"] == "done"
        assert record["metrics"] == point["metrics"]
        assert record["config"] == {
            "neurons": 200,
            "duration": 0.05,
            "dt": 1e-4,
            **point["settings"],
        }


def test_a_point_equals_a_run_by_itself(swept, tmp_path):
    point = swept[1]["points"][2]
    alone = potentia(
        "run", NAME, *SMALL, "--set", "probability=0.1", "--seed", 1, "--out", tmp_path, "--json"
    )
    record = read_run(json.loads(alone.stdout.splitlines()[-1])["run"])
    assert record["spike_hash"] == read_run(point["run"])["spike_hash"]


def test_the_table_holds_all_points(swept):
    folder, told = swept
    with open(folder / sweep.TABLE, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["spikes"] for row in rows] == [
        str(point["metrics"]["spikes"]) for point in told["points"]
    ]
    assert {row["status"] for row in rows} == {"done"}
    assert (folder / "sweep.png").stat().st_size > 10_000


def test_what_is_printed_without_json(swept):
    done = potentia("resume", swept[0])
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["probability", "seed"]
    assert len(lines) == 2 + 4 + 1


def test_inspect_and_plot(swept, broken):
    """What stands so far, without running anything."""
    shown = potentia("inspect", broken)
    assert shown.returncode == 0, shown.stderr
    assert [line.split()[-1] for line in shown.stdout.splitlines()[2:]] == [
        "done",
        "interrupted",
        "done",
        "missing",
    ]
    drawn = potentia("plot", broken)
    assert drawn.returncode == 0, drawn.stderr
    assert drawn.stdout.strip() == str(broken / "sweep.png")


@pytest.fixture
def broken(swept, tmp_path):
    """A copy of the sweep in which one point was never begun and one was broken off."""
    folder, told = swept
    paths = [sweep.Path(point["run"]) for point in told["points"]]
    (tmp_path / SWEEP).write_bytes((folder / SWEEP).read_bytes())
    for path in paths[:3]:
        (tmp_path / path.name).mkdir()
        (tmp_path / path.name / RECORD).write_bytes((path / RECORD).read_bytes())
    record = read_run(tmp_path / paths[1].name) | {"status": "interrupted", "metrics": {}}
    (tmp_path / paths[1].name / RECORD).write_text(json.dumps(record))
    return tmp_path


def test_only_what_is_not_done_is_run(swept, broken, monkeypatch):
    # of a sweep that was killed while it wrote its table
    (broken / ".sweep.csv.abcdefgh.part").touch()
    done = potentia("resume", broken, "--workers", 1, "--json")
    assert done.returncode == 0, done.stderr
    points = json.loads(done.stdout.splitlines()[-1])["points"]
    assert not list(broken.glob(".*"))
    assert len(list(broken.glob(f"*/{RECORD}"))) == 4
    timed = {"seconds"}
    for point, expected in zip(points, swept[1]["points"], strict=True):
        for name in expected["metrics"].keys() - timed:
            assert point["metrics"][name] == expected["metrics"][name]
    resumed = ["resumed" in read_run(point["run"]) for point in points]
    assert resumed == [False, True, False, False]


def test_a_point_that_fails_does_not_stop_the_others(broken, monkeypatch):
    def fails(experiment, settings, **choices):
        raise DataError("the disk is full")

    monkeypatch.setattr(runner, "execute", fails)
    points = [
        sweep._work(k, sweep.Sweep.read(broken), point, broken, 1, os.getpid())[1]
        for k, point in enumerate(sweep._found(broken, sweep.Sweep.read(broken)))
        if not point.done
    ]
    assert [point.error for point in points] == ["", "the disk is full"]
    assert [point.done for point in points] == [True, False]


def gone(process):
    """Whether no process has this number; waits a while for one that is ending."""
    for _ in range(600):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_sweep_that_is_ended_takes_its_workers_along(number, tmp_path):
    """And every run says that it was interrupted, whether the sweep could still
    tell them or not.
    """
    command = [
        sys.executable,
        "-m",
        "potentia",
        "sweep",
        NAME,
        "--grid",
        "seed=1,2",
        "--set",
        "duration=100000",
    ]
    command += ["--workers", "2", "--out", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(900):
        if len(records := list(tmp_path.glob(f"*/*/{RECORD}"))) == 2:
            break
        time.sleep(0.1)
    (folder,) = tmp_path.iterdir()
    workers = [json.loads(file.read_text())["host"]["process"] for file in records]
    process.send_signal(number)
    errors = process.communicate(timeout=60)[1]
    assert all(gone(worker) for worker in workers)
    assert [json.loads(file.read_text())["status"] for file in records] == ["interrupted"] * 2
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        assert (
            errors.splitlines()[-1] == f"potentia: interrupted; to go on: potentia resume {folder}"
        )
        assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_two_processes_do_not_carry_out_one_sweep(broken):
    with FolderLock(broken, sweep.LOCK, "is in use"):
        refused = potentia("resume", broken)
    assert refused.returncode == 2
    assert f"holds a sweep that is still running, as process {os.getpid()}" in refused.stderr
    assert len(list(broken.glob(f"*/{RECORD}"))) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give at least one key=a,b,c"),
        (["--grid", "neurons"], "form key=a,b,c (got 'neurons')"),
        (["--grid", "neurons="], "form key=a,b,c"),
        (["--grid", "neurnos=200"], "did you mean 'neurons'?"),
        (["--grid", "neurons=200,many"], "neurons: must be a valid integer (got 'many')"),
        (["--grid", "neurons=200,,300"], "neurons: must be a valid integer"),
        (["--grid", "neurons=200,200"], "neurons has a value twice"),
        (["--grid", "neurons=200", "--grid", "neurons=300"], "neurons is given twice"),
        (
            ["--grid", "neurons=200", "--set", "neurons=300"],
            "given both by --grid and as one value (got 300)",
        ),
        (["--grid", "seed=1,2", "--seed", "3"], "given both by --grid and as one value (got 3)"),
        (
            ["--grid", "seed=" + ",".join(map(str, range(10_001)))],
            "at most 10,000 points (got 10,001)",
        ),
        (["--grid", "neurons=200", "--workers", "0"], "workers: must be a whole number >= 1"),
        (["--grid", "neurons=200", "--backend", "banana"], "backend: must be one of"),
        (["--grid", "neurons=200", "--data", "/no/such"], "/no/such is not a folder"),
    ],
)
def test_bad_input_leaves_nothing_behind(arguments, message, tmp_path):
    done = potentia("sweep", NAME, *arguments, "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"experiment": "x"}', "is damaged"),
        ('{"experiment": "balanced-network", "given": {}, "grid": {"seed": 1}}', "is damaged"),
        (
            '{"experiment": "balanced-network", "given": {}, "grid": {"seed": [1]}, "schema": 9}',
            "has schema 9",
        ),
        (
            '{"experiment": "balanced-network", "given": {}, "grid": {"seed": ["x"]}}',
            "seed: must be a valid integer",
        ),
        ('{"experiment": "balanced-netwrok", "given": {}, "grid": {"seed": [1]}}', "did you mean"),
    ],
)
def test_a_damaged_sweep(text, message, tmp_path):
    (tmp_path / SWEEP).write_text(text)
    done = potentia("resume", tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


def test_values_in_brackets_stay_together():
    assert sweep._split("[1, 2], 3,{a, b}") == ["[1, 2]", "3", "{a, b}"]


def test_threads_of_a_process_can_be_limited(monkeypatch):
    from potentia.sim.engines.choose import cores

    monkeypatch.setenv("POTENTIA_THREADS", "1")
    assert cores() == 1
    monkeypatch.setenv("POTENTIA_THREADS", "none")
    with pytest.raises(ParameterError, match=re.escape("POTENTIA_THREADS: must be a whole number")):
        cores()


def points(**metrics):
    return [
        sweep.Point(
            {"rate": r, "seed": s, "mode": m},
            None,
            {
                "status": "done",
                "metrics": {"seconds": 1.0 * s}
                | {name: make(r, s, m) for name, make in metrics.items()},
            },
        )
        for r in (1.0, 2.0, 4.0)
        for s in (1, 2)
        for m in ("a", "b")
    ]


def test_the_figure_has_a_panel_per_metric_and_a_line_per_other_setting():
    made = points(
        linear=lambda r, s, m: r + s, same=lambda r, s, m: 3, missing=lambda r, s, m: None
    )
    assert sweep_figure.axis(made) == "rate"
    assert sweep_figure.shown(made) == ["linear"]
    figure = sweep_figure.overview(made)
    (panel,) = figure.axes
    assert len(panel.containers) == 2  # modes a and b
    x, y = panel.containers[0][0].get_data()
    assert list(x) == [1.0, 2.0, 4.0]
    assert list(y) == [2.5, 3.5, 5.5]  # the mean over seeds


def test_nothing_to_draw():
    assert sweep_figure.overview([]) is None
    assert sweep_figure.overview([sweep.Point({"mode": "a"}), sweep.Point({"mode": "b"})]) is None
