"""Machine code of a user's own kernels that a process before has left on disk."""

import os
import subprocess
import sys
import textwrap

CONSTANTS = "K = {}\n"
KERNELS = """
import numba
import {name}constants as constants

@numba.njit(cache=True)
def helper(x):
    return x * constants.K

def made(amount):
    def own_step(v, jump, fired):
        v[0] = helper(10.0) + amount
        return 0
    return own_step
"""
PROGRAM = """
import sys
import own_kernels
from potentia import Network, Simulator
from potentia.sim.description.neuron import NeuronModel

def reached(amount):
    class Own(NeuronModel):
        kernel, state, receptors = own_kernels.made(amount), {{"v": "float"}}, ("jump",)
        def constants(self, dt):
            return {{}}
    net = Network()
    net.probe(net.population(Own(), 1, name="cells"), "v")
    return float(Simulator(net).run(1e-4).trace("cells", "v")[0, 0])

print(reached({amount}))
"""


def test_code_on_disk_is_never_stale(tmp_path):
    """A constant changes in another file than the kernel's, one that only a helper with a cache of
    its own reads.
    """
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment.get("PYTHONPATH", "")])
    (tmp_path / "own_kernels.py").write_text(KERNELS.format(name="own_"))
    for constant, amount, expected in ((2.0, 1.0, 21.0), (3.0, 1.0, 31.0), (3.0, 4.0, 34.0)):
        (tmp_path / "own_constants.py").write_text(CONSTANTS.format(constant))
        shown = subprocess.run(
            [sys.executable, "-B", "-c", textwrap.dedent(PROGRAM.format(amount=amount))],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        assert float(shown.stdout) == expected
    kept = [path.name for path in (tmp_path / "cache").rglob("*.nbc") if "own_step" in path.name]
    assert len(kept) == 3


def test_code_on_disk_serves_the_module_that_it_was_made_for(tmp_path):
    """One file may be imported under two names, here by itself and as part of a package."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "own_kernels.py").write_text(KERNELS.format(name="own_"))
    for folder in (tmp_path, tmp_path / "package"):
        (folder / "own_constants.py").write_text(CONSTANTS.format(2.0))
    for folder, imported in (
        (tmp_path, "from package import own_kernels"),
        (tmp_path / "package", "import own_kernels"),
    ):
        paths = [str(folder), *filter(None, [environment.get("PYTHONPATH")])]
        program = PROGRAM.format(amount=1.0).replace("import own_kernels", imported)
        shown = subprocess.run(
            [sys.executable, "-B", "-c", program],
            env={**environment, "PYTHONPATH": os.pathsep.join(paths)},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert (shown.stdout.strip(), shown.stderr) == ("21.0", "")
