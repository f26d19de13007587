"""The layer behind wires: against a dense solver of every node, the oracle, and its adjoint."""

from dataclasses import dataclass

import numpy as np
import pytest

from potentia.errors import ParameterError
from potentia.hardware import BitSlicing, DifferentialPairs, OffsetColumn, PulsedReRAM, Tile, Wires

torch = pytest.importorskip("torch")
from potentia.hardware import AnalogLinear  # noqa: E402
from potentia.hardware.analog_layer.exact_currents import ExactCurrents  # noqa: E402

PERFECT, NOISY = PulsedReRAM(), PulsedReRAM(write_error=0.02, read_noise=0.05)
OFF = {"adc": None, "dac": None}


@dataclass(frozen=True)
class DenseWires:
    """Word lines driven at the left, bit lines grounded at the bottom, each through one segment
    [ohm].
    """

    r_word: float = 20.0
    r_bit: float = 30.0

    def nodes(self, conductances):
        """The nodal matrix, and the conductances of sources to word nodes and of bit nodes to
        ground.
        """
        rows, columns = conductances.shape
        word, bit = (
            k * rows * columns + np.arange(rows * columns).reshape(rows, columns) for k in (0, 1)
        )
        matrix = np.zeros((2 * rows * columns,) * 2)

        def join(first, second, g):
            for a, b in ((first, second), (second, first)):
                np.add.at(matrix, (a.ravel(), a.ravel()), g.ravel() if np.ndim(g) else g)
                np.add.at(matrix, (a.ravel(), b.ravel()), -g.ravel() if np.ndim(g) else -g)

        join(word, bit, conductances)
        join(word[:, 1:], word[:, :-1], 1 / self.r_word)
        join(bit[1:], bit[:-1], 1 / self.r_bit)
        sources, ground = (
            np.zeros((2 * rows * columns, rows)),
            np.zeros((2 * rows * columns, columns)),
        )
        sources[word[:, 0], np.arange(rows)] = 1 / self.r_word
        ground[bit[-1], np.arange(columns)] = 1 / self.r_bit
        matrix += np.diag(sources.sum(1) + ground.sum(1))
        return matrix, sources, ground

    def currents(self, conductances, voltages):
        matrix, sources, ground = self.nodes(conductances)
        return (ground.T @ np.linalg.solve(matrix, sources @ voltages.T)).T

    def effective(self, conductances):
        return self.currents(conductances, np.eye(conductances.shape[0]))

    def gradient(self, conductances, voltages, cotangents):
        matrix, sources, ground = self.nodes(conductances)
        forward = np.linalg.solve(matrix, sources @ voltages.T)
        adjoint = np.linalg.solve(matrix, ground @ cotangents.T)
        half = conductances.size
        across = (adjoint[:half] - adjoint[half:]) * (forward[:half] - forward[half:])
        return (sources.T @ adjoint).T, -across.sum(axis=1).reshape(conductances.shape)


WIRES = DenseWires()


def layer(n_in=6, n_out=4, *, device=PERFECT, wires=WIRES, dtype=torch.float64, **options):
    torch.manual_seed(4)
    return AnalogLinear(n_in, n_out, device=device, wires=wires, dtype=dtype, **options)


def inputs(batch=5, n_in=6, dtype=torch.float64):
    return torch.randn(batch, n_in, dtype=dtype, generator=torch.Generator().manual_seed(9))


def test_the_oracle_conserves_charge():
    """What flows in flows out, and without resistance the currents are G^T v."""
    g = np.random.default_rng(1).uniform(1e-5, 1e-4, (6, 4))
    matrix, sources, ground = WIRES.nodes(g)
    volts = np.linalg.solve(matrix, sources @ np.ones(6))
    into = (sources.sum(1) * (sources @ np.ones(6) > 0) * (1.0 - volts)).sum()
    assert (ground.T @ volts).sum() == pytest.approx(into, rel=1e-10)
    np.testing.assert_allclose(DenseWires(1e-6, 1e-6).effective(g), g, rtol=1e-6)


