"""Crossbars with resistive wires: closed forms, the sparse nodal equations as oracle, conservation,
reciprocity.
"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potentia.errors import DivergenceError
from potentia.hardware import Wires, effective_conductance, output_currents
from potentia.hardware.wires.wires import MANY
from potentia.kernels.reference.wires import nodal_matrix, solve_wires

ENDS = [
    {},
    {"r_source": 50.0, "r_sense": 20.0},
    {"driven": "double", "r_source": 5.0},
    {"grounded": "double", "r_sense": 5.0},
    {"driven": "double", "grounded": "double"},
]
SHAPES = [(1, 1), (1, 7), (7, 1), (8, 8), (9, 17), (33, 20), (20, 70), (64, 64)]


def array(rows, columns, *, ratio=10.0, zeros=0.0, seed=0):
    """Cells of 10 kohm and of `ratio` times that, at random, some not conducting; voltages of both
    signs.
    """
    rng = np.random.default_rng(seed)
    g = np.where(rng.random((rows, columns)) < 0.5, 1e-4, 1e-4 / ratio)
    g[rng.random(g.shape) < zeros] = 0.0
    return g, rng.normal(size=rows)


def assert_close(found, expected, tolerance):
    """Equal to within `tolerance` of the largest entry: signed inputs cancel in single outputs."""
    assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "resistance", [(1.0, 1.0), (0.1, 10.0), (10.0, 0.1), (1e-3, 1e-3), (1e3, 1e3)]
)
@pytest.mark.parametrize("ends", ENDS)
def test_the_nodal_equations_agree(shape, resistance, ends):
    """To 1e-9, the tolerance; potentials too; effective conductances to what the oracle's factors
    hold.
    """
    g, v = array(*shape, zeros=0.3, ratio=1e3)
    g[0, 0] = 1e-4
    options = {"r_word": resistance[0], "r_bit": resistance[1], **ends}
    wires = Wires(**options)
    word, bit, currents = solve_wires(g, v, **options)
    assert_close(wires.currents(g, v), currents, 1e-9)
    assert_close(v @ wires.effective(g), currents, 1e-9)
    assert_close(wires.potentials(g, v)[0], word, 1e-9)
    assert_close(wires.potentials(g, v)[1], bit, 1e-9)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    r_word=st.floats(-1.0, 1.0).map(lambda power: 10.0**power),
    r_bit=st.floats(-1.0, 1.0).map(lambda power: 10.0**power),
    ratio=st.floats(2.0, 1e4),
    zeros=st.sampled_from([0.0, 0.5, 0.9]),
    seed=st.integers(0, 1000),
)
def test_any_array_agrees_with_the_nodal_equations(shape, r_word, r_bit, ratio, zeros, seed):
    g, v = array(*shape, ratio=ratio, zeros=zeros, seed=seed)
    _, _, expected = solve_wires(g, v, r_word=r_word, r_bit=r_bit)
    assert_close(output_currents(g, v, r_word=r_word, r_bit=r_bit), expected, 1e-9)
    assert_close(v @ effective_conductance(g, r_word=r_word, r_bit=r_bit), expected, 1e-9)


@pytest.mark.parametrize("kind", ["random", "sparse", "blocks", "stripes", "spread", "uniform"])
@pytest.mark.parametrize("resistance", [0.1, 1.0, 10.0])
def test_large_arrays_of_any_pattern_settle_in_a_few_iterations(kind, resistance):
    """Never over 20. The judge shares no arithmetic with them: it eliminates all nodes."""
    n, rng = 256, np.random.default_rng(4)
    g, v = array(n, n, ratio=1e4)
    v = np.abs(v)
    if kind == "sparse":
        g[rng.random(g.shape) < 0.5] = 0.0
    elif kind == "blocks":
        g[:] = 1e-8
        g[: n // 2, : n // 2] = 1e-4
    elif kind == "stripes":
        g[:, 1::2] = 1e-6
    elif kind == "spread":
        g = 10 ** rng.uniform(-8, -4, g.shape)
    elif kind == "uniform":
        g[:] = 1e-4
    wires = Wires(r_word=resistance, r_bit=resistance)
    currents, iterations = wires._lines(g).currents(v[None], 1e-9)
    # of each output, some 1e4 times smaller
    np.testing.assert_allclose(currents[0], v @ wires.effective(g), rtol=3e-9)
    assert iterations <= 20


@pytest.mark.parametrize(
    ("resistance", "ratio", "zeros"), [(10.0, 2.0, 0.0), (10.0, 1e4, 0.5), (0.1, 1e4, 0.0)]
)
def test_a_megacell_settles(resistance, ratio, zeros):
    """1024 x 1024: what enters through the drivers, (v - w) / r, leaves at the foot; v - w costs
    two digits.
    """
    g, v = array(1024, 1024, ratio=ratio, zeros=zeros)
    lines = Wires(r_word=resistance, r_bit=resistance)._lines(g)
    found = lines.potentials(np.abs(v), 1e-9)
    entering = (np.abs(v) - found.word[:, 0]) / resistance
    assert found.currents.sum() == pytest.approx(entering.sum(), rel=1e-7)
    assert lines.currents(np.abs(v)[None], 1e-9)[1] <= 15


def test_one_cell():
    """Everything in series."""
    wires = Wires(r_word=2.0, r_bit=3.0, r_source=5.0, r_sense=7.0)
    expected = 1.0 / (2 + 3 + 5 + 7 + 1e4)
    assert wires.currents([[1e-4]], [1.0]) == pytest.approx([expected], rel=1e-12)
    assert wires.effective([[1e-4]]) == pytest.approx(expected, rel=1e-12)


def test_one_word_line_is_a_ladder():
    """Equal cells on one word line, ideal bit lines: the potential is a hyperbolic cosine of the
    place.

    With nodes 1..n from the driver at 0 and no current beyond node n, w_k = V cosh((n + 1/2 - k) s)
    / cosh((n + 1/2) s), where 2 cosh(s) = 2 + r g.
    """
    n, r, g = 50, 10.0, 1e-3
    s = np.arccosh(1 + r * g / 2)
    place = np.arange(1, n + 1)
    expected = g * np.cosh((n + 0.5 - place) * s) / np.cosh((n + 0.5) * s)
    found = output_currents(np.full((1, n), g), [1.0], r_word=r, r_bit=0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_one_bit_line_is_the_same_ladder():
    """By reciprocity: a row's share of the current at the foot falls off as the potential did."""
    n, r, g = 50, 10.0, 1e-3
    s = np.arccosh(1 + r * g / 2)
    place = np.arange(n, 0, -1)
    expected = g * np.cosh((n + 0.5 - place) * s) / np.cosh((n + 0.5) * s)
    found = effective_conductance(np.full((n, 1), g), r_word=0.0, r_bit=r)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_without_resistance_it_is_a_product():
    g, v = array(37, 21, zeros=0.5)
    np.testing.assert_allclose(
        output_currents(g, v, r_word=0, r_bit=0), v @ g, rtol=1e-12, atol=1e-18
    )
    np.testing.assert_allclose(
        effective_conductance(g, r_word=0, r_bit=0), g, rtol=1e-12, atol=1e-18
    )


