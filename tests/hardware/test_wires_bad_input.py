"""Wires refuse what makes no circuit, in one sentence that names the value."""

import numpy as np
import pytest

from potentia.errors import ParameterError
from potentia.hardware import SinhCell, Wires, effective_conductance, output_currents

G = np.full((3, 2), 1e-5)
V = np.ones(3)


@pytest.mark.parametrize(
    ("g", "v", "options", "message"),
    [
        (
            -G,
            V,
            {},
            r"output_currents.conductances: must be >= 0 S everywhere \(got '-1e-05 at index \(0, 0\)'\)",
        ),
        (
            G * np.nan,
            V,
            {},
            r"conductances: must be finite everywhere \[S\] \(got 'nan at index \(0, 0\)",
        ),
        (G[0], V, {}, r"conductances: must have 2 dimensions \(got 'shape \(2,\)'\)"),
        (G[:0], V[:0], {}, "conductances: must have at least one row and one column"),
        ([["a"]], V, {}, "conductances: must be an array of numbers"),
        (
            G,
            V[:2],
            {},
            r"voltages: must have shape \(3,\) or \(batch, 3\), one per row of conductances",
        ),
        (G, np.ones((2, 3, 3)), {}, "voltages: must have shape"),
        (G, np.float64(1.0), {}, "voltages: must have shape"),
        (G, V * np.inf, {}, "voltages: must be finite everywhere"),
        (G, V, {"r_word": -1.0}, r"output_currents.r_word: must be >= 0 ohm \(got -1.0\)"),
        (G, V, {"r_bit": np.nan}, "r_bit: must be a finite number in ohm"),
        (G, V, {"r_bit": "1 ohm"}, "r_bit: must be a finite number in ohm"),
        (G, V, {"tolerance": 0.0}, r"tolerance: must be >= 1e-13 and <= 0.1 \(got 0.0\)"),
        (G, V, {"tolerance": 1.0}, "tolerance: must be"),
    ],
)
def test_output_currents(g, v, options, message):
    with pytest.raises(ParameterError, match=message):
        output_currents(g, v, **{"r_word": 1.0, "r_bit": 1.0, **options})


def test_effective_conductance():
    with pytest.raises(
        ParameterError, match=r"effective_conductance.conductances: must be >= 0 S everywhere"
    ):
        effective_conductance(-G, r_word=1.0, r_bit=1.0)
    with pytest.raises(ParameterError, match=r"effective_conductance.r_word: must be >= 0 ohm"):
        effective_conductance(G, r_word=-1.0, r_bit=1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"r_source": -1.0}, r"Wires.r_source: must be >= 0 ohm \(got -1.0\)"),
        ({"r_sense": np.inf}, "Wires.r_sense: must be a finite number in ohm"),
        (
            {"driven": "doubled"},
            "Wires.driven: must be one of single, double; did you mean 'double'?",
        ),
        ({"grounded": "both"}, "Wires.grounded: must be one of single, double"),
    ],
)
def test_wires(options, message):
    with pytest.raises(ParameterError, match=message):
        Wires(**{"r_word": 1.0, "r_bit": 1.0, **options})


def test_masks_and_cotangents():
    wires = Wires(r_word=1.0, r_bit=1.0)
    with pytest.raises(ParameterError, match=r"active: must be bool of shape \(3,\), one per row"):
        wires.currents(G, V, active=[1, 0, 1])
    with pytest.raises(ParameterError, match=r"active: must be bool of shape \(3,\)"):
        wires.effective(G, active=[True])
    with pytest.raises(
        ParameterError, match=r"cotangents: must have shape \(2,\), one per current"
    ):
        wires.gradient(G, V, V)
    with pytest.raises(
        ParameterError, match=r"Wires.potentials.voltages: must have shape \(3,\), one per row"
    ):
        wires.potentials(G, [V])


def test_cells():
    with pytest.raises(ParameterError, match=r"SinhCell.v0: must be > 0 V \(got 0.0\)"):
        SinhCell(v0=0.0)
    with pytest.raises(
        ParameterError, match=r"SinhCell.v0: must be >= 0.01 V for voltages up to 1 V \(got 0.001\)"
    ):
        Wires(r_word=1.0, r_bit=1.0).currents(G, V, cell=SinhCell(v0=0.001))
