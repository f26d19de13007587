"""What the figures of zero-shot show of few epochs."""

import pytest

pytest.importorskip("matplotlib")

from potentia.experiments.liquids import zero_shot_figures as figures

RUNS = {"rram_noisy": 3, "dealt": 40, "srnn": 1}


def test_epochs_are_whole_and_a_single_one_is_seen():
    runs = {
        name: [{"seen": [0.2] * count, "unseen": [0.6] * count}] * 2 for name, count in RUNS.items()
    }
    figure = figures.epochs(runs)
    figure.canvas.draw()
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["RRAM noisy", "dealt", "SRNN"]
    for ax, count in zip(figure.axes, RUNS.values(), strict=True):
        assert all(tick == round(tick) for tick in ax.get_xticks())
        dots = {line.get_marker() for line in ax.lines if line.get_label() in ("seen classes",)}
        assert dots == {"o" if count < 20 else "None"}
    assert [text.get_text() for text in figure.axes[-1].texts] == ["chance", "chance"]
    assert [text.get_text() for text in figure.legends[0].texts] == [
        "seen classes",
        "unseen classes",
    ]