def test_exact_currents_are_differentiable():
    """gradcheck in double precision, by conductances and voltages, of volts and tenths of
    millisiemens.
    """
    g = torch.rand(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 0.5
    v = inputs(4, 5)

    def currents(scaled, voltages):
        return 1e4 * ExactCurrents.apply(1e-4 * scaled, voltages, DenseWires(200.0, 300.0))

    assert torch.autograd.gradcheck(currents, (g.requires_grad_(), v.requires_grad_()), rtol=1e-5)


@pytest.mark.parametrize(
    "options", [{}, {"tile": Tile(rows=4, columns=3)}, {"mapping": OffsetColumn()}]
)
def test_training_and_evaluation_see_the_same_wires(options):
    """By solves in training, by effective conductances in evaluation: the same to the rounding of
    both.
    """
    analog = layer(**OFF, **options)
    trained = analog(inputs()).detach()
    np.testing.assert_allclose(analog.eval()(inputs()).detach(), trained, rtol=1e-8, atol=1e-10)
    plain = layer(wires=None, **OFF, **options).eval()(inputs()).detach().numpy()
    assert np.abs(plain - trained.numpy()).max() > 1e-5 * np.abs(plain).max()


def test_the_currents_are_those_of_the_oracle():
    analog = layer(bias=False, **OFF).eval()
    ((plus, minus),) = analog.conductances()
    x = inputs()
    full = x.abs().max(1, keepdim=True).values
    volts = (x / full * 0.2).numpy()
    amperes = WIRES.currents(plus.numpy(), volts) - WIRES.currents(minus.numpy(), volts)
    scale = float(analog.weight.detach().abs().max()) / (PERFECT.g_max - PERFECT.g_min) / 0.2
    np.testing.assert_allclose(analog(x), amperes * scale * full.numpy(), rtol=1e-9)


def test_unused_cells_of_a_tile_conduct_too():
    """A tile larger than the weights has cells at rest, and longer lines."""
    exact, roomy = (
        layer(tile=tile, **OFF).eval()(inputs()).detach()
        for tile in (None, Tile(rows=9, columns=7))
    )
    assert (exact != roomy).any()
    np.testing.assert_allclose(exact, roomy, rtol=0.05, atol=1e-3)


@pytest.mark.parametrize("n_out", [1, 2, 5])
@pytest.mark.parametrize("mapping", [DifferentialPairs(), OffsetColumn()])
def test_arrays_are_whole_tiles_but_a_reference_column_stands_alone(n_out, mapping):
    """However few columns there are, trained and written alike: each side's tiles by the oracle,
    used cells first.
    """
    tile = Tile(rows=8, columns=4)
    analog = layer(6, n_out, mapping=mapping, tile=tile, bias=False, **OFF)
    analog.program(3)
    x = inputs()
    full = x.abs().max(1, keepdim=True).values
    volts = np.zeros((5, 8))
    volts[:, :6] = (x / full * 0.2).numpy()
    amperes = np.zeros((5, n_out))
    for sign, side in zip((1.0, -1.0), analog.eval().program(3).conductances()[0], strict=True):
        width = 1 if sign < 0 and mapping.shared else 4
        for first in range(0, side.shape[1], width):
            part = side[:, first : first + width].numpy()
            whole = np.full((8, width), PERFECT.rest)
            whole[: part.shape[0], : part.shape[1]] = part
            found = WIRES.currents(whole, volts)[:, : part.shape[1]]
            amperes[:, first : first + width] += sign * found
            if sign < 0 and mapping.shared:
                amperes[:, 1:] += sign * found
    largest = float(analog.weight.detach().abs().max())
    scale = mapping.coefficients[0] * largest / (PERFECT.g_max - PERFECT.g_min) / 0.2
    expected = amperes * scale * full.numpy()
    for mode in (False, True):  # perfect cells are the same however often they are written
        np.testing.assert_allclose(analog.train(mode)(x).detach(), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    "options", [{}, {"tile": Tile(rows=2, columns=2)}, {"mapping": OffsetColumn()}]
)
def test_gradients_through_the_solve_are_exact(options):
    """gradcheck through writing and the solve, draws frozen, converters and read noise off."""
    device = PulsedReRAM(write_error=0.02)
    analog = layer(4, 3, device=device, wires=DenseWires(2000.0, 3000.0), **OFF, **options)
    arguments = (inputs(3, 4), analog.weight.detach().clone(), analog.bias.detach().clone())

    def function(x, weight, bias):
        analog.writes.zero_()
        return torch.func.functional_call(analog, {"weight": weight, "bias": bias}, (x,))

    arguments = tuple(argument.requires_grad_() for argument in arguments)
    # the solve rounds to 1e-10
    assert torch.autograd.gradcheck(function, arguments, eps=1e-4, atol=1e-6, rtol=1e-4)


def test_read_noise_behind_realistic_wires():
    """Where wires take little, the law of sums holds: within five standard errors of exact solves
    of drawn cells.

    The law is exact to first order but for the other cells of a column, whose change is of the
    order of the loss.
    """
    n = 1500
    analog = layer(8, 3, device=NOISY, wires=DenseWires(20.0, 30.0), **OFF).eval()
    x = inputs(1, 8)[0]
    with torch.no_grad():
        ours, oracle = (read(x.expand(n, -1)).numpy() for read in (analog, analog.read_cells))
    np.testing.assert_array_less(
        np.abs(ours.mean(0) - oracle.mean(0)), 5 * np.sqrt(2 / n) * oracle.std(0)
    )
    np.testing.assert_allclose(ours.std(0) / oracle.std(0), 1.0, atol=5 / np.sqrt(n))


def test_whole_numbers_see_wires_too():
    analog = layer(
        40, 8, device=NOISY, dtype=torch.float32, mapping=BitSlicing(bits=2, slices=2)
    ).eval()
    x = inputs(20, 40, torch.float32)
    with torch.no_grad():
        fast = analog(x)
        assert analog._digits is not None
        analog._digits = None
        analog.reads -= 1
        slow = analog(x)
    assert ((fast - slow).abs() < 1e-3 * slow.abs().max()).float().mean() > 0.97


def test_bad_wires_are_refused():
    class Half:
        def effective(self, conductances): ...

    with pytest.raises(
        ParameterError, match=r"AnalogLinear.wires: must have a method currents, or be None"
    ):
        layer(wires=Half())


def test_the_exact_solver_is_what_the_oracle_is():
    """`Wires` in its place: the same layer to the solver's tolerance, and gradients that hold to
    numerical ones.
    """
    dense, exact = (
        layer(wires=wires, **OFF).eval()(inputs()).detach()
        for wires in (WIRES, Wires(r_word=20.0, r_bit=30.0))
    )
    np.testing.assert_allclose(exact, dense, rtol=1e-8, atol=1e-12)
    generator = torch.Generator().manual_seed(2)
    g = torch.rand(5, 3, generator=generator, dtype=torch.float64).requires_grad_()
    v = torch.randn(4, 5, generator=generator, dtype=torch.float64).requires_grad_()

    def currents(scaled, voltages):
        return 1e4 * ExactCurrents.apply(1e-4 * scaled, voltages, Wires(r_word=200.0, r_bit=300.0))

    assert torch.autograd.gradcheck(currents, (g, v), rtol=1e-5)
