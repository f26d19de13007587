"""What the documents show runs as it stands, in one folder and also a second time."""

import ast
import builtins
import keyword
import re
import shutil
import tomllib
from functools import cache
from pathlib import Path

import pytest

from potentia.kernels.gpu import devices

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ROOMS = ("sim", "models", "learning", "hardware", "kernels", "experiments", "tests")
SOURCES = [*ROOT.glob("*.py"), *(file for room in ROOMS for file in (ROOT / room).rglob("*.*"))]
PATH = re.compile(r"[\w./-]+\.(?:py|pyx|cu|cuh|c|h|md|toml)|[\w./-]+/")


def examples(page: Path) -> list[str]:
    """The Python examples of a page, in order; later ones go on with the names of earlier ones."""
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if examples(page)], ids=lambda page: page.stem
)
# an example asks for nothing doubtful
@pytest.mark.filterwarnings("error::potentia.errors.PotentiaWarning")
def test_the_examples_of_a_page_run_and_run_again(page, tmp_path, monkeypatch):
    if page.stem == "gpu":
        if shutil.which("g++") is None:
            pytest.skip("g++ is not installed")
        monkeypatch.setenv(devices.SWITCH, "host")  # the gpu's kernels, compiled for the processor
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        names: dict[str, object] = {}
        for example in examples(page):
            exec(compile(example, page.name, "exec"), names)


def test_the_readme_example_is_short_and_leaves_what_it_says(tmp_path, monkeypatch, capsys):
    (example,) = examples(ROOT / "README.md")
    assert len(example.strip().splitlines()) <= 19
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert re.match(r"[\d.]+ Hz, hash [0-9a-f]{32}", capsys.readouterr().out)
    assert {file.name for file in (tmp_path / "runs" / "first").iterdir()} == {
        "results.h5",
        "overview.png",
    }


def test_every_extra_that_is_offered_has_code_that_uses_it():
    """An extra without code would promise what is not there."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    code = "\n".join(
        file.read_text(encoding="utf-8") for room in ROOMS for file in (ROOT / room).rglob("*.py")
    )
    for extra in table.keys() - {"dev"}:  # tools, which nothing imports
        package = re.match(r"[a-z0-9]+", table[extra][0]).group()
        assert re.search(rf"(import|from) {package}\b", code), f"{extra}: nothing imports {package}"


def spans(page: str) -> list[str]:
    """What stands between single backticks in a page, outside of blocks of code."""
    text = re.sub(
        r"```.*?```", "", (ROOT / "docs" / page).read_text(encoding="utf-8"), flags=re.DOTALL
    )
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


@cache
def definitions(file: Path) -> set[str]:
    """The functions, classes and constants of a module, and of its classes, as ``Class.member``."""
    found: set[str] = set()

    def gather(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                gather(node.body, f"{prefix}{node.name}.")
            for target in [*getattr(node, "targets", []), getattr(node, "target", None)]:
                if isinstance(target, ast.Name):
                    found.add(prefix + target.id)

    gather(ast.parse(file.read_text(encoding="utf-8")).body, "")
    return found


@cache
def members() -> set[str]:
    """``Class.member`` of all classes, inherited members under the name of the
    class that has them.
    """
    return {
        name
        for file in SOURCES
        if file.suffix == ".py"
        for name in definitions(file)
        if "." in name
    }


@cache
def identifiers() -> set[str]:
    """Every name in the code, macros of CUDA too; texts without spaces count, as names of signals;
    comments do not.
    """
    found: set[str] = set()
    for file in SOURCES:
        if file.suffix in (".cu", ".cuh", ".h"):
            found |= set(re.findall(r"#define (\w+)", file.read_text(encoding="utf-8")))
        if file.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            found |= {
                getattr(node, key)
                for key in ("id", "name", "arg", "attr")
                if getattr(node, key, None)
            }
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and " " not in node.value
            ):
                found |= set(re.findall(r"\w+", node.value))
    return found | set(dir(builtins)) | set(keyword.kwlist) | {"potentia"}


def is_there(path: str) -> bool:
    """Whether a file or folder exists: by its path from the root, or a file by its name alone."""
    return (ROOT / path).exists() or (
        "/" not in path and any(file.name == path for file in SOURCES)
    )


@pytest.mark.parametrize("page", ["architecture.md", "glossary.md", "gpu.md"])
def test_every_file_and_function_that_a_page_names_exists(page):
    """A file by its path, a function as ``path: function``, a member as ``Class.member``, any other
    name somewhere.
    """
    wrong = []
    for span in spans(page):
        file, _, function = span.partition(": ")
        if PATH.fullmatch(file.replace("*", "cpu")):
            if not is_there(file.replace("*", "cpu")):
                wrong.append(f"{span}: no such file")
            elif function and function not in definitions(ROOT / file):
                wrong.append(f"{span}: no such function")
            continue
        member = re.match(r"([A-Z]\w+\.\w+)\b", span)
        if member is not None and "/" not in span and member[1] not in members():
            wrong.append(f"{span}: no such member")
        if (
            re.fullmatch(r"[A-Za-z_]\w*(\(.*\))?", span)
            and not set(re.findall(r"[A-Za-z_]\w+", span)) <= identifiers()
        ):
            wrong.append(f"{span}: no such name")
    assert not wrong


def test_the_map_of_the_rooms_shows_every_folder():
    """A new folder of the package appears on the map."""
    shown = {span.rstrip("/") for span in spans("architecture.md")}
    folders = {
        folder.relative_to(ROOT).as_posix()
        for room in ROOMS[:-1]
        for folder in (ROOT / room, *(ROOT / room).rglob("*"))
        if folder.is_dir() and any(folder.glob("*.py"))
    }
    inner = {room for room in ROOMS for folder in folders if folder.startswith(f"{room}/")}
    assert folders - inner <= shown
