"""The history of benchmarks: what is kept of earlier measurements, and of which machine."""

from types import SimpleNamespace

import pytest

from potentia.errors import DataError
from potentia.tests.benchmarks import (
    _history,
)

MACHINE = {"date": "2026-01-02", "commit": "abc", "processor": "Abacus", "cores": 1}


def report(bench, cpu_s=0.5):
    rows = [{"case": "potentia | one", "engine": "clock", "cpu_s": cpu_s, "rates_hz": {"a": 1.0}}]
    rows.append({"case": "peer", "engine": "x", "cpu_s": 1.0, "extra": 3})
    return {
        "bench": bench,
        "rows": rows,
        "ratios": {"peer/ours": 1.0 / cpu_s},
        "ceiling_fraction": 0.25,
    }


def test_the_history_keeps_what_others_measured(tmp_path):
    path = tmp_path / "benchmarks.md"
    _history.write(report("cuba"), {"seed": 1}, "About cuba.", path, MACHINE)
    cuba_alone = _history.read(path)["cuba"]
    _history.write(report("coba", 0.25), {"seed": 2}, "About coba.", path, MACHINE)
    sections = _history.read(path)
    assert list(sections) == ["coba", "cuba"]  # in alphabetical order
    assert sections["cuba"] == cuba_alone
    assert "peer/ours 4" in sections["coba"]
    # no bar that would end the cell
    assert "| potentia / one | clock | 0.25 | - |" in sections["coba"]


def test_the_history_grows_by_a_line_per_day_and_commit(tmp_path):
    path = tmp_path / "benchmarks.md"
    for commit, cpu_s in (("abc", 0.5), ("abc", 0.4), ("def", 0.3)):
        _history.write(report("cuba", cpu_s), {}, "About.", path, MACHINE | {"commit": commit})
    lines = _history.earlier(_history.read(path)["cuba"])
    assert [(line[1], line[4]) for line in lines] == [("abc", "0.4"), ("def", "0.3")]
    before = path.read_text()
    _history.write(report("cuba", 0.3), {}, "About.", path, MACHINE | {"commit": "def"})
    assert path.read_text() == before  # the same figures make the same file


def test_the_history_refuses_what_it_did_not_write(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        _history.check(tmp_path / "no" / "benchmarks.md")
    (tmp_path / "notes.md").write_text("Dear diary")
    with pytest.raises(DataError, match="is not a history"):
        _history.write(report("cuba"), {}, "About.", tmp_path / "notes.md", MACHINE)
    assert (tmp_path / "notes.md").read_text() == "Dear diary"


def test_the_machine_is_described():
    told = _history.describe_machine()
    assert set(told) == {
        "date",
        "commit",
        "processor",
        "cores",
        "caches",
        "memory",
        "system",
        "software",
    }
    assert "numba" in told["software"]


def test_tables_take_columns_from_every_row():
    columns, cells = _history.table([{"a": 1, "b": None}, {"a": 2, "c": {"d": 1}, "e": 0}])
    assert columns == ["a", "b", "e"]
    assert cells == [[1, "", ""], [2, "", 0]]


def test_bench_writes_its_history(tmp_path, monkeypatch):
    """The option of the command line, into another place."""
    from potentia import cli

    path = tmp_path / "benchmarks.md"
    records = SimpleNamespace(
        check=lambda: _history.check(path),
        table=_history.table,
        write=lambda *told: _history.write(*told, path=path, machine=MACHINE),
    )
    load = cli._benchmarks
    monkeypatch.setattr(
        cli, "_benchmarks", lambda name: records if name == "_history" else load(name)
    )
    settings = ["neurons=100", "duration=0.1", "warmup=0.01", "repeats=1"]
    cli.bench("cuba", set_=settings, peers="", history=True, json_=True)
    assert "potentia-float32" in _history.read(path)["cuba"]
    assert '"neurons": 100' in _history.read(path)["cuba"]
