"""The figure of the devices draws what the presets draw."""

import warnings

import pytest


def test_overview():
    pytest.importorskip("matplotlib")
    from potentia.experiments.figures.devices import overview
    from potentia.hardware.devices import presets

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        formed, written, aged, read = overview().axes
    share = float(formed.get_title(loc="left").split()[1])
    # five standard errors, three digits
    assert share == pytest.approx(0.507, abs=5 * 0.5 / 500_000**0.5 + 5e-4)
    assert {line.get_label() for line in written.lines} == set(presets.NAMES) - {"breakdown-taox"}
    # 20,000 cells of sd 0.1
    assert all(line.get_ydata()[0] == pytest.approx(1.0, abs=0.02) for line in aged.lines)
    assert all((line.get_ydata()[1:] > line.get_ydata()[:-1]).all() for line in read.lines)
    colours = {line.get_label(): line.get_color() for line in written.lines}
    assert len(set(colours.values())) == len(colours)
    for panel in (aged, read):
        assert all(line.get_color() == colours[line.get_label()] for line in panel.lines)
