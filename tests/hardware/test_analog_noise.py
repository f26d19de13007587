"""The linear layer on devices: read noise against drawing every cell, drift, state, exact
gradients.
"""

import copy
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy import stats

from potentia.hardware import (
    ADC,
    DAC,
    BitSerial,
    BitSlicing,
    Device,
    DifferentialPairs,
    OffsetColumn,
    PulsedReRAM,
    PulseWidth,
    Tile,
)
from potentia.kernels.cpu.distributions import draw_normal

torch = pytest.importorskip("torch")
from potentia.hardware import AnalogLinear  # noqa: E402
from potentia.hardware.analog_layer import reading  # noqa: E402

NOISY = PulsedReRAM(write_error=0.02, read_noise=0.05)
OFF = {"adc": None, "dac": None}


@dataclass(frozen=True, kw_only=True)
class Drifting(Device):
    """A test cell: errors that depend on the conductance, g = g0 (t / 1 s)^-nu with nu of 0.05 +-
    0.01 per cell.
    """

    g_min: float = 1e-6
    g_max: float = 25e-6
    levels: int = 1
    nonlinearity_up: float = 0.0
    nonlinearity_down: float = 0.0
    cycle_noise: float = 0.0
    read_noise: float = 0.03

    graded: ClassVar[bool] = True

    @property
    def full(self):
        return self.g_max

    @property
    def rest(self):
        return self.g_min

    def write(self, targets, key):
        x = targets / self.g_max
        return targets + (0.26 + 1.96 * x - 1.17 * x**2) * 1e-7 * normals(key, targets.size)

    def aged(self, conductances, seconds, key):
        return conductances * max(seconds, 1.0) ** -(
            0.05 + 0.01 * normals(key + 1, conductances.size)
        )

    def read_error(self, conductances, seconds=0.0, *, cells=0):
        return self.read_noise * np.sqrt(conductances * self.g_max) * (1 + 0.1 * np.log1p(seconds))

    def read(self, conductances, key, seconds=0.0, *, cells=0):
        return conductances + self.read_error(conductances, seconds) * normals(
            key, conductances.size
        )


def normals(key, n):
    values = np.empty(n)
    draw_normal(np.uint64(key), 0.0, 1.0, -np.inf, np.inf, values)
    return values


def layer(n_in=30, n_out=12, *, device=NOISY, dtype=torch.float64, **options):
    torch.manual_seed(4)
    return AnalogLinear(n_in, n_out, device=device, dtype=dtype, **options)


def inputs(batch=8, n_in=30, dtype=torch.float64, seed=9):
    return torch.randn(batch, n_in, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "converters", [{}, {"adc": None}, {"adc": ADC(bits=5), "dac": DAC(bits=4, range=1.5)}]
)
@pytest.mark.parametrize("mapping", [DifferentialPairs(), BitSlicing(bits=2, slices=3)])
@pytest.mark.parametrize("size", [(512, 64), (33, 7), (1, 1)])
def test_whole_numbers_give_the_same_reading(converters, mapping, size):
    """The same draws; noise to 1/500 of its deviation; a value near the edge of a code may fall to
    either side.
    """
    n_in, n_out = size
    analog = layer(
        n_in,
        n_out,
        dtype=torch.float32,
        mapping=mapping,
        tile=Tile(rows=200, columns=32),
        **converters,
    )
    x = inputs(64, n_in, torch.float32)
    with torch.no_grad():
        fast = analog.eval()(x)
        assert analog._digits is not None
        slow = reading.product(analog, analog._as_written(), x)
        noise = (slow - analog.stored_weight().matmul(x.T).T).std()
    near = (fast - slow).abs() < 0.01 * noise
    assert near.all() if converters == {"adc": None} else near.float().mean() > 0.99


def readings(analog, x, n):
    """n readings of the vector x (rows,) by `forward`, and n cell by cell, (n, columns)."""
    with torch.no_grad():
        together = analog(x.expand(n, -1))
        one_by_one = analog.read_cells(x.expand(n, -1))
    return together.double().numpy(), one_by_one.double().numpy()


NOISE = {
    "pairs": {},
    "whole numbers": {"dtype": torch.float32, "dac": DAC()},
    "slices": {"mapping": BitSlicing(bits=2, slices=2)},
    "bits": {"coding": BitSerial(4)},
    "pulses": {"coding": PulseWidth(4)},
    "tiles": {"tile": Tile(rows=13, columns=5)},
    "aged": {"device": Drifting()},
}


@pytest.mark.parametrize("case", NOISE)
def test_read_noise_has_the_law_of_every_cell_drawn(case):
    """Mean, deviation and distribution of every column: within five standard errors of 3000
    readings each.

    Whole numbers round the deviation by up to 1/500, far below its standard error of 1/77.
    """
    n = 3000
    options = {**OFF, **NOISE[case]}
    analog = layer(30, 6, **options).eval()
    if case == "aged":
        analog.age(1e5)
    x = inputs(1, dtype=options.get("dtype", torch.float64))[0]
    ours, oracle = readings(analog, x, n)
    spread = oracle.std(axis=0)
    assert (spread > 0).all()
    np.testing.assert_array_less(np.abs(ours.mean(0) - oracle.mean(0)), 5 * np.sqrt(2 / n) * spread)
    np.testing.assert_allclose(ours.std(axis=0) / spread, 1.0, atol=5 / np.sqrt(n))
    for j in range(6):
        assert stats.ks_2samp(ours[:, j], oracle[:, j]).pvalue > 1e-5
        assert (
            stats.kstest((ours[:, j] - ours[:, j].mean()) / ours[:, j].std(), "norm").pvalue > 1e-5
        )
    off_diagonal = np.corrcoef(ours.T)[np.triu_indices(6, 1)]
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(n)  # columns have no cells in common


