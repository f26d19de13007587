"""Figures show what they are given, and say what is missing."""

import sys

import numpy as np
import pytest

from potentia.errors import DataError, DependencyError, ParameterError
from potentia.sim.results.records import Samples, Spikes
from potentia.sim.results.result import Result

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from potentia.sim.results import figures  # noqa: E402


@pytest.fixture
def result():
    rng = np.random.default_rng(1)
    times = np.sort(rng.uniform(0, 1, 3000))
    made = Result(0.0, 1.0, "0")
    made.spike_records["exc"] = Spikes(times, rng.integers(0, 900, 3000), 900, 0.0, 1.0)
    made.spike_records["silent"] = Spikes(np.zeros(0), np.zeros(0, np.int64), 3, 0.0, 1.0)
    grid = np.arange(1, 101) * 0.01
    made.sample_records["exc.v"] = Samples(
        grid, rng.normal(0, 0.012, (100, 2)), np.array([3, 8]), "V"
    )
    made.sample_records["exc.rate"] = Samples(
        grid, rng.random((100, 1)), np.zeros(1, np.int64), "Hz"
    )
    made.sample_records["exc->exc.weights"] = Samples(
        grid[:1], rng.normal(0, 1, (1, 50)), np.arange(50)
    )
    yield made
    matplotlib.pyplot.close("all")


def test_overview_has_a_panel_for_every_record(result):
    figure = result.plot()
    assert isinstance(figure, matplotlib.figure.Figure)
    assert [ax.get_ylabel() for ax in figure.axes] == [
        "",
        "rate [Hz]",
        "v [mV]",
        "rate [Hz]",
        "synapses",
    ]
    assert all(ax.get_xlim() == (0.0, 1.0) for ax in figure.axes[:4])


def test_overview_of_nothing():
    assert "nothing" in Result(0.0, 0.0, "0").plot().axes[0].texts[0].get_text()


def test_raster_shows_every_spike_of_the_units_it_shows(result):
    spikes = result.spike_records["exc"]
    whole = figures.raster({"exc": spikes}, most=900).collections[0].get_offsets()
    assert np.allclose(np.sort(whole[:, 0]), spikes.times)
    assert np.allclose(whole[:, 1], spikes.ids)
    part = figures.raster({"exc": spikes}, most=300)
    shown = np.linspace(0, 899, 300).astype(int)
    assert len(part.collections[0].get_offsets()) == np.isin(spikes.ids, shown).sum()
    assert "300 of 900" in part.get_yticklabels()[0].get_text()


def test_rates_integrate_to_the_number_of_spikes(result):
    ax = figures.rates({"exc": result.spike_records["exc"]}, width=0.05)
    level, edges, _ = ax.patches[0].get_data()
    assert np.sum(level * np.diff(edges)) * 900 == pytest.approx(3000)


def test_traces_scale_their_unit(result):
    ax = figures.traces(result.samples("exc", "v"), label="v")
    assert ax.get_ylabel() == "v [mV]"
    assert np.allclose(ax.lines[0].get_ydata(), 1e3 * result.trace("exc", "v")[:, 0])


def test_labels_that_cannot_be_read_are_refused():
    class Rude:
        def __len__(self):
            raise RuntimeError("nobody\nshould see this")

    for labels in (range(2**80), Rude(), "ab", [1]):
        with pytest.raises(
            ParameterError, match=r"^confusion.labels: must be a list of 2, one for each class"
        ):
            figures.confusion([[5, 0], [2, 3]], labels=labels)


def test_confusion_writes_the_counts():
    ax = figures.confusion([[5, 0], [2, 3]], labels=["zero", "one"])
    assert sorted(text.get_text() for text in ax.texts) == ["2", "3", "5"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["zero", "one"]
    for labels in (range(5, 7), np.arange(5, 7), (5, 6)):
        ax = figures.confusion([[5, 0], [2, 3]], labels=labels)
        assert [label.get_text() for label in ax.get_xticklabels()] == ["5", "6"]


def test_bars_write_means_and_spreads():
    ax = figures.accuracy_bars(
        {"ideal": 0.971, "control": 0.91}, spread={"ideal": 0.004}, chance=0.1
    )
    shown = [text.get_text() for text in ax.texts]
    assert shown[:2] == ["97.1 ± 0.4", "91.0"]
    assert "chance" in shown


def test_weights_keep_zero_in_the_middle():
    image = figures.weight_matrix([[1e-3, np.nan], [-3e-3, 0.0]], unit="V").images[0]
    assert image.get_clim() == (-3.0, 3.0)
    ax = figures.weight_histogram(np.linspace(0, 1, 7))
    assert ax.get_xlabel() == "weight"


def test_a_given_axes_is_used_and_returned(result):
    ax = matplotlib.pyplot.subplots()[1]
    for draw, given in (
        (figures.raster, result.spike_records),
        (figures.rates, result.spike_records),
        (figures.traces, result.samples("exc", "v")),
        (figures.weight_matrix, np.eye(2)),
        (figures.weight_histogram, np.arange(3.0)),
        (figures.confusion, np.eye(2)),
        (figures.bars, {"a": 1.0}),
        (figures.accuracy_bars, {"a": 1.0}),
    ):
        assert draw(given, ax) is ax


def test_the_style_does_not_leak(result):
    before = dict(matplotlib.rcParams)
    result.plot()
    assert dict(matplotlib.rcParams) == before


def test_bad_matrices_and_places(tmp_path, result):
    with pytest.raises(ParameterError, match="2 dimensions"):
        figures.confusion([1, 2])
    with pytest.raises(DataError, match="cannot be written"):
        figures.save(result.plot(), tmp_path / "no" / "x.png")
    assert figures.save(result.plot(), tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_one_sentence_says_what_to_install(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(DependencyError, match=r"pip install potentia\[plot\]"):
        result.plot()