@pytest.mark.parametrize(
    "options",
    [
        {"r_word": 0.0, "r_bit": 3.0},
        {"r_word": 3.0, "r_bit": 0.0},
        {"r_word": 0.0, "r_bit": 0.0, "r_source": 100.0, "r_sense": 50.0},
        {"r_word": 2.0, "r_bit": 0.0, "r_sense": 50.0},
        {"r_word": 0.0, "r_bit": 2.0, "r_source": 50.0, "driven": "double", "grounded": "double"},
        {"r_word": 0.0, "r_bit": 0.0, "driven": "double", "grounded": "double"},
    ],
)
def test_segments_of_no_resistance_are_the_limit_of_small_ones(options):
    """The oracle cannot divide by 0: 1e-5 ohm changes currents by 40 nodes * 1e-5 ohm * 4 mS = 2e-6
    at most.
    """
    g, v = array(40, 40)
    near = {key: 1e-5 if value == 0.0 else value for key, value in options.items()}
    wires = Wires(**options)
    assert_close(wires.currents(g, v), solve_wires(g, v, **near)[2], 2e-6)
    assert_close(v @ wires.effective(g), wires.currents(g, v), 1e-9)


@pytest.mark.parametrize("grounded", ["single", "double"])
@pytest.mark.parametrize("r_bit", [0.0, 1e-8, 1e-6, 1e-4, 1e-2])
def test_short_segments_between_long_ends(r_bit, grounded):
    """Bit lines that hardly resist behind 30 kohm: their potentials differ in the tenth digit, and
    no solver minds.

    Compared with elimination, which never subtracts; the oracle's factors cannot tell such nodes
    apart.
    """
    rng = np.random.default_rng(1)
    g, v = 10 ** rng.uniform(-7, -3, (14, 25)), rng.random(14)
    wires = Wires(r_word=300.0, r_bit=r_bit, r_sense=3e4, grounded=grounded)
    assert_close(wires.currents(g, v), v @ wires.effective(g), 1e-8)


