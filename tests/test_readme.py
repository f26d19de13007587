"""The README's example runs as it stands."""

import re
from pathlib import Path


def test_the_readme_example_runs(tmp_path, monkeypatch, capsys):
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(example.strip().splitlines()) <= 18
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert re.match(r"[\d.]+ Hz, hash [0-9a-f]{32}", capsys.readouterr().out)
    assert (tmp_path / "runs" / "first" / "results.h5").is_file()
