"""An editable install: Python imports from the folder itself, and type checkers find it too."""

import base64
import csv
import hashlib
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
BACKEND = ROOT / ".editable" / "backend.py"

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "backend"
backend-path = [".editable"]

[project]
name = "potentia"
version = "1.0"

[tool.setuptools]
package-dir = { potentia = "." }
packages = ["potentia"]
"""

BUILD = """
import sys
sys.path.insert(0, ".editable")
import backend
backend.build_editable("..")
"""

IMPORT = """
import importlib, json, site, sys
site.addsitedir(sys.argv[1])
importlib.invalidate_caches()
import potentia.part
print(json.dumps([potentia.__file__, potentia.part.__file__, *sys.path]))
"""

SCRIPT = """
from potentia import Network, Simulator
from potentia.models import LIF

cells = (net := Network(seed=1)).population(LIF(), 3, name="cells")
reveal_type(Simulator(net).run(0.1))
reveal_type(Simulator(net).run(0.1, batch=2))
"""


@pytest.fixture
def project(tmp_path):
    """A small project like this one, in a folder that is not called after it."""
    folder = tmp_path / "any näme"
    (folder / ".editable").mkdir(parents=True)
    shutil.copy(BACKEND, folder / ".editable")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "__init__.py").touch()
    (folder / "part.py").touch()
    return folder


def wheel_of(project):
    """The wheel of an editable install of the project."""
    pytest.importorskip("setuptools", minversion="77")
    python("-I", "-c", BUILD, cwd=project)
    (wheel,) = project.parent.glob("*.whl")
    return wheel


def python(*arguments, cwd):
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def imported(site, cwd):
    """The files from which Python takes the package and its module, and where it looks."""
    package, module, *path = json.loads(python("-I", "-S", "-c", IMPORT, str(site), cwd=cwd))
    return [package, module], path


def test_python_imports_from_the_folder_and_checkers_find_it(project, tmp_path):
    site = tmp_path / "site"
    zipfile.ZipFile(wheel_of(project)).extractall(site)
    linked = project / ".editable" / "linked"
    files, path = imported(site, tmp_path)
    assert files == [str(project / "__init__.py"), str(project / "part.py")]
    assert path[-1] == str(linked)  # where Pyright looks, which asks Python for its path
    lines = (site / "_potentia_types.pth").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == [str(linked)]  # where mypy looks
    assert (linked / "potentia").resolve() == project

    (site / "_potentia_types.pth").write_text(f"{linked}\n", encoding="utf-8")
    files, _ = imported(site, tmp_path)
    assert files[0] == str(linked / "potentia" / "__init__.py")  # what the first line prevents


def test_a_wheel_lists_each_file_with_its_digest(project):
    with zipfile.ZipFile(wheel_of(project)) as wheel:
        assert len(set(wheel.namelist())) == len(wheel.namelist())
        rows = csv.reader(wheel.read("potentia-1.0.dist-info/RECORD").decode().splitlines())
        listed = {name: (digest, size) for name, digest, size in rows}
        assert listed.keys() == set(wheel.namelist())
        content = wheel.read("_potentia_types.pth")
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        assert listed["_potentia_types.pth"] == (f"sha256={digest}", str(len(content)))


@pytest.mark.parametrize("before", ["link elsewhere", "file", "no place for it"])
def test_what_stands_in_the_place_of_the_link(project, before):
    """Another link or a file is replaced; where no link can be made, all else is as it would be."""
    linked = project / ".editable" / "linked"
    if before == "no place for it":
        linked.touch()
    else:
        linked.mkdir()
        place = linked / "potentia"
        place.touch() if before == "file" else place.symlink_to("/nowhere")
    with zipfile.ZipFile(wheel_of(project)) as wheel:
        there = "_potentia_types.pth" in wheel.namelist()
        assert "__editable__.potentia-1.0.pth" in wheel.namelist()
    assert there == (before != "no place for it")
    assert not there or (linked / "potentia").resolve() == project


def installed_from():
    """The folders of the editable installs of this environment."""
    for found in importlib.metadata.distributions(name="potentia"):
        origin = json.loads(found.read_text("direct_url.json") or "{}")
        if origin.get("dir_info", {}).get("editable", False):
            yield Path(unquote(urlsplit(origin["url"]).path)).resolve()


@pytest.mark.skipif(ROOT not in installed_from(), reason="this folder is not installed as editable")
def test_mypy_sees_this_install(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "script.py").write_text(SCRIPT)
    cache = ROOT / ".cache" / "mypy-of-installed"
    told = python("-m", "mypy", "--strict", "--cache-dir", str(cache), "script.py", cwd=tmp_path)
    assert re.findall(r'Revealed type is ".*\.(\w+)"', told) == ["Result", "BatchResult"], told