def test_what_goes_in_comes_out():
    """The drivers' currents, (v - w) / r, add up to what reaches the ground."""
    g, v = array(50, 30)
    wires = Wires(r_word=2.0, r_bit=3.0)
    word, _ = wires.potentials(g, v, tolerance=1e-12)
    currents = wires.currents(g, v, tolerance=1e-12)
    assert ((v - word[:, 0]) / 2.0).sum() == pytest.approx(currents.sum(), rel=1e-9)


@pytest.mark.parametrize("ends", ENDS)
def test_reciprocity(ends):
    """Driving the bit lines' feet and reading at the word lines' sources shows the same H,
    transposed (Tellegen).
    """
    g, _ = array(18, 27)
    swap = {
        "r_source": "r_sense",
        "r_sense": "r_source",
        "driven": "grounded",
        "grounded": "driven",
    }
    forward = Wires(r_word=2.0, r_bit=5.0, **ends)
    backward = Wires(r_word=5.0, r_bit=2.0, **{swap[key]: value for key, value in ends.items()})
    mirrored = backward.effective(g[::-1, ::-1].T)
    np.testing.assert_allclose(forward.effective(g), mirrored[::-1, ::-1].T, rtol=1e-11)


def test_wires_take_away_current():
    """Every output of an array of positive voltages falls as resistance grows."""
    g, v = array(40, 40)
    v = np.abs(v)
    falling = [output_currents(g, v, r_word=r, r_bit=r) for r in (0.0, 0.1, 1.0, 10.0)]
    assert all((below < above).all() for above, below in pairwise(falling))


@pytest.mark.parametrize("batch", [0, 1, 3, MANY])
def test_a_batch_is_its_samples(batch):
    """From MANY samples on by way of the effective conductances, so equal to the tolerance."""
    g, _ = array(24, 17)
    v = np.random.default_rng(0).random((batch, 24))
    found = output_currents(g, v, r_word=3.0, r_bit=3.0)
    assert found.shape == (batch, 17)
    for sample, currents in zip(v, found, strict=True):
        np.testing.assert_allclose(
            currents, output_currents(g, sample, r_word=3.0, r_bit=3.0), rtol=1e-9
        )


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_any_number_will_do(dtype):
    g = np.ones((4, 5), dtype)
    expected = solve_wires(np.ones((4, 5)), np.ones(4), r_word=0.5, r_bit=0.5)[2]
    found = output_currents(g, np.ones(4, dtype), r_word=0.5, r_bit=0.5)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_arguments_stay_as_they_are():
    g, v = array(10, 10)
    g.flags.writeable = v.flags.writeable = False
    before = g.copy()
    output_currents(g, v, r_word=1.0, r_bit=1.0)
    effective_conductance(g, r_word=1.0, r_bit=1.0)
    assert (g == before).all()


@pytest.mark.parametrize("grounded", ["single", "double"])
def test_closed_gates_take_their_rows_out(grounded):
    """Cells of rows that are not active conduct nothing, whatever the row's voltage; bit lines run
    on below them.
    """
    g, v = array(30, 20)
    active = np.random.default_rng(3).random(30) < 0.4
    wires = Wires(r_word=4.0, r_bit=6.0, r_sense=10.0, grounded=grounded)
    gated = np.where(active[:, None], g, 0.0)
    expected = solve_wires(gated, v, r_word=4.0, r_bit=6.0, r_sense=10.0, grounded=grounded)[2]
    assert_close(wires.currents(g, v, active=active), expected, 1e-9)
    h = wires.effective(g, active=active)
    assert_close(v @ h, expected, 1e-9)
    assert (h[~active] == 0.0).all()
    assert (wires.currents(g, v, active=np.zeros(30, bool)) == 0.0).all()


def test_a_silent_row_held_at_zero_is_not_a_closed_gate():
    """It draws current from the bit lines."""
    g, v = array(20, 20)
    v = np.abs(v)
    v[5:] = 0.0
    wires = Wires(r_word=10.0, r_bit=10.0)
    assert (wires.currents(g, v) < wires.currents(g, v, active=v > 0)).all()


