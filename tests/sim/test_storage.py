"""Saved results come back, other tools read them, and no hostile or damaged file gets in."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from potentia import Network, Result, Simulator
from potentia.errors import DataError, ParameterError
from potentia.models import LIF
from potentia.sim import Constant, FixedProbability, Normal
from potentia.sim.results import storage
from potentia.sim.results.records import Samples, Spikes, concatenate
from potentia.tests.sim import hostile
from potentia.tests.sim.attacks import ATTACKS


def simulator(chunk=1000):
    net = Network(seed=2)
    exc = net.population(LIF(), 30, name="exc")
    inh = net.population(LIF(), 10, name="inh")
    joined = net.connect(exc, inh, FixedProbability(0.4), weight=Normal(3e-3, 3e-4), delay=1e-3)
    net.stimulate(exc, Constant(np.linspace(16e-3, 22e-3, 30)))
    net.probe(exc, "spikes")
    net.probe(inh, "spikes")
    net.probe(exc, "v", every=1e-3, ids=[4, 2])
    net.probe(inh, "rate")
    net.probe(inh, "counts")
    net.probe(joined, "weights", every=0.02)
    return Simulator(net, chunk=chunk)


@pytest.fixture(scope="module")
def result():
    return simulator().run(0.1)


@pytest.fixture
def saved(result, tmp_path):
    return result.save(tmp_path / "r.h5")


def same(left, right):
    assert storage.digest(left) == storage.digest(right)
    assert left.spikes("exc").times.dtype == np.float64
    assert left.spikes("exc").ids.dtype == np.int64
    assert np.array_equal(left.trace("exc", "v"), right.trace("exc", "v"))
    assert np.array_equal(left.times, right.times)
    assert np.array_equal(left.weights("exc->inh"), right.weights("exc->inh"))
    assert left.samples("inh", "rate").unit == "Hz"
    assert (left.hash, left.start, left.stop, left.meta) == (
        right.hash,
        right.start,
        right.stop,
        right.meta,
    )


def test_a_result_comes_back_from_a_file_and_from_a_folder(result, saved, tmp_path):
    same(Result.load(saved), result)
    assert result.save(tmp_path / "runs" / "demo") == tmp_path / "runs" / "demo" / "results.h5"
    same(Result.load(tmp_path / "runs" / "demo"), result)


def test_empty_records_come_back(tmp_path):
    empty = simulator().run(0.0)
    again = Result.load(empty.save(tmp_path / "r.h5"))
    assert storage.digest(again) == storage.digest(empty)
    assert len(again.spikes("exc")) == 0


def test_nothing_is_overwritten_unasked(result, saved):
    before = saved.read_bytes()
    with pytest.raises(DataError, match="exists already"):
        result.save(saved)
    assert saved.read_bytes() == before
    result.save(saved, overwrite=True)
    assert [path.name for path in saved.parent.iterdir()] == ["r.h5"]


@pytest.mark.validate
def test_libsonata_reads_spikes_and_reports(result, saved):
    libsonata = pytest.importorskip("libsonata")
    reader = libsonata.SpikeReader(str(saved))
    assert set(reader.get_population_names()) == {"exc", "inh"}
    population, expected = reader["exc"], result.spikes("exc")
    got = population.get_dict()
    assert np.array_equal(got["timestamps"], expected.times)
    assert np.array_equal(got["node_ids"], expected.ids)
    assert population.sorting == "by_time"
    assert population.time_units == "s"
    halfway = population.get(tstart=0.05, tstop=0.1)
    assert len(halfway) == np.count_nonzero(expected.times >= 0.05)
    report = libsonata.SomaReportReader(str(saved))["exc.v"]
    assert report.data_units == "V"
    assert report.time_units == "s"
    assert sorted(report.get_node_ids()) == [2, 4]
    frames = report.get(node_ids=[4])
    assert np.array_equal(np.ravel(frames.data), result.trace("exc", "v")[:, 0])
    assert np.allclose(frames.times, result.times, atol=1e-9)  # [s], far below the interval of 1 ms


def test_units_and_checksums_are_in_the_file(saved):
    with h5py.File(saved) as file:
        assert file["spikes/exc/timestamps"].attrs["units"] == b"s"
        assert file["spikes/exc/timestamps"].fletcher32
        assert file["weights/exc->inh/data"].compression == "gzip"
        assert file["report/exc.v/data"].attrs["units"] == b"V"
        assert file["meta"].attrs["schema"] == storage.SCHEMA


def refused(path):
    """The one sentence with which a file is refused."""
    with pytest.raises(DataError) as caught:
        Result.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("sixteenth", range(16))
def test_truncated(saved, sixteenth):
    content = saved.read_bytes()
    saved.write_bytes(content[: len(content) * sixteenth // 16])
    refused(saved)


def test_one_byte_flipped_is_refused_or_harmless(result, saved):
    content = saved.read_bytes()
    for place in np.linspace(0, len(content) - 1, 150).astype(int):
        changed = bytearray(content)
        changed[place] ^= 0x10
        saved.write_bytes(bytes(changed))
        try:
            again = Result.load(saved)
        except DataError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert storage.digest(again) == storage.digest(result)


def test_files_that_are_no_results(tmp_path):
    path = tmp_path / "x.h5"
    assert "does not exist" in refused(path)
    for content in (b"", b"tau: 20e-3\n" * 100, b"\x89HDF\r\n\x1a\n" + b"\0" * 600):
        path.write_bytes(content)
        refused(path)
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(10)
    assert "no file of results" in refused(path)
    assert "holds no results.h5" in refused(tmp_path)


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_files(saved, attack):
    with h5py.File(saved, "r+") as file:
        attack(file)
    refused(saved)


@pytest.mark.parametrize("sample", ["hang_results.h5", "crash_results.h5"])
def test_files_that_hurt_before(tmp_path, sample):
    """Where the samples are at hand; `test_hdf5.py` makes others of their kinds."""
    path = Path(os.environ.get("POTENTIA_DATA", tmp_path)) / "hostile" / sample
    if not path.exists():
        pytest.skip("POTENTIA_DATA names no folder with hostile/")
    refused(path)


def test_one_chunk_that_says_it_is_empty(saved):
    hostile.empty_chunk(saved, "spikes/exc/timestamps")
    assert "/spikes/exc/timestamps" in refused(saved)


def test_files_with_texts_of_variable_length_are_still_read(result, saved):
    """As versions before wrote them: the same content, its texts elsewhere in the file."""
    with h5py.File(saved, "r+") as file:
        places = [
            "meta",
            "spikes/exc/timestamps",
            "spikes/inh/timestamps",
            "report/exc.v",
            "report/exc.v/data",
        ]
        for item in map(file.__getitem__, places):
            for name, value in item.attrs.items():
                if isinstance(value, bytes):
                    item.attrs[name] = value.decode()
    assert b"GCOL" in saved.read_bytes()
    same(Result.load(saved), result)


def test_additions_by_the_user_do_no_harm(result, saved):
    with h5py.File(saved, "r+") as file:
        file["analysis/mean"] = np.arange(3.0)
        file["analysis"].attrs["note"] = "mine"
    same(Result.load(saved), result)


def test_constant_traces_compress_below_the_limit(tmp_path):
    """Zeros shrink by up to 1032, the limit of deflate, and are still read."""
    times = np.arange(200_000) * 1e-3
    zeros = Result(
        0.0,
        200.0,
        "0",
        sample_records={"a.v": Samples(times, np.zeros((200_000, 8)), np.arange(8), "V")},
    )
    assert Result.load(zeros.save(tmp_path / "z.h5")).trace("a", "v").shape == (200_000, 8)


def test_concatenated_runs_equal_one_run(result):
    sim = simulator()
    same(concatenate([sim.run(0.03), sim.run(0.0), sim.run(0.07)]), result)


def test_results_that_do_not_follow_each_other_are_refused(result):
    with pytest.raises(ParameterError, match="must follow"):
        concatenate([result, result])
    with pytest.raises(ParameterError, match="at least one"):
        concatenate([])
    other = Result(
        0.1,
        0.2,
        "0",
        spike_records={"exc": Spikes(np.zeros(0), np.zeros(0, np.int64), 30, 0.1, 0.2)},
    )
    with pytest.raises(ParameterError, match="the same"):
        concatenate([result, other])


@pytest.mark.skipif(
    os.name != "posix" or sys.platform == "darwin", reason="limits the size of files as Linux does"
)
def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path):
    """In a process whose files may take 64 KiB a larger result fails in one sentence, and it lives
    on.
    """
    script = f"""
import resource, signal
import numpy as np
from potentia.errors import DataError
from potentia.sim.results.result import Result, Samples
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def result(rows):
    noise = np.random.default_rng(1).random((rows, 10))
    samples = Samples(np.arange(rows) * 1.0, noise, np.arange(10))
    return Result(0.0, 1.0, "0", sample_records={{"a.v": samples}})
result(10).save({str(tmp_path / "r.h5")!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    result(100_000).save({str(tmp_path / "r.h5")!r}, overwrite=True)
except DataError as error:
    print(error)
print(len(Result.load({str(tmp_path / "r.h5")!r}).trace("a", "v")))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert "cannot be written: File too large" in done.stdout
    assert done.stdout.splitlines()[-1] == "10"
    assert [path.name for path in tmp_path.iterdir()] == ["r.h5"]
