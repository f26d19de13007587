"""The linear layer on devices in the place of torch's own: results, state, converters, tiles, bad
input.
"""

import copy
import io
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from potentia.errors import ParameterError, UnsupportedError
from potentia.hardware import (
    ADC,
    DAC,
    Amplitude,
    BitSerial,
    BitSlicing,
    BreakdownReRAM,
    DifferentialPairs,
    OffsetColumn,
    PulsedReRAM,
    PulseWidth,
    Tile,
)

torch = pytest.importorskip("torch")
from potentia.hardware import AnalogLinear  # noqa: E402

PERFECT = PulsedReRAM()
NOISY = PulsedReRAM(write_error=0.02, read_noise=0.05)
OFF = {"adc": None, "dac": None}
MAPPINGS = [DifferentialPairs(), OffsetColumn(), BitSlicing(bits=2, slices=3)]


def layer(n_in=30, n_out=12, *, device=NOISY, dtype=torch.float64, **options):
    torch.manual_seed(4)
    return AnalogLinear(n_in, n_out, device=device, dtype=dtype, **options)


def inputs(batch=8, n_in=30, dtype=torch.float64, seed=9):
    return torch.randn(batch, n_in, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("coding", [None, Amplitude(), BitSerial(16), PulseWidth(16)])
def test_perfect_devices_make_torchs_own_layer(mapping, coding):
    """Without errors, noise and converters it is `torch.nn.Linear` of the stored weights, to the
    input's steps.
    """
    analog = layer(device=PERFECT, mapping=mapping, coding=coding, **OFF)
    x = inputs()
    stored = analog.eval().stored_weight()
    step = 0.5 / 63 if isinstance(mapping, BitSlicing) else 1e-12
    weight = analog.weight.detach()
    np.testing.assert_allclose(stored, weight, atol=step * float(weight.abs().max()))
    with torch.no_grad():
        expected = torch.nn.functional.linear(x, stored, analog.bias)
    close = (
        1e-12
        if coding is None or coding == Amplitude()
        else 30 * 0.2 * float(x.abs().max()) * 2**-16
    )
    for mode in (True, False):
        np.testing.assert_allclose(analog.train(mode)(x).detach(), expected, atol=close)


def test_a_sample_is_read_the_same_in_any_batch():
    for dtype in (torch.float32, torch.float64):
        analog = layer(dtype=dtype).eval().program()
        x, again = inputs(16, dtype=dtype), copy.deepcopy(analog)
        with torch.no_grad():
            np.testing.assert_array_equal(analog(x)[:5], again(x[:5]))


def test_a_layer_is_a_drop_in():
    """Shapes, no bias, single vectors, empty batches, from_linear, dtype, description."""
    linear = torch.nn.Linear(30, 12)
    analog = AnalogLinear.from_linear(linear, device=PERFECT, **OFF)
    assert analog.training
    assert analog.weight.dtype == torch.float32
    x = torch.randn(2, 3, 30)
    np.testing.assert_allclose(analog(x).detach(), linear(x).detach(), atol=1e-5)
    with torch.inference_mode():
        np.testing.assert_allclose(copy.deepcopy(analog).eval()(x), linear(x), atol=1e-5)
    kept = io.BytesIO()
    torch.save(analog, kept)
    kept.seek(0)
    np.testing.assert_allclose(
        torch.load(kept, weights_only=False)(x).detach(), linear(x).detach(), atol=1e-5
    )
    for shape in ((30,), (0, 30), (2, 0, 30)):
        for mode in (True, False):
            with torch.no_grad():
                assert analog.train(mode)(torch.zeros(shape)).shape == (*shape[:-1], 12)
    assert AnalogLinear(3, 2, bias=False, device=PERFECT).bias is None
    assert not AnalogLinear.from_linear(
        torch.nn.Linear(3, 2, bias=False).eval(), device=PERFECT
    ).training
    assert "device=PulsedReRAM" in repr(analog)
    assert {name for name, _ in analog.named_parameters()} == {"weight", "bias"}
    assert analog.double()(x.double()).dtype == torch.float64


def test_writing_and_forgetting():
    """Evaluation keeps its devices, training writes others at every call and forgets them; a key
    names devices.
    """
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


def test_the_adc_range():
    """Automatic: four deviations of the columns for inputs of the expected size; calibrated: the
    largest current.
    """
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
        exact, rounded = (
            layer(300, 40, device=PERFECT, adc=adc, dac=None).eval()
            for adc in (None, ADC(bits=bits))
        )
        with torch.no_grad():
            error = (exact(x) - rounded.calibrate(x)(x)).abs().max() / exact(x).abs().max()
        assert 0 < error < close


def test_tiles_convert_one_by_one():
    """Without converters tiles change nothing; with them every tile's sum is
    rounded, and counted.
    """
    x = inputs(20)
    with torch.no_grad():
        whole, cut = (
            layer(device=PERFECT, tile=tile, **OFF).eval()(x)
            for tile in (None, Tile(rows=8, columns=5))
        )
        np.testing.assert_allclose(whole, cut, rtol=1e-9, atol=1e-11)  # rounding of the sums
        adc = ADC(bits=4, range=2e-6)
        whole, cut = (
            layer(device=PERFECT, adc=adc, tile=tile).eval()(x)
            for tile in (None, Tile(rows=8, columns=5))
        )
        assert (whole != cut).any()
    cost = layer(tile=Tile(rows=8, columns=5), mapping=BitSlicing(bits=2, slices=3)).cost()
    assert (cost.reads, cost.dac_conversions, cost.adc_conversions) == (
        4 * 3 * 3,
        30 * 3,
        12 * 4 * 3,
    )
    assert cost.seconds is None


def test_errors_of_converters_reach_the_output():
    """An offset of the converters adds the same to every reading of a column, and only there."""
    ideal, offset = (
        layer(device=PERFECT, adc=adc).eval() for adc in (ADC(), ADC(offset=5.0, columns_per_adc=3))
    )
    with torch.no_grad():
        x = inputs(200)
        shift = (offset(x) - ideal(x)).median(0).values / x.abs().max(1).values.mean()
    assert shift.abs().max() > 0
    groups = shift.reshape(4, 3)
    assert (groups.std(1) < 0.3 * groups.std()).all()


def test_weights_without_devices_are_written():
    """The state of a torch.nn.Linear, loaded into a layer that has been read and aged, alone or in
    a network.
    """
    linear = torch.nn.Linear(30, 12).double()
    own = layer(device=PERFECT, **OFF).eval().age(0.0)
    own.load_state_dict(linear.state_dict(), strict=False)
    network = torch.nn.Sequential(layer(device=PERFECT, **OFF)).eval()
    network(inputs())
    network.load_state_dict(torch.nn.Sequential(linear).state_dict(), strict=False)
    for made in (own, network):
        torch.testing.assert_close(made(inputs()), linear(inputs()), rtol=1e-9, atol=1e-12)
    kept = own.stored_weight()
    own.load_state_dict({"bias": torch.zeros(12)}, strict=False)
    assert torch.equal(own.stored_weight(), kept)


@pytest.mark.parametrize(
    ("width", "share", "groups"), [(5, 3, [3, 2, 3, 2, 2]), (4, 9, [4, 4, 4]), (20, 7, [7, 5])]
)
def test_tiles_beside_each_other_share_no_converter(width, share, groups):
    """An offset is common to the columns of one converter, and to no column of another tile."""
    ideal, tile = ADC(range=1e-4, bits=16), Tile(rows=30, columns=width)
    off = replace(ideal, offset=300.0, columns_per_adc=share)
    with torch.no_grad():
        first, second = (
            layer(device=PERFECT, adc=adc, tile=tile).eval()(inputs(1))[0] for adc in (ideal, off)
        )
    means = [part.mean() for part in (second - first).split(groups)]
    expected = torch.cat([mean.expand(n) for mean, n in zip(means, groups, strict=True)])
    assert (second - first - expected).abs().max() < 0.02 * expected.abs().max()
    assert torch.stack(means).diff().abs().min() > 0.02 * expected.abs().max()


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_tiles_beside_each_other_share_no_driver(mapping):
    """Outputs of equal weights differ between tiles by the errors of their drivers, and within none
    of them; the first tile is that of a layer without tiles. Gradients pass straight through.
    """
    dac, own = DAC(bits=6, offset=0.3, range=4.0), {"adc": None, "mapping": mapping}
    seen, x = {}, inputs(4)
    for width in (12, 5):
        made = layer(device=PERFECT, dac=dac, tile=Tile(rows=8, columns=width), seed=3, **own)
        with torch.no_grad():
            made.weight[:] = made.weight[0].clone()
            made.bias[:] = 0
        made.eval()
        seen[width] = made(x).detach()
        torch.testing.assert_close(made.read_cells(x), seen[width], rtol=1e-9, atol=1e-9)
        given = x.clone().requires_grad_()
        made(given).sum().backward()
        expected = made.stored_weight().sum(dim=0).expand(4, 30)
        torch.testing.assert_close(given.grad, expected, rtol=1e-9, atol=1e-9)
    columns = seen[5].T
    assert torch.equal(columns[:5], seen[12].T[:5])
    for tile in columns.split(5):
        torch.testing.assert_close(tile, tile[:1].expand_as(tile), rtol=1e-9, atol=1e-9)
    for one, other in ((0, 5), (5, 10), (0, 10)):
        assert (columns[one] - columns[other]).abs().min() > 1e-4


X = torch.zeros(2, 30, dtype=torch.float64)
BAD = {
    "in": (lambda: layer(0), r"AnalogLinear.in_features: must be a whole number >= 1 \(got 0\)"),
    "out": (lambda: layer(3, 2.0), r"AnalogLinear.out_features: must be a whole number"),
    "device": (
        lambda: layer(device="RRAM"),
        r"AnalogLinear.device: must be a Device such as PulsedReRAM\(\)",
    ),
    "random device": (
        lambda: layer(device=BreakdownReRAM()),
        r"device: must take graded weights, such as PulsedReRAM",
    ),
    "adc": (lambda: layer(adc=8), r"AnalogLinear.adc: must be an ADC or None \(got 8\)"),
    "dac": (lambda: layer(dac=8), r"Amplitude.dac: must be a DAC or None \(got 8\)"),
    "coding": (
        lambda: layer(coding="bits"),
        r"AnalogLinear.coding: must be an InputCoding such as BitSerial\(8\)",
    ),
    "mapping": (
        lambda: layer(mapping="pairs"),
        r"AnalogLinear.mapping: must be a WeightMapping such as Differential",
    ),
    "tile": (
        lambda: layer(tile=(8, 8)),
        r"AnalogLinear.tile: must be a Tile or None \(got \(8, 8\)\)",
    ),
    "wires": (
        lambda: layer(wires=2.0),
        r"AnalogLinear.wires: must have a method effective, or be None \(got 2.0\)",
    ),
    "voltage": (
        lambda: layer(read_voltage=0.0),
        r"AnalogLinear.read_voltage: must be > 0 and <= 1e\+06 V \(got 0.0\)",
    ),
    "high voltage": (
        lambda: layer(read_voltage=1e200),
        r"AnalogLinear.read_voltage: must be > 0 and <= 1e\+06 V \(got 1e\+200\)",
    ),
    "seed": (lambda: layer(seed=-1), r"AnalogLinear.seed: must be a whole number >= 0"),
    "linear": (
        lambda: AnalogLinear.from_linear(3, device=NOISY),
        r"AnalogLinear.linear: must be a torch.nn.Linear",
    ),
    "array": (
        lambda: layer()(np.zeros((2, 30))),
        r"AnalogLinear.x: must be a torch.Tensor \(got 'ndarray'\)",
    ),
    "width": (
        lambda: layer()(X[:, :7]),
        r"AnalogLinear.x: must end in in_features = 30 \(got 'shape \(2, 7\)'\)",
    ),
    "type": (lambda: layer()(X.float()), r"AnalogLinear.x: must be torch.float64 like the weights"),
    "nan in training": (
        lambda: layer()(X * np.nan),
        r"AnalogLinear.x: must be finite everywhere \(got nan\)",
    ),
    "inf": (
        lambda: layer(**OFF).eval().calibrate(X - np.inf),
        r"AnalogLinear.x: must be finite everywhere \(got -inf",
    ),
    "nan by cells": (
        lambda: layer(**OFF).eval().read_cells(X * np.nan),
        r"AnalogLinear.x: must be finite everywhere",
    ),
    "nan": (
        lambda: evaluated(X.float() / 0),
        r"AnalogLinear.x: must be finite everywhere \(got nan\)",
    ),
    "weights": (
        lambda: with_weight(np.nan)(X),
        r"AnalogLinear.weight: must be finite everywhere \(got nan\)",
    ),
    "seconds": (lambda: layer().age(-1.0), r"AnalogLinear.seconds: must be >= 0 s \(got -1.0\)"),
    "key": (lambda: layer().program(-3), r"AnalogLinear.key: must be a whole number >= 0"),
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
    with pytest.raises(
        UnsupportedError, match=r"AnalogLinear: runs on the CPU only \(got a tensor on meta\)"
    ):
        layer()(X.to("meta"))


def test_torch_is_needed_in_one_sentence():
    """Without torch the room can be imported, and asking for the layer says what to install."""
    script = (
        "import sys; sys.modules['torch'] = None; import potentia.hardware as h; "
        "h.ADC().convert([1.0]); h.AnalogLinear"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(
        "potentia.errors.DependencyError: AnalogLinear: needs PyTorch, which is not installed"
    )


def test_weights_of_zero_are_zero():
    for mapping in MAPPINGS:
        analog = layer(device=PERFECT, mapping=mapping)
        torch.nn.init.zeros_(analog.weight)
        for mode in (True, False):
            np.testing.assert_array_equal(
                analog.train(mode)(inputs()).detach(), analog.bias.detach().expand(8, -1)
            )
