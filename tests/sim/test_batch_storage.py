"""A saved batch comes back, all of it or an error of one sentence; and it can be drawn."""

import h5py
import numpy as np
import pytest

from potentia import Network, Result, Simulator
from potentia.errors import DataError, ParameterError
from potentia.models import LIF
from potentia.sim import BatchResult, FixedProbability, Poisson
from potentia.sim.results import storage


@pytest.fixture(scope="module")
def batch():
    net = Network(seed=3)
    cells = net.population(LIF(), 8, name="cells")
    net.stimulate(cells, Poisson(rate=400.0, weight=9e-3))
    joined = net.connect(cells, cells, FixedProbability(0.5), weight=1e-3, delay=1e-3)
    for what in ("spikes", "rate", "counts"):
        net.probe(cells, what)
    net.probe(cells, "v", every=1e-3, ids=[4, 2])
    net.probe(joined, "weights", every=10e-3)
    return Simulator(net).run(0.04, batch=12)


@pytest.fixture
def saved(batch, tmp_path):
    return batch.save(tmp_path / "b.h5")


def same(one, other):
    assert [storage.digest(part) for part in one] == [storage.digest(part) for part in other]
    assert one.hash == other.hash


def test_it_comes_back_from_a_file_and_from_a_folder(batch, saved, tmp_path):
    same(BatchResult.load(saved), batch)
    assert batch.save(tmp_path / "deep" / "folder") == tmp_path / "deep" / "folder" / "batch.h5"
    again = BatchResult.load(tmp_path / "deep" / "folder")
    assert np.array_equal(again.trace("cells", "v"), batch.trace("cells", "v"))
    same(BatchResult.load(again[3:5].save(tmp_path / "part.h5")), batch[3:5])
    same(BatchResult.load(BatchResult([]).save(tmp_path / "none.h5")), BatchResult([]))


def test_nothing_is_overwritten_unasked_and_nothing_is_left_half_done(
    batch, saved, tmp_path, monkeypatch
):
    before = saved.read_bytes()
    with pytest.raises(DataError, match="exists already"):
        batch.save(saved)
    fill, left = storage.fill_root, iter(range(5))

    def full(*given):
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        return fill(*given)

    monkeypatch.setattr(storage, "fill_root", full)
    with pytest.raises(OSError, match="No space left"):
        batch.save(saved, overwrite=True)
    with pytest.raises(OSError, match="No space left"):
        batch.save(tmp_path / "new" / "folder")
    assert saved.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["b.h5"]


def _swap(file):
    file.move("samples/0", "samples/x")
    file.move("samples/1", "samples/0")
    file.move("samples/x", "samples/1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_swap, "its samples are not those that it was saved with"),
        (lambda file: file.move("samples/3", "samples/12"), "does not hold the samples"),
        (lambda file: file.__delitem__("samples/11"), "does not hold the samples"),
        (lambda file: file["samples/2/spikes/cells/timestamps"].__setitem__(0, 1e-3), "digest"),
        (
            lambda file: file["samples/2/spikes/cells/timestamps"].attrs.__setitem__(
                "units", np.bytes_("m")
            ),
            "units",
        ),
        (lambda file: file["meta"].attrs.__setitem__("schema", 9), "it has schema 9"),
        (
            lambda file: file["meta"].attrs.__setitem__("digest", np.bytes_("0" * 32)),
            "not those that it was saved",
        ),
        (lambda file: file["samples"].__setitem__("7x", h5py.SoftLink("/samples/7")), "refused"),
    ],
)
def test_what_was_changed_is_refused(saved, change, message):
    with h5py.File(saved, "r+", libver="earliest") as file:
        change(file)
    with pytest.raises(DataError, match=message) as caught:
        BatchResult.load(saved)
    assert "\n" not in str(caught.value)


def test_batches_and_results_are_told_apart(batch, saved, tmp_path):
    with pytest.raises(
        DataError, match=r"holds the results of a batch; read it with BatchResult\.load"
    ):
        Result.load(saved)
    with pytest.raises(DataError, match=r"holds the result of one run; read it with Result\.load"):
        BatchResult.load(batch[0].save(tmp_path / "one.h5"))
    with pytest.raises(DataError, match=r"holds no batch\.h5"):
        BatchResult.load(tmp_path)
    with pytest.raises(ParameterError, match=r"BatchResult\.load path"):
        BatchResult.load(3)


def test_a_cut_or_foreign_file_is_refused(saved, tmp_path):
    content = saved.read_bytes()
    for size in (0, 100, len(content) // 2, len(content) - 1000):
        saved.write_bytes(content[:size])
        with pytest.raises(DataError):
            BatchResult.load(saved)


def test_a_batch_is_drawn_with_a_row_for_each_sample(batch):
    figure = batch.plot()
    (image,) = figure.axes[0].images
    rows = np.asarray(image.get_array())
    assert rows.shape == (12, 100)
    assert rows.mean(axis=1) == pytest.approx([spikes.rate for spikes in batch.spikes("cells")])
    assert "no spikes were recorded" in BatchResult([]).plot().axes[0].texts[0].get_text()
