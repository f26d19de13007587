"""Folders that somebody else made: links lead nowhere, pipes do not wait, and nothing in them is
carried out.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import potentia
from potentia import Network, Result, Simulator
from potentia.errors import DataError
from potentia.models import LIF
from potentia.process import printable
from potentia.sim import Constant
from potentia.sim.runs.runfolder import RECORD, RunFolder, read_run, write_report

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes of Posix")
ENTRY = "from potentia.cli import main; main()"
SOUND = {
    "schema": 1,
    "experiment": "balanced-network",
    "status": "done",
    "seed": 1,
    "config": {},
    "metrics": {},
}
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8ffff3f0005fe02fea735819d0000000049454e44ae426082"
)


def command(*words, cwd, **env):
    """The exit code and what a command says."""
    done = subprocess.run(
        [sys.executable, "-c", ENTRY, *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | env,
        errors="surrogateescape",
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def refused(*words, cwd):
    """The one sentence of a command that ends with exit code 2."""
    begun = time.monotonic()
    code, _, told = command(*words, cwd=cwd)
    assert code == 2, told
    assert told.startswith("potentia: ")
    assert told.count("\n") == 1
    assert time.monotonic() - begun < 60
    return told


@pytest.fixture
def result(tmp_path):
    net = Network(seed=1)
    cells = net.population(LIF(), 3, name="cells")
    net.stimulate(cells, Constant(20e-3))
    net.probe(cells, "spikes")
    return Simulator(net).run(0.02).save(tmp_path / "run")


def test_a_figure_never_goes_through_a_link(result, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("mine")
    (result.parent / "overview.png").symlink_to(secret)
    code, told, _ = command("plot", result.parent, cwd=tmp_path)
    assert code == 0, told
    assert secret.read_text() == "mine"
    assert (result.parent / "overview.png").read_bytes().startswith(b"\x89PNG")
    assert not (result.parent / "overview.png").is_symlink()


def test_a_report_holds_pictures_of_its_folder_alone(tmp_path):
    with RunFolder(tmp_path, "demo", config={}, seed=1) as run:
        (run.path / "a.png").write_bytes(PIXEL)
        (run.path / "link.png").symlink_to("/etc/passwd")
        (run.path / "text.png").write_text("root:x:0:0")
        os.mkfifo(run.path / "pipe.png")
        (run.path / "zero.png").symlink_to("/dev/zero")
        run.finish({}, "abc")
    page = write_report(run.path, read_run(run.path)).read_text()
    assert page.count("<img") == 1


def pipe(path):
    os.mkfifo(path)


def link(path):
    path.symlink_to(Path(__file__).parent / "conftest.py")


def endless(path):
    path.symlink_to("/dev/zero")


def folder(path):
    path.mkdir()


@pytest.mark.parametrize("make", [pipe, link, endless, folder])
def test_what_is_no_regular_file_is_refused(tmp_path, make):
    for name in (RECORD, "results.h5", "seg-0001.h5"):
        place = tmp_path / name
        make(place)
        with pytest.raises(DataError, match=name):
            (read_run if name == RECORD else Result.load)(tmp_path)
        (place.rmdir if place.is_dir() else place.unlink)()


def test_a_file_that_the_user_names_may_be_a_link(result, tmp_path):
    (tmp_path / "mine.h5").symlink_to(result)
    assert Result.load(tmp_path / "mine.h5").hash == Result.load(result).hash
    with pytest.raises(DataError, match="not a file"):
        Result.load("/dev/zero")


DEEP = json.loads("[" * 900 + "]" * 900)
DAMAGED = {
    "versions": "3.11",
    "tables": [[1, 2]],
    "metrics": {"a": DEEP},
    "description": 5,
    "config": {"deep": {"x": DEEP}},
    "host": [1],
    "spike_hash": {"a": 1},
    "seed": 10**400,
}


@pytest.mark.parametrize("field", DAMAGED)
def test_a_record_that_cannot_be_shown_is_refused(tmp_path, field):
    (tmp_path / RECORD).write_text(json.dumps(SOUND | {field: DAMAGED[field]}))
    with pytest.raises(DataError) as caught:
        read_run(tmp_path)
    assert str(tmp_path / RECORD) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_half_a_letter_is_refused(tmp_path):
    (tmp_path / RECORD).write_text(json.dumps(SOUND | {"metrics": {"\ud800": 1}}))
    assert "Unicode" in refused("inspect", tmp_path, cwd=tmp_path)


def test_names_do_not_reach_the_terminal_as_commands(tmp_path):
    evil = "\x1b]0;owned\x07\x9b31m\u202ename\r"
    (tmp_path / RECORD).write_text(
        json.dumps(SOUND | {"metrics": {evil: 1, "µ": 2}, "spike_hash": "a\nb"})
    )
    code, told, _ = command("inspect", tmp_path, cwd=tmp_path)
    assert code == 0
    assert "\\x1b]0;owned\\x07" in told
    assert "µ" in told
    assert all(letter.isprintable() or letter == "\n" for letter in told)
    assert printable("a\tb\u00a0µ\n") == "a\tb\u00a0µ\n"
    (tmp_path / RECORD).write_text(json.dumps(SOUND | {"experiment": evil}))
    assert refused("verify", tmp_path, cwd=tmp_path).rstrip("\n").isprintable()


def test_nothing_is_carried_out_in_a_strangers_folder(result):
    """Each of these would leave a file `owned`, if the command took code or settings from the
    current folder.
    """
    home = result.parent
    owned = home / "owned"
    for name in ("matplotlib", "joblib", "yaml", "scipy", "potentia_evil"):
        (home / f"{name}.py").write_text(f"open({str(owned)!r}, 'w').close()")
    (home / "matplotlibrc").write_text("backend: module://potentia_evil\n")
    (home / ".numba_config.yaml").write_text("disable_jit: 1\ncache_dir: cache\n")
    root = str(Path(potentia.__file__).resolve().parents[1])
    seen = "import numba, potentia.sim.results.figures; print(numba.config.CACHE_DIR, numba.config.DISABLE_JIT)"
    code = f"import sys; sys.path.append(''); from potentia import process\nwith process.elsewhere():\n  {seen}"
    env = os.environ | {
        "PYTHONPATH": root,
        "NUMBA_CACHE_DIR": "cache",
        "MATPLOTLIBRC": "matplotlibrc",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=home,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "0", done.stdout + done.stderr
    del env["NUMBA_CACHE_DIR"]
    env.pop("MPLBACKEND", None)
    for words in (["inspect", "."], ["plot", "."], ["verify", "."]):
        if words[0] == "verify":
            (home / RECORD).write_text(json.dumps(SOUND))
        text = "import sys; sys.path[:] = [*sys.path[1:], '']; from potentia.cli import main; "
        text += f"sys.argv = {['potentia', *words]!r}; main()"
        subprocess.run(
            [sys.executable, "-c", text],
            cwd=home,
            env=env,
            capture_output=True,
            timeout=300,
            check=False,
        )
        assert not owned.exists(), words


def test_paths_are_meant_from_where_the_command_was_started(result, tmp_path):
    code, told, _ = command("inspect", "run/results.h5", cwd=tmp_path)
    assert code == 0
    assert "timestamps" in told
    code, told, error = command("plot", "run", cwd=tmp_path)
    assert code == 0, error
    assert (result.parent / "overview.png").exists()
