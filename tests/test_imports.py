"""The house keeps its order: imports run one way, packages are all listed, and
importing is cheap.
"""

import ast
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GROUND = {"errors", "version"}
BELOW = {  # rooms, and what each may import beside the ground
    "kernels": set(),
    "sim": {"kernels"},
    "models": {"sim", "kernels"},
    "learning": {"sim", "kernels"},
    "hardware": {"sim", "kernels"},
    "experiments": {"process", "models", "learning", "hardware", "sim", "kernels"},
    "cli": {"experiments", "models", "learning", "hardware", "sim", "kernels", "tests", "process"},
    "process": set(),
    "__main__": {"cli", "process"},
    "errors": set(),
    "version": set(),
    "": {"sim"},  # the root package offers the public names, lazily
}
INSIDE = {  # rooms within rooms, from the ground up: each may import those before it
    "sim": [
        {"conversion", "free_memory", "html", "notice", "progress", "turns"},
        {"validation", "outline"},
        {"disk", "seed"},
        {"hdf5"},
        {"operators"},
        {"description"},
        {"results", "plan", "encoding"},
        {"tensors"},
        {"engines"},
        {"runs"},
        {"session"},
        {"simulator"},
    ],
    "hardware": [
        {"devices", "periphery", "wires"},
        {"array"},
        {"crossbars", "analog_layer"},
        {"cost"},
    ],
    "experiments": [
        {"framework", "datasets"},
        {"liquids", "graphs", "hybrids", "figures"},
        {
            "balanced_network",
            "hybrid",
            "lsm_nmnist",
            "lsm_ntidigits",
            "microcircuit",
            "random_graphs",
            "spoken_digits",
            "yin_yang",
            "zero_shot",
        },
    ],
}
ALLOWED = {
    room: below | {room} | (GROUND if room not in GROUND else set())
    for room, below in BELOW.items()
}


@cache
def modules():
    """Every module of the package, as a tuple of names below the root."""
    files = [*ROOT.glob("*.py")] + [
        file
        for room in BELOW
        if (ROOT / room).is_dir() and room
        for file in (ROOT / room).rglob("*.py")
    ]
    return {name_of(file): file for file in files}


def name_of(file):
    parts = file.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports(name, file):
    """The modules of this package that a module imports anywhere, functions and type checks
    included.
    """
    package = name if file.name == "__init__.py" else name[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            yield from targets((*base, *(node.module or "").split(".")), node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "potentia":
            yield from targets(tuple(node.module.split(".")[1:]), node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "potentia":
                    yield tuple(alias.name.split(".")[1:])


def targets(base, names):
    base = tuple(part for part in base if part)
    known = modules()
    for alias in names:
        yield (*base, alias.name) if (*base, alias.name) in known else base


def arrows():
    """What every module imports, functions and type checks included; a package's own face is no
    module of its rooms.
    """
    known = modules()
    graph = {
        name: {t for t in imports(name, file) if t in known and t != name}
        for name, file in known.items()
    }
    return {name: {t for t in found if t != name[: len(t)]} for name, found in graph.items()}


def test_no_arrow_runs_back_or_across():
    wrong = []
    for name, found in arrows().items():
        room = name[0] if name else ""
        for target in found:
            if (target[0] if target else "") not in ALLOWED[room]:
                wrong.append(f"{'.'.join(name) or 'potentia'} -> {'.'.join(target) or 'potentia'}")
    assert not wrong


@pytest.mark.parametrize("room", INSIDE)
def test_no_arrow_runs_back_inside_a_room(room):
    level = {inner: k for k, inners in enumerate(INSIDE[room]) for inner in inners}
    found = {name[1] for name in modules() if name[:1] == (room,) and len(name) > 1}
    assert found == set(level)
    inside = [
        (n, t)
        for n, found in arrows().items()
        for t in found
        if n[:1] == t[:1] == (room,) and len(t) > 1 < len(n)
    ]
    wrong = [
        f"{'.'.join(n)} -> {'.'.join(t)}"
        for n, t in inside
        if n[1] != t[1] and level[t[1]] >= level[n[1]]
    ]
    assert not wrong


def test_no_circle():
    graph = arrows()
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join(
            ".".join(part) for part in [*path[path.index(name) :], name]
        )
        if name not in done:
            path.append(name)
            for target in sorted(graph[name]):
                visit(target)
            path.pop()
            done.add(name)

    for name in sorted(graph):
        visit(name)


def test_imports_are_relative_inside_the_package():
    wrong = []
    for name, file in modules().items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level and name[:1] != ("experiments",):
                wrong += [f"{file}:{node.lineno}"] * (
                    (node.module or "").split(".")[0] == "potentia"
                )
    assert not wrong


def test_every_package_is_listed():
    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    found = {"potentia", "potentia.tests.benchmarks"}
    for room in BELOW:
        if room and (ROOT / room).is_dir():
            folders = {file.parent for file in (ROOT / room).rglob("*.py")}
            found |= {".".join(("potentia", *folder.relative_to(ROOT).parts)) for folder in folders}
    assert listed == found


def test_every_source_of_a_kernel_is_shipped():
    """CUDA sources are data to the packager."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "package-data"
    ]
    shipped = {
        file
        for pattern in data["potentia.kernels.gpu"]
        for file in (ROOT / "kernels" / "gpu").glob(pattern)
    }
    here = {
        file
        for file in (ROOT / "kernels" / "gpu").iterdir()
        if file.is_file() and file.suffix != ".py"
    }
    assert shipped == here


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("potentia", {"numpy", "numba", "torch", "matplotlib", "h5py", "scipy", "pydantic"}),
        ("potentia.cli", {"numpy", "numba", "torch", "matplotlib", "h5py", "scipy", "pydantic"}),
        ("potentia.experiments", {"torch", "matplotlib"}),
        ("potentia.sim", {"torch", "matplotlib", "h5py", "pydantic"}),
        ("potentia.models", {"torch", "matplotlib"}),
        ("potentia.learning", {"torch", "matplotlib"}),
        ("potentia.hardware", {"torch", "matplotlib"}),
    ],
)
def test_importing_is_light(module, heavy):
    """Typer and the standard library are all that the command line needs before it knows what to
    do.
    """
    script = f"import {module}, sys; print(*sorted(set(sys.modules) & {heavy!r}))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []
