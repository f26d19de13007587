"""Input codings: the sum of the planes, the product, what it takes, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potentia.hardware import ADC, DAC, Amplitude, BitSerial, PulseWidth, Reading

RNG = np.random.default_rng(8)
CODINGS = [Amplitude(), Amplitude(DAC(bits=5)), BitSerial(5), PulseWidth(5)]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 12), st.sampled_from([BitSerial, PulseWidth]), st.booleans())
def test_planes_add_up_to_the_rounded_values(bits, kind, signed):
    """Exactly what a DAC of as many bits makes of them; planes of bits are driven fully or not at
    all.
    """
    values = RNG.normal(size=(6, 30))
    coding = kind(bits, signed=signed)
    planes = coding.planes(values)
    total = sum(significance * plane for significance, plane in planes)
    np.testing.assert_allclose(total, DAC(bits=bits, signed=signed).convert(values), atol=1e-12)
    assert len(planes) == coding.reads == (1 if kind is PulseWidth else bits - signed)
    if kind is BitSerial:
        full = np.abs(values).max(axis=1, keepdims=True)
        for _, plane in planes:
            assert set(np.round(np.unique(plane / full), 12)) <= {-1.0, 0.0, 1.0}


@pytest.mark.parametrize("coding", CODINGS)
def test_the_product_is_that_of_the_rounded_values(coding):
    """The array is linear: without noise and converters every coding gives the same product, to
    rounding.
    """
    values, matrix = RNG.normal(size=(6, 30)), RNG.normal(size=(30, 4))
    rounded = values if coding.converter is None else DAC(bits=5).convert(values)
    np.testing.assert_allclose(
        coding.product(values, lambda plane: plane @ matrix), rounded @ matrix, atol=1e-12
    )


def test_a_fixed_range_clips():
    values = np.array([[0.5, -3.0, 1.0]])
    for coding in (BitSerial(8, range=1.0), PulseWidth(8, range=1.0), Amplitude(DAC(range=1.0))):
        total = sum(significance * plane for significance, plane in coding.planes(values))
        np.testing.assert_allclose(total, [[64 / 127, -1.0, 1.0]])
        assert coding.full_scale(values) == 1.0


def test_zeros_stay_zeros():
    for coding in CODINGS:
        assert (coding.product(np.zeros((2, 3)), lambda plane: plane) == 0).all()


@pytest.mark.parametrize("coding", CODINGS)
def test_gradients_go_straight_through(coding):
    """The sum of the planes has the slope 1 in every value."""
    torch = pytest.importorskip("torch")
    values = torch.tensor(RNG.normal(size=(3, 9)), requires_grad=True)
    total = coding.product(values, lambda plane: plane)
    np.testing.assert_allclose(
        total.detach(), coding.product(values.detach().numpy(), lambda plane: plane)
    )
    total.sum().backward()
    np.testing.assert_allclose(values.grad, 1.0)


def test_noise_of_long_pulses():
    """Slow noise: the square of the drive.

    White noise of n slots: n readings of one slot, relative to all of them.
    """
    plane = np.array([0.0, 7.0, -3.0])
    np.testing.assert_array_equal(PulseWidth(4).squares(plane, 7.0), plane**2)
    slots = np.array([0, 7, 3])
    np.testing.assert_allclose(
        PulseWidth(4, white=True).squares(plane, 7.0), slots * (7.0 / 7) ** 2
    )


def test_what_a_vector_takes():
    adc = ADC(columns_per_adc=4, conversion_time=2e-9)
    amplitude = Amplitude(DAC(conversion_time=5e-9), read_time=10e-9).cost(30, 20, adc)
    assert amplitude == Reading(
        reads=1, dac_conversions=30, adc_conversions=20, seconds=pytest.approx(23e-9)
    )
    serial = BitSerial(8, read_time=10e-9).cost(30, 20, adc)
    assert serial == Reading(
        reads=7, dac_conversions=0, adc_conversions=140, seconds=pytest.approx(7 * 18e-9)
    )
    pulses = PulseWidth(8, slot=1e-9).cost(30, 20, adc)
    assert pulses == Reading(
        reads=1, dac_conversions=0, adc_conversions=20, seconds=pytest.approx(127e-9 + 8e-9)
    )
    assert Amplitude(DAC()).cost(30, 20, adc).seconds is None
    assert Amplitude().cost(30, 20, ADC()).seconds is None
    assert Amplitude(read_time=1e-8).cost(30, 20).seconds == 1e-8
