"""Types of numbers, layouts and places of tensors: what layers and converters take, and one sentence for the rest."""

import numpy as np
import pytest

from potentia.errors import ParameterError, PotentiaError, UnsupportedError
from potentia.hardware import ADC, DAC, Amplitude, BitSerial, PulsedReRAM, PulseWidth

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
    "a layer of half precision": lambda: AnalogLinear.from_linear(torch.nn.Linear(5, 4).half(), device=PulsedReRAM()),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_are_float32_or_float64(case):
    with pytest.raises(
        ParameterError, match=r"^AnalogLinear.(weight|dtype): must be torch.float32 or torch.float64 \(got"
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
                ParameterError, match=rf"^AnalogLinear.x: must be {dtype} like the weights \(got {other}\)$"
            ):
                own(X.to(other))
    for call in (own, own.read_cells, own.calibrate):
        with pytest.raises(ParameterError, match=r"^AnalogLinear.x: must be a dense tensor \(got torch.sparse_coo\)$"):
            call(X.to(dtype).to_sparse())
        with pytest.raises(UnsupportedError, match=r"^AnalogLinear: runs on the CPU only \(got a tensor on meta\)$"):
            call(X.to("meta", dtype))
    turned = torch.view_as_complex(torch.ones(2, 5, 2, dtype=dtype)).conj().imag  # a view with its signs to be turned
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
            ParameterError, match=rf"^{name}.values: must be torch.float32 or torch.float64 \(got {dtype}\)$"
        ):
            converter.convert(X.to(dtype))
    with pytest.raises(UnsupportedError, match=rf"^{name}: runs on the CPU only \(got a tensor on meta\)$"):
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
