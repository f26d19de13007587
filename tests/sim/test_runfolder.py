"""A run folder is nobody else's, tells how the run ended, and is read with care."""

import json
import threading

import pytest

from potentia.errors import DataError
from potentia.sim.description.network import Network
from potentia.sim.runs.report import report_html
from potentia.sim.runs.runfolder import RECORD, REPORT, RunFolder, read_run, write_report
from potentia.sim.simulator import Simulator

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8ffff3f0005fe02fea735819d0000000049454e44ae426082"
)


def folder(base, name="demo"):
    return RunFolder(base, name, config={"rate": 5.0}, seed=7, backend="cpu")


def test_a_finished_run(tmp_path):
    with folder(tmp_path / "runs") as run:
        assert read_run(run.path)["status"] == "running"
        (run.path / "raster.png").write_bytes(PIXEL)
        run.finish({"accuracy": 0.5, "nothing": float("nan")}, "abc")
    record = read_run(run.path)
    assert record["status"] == "done"
    assert record["metrics"] == {"accuracy": 0.5, "nothing": None}
    assert (record["seed"], record["config"], record["spike_hash"]) == (7, {"rate": 5.0}, "abc")
    assert record["started"] <= record["ended"]
    assert {"potentia", "python", "numpy", "numba", "h5py"} <= set(record["versions"])
    assert record["host"]["cores"] >= 1
    page = (run.path / REPORT).read_text()
    assert "data:image/png;base64," in page
    assert "http" not in page
    assert sorted(path.name for path in run.path.iterdir()) == [
        "raster.png",
        "report.html",
        "run.json",
    ]


def test_tables_reach_the_record_and_the_report(tmp_path):
    with folder(tmp_path) as run:
        rows = [["row drivers", 0.5], ["<b>converters</b>", 2]]
        run.finish({}, "abc", tables=[{"title": "Energy", "header": ["part", "nJ"], "rows": rows}])
    assert read_run(run.path)["tables"][0]["rows"] == rows
    page = (run.path / REPORT).read_text()
    assert "<h2>Energy</h2>" in page
    assert "<th>nJ</th>" in page
    assert "&lt;b&gt;converters" in page
    assert write_report(run.path, read_run(run.path)).read_text() == page


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (SystemExit(1), "interrupted"),
        (ZeroDivisionError("x"), "failed"),
    ],
)
def test_a_broken_run_says_so(tmp_path, error, status):
    with pytest.raises(type(error)), folder(tmp_path) as run:
        raise error
    record = read_run(run.path)
    assert record["status"] == status
    assert record["ended"]
    assert type(error).__name__ in record["error"]


def test_a_run_that_never_finishes_has_failed(tmp_path):
    with folder(tmp_path) as run:
        pass
    assert read_run(run.path)["status"] == "failed"


def test_no_two_runs_share_a_folder(tmp_path):
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(folder(tmp_path).path)) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 20


def test_names_cannot_climb_out(tmp_path):
    run = folder(tmp_path / "runs", "../../etc/evil")
    assert run.path.parent == tmp_path / "runs"


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot be made"):
        folder(tmp_path / "file")


def test_only_an_empty_run_is_discarded(tmp_path):
    empty, full = folder(tmp_path), folder(tmp_path)
    (full.path / "results.h5").write_bytes(b"x")
    empty.discard()
    full.discard()
    assert not empty.path.exists()
    assert full.path.exists()


SOUND = {"schema": 1, "experiment": "x", "status": "done", "seed": 1, "config": {}, "metrics": {}}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        json.dumps({**SOUND, "schema": 2}).encode(),
        json.dumps({**SOUND, "status": "fine"}).encode(),
        json.dumps({**SOUND, "config": []}).encode(),
        json.dumps({**SOUND, "seed": "1"}).encode(),
        json.dumps({**SOUND, "metrics": None}).encode(),
        json.dumps({key: value for key, value in SOUND.items() if key != "experiment"}).encode(),
    ],
)
def test_damaged_records_are_refused_in_one_sentence(tmp_path, content):
    (tmp_path / RECORD).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_run(tmp_path)
    assert RECORD in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_record_is_no_run(tmp_path):
    with pytest.raises(DataError, match="no run folder"):
        read_run(tmp_path)


def test_everything_in_a_report_is_escaped(tmp_path):
    evil = "<script>alert(1)</script>"
    record = {
        **SOUND,
        "experiment": evil,
        "config": {evil: evil},
        "metrics": {evil: evil},
        "description": evil,
    }
    assert "<script" not in report_html(record, [])
    assert write_report(tmp_path, record).exists()


def test_everything_in_a_notebook_is_escaped():
    from potentia.models import LIF

    net = Network()
    part = net.population(LIF(), 2, name="<b>&exc")
    net.probe(part, "spikes")
    for shown in (net._repr_html_(), Simulator(net).plan._repr_html_()):
        assert "<b>&exc" not in shown
        assert "&lt;b&gt;&amp;exc" in shown
