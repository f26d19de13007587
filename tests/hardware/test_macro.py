"""The 40 nm macro: the statistics of its random weights, and what does not fit."""

import math

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.hardware import BreakdownReRAM, Macro40nm
from potentia.hardware.crossbars.macro import UNKNOWN
from potentia.models import LIF, SpikeSource
from potentia.sim import AllToAll


def test_forming_is_that_of_the_cells():
    """512 x 512 cells: a share of 0.507 zeros, within 5 standard errors of 0.001; the others
    lognormal, sd 0.149.
    """
    cells = Macro40nm().form(7)
    assert cells.shape == (512, 512)
    assert np.mean(cells == 0) == pytest.approx(0.507, abs=0.005)
    logs = np.log(cells[cells > 0])
    assert np.exp(logs.mean()) == pytest.approx(12.21e-6, rel=0.003)
    assert logs.std() == pytest.approx(0.149, rel=0.02)
    np.testing.assert_array_equal(cells, Macro40nm().form(7))
    assert (cells != Macro40nm().form(8)).any()


@pytest.mark.parametrize(("scheme", "cells"), [("pair", 2), ("mean", 1)])
def test_weights_are_balanced(scheme, cells):
    """Their mean vanishes beside their spread, which is that of half-sparse lognormal cells: 6.31
    uS each.

    131,072 weights: the standard deviation is known to 0.2 %, so 5 standard errors are 1 %.
    """
    share, median, sigma = BreakdownReRAM().broken_share, 12.21e-6, 0.149
    mean = share * median * math.exp(sigma**2 / 2)
    spread = math.sqrt(cells * (share * median**2 * math.exp(2 * sigma**2) - mean**2))
    weights = Macro40nm().weights(512, 256, 3, scheme=scheme)
    assert abs(weights.mean()) < 5 * spread / np.sqrt(weights.size)
    assert weights.std() == pytest.approx(spread, rel=0.01)


def test_larger_projections_take_several_arrays():
    """600 sources: two arrays below each other, each with converters of its own."""
    net = Network(seed=2)
    source, target = net.population(SpikeSource(), 600), net.population(LIF(), 30)
    wide = net.connect(
        source, target, AllToAll(), weight=1e-3, store=Macro40nm().store(), name="wide"
    )
    simulator = Simulator(net, dt=1e-3)
    assert simulator.plan.synapses[wide.name].n == 18_000
    assert simulator.plan.memory()["wide.column_plus"].size == 60
    assert simulator.weights(wide).std() > 0


def test_nothing_unknown_has_a_number():
    assert not any(
        character.isdigit()
        for what, why in UNKNOWN.items()
        for character in what + why.replace("2 %", "")
    )
