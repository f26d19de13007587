"""The CUDA sources: their parameters, what they declare, and that they compile for cards."""

from __future__ import annotations

import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from potentia.errors import UnsupportedError
from potentia.kernels.backend import load
from potentia.kernels.gpu import binding, devices, source
from potentia.kernels.gpu.signatures import FOLDER, signatures
from potentia.sim.operators.operator import parameters


def in_files():
    """The kernels that no test has printed."""
    return {name: own for name, own in signatures().items() if not source.unit(name)}


def test_every_kernel_has_the_parameters_of_the_reference(monkeypatch):
    """What the CUDA source asks for is what the operator offers, or what the program adds."""
    monkeypatch.setenv(devices.SWITCH, "host")
    own = {"held", "flags", "count"}
    room, reference = load("gpu"), load("reference")
    for name, kernel in in_files().items():
        base = name.removesuffix("_whole").removesuffix("_4").removesuffix("_8")
        if not base.endswith("_step"):
            continue
        offered = parameters(reference.kernel(base))
        assert parameters(room.kernel(base)) == offered
        assert {parameter.name for parameter in kernel.parameters} - own <= set(offered)


OWN = """
{word}KERNEL(own_step)(Clock clock, Array<const real> spins, Array<const int64> lags, Array<real> out) {{}}
"""


@pytest.mark.parametrize(
    ("word", "grid", "block"),
    [
        ("", (4, 1), (256, 1)),
        ("FEW_", (2, 1), (256, 1)),
        ("ONE_", (1, 1), (1, 1)),
        ("CLOCK_", (1, 1), (1, 1)),
        ("BLOCK_", (1, 1), (512, 1)),
        ("FLAG_", (1, 1), (512, 1)),
        ("ARRIVAL_", (2, 5), (64, 4)),
        ("SPIKE_", (2, 1), (64, 4)),
    ],
)
def test_a_source_declares_how_many_threads_it_takes(word, grid, block, tmp_path, monkeypatch):
    """Whatever its parameters are called; 1000 entries in its first array, 5 lags, a small card."""
    (tmp_path / "own.cu").write_text(OWN.format(word=word))
    monkeypatch.setattr("potentia.kernels.gpu.signatures.FOLDER", tmp_path)
    own = signatures.__wrapped__()["own_step"]
    card = SimpleNamespace(most_threads=512, most_blocks=2)
    assert binding._threads(
        own, {"spins": np.zeros(1000), "lags": np.arange(5), "out": np.zeros(3)}, card
    ) == (
        grid,
        block,
    )
    assert own.meets == (word in ("BLOCK_", "FLAG_"))
    assert own.rests == (word != "CLOCK_")


def test_a_source_that_declares_what_nobody_knows(tmp_path, monkeypatch):
    (tmp_path / "own.cu").write_text(OWN.format(word="ODD_"))
    monkeypatch.setattr("potentia.kernels.gpu.signatures.FOLDER", tmp_path)
    own = signatures.__wrapped__()["own_step"]
    with pytest.raises(
        UnsupportedError, match="kernel own_step of the gpu declares the unknown shape ODD_KERNEL"
    ):
        binding._threads(
            own, {"spins": np.zeros(9)}, SimpleNamespace(most_threads=512, most_blocks=2)
        )


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="nvcc is not installed")
@pytest.mark.parametrize("architecture", ["sm_75", "sm_90"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_sources_compile_for_cards(tmp_path, architecture, precision):
    file = tmp_path / "all.cu"
    file.write_text(source.text(precision))
    command = [
        "nvcc",
        "-ptx",
        "-std=c++17",
        "-fmad=false",
        f"-arch={architecture}",
        f"-I{FOLDER}",
        str(file),
        "-o",
    ]
    subprocess.run([*command, str(tmp_path / "all.ptx")], check=True, capture_output=True)
    entries = (tmp_path / "all.ptx").read_text()
    assert all(f".entry run_{name}(" in entries for name in in_files())