@pytest.mark.parametrize("ends", ENDS)
def test_gradient_is_the_slope(ends):
    """Central differences: their own error is 1e-6 relative, with steps of a thousandth of each
    value.
    """
    rng = np.random.default_rng(1)
    g, _ = array(5, 4, ratio=3.0)
    v, c = rng.normal(size=(3, 5)), rng.normal(size=(3, 4))
    active = np.array([True, False, True, True, True])
    wires = Wires(r_word=100.0, r_bit=200.0, **ends)
    by_voltage, by_conductance = wires.gradient(g, v, c, active=active, tolerance=1e-12)

    def loss(g, v):
        return float((c * wires.currents(g, v, active=active, tolerance=1e-13)).sum())

    for index in np.ndindex(g.shape):
        step = np.zeros_like(g)
        step[index] = 1e-3 * g[index]
        slope = (loss(g + step, v) - loss(g - step, v)) / (2 * step[index])
        assert by_conductance[index] == pytest.approx(
            slope, rel=1e-5, abs=1e-6 * np.abs(by_conductance).max()
        )
    np.testing.assert_allclose(
        by_voltage, c @ wires.effective(g, active=active).T, rtol=1e-9, atol=1e-16
    )


def test_gradient_of_a_large_batch_is_the_sum_over_samples():
    """More samples than columns are first made fewer, which changes rounding only."""
    rng = np.random.default_rng(2)
    g, _ = array(12, 9)
    v, c = rng.normal(size=(30, 12)), rng.normal(size=(30, 9))
    wires, active = Wires(r_word=50.0, r_bit=30.0, r_sense=10.0), np.arange(12) != 5
    by_voltage, by_conductance = wires.gradient(g, v, c, active=active, tolerance=1e-12)
    samples = [
        wires.gradient(g, *pair, active=active, tolerance=1e-12) for pair in zip(v, c, strict=True)
    ]
    np.testing.assert_allclose(by_voltage, [sample[0] for sample in samples], rtol=1e-9, atol=1e-15)
    assert_close(by_conductance, np.sum([sample[1] for sample in samples], axis=0), 1e-9)


def test_gradient_of_one_sample_and_of_ideal_wires():
    g, v = array(6, 3)
    c = np.array([1.0, -2.0, 0.5])
    by_voltage, by_conductance = Wires(r_word=0.0, r_bit=0.0).gradient(g, v, c)
    np.testing.assert_allclose(by_voltage, g @ c, rtol=1e-12)
    np.testing.assert_allclose(by_conductance, np.outer(v, c), rtol=1e-12)


def test_what_double_precision_cannot_hold_is_said():
    with pytest.raises(DivergenceError, match="did not settle"), np.errstate(all="ignore"):
        output_currents(np.full((9, 9), 1e-5), np.full(9, 1e200), r_word=1.0, r_bit=1.0)
    g, v = array(9, 9)
    # and leaves nothing behind
    assert np.isfinite(output_currents(g, v, r_word=1.0, r_bit=1.0)).all()


def test_the_oracle_is_symmetric_and_conserves_current():
    g, _ = array(6, 7)
    matrix, ends = nodal_matrix(g, r_word=1.0, r_bit=2.0, r_source=3.0, grounded="double")
    assert abs(matrix - matrix.T).max() == 0.0
    leaving = np.zeros(matrix.shape[0])
    for nodes, conductance in ends:
        leaving[nodes] += conductance
    np.testing.assert_allclose(matrix @ np.ones(matrix.shape[0]), leaving, atol=1e-12)


@pytest.mark.validate
@pytest.mark.parametrize(
    ("rows", "columns", "r"), [(8, 5, (1.0, 1.0)), (64, 64, (1.0, 5.0)), (40, 100, (10.0, 0.1))]
)
def test_badcrossbar_agrees(rows, columns, r):
    """Another simulator, by sparse LU factors (Joksas and Mehonic 2020,
    doi:10.1016/j.softx.2020.100617).
    """
    badcrossbar = pytest.importorskip(
        "badcrossbar", reason="badcrossbar is not installed (extra `validate`)"
    )
    g, v = array(rows, columns, ratio=100.0)
    batch = np.stack([v, np.abs(v)])
    solution = badcrossbar.compute(batch.T, 1.0 / g, r_i_word_line=r[0], r_i_bit_line=r[1])
    expected = np.asarray(solution.currents.output)
    found = output_currents(g, batch, r_word=r[0], r_bit=r[1])
    assert_close(found, expected, 1e-9)
    assert_close(batch @ effective_conductance(g, r_word=r[0], r_bit=r[1]), expected, 1e-9)
