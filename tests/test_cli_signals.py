"""Signals that end a command, wherever it is."""

import os
import signal
import subprocess
import sys
import time

import pytest

from potentia import process
from potentia.sim.runs.runfolder import read_run


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_runs_say_so(tmp_path, number):
    command = [
        sys.executable,
        "-m",
        "potentia",
        "run",
        "balanced-network",
        "--set",
        "duration=100000",
    ]
    running = subprocess.Popen(
        [*command, "--out", str(tmp_path)], stderr=subprocess.PIPE, text=True
    )
    for _ in range(300):
        if list(tmp_path.glob("*/run.json")):
            break
        time.sleep(0.1)
    time.sleep(0.5)
    running.send_signal(number)
    errors = running.communicate(timeout=60)[1]
    (folder,) = tmp_path.iterdir()
    assert running.returncode == 128 + number
    *before, last = errors.splitlines()  # another line before it, once there is something to keep
    assert before in (
        [],
        ["potentia: stopping with a checkpoint; interrupt again to stop without one"],
    )
    assert last == f"potentia: interrupted; to go on: potentia resume {folder}"
    assert read_run(folder)["status"] == "interrupted"
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("module", ["typer", "pydantic", "h5py", "llvmlite"])
def test_signals_while_a_command_begins(module, number, tmp_path):
    """Nothing has begun yet that would have to be put in order: one line, at once."""
    (tmp_path / f"{module}.py").write_text(
        f"import os, time\nos.kill(os.getpid(), {int(number)})\ntime.sleep(60)\n"
    )
    command = [
        sys.executable,
        "-m",
        "potentia",
        "run",
        "balanced-network",
        "--out",
        str(tmp_path / "runs"),
    ]
    paths = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 128 + number
    assert (done.stdout, done.stderr) == ("", "potentia: interrupted\n")
    assert not (tmp_path / "runs").exists()


class Trap:
    """Is interrupted while it is removed, where Python can raise nothing."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)


@process.interruptible()
def interrupted_in_vain():
    Trap()
    time.sleep(20)


def test_no_interrupt_is_lost():
    with pytest.raises(process.Stopped) as stop:
        interrupted_in_vain()
    assert stop.value.number == signal.SIGTERM


def test_an_interrupt_inside_of_executed_text_ends_in_the_same_code(tmp_path):
    """Libraries execute texts while they are imported, and Python then ends in a way of its own."""
    text = "from potentia import cli\n"
    text += "cli.app = lambda **_: exec('raise KeyboardInterrupt')\ncli.main()\n"
    (tmp_path / "started.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "started"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "potentia: interrupted\n")
