"""What the documents show runs as it stands, in one folder and also a second time."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from potentia.kernels.gpu import devices

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def examples(page: Path) -> list[str]:
    """The Python examples of a page, in order; later ones go on with the names of earlier ones."""
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=lambda page: page.stem)
@pytest.mark.filterwarnings("error::potentia.errors.PotentiaWarning")  # an example asks for nothing doubtful
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
    assert {file.name for file in (tmp_path / "runs" / "first").iterdir()} == {"results.h5", "overview.png"}


def test_every_extra_that_is_offered_has_code_that_uses_it():
    """An extra without code would promise what is not there."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    rooms = ("sim", "models", "learning", "hardware", "kernels", "experiments", "tests")
    code = "\n".join(file.read_text(encoding="utf-8") for room in rooms for file in (ROOT / room).rglob("*.py"))
    for extra in table.keys() - {"dev"}:  # tools, which nothing imports
        package = re.match(r"[a-z0-9]+", table[extra][0]).group()
        assert re.search(rf"(import|from) {package}\b", code), f"{extra}: nothing imports {package}"
