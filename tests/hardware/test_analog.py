"""The linear layer on devices: against torch's own, against drawing every cell, gradients, drop-in manners."""

import copy
import subprocess
import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy import stats

from potentia.errors import ParameterError, UnsupportedError
from potentia.hardware import (
    ADC,
    DAC,
    Amplitude,
    BitSerial,
    BitSlicing,
    BreakdownReRAM,
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
from potentia.hardware import analog_read as reading  # noqa: E402

PERFECT = PulsedReRAM()
NOISY = PulsedReRAM(write_error=0.02, read_noise=0.05)
OFF = {"adc": None, "dac": None}
MAPPINGS = [DifferentialPairs(), OffsetColumn(), BitSlicing(bits=2, slices=3)]


@dataclass(frozen=True, kw_only=True)
class Drifting(Device):
    """A test cell: errors that depend on the conductance, g = g0 (t / 1 s)^-nu with nu of 0.05 +- 0.01 per cell."""

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
        return conductances * max(seconds, 1.0) ** -(0.05 + 0.01 * normals(key + 1, conductances.size))

    def read_error(self, conductances, seconds=0.0, *, cells=0):
        return self.read_noise * np.sqrt(conductances * self.g_max) * (1 + 0.1 * np.log1p(seconds))

    def read(self, conductances, key, seconds=0.0, *, cells=0):
        return conductances + self.read_error(conductances, seconds) * normals(key, conductances.size)


def normals(key, n):
    values = np.empty(n)
    draw_normal(np.uint64(key), 0.0, 1.0, -np.inf, np.inf, values)
    return values


def layer(n_in=30, n_out=12, *, device=NOISY, dtype=torch.float64, **options):
    torch.manual_seed(4)
    return AnalogLinear(n_in, n_out, device=device, dtype=dtype, **options)


def inputs(batch=8, n_in=30, dtype=torch.float64, seed=9):
    return torch.randn(batch, n_in, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("coding", [None, Amplitude(), BitSerial(16), PulseWidth(16)])
def test_perfect_devices_make_torchs_own_layer(mapping, coding):
    """Without errors, noise and converters it is `torch.nn.Linear` of the stored weights, to the input's steps."""
    analog = layer(device=PERFECT, mapping=mapping, coding=coding, **OFF)
    x = inputs()
    stored = analog.eval().stored_weight()
    step = 0.5 / 63 if isinstance(mapping, BitSlicing) else 1e-12
    weight = analog.weight.detach()
    np.testing.assert_allclose(stored, weight, atol=step * float(weight.abs().max()))
    with torch.no_grad():
        expected = torch.nn.functional.linear(x, stored, analog.bias)
    close = 1e-12 if coding is None or coding == Amplitude() else 30 * 0.2 * float(x.abs().max()) * 2**-16
    for mode in (True, False):
        np.testing.assert_allclose(analog.train(mode)(x).detach(), expected, atol=close)


@pytest.mark.parametrize("converters", [{}, {"adc": None}, {"adc": ADC(bits=5), "dac": DAC(bits=4, range=1.5)}])
@pytest.mark.parametrize("mapping", [DifferentialPairs(), BitSlicing(bits=2, slices=3)])
@pytest.mark.parametrize("size", [(512, 64), (33, 7), (1, 1)])
def test_whole_numbers_give_the_same_reading(converters, mapping, size):
    """The same draws; noise to 1/500 of its deviation; a value near the edge of a code may fall to either side."""
    n_in, n_out = size
    analog = layer(n_in, n_out, dtype=torch.float32, mapping=mapping, tile=Tile(rows=200, columns=32), **converters)
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
    """Mean, deviation and distribution of every column: within five standard errors of 3000 readings each.

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
        assert stats.kstest((ours[:, j] - ours[:, j].mean()) / ours[:, j].std(), "norm").pvalue > 1e-5
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


def test_a_sample_is_read_the_same_in_any_batch():
    for dtype in (torch.float32, torch.float64):
        analog = layer(dtype=dtype).eval().program()
        x, again = inputs(16, dtype=dtype), copy.deepcopy(analog)
        with torch.no_grad():
            np.testing.assert_array_equal(analog(x)[:5], again(x[:5]))


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
    """gradcheck in double precision through writing, read noise and product, the draws frozen, converters off."""
    analog = layer(5, 3, **{**OFF, **GRADIENTS[case]})
    arguments = (inputs(4, 5), analog.weight.detach().clone(), analog.bias.detach().clone())
    for argument in arguments:
        argument.requires_grad_()
    assert torch.autograd.gradcheck(frozen(analog), arguments, eps=1e-6, atol=1e-6, rtol=1e-4)


def test_gradients_pass_converters_straight_through():
    """With ideal devices the gradient of a layer with converters is that of `torch.nn.Linear` where nothing clips."""
    analog = layer(device=PERFECT, adc=ADC(bits=6, range=1e-3), dac=DAC(bits=6))
    x = inputs().requires_grad_()
    analog(x).sum().backward()
    np.testing.assert_allclose(x.grad, analog.weight.detach().sum(0).expand(8, -1), rtol=1e-6)
    rounded = DAC(bits=6).convert(x.detach())
    np.testing.assert_allclose(analog.weight.grad, rounded.sum(0).expand(12, -1), rtol=1e-6, atol=1e-9)
    clipped = layer(device=PERFECT, adc=ADC(bits=6, range=1e-12))
    clipped(x).sum().backward()
    np.testing.assert_array_equal(clipped.weight.grad, 0.0)


def test_evaluation_differentiates_the_input_and_the_bias():
    analog = layer(device=NOISY, **OFF).eval()
    x = inputs().requires_grad_()
    analog(x).sum().backward()
    near = analog.stored_weight().sum(0).expand(8, -1)
    np.testing.assert_allclose(x.grad, near, atol=0.2 * float(near.abs().max()))
    np.testing.assert_array_equal(analog.bias.grad, 8.0)
    assert analog.weight.grad is None


def test_a_layer_is_a_drop_in():
    """Shapes, no bias, single vectors, empty batches, from_linear, dtype, description."""
    linear = torch.nn.Linear(30, 12)
    analog = AnalogLinear.from_linear(linear, device=PERFECT, **OFF)
    assert analog.training
    assert analog.weight.dtype == torch.float32
    x = torch.randn(2, 3, 30)
    np.testing.assert_allclose(analog(x).detach(), linear(x).detach(), atol=1e-5)
    for shape in ((30,), (0, 30), (2, 0, 30)):
        for mode in (True, False):
            with torch.no_grad():
                assert analog.train(mode)(torch.zeros(shape)).shape == (*shape[:-1], 12)
    assert AnalogLinear(3, 2, bias=False, device=PERFECT).bias is None
    assert not AnalogLinear.from_linear(torch.nn.Linear(3, 2, bias=False).eval(), device=PERFECT).training
    assert "device=PulsedReRAM" in repr(analog)
    assert {name for name, _ in analog.named_parameters()} == {"weight", "bias"}
    assert analog.double()(x.double()).dtype == torch.float64


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


def test_writing_and_forgetting():
    """Evaluation keeps its devices, training writes others at every call and forgets them; a key names devices."""
    analog = layer()
    analog.eval()
    before = analog.conductances()[0][0].clone()
    np.testing.assert_array_equal(analog.conductances()[0][0], before)
    assert (analog.program().conductances()[0][0] != before).any()
    same = [analog.program(5).conductances()[0][1].clone() for _ in range(2)]
    np.testing.assert_array_equal(*same)
    analog.train()
    assert not analog.programmed
    analog.conductances()
    analog(inputs())
    assert not analog.programmed
    with torch.no_grad():
        analog.weight.mul_(-1.0)
    analog.eval()
    weight = analog.weight.detach()
    np.testing.assert_allclose(analog.stored_weight(), weight, atol=0.2 * float(weight.abs().max()))


def test_writing_errors_are_those_of_the_device():
    """Deviation of the stored weights: 2 % of the range per cell, where neither end clips it (partners at rest do)."""
    analog = layer(200, 50, device=PulsedReRAM(write_error=0.02)).eval()
    plus, minus = analog.conductances()[0]
    targets = analog.mapping.split(
        analog.weight.detach().T / analog.weight.detach().abs().max(), analog.device.g_min, analog.device.g_max
    )[0]
    span = analog.device.g_max - analog.device.g_min
    for cells, aims in zip((plus, minus), targets, strict=True):
        free = ((aims - analog.device.g_min) > 0.1 * span) & ((analog.device.g_max - aims) > 0.1 * span)
        errors = (cells - aims)[free].numpy() / span
        assert errors.std() == pytest.approx(0.02, rel=5 / np.sqrt(2 * errors.size))


def test_drift_and_its_compensation():
    """g falls by t^-0.05; one factor for the layer brings the mean back, and leaves the spread of the exponents."""
    analog = layer(200, 50, device=Drifting()).eval().program()
    before = analog.stored_weight()
    drifted = analog.age(1e4, compensate=False).stored_weight()
    slope = float((before * drifted).sum() / (before**2).sum())
    assert slope == pytest.approx(1e4**-0.05, rel=0.02)
    compensated = analog.age(1e4).stored_weight()
    assert float((before * compensated).sum() / (before**2).sum()) == pytest.approx(1.0, rel=0.02)
    assert float((compensated - before).norm()) < 0.5 * float((drifted - before).norm())
    np.testing.assert_allclose(analog.age(0.0).stored_weight(), before, rtol=1e-12)


def test_the_adc_range():
    """Automatic: four deviations of the columns for inputs of the expected size; calibrated: the largest current."""
    analog = layer(300, 40, device=PERFECT, dac=None).eval()
    volts, x = analog.read_voltage, inputs(50, 300)
    ((plus, minus),) = analog.conductances()
    pairs = plus - minus
    expected = 4.0 / 3 * volts * float(pairs.square().sum(0).sqrt().max())
    assert analog._as_written().full_scale == pytest.approx(expected)
    currents = x / x.abs().max(1, keepdim=True).values * volts @ pairs
    analog.calibrate(x)
    assert float(analog.adc_range) == pytest.approx(float(currents.abs().max()))
    fixed = layer(300, 40, device=PERFECT, adc=ADC(range=3e-6)).eval()
    assert fixed._as_written().full_scale == 3e-6
    for bits, close in ((4, 0.5), (8, 0.03), (12, 2e-3)):
        exact, rounded = (layer(300, 40, device=PERFECT, adc=adc, dac=None).eval() for adc in (None, ADC(bits=bits)))
        with torch.no_grad():
            error = (exact(x) - rounded.calibrate(x)(x)).abs().max() / exact(x).abs().max()
        assert 0 < error < close


def test_tiles_convert_one_by_one():
    """Without converters tiles change nothing; with them every tile's sum is rounded, and counted."""
    x = inputs(20)
    with torch.no_grad():
        whole, cut = (layer(device=PERFECT, tile=tile, **OFF).eval()(x) for tile in (None, Tile(rows=8, columns=5)))
        np.testing.assert_allclose(whole, cut, rtol=1e-9, atol=1e-11)  # rounding of the sums
        adc = ADC(bits=4, range=2e-6)
        whole, cut = (layer(device=PERFECT, adc=adc, tile=tile).eval()(x) for tile in (None, Tile(rows=8, columns=5)))
        assert (whole != cut).any()
    cost = layer(tile=Tile(rows=8, columns=5), mapping=BitSlicing(bits=2, slices=3)).cost()
    assert (cost.reads, cost.dac_conversions, cost.adc_conversions) == (4 * 3 * 3, 30 * 3, 12 * 4 * 3)
    assert cost.seconds is None


def test_errors_of_converters_reach_the_output():
    """An offset of the converters adds the same to every reading of a column, and only there."""
    ideal, offset = (layer(device=PERFECT, adc=adc).eval() for adc in (ADC(), ADC(offset=5.0, columns_per_adc=3)))
    with torch.no_grad():
        x = inputs(200)
        shift = (offset(x) - ideal(x)).median(0).values / x.abs().max(1).values.mean()
    assert shift.abs().max() > 0
    groups = shift.reshape(4, 3)
    assert (groups.std(1) < 0.3 * groups.std()).all()


def test_hardware_aware_training_beats_mapping_after_training():
    """A small classifier trained with the devices' errors is right more often on devices than one trained without.

    Twenty devices each; control: both are equally right in software, so that it is not the training as such.
    """
    device = PulsedReRAM(write_error=0.15, read_noise=0.1)
    generator = torch.Generator().manual_seed(3)
    centres = torch.randn(6, 16, generator=generator)

    def data(n):
        labels = torch.randint(6, (n,), generator=generator)
        return centres[labels] + 0.8 * torch.randn(n, 16, generator=generator), labels

    (x, labels), (x_test, labels_test) = data(600), data(2000)

    def trained(analog):
        torch.manual_seed(1)
        parts = [torch.nn.Linear(16, 24), torch.nn.ReLU(), torch.nn.Linear(24, 6)]
        if analog:
            parts = [
                AnalogLinear.from_linear(part, device=device, seed=k) if k != 1 else part
                for k, part in enumerate(parts)
            ]
        model = torch.nn.Sequential(*parts)
        optimiser = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(300):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(x), labels).backward()
            optimiser.step()
        return model

    def share_right(model):
        with torch.no_grad():
            return float((model(x_test).argmax(1) == labels_test).float().mean())

    def on_devices(model):
        parts = [
            AnalogLinear.from_linear(software(part), device=device, seed=100 + k).eval()
            if hasattr(part, "weight")
            else part
            for k, part in enumerate(model)
        ]
        chips = torch.nn.Sequential(*parts)
        shares = []
        for _ in range(20):
            for part in (parts[0], parts[2]):
                part.program()
            shares.append(share_right(chips))
        return np.array(shares)

    def software(part):
        linear = torch.nn.Linear(part.in_features, part.out_features)
        linear.load_state_dict({"weight": part.weight.detach(), "bias": part.bias.detach()})
        return linear

    aware, plain = trained(True), trained(False)
    in_software = [
        share_right(torch.nn.Sequential(*(software(part) if hasattr(part, "weight") else part for part in model)))
        for model in (aware, plain)
    ]
    ours, theirs = on_devices(aware), on_devices(plain)
    assert in_software[0] == pytest.approx(in_software[1], abs=0.03)
    assert ours.mean() > theirs.mean() + 0.03  # standard error of the difference: 0.01


X = torch.zeros(2, 30, dtype=torch.float64)
BAD = {
    "in": (lambda: layer(0), r"AnalogLinear.in_features: must be a whole number >= 1 \(got 0\)"),
    "out": (lambda: layer(3, 2.0), r"AnalogLinear.out_features: must be a whole number"),
    "device": (lambda: layer(device="RRAM"), r"AnalogLinear.device: must be a Device such as PulsedReRAM\(\)"),
    "random device": (lambda: layer(device=BreakdownReRAM()), r"device: must take graded weights, such as PulsedReRAM"),
    "adc": (lambda: layer(adc=8), r"AnalogLinear.adc: must be an ADC or None \(got 8\)"),
    "dac": (lambda: layer(dac=8), r"Amplitude.dac: must be a DAC or None \(got 8\)"),
    "coding": (lambda: layer(coding="bits"), r"AnalogLinear.coding: must be an InputCoding such as BitSerial\(8\)"),
    "mapping": (lambda: layer(mapping="pairs"), r"AnalogLinear.mapping: must be a WeightMapping such as Differential"),
    "tile": (lambda: layer(tile=(8, 8)), r"AnalogLinear.tile: must be a Tile or None \(got \(8, 8\)\)"),
    "wires": (lambda: layer(wires=2.0), r"AnalogLinear.wires: must have a method effective, or be None \(got 2.0\)"),
    "voltage": (lambda: layer(read_voltage=0.0), r"AnalogLinear.read_voltage: must be > 0 V \(got 0.0\)"),
    "seed": (lambda: layer(seed=-1), r"AnalogLinear.seed: must be a whole number >= 0"),
    "linear": (lambda: AnalogLinear.from_linear(3, device=NOISY), r"AnalogLinear.linear: must be a torch.nn.Linear"),
    "array": (lambda: layer()(np.zeros((2, 30))), r"AnalogLinear.x: must be a torch.Tensor \(got 'ndarray'\)"),
    "width": (lambda: layer()(X[:, :7]), r"AnalogLinear.x: must end in in_features = 30 \(got 'shape \(2, 7\)'\)"),
    "type": (lambda: layer()(X.float()), r"AnalogLinear.x: must be torch.float64 like the weights"),
    "nan in training": (lambda: layer()(X * np.nan), r"DAC.values: must be finite everywhere"),
    "nan": (lambda: evaluated(X.float() / 0), r"AnalogLinear.x: must be finite everywhere \(got nan\)"),
    "weights": (lambda: with_weight(np.nan)(X), r"AnalogLinear.weight: must be finite everywhere \(got nan\)"),
    "seconds": (lambda: layer().age(-1.0), r"AnalogLinear.seconds: must be >= 0 s \(got -1.0\)"),
    "key": (lambda: layer().program(-3), r"AnalogLinear.seed: must be a whole number >= 0"),
}


def evaluated(x):
    with torch.no_grad():
        return layer(dtype=torch.float32).eval()(x)


def with_weight(value):
    analog = layer()
    torch.nn.init.constant_(analog.weight, value)
    return analog


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(case):
    make, message = BAD[case]
    with pytest.raises(ParameterError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_other_places_are_refused():
    with pytest.raises(UnsupportedError, match=r"AnalogLinear: runs on the CPU only \(got a tensor on meta\)"):
        layer()(X.to("meta"))


def test_torch_is_needed_in_one_sentence():
    """Without torch the room can be imported, and asking for the layer says what to install."""
    script = (
        "import sys; sys.modules['torch'] = None; import potentia.hardware as h; h.ADC().convert([1.0]); h.AnalogLinear"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("potentia.errors.DependencyError: AnalogLinear: needs PyTorch, which is not installed")


def test_weights_of_zero_are_zero():
    for mapping in MAPPINGS:
        analog = layer(device=PERFECT, mapping=mapping)
        torch.nn.init.zeros_(analog.weight)
        for mode in (True, False):
            np.testing.assert_array_equal(analog.train(mode)(inputs()).detach(), analog.bias.detach().expand(8, -1))
