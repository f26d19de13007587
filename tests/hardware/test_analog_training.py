"""Training a layer on devices: gradients straight through converters, and what it is good for."""

import numpy as np
import pytest

from potentia.hardware import (
    ADC,
    DAC,
    PulsedReRAM,
)

torch = pytest.importorskip("torch")
from potentia.hardware import AnalogLinear  # noqa: E402

PERFECT = PulsedReRAM()
NOISY = PulsedReRAM(write_error=0.02, read_noise=0.05)
OFF = {"adc": None, "dac": None}


def layer(n_in=30, n_out=12, *, device=NOISY, dtype=torch.float64, **options):
    torch.manual_seed(4)
    return AnalogLinear(n_in, n_out, device=device, dtype=dtype, **options)


def inputs(batch=8, n_in=30, dtype=torch.float64, seed=9):
    return torch.randn(batch, n_in, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def test_gradients_pass_converters_straight_through():
    """With ideal devices the gradient of a layer with converters is that of `torch.nn.Linear` where
    nothing clips.
    """
    analog = layer(device=PERFECT, adc=ADC(bits=6, range=1e-3), dac=DAC(bits=6))
    x = inputs().requires_grad_()
    analog(x).sum().backward()
    np.testing.assert_allclose(x.grad, analog.weight.detach().sum(0).expand(8, -1), rtol=1e-6)
    rounded = DAC(bits=6).convert(x.detach())
    np.testing.assert_allclose(
        analog.weight.grad, rounded.sum(0).expand(12, -1), rtol=1e-6, atol=1e-9
    )
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


def test_hardware_aware_training_beats_mapping_after_training():
    """A small classifier trained with the devices' errors is right more often on devices than one
    trained without.

    Twenty devices each; control: both are equally right in software, so that it is not the training
    as such.
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
        share_right(
            torch.nn.Sequential(
                *(software(part) if hasattr(part, "weight") else part for part in model)
            )
        )
        for model in (aware, plain)
    ]
    ours, theirs = on_devices(aware), on_devices(plain)
    assert in_software[0] == pytest.approx(in_software[1], abs=0.03)
    assert ours.mean() > theirs.mean() + 0.03  # standard error of the difference: 0.01