def test_the_noise_of_a_reference_column_is_in_all_columns():
    """Correlations and deviations are those of the cells, within five standard errors."""
    n = 4000
    ours, oracle = readings(layer(30, 4, mapping=OffsetColumn(), **OFF).eval(), inputs(1)[0], n)
    one, other = np.corrcoef(ours.T), np.corrcoef(oracle.T)
    assert one[np.triu_indices(4, 1)].min() > 0.2
    np.testing.assert_allclose(one, other, atol=5 * np.sqrt(2 / n))
    np.testing.assert_allclose(ours.std(0) / oracle.std(0), 1.0, atol=5 / np.sqrt(n))


def test_noise_is_fresh_and_repeatable():
    analog, twin, other = (layer(seed=seed).eval() for seed in (1, 1, 2))
    x = inputs()
    with torch.no_grad():
        first, second = analog(x), analog(x)
        np.testing.assert_array_equal(twin(x), first)
        assert (first != second).any()
        assert (other(x) != first).any()


def frozen(analog):
    """The layer as a function of input, weights and bias, whose draws are always the same."""

    def function(x, weight, bias):
        analog.writes.zero_()
        analog.reads.zero_()
        return torch.func.functional_call(analog, {"weight": weight, "bias": bias}, (x,))

    return function


GRADIENTS = {
    "pairs": {},
    "reference column": {"mapping": OffsetColumn()},
    "errors of the conductance": {"device": Drifting()},
    "both": {"device": Drifting(), "mapping": OffsetColumn()},
    "tiles": {"tile": Tile(rows=2, columns=2)},
}


@pytest.mark.parametrize("case", GRADIENTS)
def test_gradients_are_exact(case):
    """gradcheck in double precision through writing, read noise and product, the draws frozen,
    converters off.
    """
    analog = layer(5, 3, **{**OFF, **GRADIENTS[case]})
    arguments = (inputs(4, 5), analog.weight.detach().clone(), analog.bias.detach().clone())
    for argument in arguments:
        argument.requires_grad_()
    assert torch.autograd.gradcheck(frozen(analog), arguments, eps=1e-6, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_state_of_a_layer_goes_on_elsewhere(dtype):
    """Devices, age, range and counters: bit-equal outputs after loading into a fresh layer."""
    analog = layer(device=Drifting(), dtype=dtype).eval().program().age(3e4)
    x = inputs(dtype=dtype)
    analog.calibrate(x)
    with torch.no_grad():
        analog(x)
        other = layer(device=Drifting(), dtype=dtype)
        torch.nn.init.zeros_(other.weight)
        other.load_state_dict(analog.state_dict())
        other.eval()
        np.testing.assert_array_equal(other(x), analog(x))
        np.testing.assert_array_equal(copy.deepcopy(analog)(x), analog(x))


def test_writing_errors_are_those_of_the_device():
    """Deviation of the stored weights: 2 % of the range per cell, where neither end clips it
    (partners at rest do).
    """
    analog = layer(200, 50, device=PulsedReRAM(write_error=0.02)).eval()
    plus, minus = analog.conductances()[0]
    targets = analog.mapping.split(
        analog.weight.detach().T / analog.weight.detach().abs().max(),
        analog.device.g_min,
        analog.device.g_max,
    )[0]
    span = analog.device.g_max - analog.device.g_min
    for cells, aims in zip((plus, minus), targets, strict=True):
        free = ((aims - analog.device.g_min) > 0.1 * span) & (
            (analog.device.g_max - aims) > 0.1 * span
        )
        errors = (cells - aims)[free].numpy() / span
        assert errors.std() == pytest.approx(0.02, rel=5 / np.sqrt(2 * errors.size))


def test_drift_and_its_compensation():
    """g falls by t^-0.05; one factor for the layer brings the mean back, and leaves the spread of
    the exponents.
    """
    analog = layer(200, 50, device=Drifting()).eval().program()
    before = analog.stored_weight()
    drifted = analog.age(1e4, compensate=False).stored_weight()
    slope = float((before * drifted).sum() / (before**2).sum())
    assert slope == pytest.approx(1e4**-0.05, rel=0.02)
    compensated = analog.age(1e4).stored_weight()
    assert float((before * compensated).sum() / (before**2).sum()) == pytest.approx(1.0, rel=0.02)
    assert float((compensated - before).norm()) < 0.5 * float((drifted - before).norm())
    np.testing.assert_allclose(analog.age(0.0).stored_weight(), before, rtol=1e-12)
