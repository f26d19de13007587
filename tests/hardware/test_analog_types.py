"""Types of numbers, layouts and places of tensors: what layers and converters take, and one
sentence for the rest.
"""

import copy

import numpy as np
import pytest

from potentia.errors import ParameterError, PotentiaError, UnsupportedError
from potentia.hardware import (
    ADC,
    DAC,
    Amplitude,
    BitSerial,
    OffsetColumn,
    PulsedReRAM,
    PulseWidth,
    Wires,
)

torch = pytest.importorskip("torch")
from potentia.hardware import AnalogLinear  # noqa: E402

FLOATS = (torch.float32, torch.float64)
OTHERS = (torch.float16, torch.bfloat16, torch.int64, torch.bool, torch.complex64)
X = torch.ones(2, 5)


def layer(**options):
    return AnalogLinear(5, 4, device=PulsedReRAM(read_noise=0.02), **options)


WEIGHTS = {
    "half": lambda: layer().half(),
    "bfloat16": lambda: layer().bfloat16(),
    "to": lambda: torch.nn.Sequential(layer()).to(torch.float16),
    "to with a place": lambda: layer().to("cpu", torch.bfloat16),
    "dtype": lambda: layer(dtype=torch.float16),
    "dtype of whole numbers": lambda: layer(dtype=torch.int32),
    "dtype of complex ones": lambda: layer(dtype=torch.complex64),
    "dtype as a name": lambda: layer(dtype="float32"),
    "dtype of numpy": lambda: layer(dtype=np.float32),
    "a layer of half precision": lambda: AnalogLinear.from_linear(
        torch.nn.Linear(5, 4).half(), device=PulsedReRAM()
    ),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_are_float32_or_float64(case):
    with pytest.raises(
        ParameterError,
        match=r"^AnalogLinear.(weight|dtype): must be torch.float32 or torch.float64 \(got",
    ):
        WEIGHTS[case]()


def test_a_layer_that_refused_goes_on():
    own = layer().eval()
    with torch.no_grad():
        before = own(X).shape
        with pytest.raises(PotentiaError):
            own.half()
        assert own(X).shape == before
        assert own.double()(X.double()).dtype == torch.float64
        assert own.float()(X).dtype == torch.float32


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", FLOATS)
def test_inputs_are_of_the_weights_type(training, dtype):
    own = layer(dtype=dtype).train(training)
    for other in (*OTHERS, *FLOATS):
        if other is not dtype:
            with pytest.raises(
                ParameterError,
                match=rf"^AnalogLinear.x: must be {dtype} like the weights \(got {other}\)$",
            ):
                own(X.to(other))
    for call in (own, own.read_cells, own.calibrate):
        with pytest.raises(
            ParameterError,
            match=r"^AnalogLinear.x: must be a dense tensor \(got torch.sparse_coo\)$",
        ):
            call(X.to(dtype).to_sparse())
        with pytest.raises(
            UnsupportedError, match=r"^AnalogLinear: runs on the CPU only \(got a tensor on meta\)$"
        ):
            call(X.to("meta", dtype))
    # a view with its signs to be turned
    turned = torch.view_as_complex(torch.ones(2, 5, 2, dtype=dtype)).conj().imag
    for x in (X.to(dtype), X.T.contiguous().T.to(dtype), X[:1, :1].expand(2, 5).to(dtype), turned):
        assert own(x).dtype == dtype
        assert own(x).shape == (2, 4)


@pytest.mark.parametrize("training", [True, False])
def test_mixed_precision_stays_outside(training):
    """Under autocast the layer works in its own precision, to the bit."""
    own, twin = (layer(seed=3).train(training) for _ in range(2))
    twin.load_state_dict(own.state_dict())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        here = own(X)
    np.testing.assert_array_equal(here.detach(), twin(X).detach())


@pytest.mark.parametrize("converter", [ADC(), DAC(), ADC(offset=0.5), DAC(inl=0.5)])
def test_converters_take_the_same_types(converter):
    name = type(converter).__name__
    for dtype in OTHERS:
        with pytest.raises(
            ParameterError,
            match=rf"^{name}.values: must be torch.float32 or torch.float64 \(got {dtype}\)$",
        ):
            converter.convert(X.to(dtype))
    with pytest.raises(
        UnsupportedError, match=rf"^{name}: runs on the CPU only \(got a tensor on meta\)$"
    ):
        converter.convert(X.to("meta"))
    with pytest.raises(ParameterError, match=rf"^{name}.values: must be a dense tensor"):
        converter.convert(X.to_sparse())
    for dtype in FLOATS:
        assert converter.convert(X.to(dtype)).dtype == dtype


@pytest.mark.parametrize("coding", [Amplitude(DAC()), BitSerial(4), PulseWidth(4)])
def test_codings_take_the_same_types(coding):
    for dtype in OTHERS:
        with pytest.raises(ParameterError, match=r"must be torch.float32 or torch.float64"):
            coding.planes(X.to(dtype))


CODINGS = {
    "a DAC": {},
    "no converters": {"adc": None, "dac": None},
    "bits": {"coding": BitSerial(8)},
    "pulses": {"coding": PulseWidth(8, white=True)},
    "a reference column": {"mapping": OffsetColumn()},
}


@pytest.mark.parametrize("kind", CODINGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inputs_of_any_magnitude(kind, dtype):
    """The output is proportional to the input, but for rounding, however large or small; next to
    nothing gives 0.
    """
    cell, x = (
        PulsedReRAM(read_noise=0.05),
        torch.randn(4, 12, generator=torch.Generator().manual_seed(2)).to(dtype),
    )
    layer = AnalogLinear(12, 7, bias=False, device=cell, dtype=dtype, seed=3, **CODINGS[kind])
    for training, gradients in ((True, True), (False, True), (False, False)):
        made = {}
        for scale in (1.0, 2.0**-66, 2.0**-100, 2.0**66, 2.0**100, 1e-37, 1e-40, 1e-44, 0.0):
            own, given = copy.deepcopy(layer).train(training), (x * scale).requires_grad_(gradients)
            with torch.set_grad_enabled(gradients):
                made[scale] = own(given)
            if gradients:
                (made[scale] / max(scale, 1e-30)).sum().backward()
                assert torch.isfinite(given.grad).all(), scale
                assert not training or torch.isfinite(own.weight.grad).all(), scale
        expected = made[1.0].detach()
        for scale in (2.0**-66, 2.0**-100, 2.0**66, 2.0**100):
            torch.testing.assert_close(made[scale].detach() / scale, expected, rtol=1e-3, atol=1e-3)
        for scale in (1e-37, 1e-40, 1e-44, 0.0):
            assert (made[scale].abs() <= 2 * scale * expected.abs().max() + 1e-43).all(), scale


def test_what_inference_mode_has_written_still_has_gradients():
    """A layer that was made, or first called, in inference mode goes on outside."""
    with torch.inference_mode():
        made = AnalogLinear(6, 4, device=PulsedReRAM()).eval()
        made(torch.randn(3, 6))
    made(torch.randn(3, 6))
    layer = AnalogLinear(6, 4, device=PulsedReRAM(), adc=None, dac=None).eval()
    with torch.inference_mode():
        y = layer(torch.ones(1, 6))
    x = torch.ones(1, 6, requires_grad=True)
    again = layer(x)
    again.sum().backward()
    torch.testing.assert_close(y.clone(), again.detach())
    torch.testing.assert_close(x.grad[0], layer.stored_weight().sum(0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"wires": Wires(r_word=1.0, r_bit=1.0)}])
def test_second_derivatives_that_are_not_known_are_refused(options):
    """The derivative of a cell's law, and of currents behind wires, is known as numbers only."""
    layer = AnalogLinear(6, 4, device=PulsedReRAM(write_error=0.1), dtype=torch.float64, **options)
    x = torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(layer(x).square().sum(), layer.weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.square().sum().backward()
