"""Converters: steps, ends, errors of their own, gradients, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potentia.errors import ParameterError
from potentia.hardware import ADC, DAC

RNG = np.random.default_rng(3)
KEY = 99


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 16), st.booleans(), st.floats(1e-9, 1e3))
def test_an_ideal_adc_rounds_to_half_a_step_and_clips(bits, signed, full):
    """Inside the range the error is at most half a step (to rounding); outside, the nearest end is
    read.
    """
    adc = ADC(bits=bits, signed=signed, range=full)
    lowest, highest = adc.codes
    step = full / max(highest, 1)
    assert highest - lowest == 2**bits - 1
    inside = np.linspace(lowest * step, highest * step, 401)
    np.testing.assert_allclose(adc.convert(inside), inside, atol=0.5 * step * (1 + 1e-9))
    np.testing.assert_allclose(
        adc.convert(np.array([-1e3, 1e3]) * full), [lowest * step, highest * step]
    )


def test_automatic_ranges():
    """The ADC's is that of all values, the DAC's that of every vector."""
    values = RNG.normal(size=(5, 40)) * np.arange(1, 6)[:, None]
    top = np.abs(values).max()
    assert np.abs(ADC(bits=6).convert(values)).max() == pytest.approx(top, rel=0.05)
    np.testing.assert_allclose(
        np.abs(DAC(bits=4).convert(values)).max(axis=1), np.abs(values).max(axis=1)
    )
    np.testing.assert_array_equal(DAC(bits=4).convert(np.zeros((2, 3))), 0.0)
    np.testing.assert_array_equal(ADC(bits=4).convert(np.zeros((2, 3))), 0.0)


def test_single_precision_stays():
    values = RNG.normal(size=(5, 4)).astype(np.float32)
    assert ADC().convert(values).dtype == np.float32
    assert DAC(inl=0.5).convert(values, key=1).dtype == np.float32


def edges(adc, column, columns, key):
    """The values at which the codes of one column begin, found by bisection with
    `convert` alone.
    """
    lowest, highest = adc.codes
    step = adc.range / highest
    found = []
    for code in range(lowest + 1, highest + 1):
        low, high = (lowest - 5) * step, (highest + 5) * step
        for _ in range(50):
            middle = 0.5 * (low + high)
            probe = np.zeros((1, columns))
            probe[0, column] = middle
            reached = round(adc.convert(probe, key=key)[0, column] / step) >= code
            low, high = (low, middle) if reached else (middle, high)
        found.append(high / step)
    return np.array(found)


def test_errors_move_the_edges():
    """Code k begins at k - 1/2 + e_k steps, where edges do not cross; columns share converters as
    told.
    """
    adc = ADC(bits=4, range=7.0, offset=0.3, gain=0.02, dnl=0.1, inl=0.4, columns_per_adc=2)
    errors = adc.errors(4, KEY)
    assert errors.shape == (2, 16)
    codes = np.arange(-8, 8)
    for column in range(4):
        expected = (codes - 0.5 + errors[column // 2])[1:]
        assert (np.diff(expected) > 0).all()
        np.testing.assert_allclose(edges(adc, column, 4, KEY), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("columns", "width", "share"),
    [(10, 5, 2), (11, 4, 3), (7, 3, 1), (4, 9, 3), (6, 6, 9), (0, 3, 2)],
)
def test_arrays_beside_each_other_have_converters_of_their_own(columns, width, share):
    """Counted column by column; what is read from each array is what an array alone reads with the
    same converters.
    """
    adc = ADC(bits=5, range=1.0, offset=1.0, inl=0.3, columns_per_adc=share)
    expected, last = [], None
    for column in range(columns):
        own = (column // width, column % width // share)
        expected.append(expected[-1] + (own != last) if expected else 0)
        last = own
    np.testing.assert_array_equal(adc.sharing(columns, width=width), expected)
    assert adc.converters(columns, width=width) == len(set(expected))
    values = np.linspace(-1.2, 1.2, 5 * columns).reshape(5, columns)
    read = adc.convert(values, key=KEY, width=width)
    if not columns:
        assert read.shape == (5, 0)
        return
    single = ADC(bits=5, range=1.0, offset=1.0, inl=0.3).convert(
        np.zeros((1, len(set(expected)))), key=KEY
    )
    apart = [
        ADC(bits=5, range=1.0, offset=1.0, inl=0.3).convert(
            np.tile(values[:, [k]], single.shape), key=KEY
        )[:, own]
        for k, own in enumerate(expected)
    ]
    np.testing.assert_array_equal(read, np.stack(apart, axis=1))


def test_the_statistics_of_the_errors():
    """Each error alone, over 4000 converters: deviations within five standard errors of 1 / sqrt(2
    n).
    """
    n, close = 4000, 5 / np.sqrt(2 * 4000)
    codes = np.arange(-8, 8)
    offset = ADC(bits=4, offset=0.5).errors(n, KEY)
    assert offset.std(axis=0) == pytest.approx(0.5, rel=close)
    assert np.ptp(offset, axis=1).max() < 1e-12
    gain = ADC(bits=4, gain=0.01).errors(n, KEY)
    assert (gain[:, codes != 0] / codes[codes != 0]).std(axis=0) == pytest.approx(0.01, rel=close)
    bow = ADC(bits=4, inl=0.7).errors(n, KEY)
    t = (codes + 8) / 15
    np.testing.assert_allclose(bow.std(axis=0), 0.7 * 4 * t * (1 - t), rtol=close, atol=1e-12)
    bridge = ADC(bits=4, dnl=0.2).errors(n, KEY)
    np.testing.assert_allclose(bridge[:, [0, -1]], 0.0, atol=1e-12)
    k = np.arange(16)
    np.testing.assert_allclose(
        bridge.std(axis=0), 0.2 * np.sqrt(k * (15 - k) / 15), rtol=close, atol=1e-12
    )


def test_errors_are_those_of_the_key():
    adc, values = ADC(offset=0.5, dnl=0.2), RNG.normal(size=(6, 30))
    np.testing.assert_array_equal(adc.convert(values, key=1), adc.convert(values, key=1))
    assert (adc.convert(values, key=1) != adc.convert(values, key=2)).any()


def test_a_step_without_width_is_never_read():
    """Large errors of the widths lose codes, and the rest stays monotone."""
    adc = ADC(bits=6, range=31.0, dnl=1.5)
    ramp = np.linspace(-32, 31, 5000)[:, None]
    read = np.round(adc.convert(ramp, key=KEY)[:, 0])
    assert (np.diff(read) >= 0).all()
    assert len(np.unique(read)) < 60


def test_dac_levels_are_moved_by_their_errors():
    dac = DAC(bits=4, range=7.0, offset=0.2, inl=0.3, gain=0.01, dnl=0.1)
    errors = dac.errors(3, KEY)
    codes = np.arange(-7, 8)
    levels = dac.convert(np.repeat(codes[:, None], 3, axis=1), key=KEY)
    np.testing.assert_allclose(levels, codes[:, None] + errors.T, atol=1e-12)


def test_sharing_takes_time():
    adc = ADC(columns_per_adc=8, conversion_time=1e-9)
    assert adc.converters(20) == 3
    assert adc.latency(20) == pytest.approx(8e-9)
    assert adc.latency(3) == pytest.approx(3e-9)
    assert ADC().latency(20) is None


@pytest.mark.parametrize(
    "converter", [ADC(bits=3, range=3.0), ADC(bits=3, range=3.0, inl=0.3), DAC(bits=3, range=3.0)]
)
def test_gradients_go_straight_through(converter):
    """Tensors read like arrays; the gradient is 1 where the code is not clipped, else 0."""
    torch = pytest.importorskip("torch")
    values = torch.tensor(
        [[-9.0, -3.2, -0.4, 0.0, 1.7, 3.4, 3.6, 20.0]], dtype=torch.float64, requires_grad=True
    )
    read = converter.convert(values, key=KEY)
    np.testing.assert_array_equal(
        read.detach().numpy(), converter.convert(values.detach().numpy(), key=KEY)
    )
    read.sum().backward()
    assert values.grad.tolist() == [[0, 1, 1, 1, 1, 1, 0, 0]]


def test_the_largest_value_of_an_automatic_range_keeps_its_gradient():
    torch = pytest.importorskip("torch")
    values = torch.randn(50, 7, generator=torch.Generator().manual_seed(1), requires_grad=True)
    DAC().convert(values).sum().backward()
    assert (values.grad == 1).all()


@pytest.mark.parametrize(
    "options", [{"columns": 2**64}, {"columns": 10**400}, {"columns": 4, "width": 2**63}]
)
def test_more_columns_than_can_be_converted_are_refused(options):
    with pytest.raises(
        ParameterError, match=r"^ADC.(columns|width): must be a whole number >= \d and <= 16777216"
    ):
        ADC(bits=4).sharing(**options)
