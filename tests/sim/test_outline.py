"""What objects show of themselves: one screen however large they are, the right numbers, every text
escaped.
"""

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.models import LIF
from potentia.sim import AllToAll, BatchResult, Constant, Poisson, Result, Samples, Spikes
from potentia.sim.outline import MOST_COLUMNS, MOST_LINES, Outline


def network(populations=2):
    net = Network(seed=3)
    for k in range(populations):
        cells = net.population(LIF(), 4, name=f"p{k}")
        net.stimulate(cells, Constant(20e-3))
        net.connect(cells, cells, AllToAll(), weight=1e-4)
        net.probe(cells, "spikes")
        net.probe(cells, "v", every=1e-3)
    return net


def screen(shown):
    """The lines of a text, known to fit onto a screen."""
    lines = shown.splitlines()
    assert 1 < len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= MOST_COLUMNS + 2
    return lines


def test_a_result_tells_span_spikes_samples_and_hash():
    sim = Simulator(network(), dt=1e-4)
    result = sim.run(0.1)
    spikes = result.spikes("p0")
    assert screen(repr(result)) == [
        f"Result from 0 s to 0.1 s, spike hash {result.hash}",
        "spikes:",
        f"  p0: 4 units, {len(spikes)} spikes, {len(spikes) / 4 / 0.1:.4g} Hz",
        f"  p1: 4 units, {len(spikes)} spikes, {len(spikes) / 4 / 0.1:.4g} Hz",
        "samples:",
        "  p0.v: float32 (100, 4) [V]",
        "  p1.v: float32 (100, 4) [V]",
        *repr(result).splitlines()[7:],
    ]
    assert repr(spikes) == f"Spikes from 0 s to 0.1 s: {spikes}"
    assert repr(result.samples("p0", "v")).startswith(
        "Samples from 0.001 s to 0.1 s: float32 (100, 4) [V]"
    )


@pytest.mark.parametrize("engine", ["clock", "event"])
def test_a_simulator_tells_how_it_runs_and_where_it_stands(engine):
    sim = Simulator(network(), engine=engine)
    sim.run(0.02)
    lines = screen(repr(sim))
    assert lines[0].startswith(f"Simulator at 0.02 s: {engine} engine on cpu")
    assert ("in steps of 0.0001 s, float32" in lines[0]) == (engine == "clock")
    assert "float64" in lines[0] or engine == "clock"
    assert lines[1:] == repr(sim.network).splitlines()[1:]


def test_everything_stays_on_one_screen_however_large():
    """2,000 populations, and a batch of 10,000 samples."""
    net = network(2000)
    lines = screen(repr(net))
    assert [line for line in lines if not line.startswith(" ")] == [
        "Network, seed 3",
        "populations:",
        "projections:",
        "inputs:",
        "probes:",
    ]
    # one line counts the others
    shown = lines.index("projections:") - lines.index("populations:") - 2
    assert f"  ... and {2000 - shown:,} more" in lines
    assert len(str(net).splitlines()) == 5 + 2000 * 5  # which is the whole description

    records = {f"p{k}": Spikes(np.zeros(2), np.zeros(2, int), 5, 0.0, 1.0) for k in range(2000)}
    one = Result(
        0.0,
        1.0,
        "ab" * 16,
        records,
        {"p0.v": Samples(np.zeros(3), np.zeros((3, 5)), np.arange(5), "V")},
    )
    assert any("2 spikes, 0.4 Hz" in line for line in screen(repr(one)))
    assert "  p0: 5 units, 20,000 spikes, 0.4 Hz" in screen(repr(BatchResult([one] * 10_000)))
    for part in (net, one, BatchResult([one] * 10_000)):
        assert part._repr_html_().count("<tr>") < MOST_LINES


def test_an_outline_gives_long_sections_what_short_ones_leave():
    shown = str(
        Outline("t", {"short": ([1, 2], str), "long": (range(100), str), "none": ([], str)})
    ).splitlines()
    assert len(shown) == MOST_LINES
    assert shown[:5] == ["t", "short:", "  1", "  2", "long:"]
    assert shown[-1] == f"  ... and {100 - (MOST_LINES - 6)} more"
    full = MOST_LINES - 2
    assert str(Outline("t", {"full": (range(full), str)})).splitlines()[-1] == f"  {full - 1}"


def test_only_members_that_are_shown_are_asked_for():
    asked = []
    str(Outline("t", {"long": (range(10**6), lambda k: asked.append(k) or "x")}))
    assert len(asked) < MOST_LINES


def test_texts_are_escaped_and_of_bounded_length():
    evil = "<script>alert(1)</script>"
    result = Result(
        0.0,
        1.0,
        evil,
        {evil: Spikes(np.zeros(0), np.zeros(0, int), 1, 0.0, 1.0)},
        {},
        {},
        {evil: 1.0},
    )
    net = Network()
    cells = net.population(LIF(), 2, name="<script>cells")
    net.stimulate(cells, Poisson(rate=10.0), name="x" * 100)
    for shown in (result, BatchResult([result, result]), net, Simulator(net)):
        assert "<script" not in shown._repr_html_()
        assert "&lt;script&gt;" in shown._repr_html_()
    assert screen(
        repr(Result(0.0, 1.0, "\x1b[31m" * 500, {"a\n" * 300: result.spike_records[evil]}))
    )


def test_empty_ones_are_told_too():
    assert repr(BatchResult([])) == "BatchResult of no samples"
    assert repr(Network()) == "Network, seed 0"
    assert repr(Result(0.0, 0.0, "ab")) == "Result from 0 s to 0 s, spike hash ab"
    sim = Simulator(network(1))
    assert "p0: 4 units, 0 spikes, 0 Hz" in repr(sim.run(0.0))
    assert repr(sim.run(1e-3, batch=1)).startswith("BatchResult of 1 sample from 0 s to 0.001 s")
