"""Runs that are killed anywhere lose nothing, refuse nothing and leave nothing behind; see
`kills.py`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

KILLS = {"short": 40, "long": 1000}


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("gcc") is None, reason="needs Linux and gcc"
)
def test_runs_that_are_killed(request):
    kills = KILLS[request.config.getoption("--fuzz-size")]
    command = [sys.executable, "-m", "potentia.tests.fuzz.kills", "--kills", str(kills)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["wrong"], found["refused"], found["left"]) == (0, 0, 0), told
    assert found["kills"] >= 0.9 * kills, told
    assert all(found["scenes"].values()), told
