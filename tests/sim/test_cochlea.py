"""The cochlea: tones excite their own channel, levels follow the compressive law,
onsets stand out.
"""

import numpy as np
import pytest

from potentia.errors import ParameterError
from potentia.sim.encoding.cochlea import Cochlea

RATE = 8000.0


def tone(frequency, amplitude=1.0, duration=0.5):
    """A sine (n_samples,) at 8 kHz."""
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(duration * RATE)) / RATE)


def test_centres_are_evenly_spaced_in_erb_number():
    """The ERB number 21.4 log10(1 + 0.00437 f) rises by the same step from channel to channel."""
    centres = Cochlea(n_channels=20, low=80.0, high=3500.0).centres
    steps = np.diff(21.4 * np.log10(1 + 0.00437 * centres))
    assert centres[[0, -1]] == pytest.approx([80.0, 3500.0])
    assert steps == pytest.approx(steps[0], rel=1e-9)


@pytest.mark.parametrize("channel", [3, 10, 20, 28])
def test_a_tone_excites_its_own_channel_with_its_amplitude(channel):
    """At a centre the filter's gain is 1 and the envelope is the amplitude (2 %: ripple of the
    smoothing).
    """
    cochlea = Cochlea(normalise=False, smoothing=20.0)
    envelope = cochlea.envelope(tone(cochlea.centres[channel], amplitude=0.3), RATE)[400:].mean(
        axis=0
    )
    assert envelope.argmax() == channel
    assert envelope[channel] == pytest.approx(0.3, rel=0.02)


def test_energy_of_a_tone_is_half_its_squared_amplitude():
    """Mean square of a sine over whole periods; 10 ms frames hold whole periods of 1 kHz."""
    cochlea = Cochlea(n_channels=1, low=1000.0, high=1000.0, normalise=False)
    energies = cochlea.energies(tone(1000.0, amplitude=0.4), RATE)
    assert energies.shape == (50, 1)
    assert energies[10:] == pytest.approx(0.4**2 / 2, rel=1e-6)


def test_energies_of_a_short_sound_are_one_frame():
    assert Cochlea().energies(np.ones(5), RATE).shape == (1, 32)


def test_power_law_scales_rates_by_the_exponent():
    """Eight times the amplitude gives 8**0.3 times the rate, where the threshold is 0."""
    cochlea = Cochlea(normalise=False, thresholds=(0.0,), exponent=0.3)
    quiet, loud = cochlea.rates(tone(700.0), RATE), cochlea.rates(tone(700.0, amplitude=8.0), RATE)
    assert loud == pytest.approx(8**0.3 * quiet, rel=1e-9, abs=1e-9)


def test_logarithm_turns_factors_into_steps():
    """Far above the floor, ten times the envelope adds ln 10."""
    cochlea = Cochlea(compression="log", floor=1e-6)
    assert np.diff(cochlea.compress([0.1, 1.0, 10.0])) == pytest.approx(np.log(10), rel=1e-4)
    assert cochlea.compress([0.0])[0] == 0.0


def test_normalised_sound_has_no_loudness():
    """With `normalise`, spikes do not change when the sound is scaled (by a power of two:
    bit-equal).
    """
    sound = tone(440.0) + tone(1500.0, 0.5)
    quiet, loud = Cochlea().spikes(sound, RATE), Cochlea().spikes(64 * sound, RATE)
    assert np.array_equal(quiet.times, loud.times)
    assert np.array_equal(quiet.ids, loud.ids)


def test_spike_counts_are_the_integrals_of_the_rates():
    """A perfect integrator emits floor(integral of its rate) spikes, at any time."""
    cochlea = Cochlea()
    sound = tone(440.0) * np.hanning(4000)
    train, rates = cochlea.spikes(sound, RATE), cochlea.rates(sound, RATE)
    expected = np.floor((rates * cochlea.period).sum(axis=0) + 1e-9)
    assert np.array_equal(np.bincount(train.ids, minlength=cochlea.n_units), expected)
    half = np.floor((rates[:250] * cochlea.period).sum(axis=0) + 1e-9)
    early = train.ids[train.times < 0.25 + 1e-12]
    assert np.array_equal(np.bincount(early, minlength=cochlea.n_units), half)


def test_adaptation_stresses_the_onset():
    """A steady tone ends at (1 - adaptation) of the rate it has without adaptation."""
    plain = Cochlea(normalise=False, adaptation=0.0, thresholds=(0.0,)).rates(tone(1000.0), RATE)
    adapted = Cochlea(normalise=False, adaptation=0.8, thresholds=(0.0,)).rates(tone(1000.0), RATE)
    channel = plain[-1].argmax()
    assert adapted[-100:, channel].mean() == pytest.approx(
        0.2 * plain[-100:, channel].mean(), rel=0.01
    )
    assert adapted[:50, channel].max() > 2.5 * adapted[-1, channel]


def test_higher_thresholds_fire_less_and_units_are_numbered_by_channel():
    cochlea = Cochlea(n_channels=4, thresholds=(0.0, 0.1, 0.4))
    rates = cochlea.rates(tone(440.0), RATE).reshape(-1, 4, 3)
    assert cochlea.n_units == 12
    assert (rates[:, :, 0] >= rates[:, :, 1]).all()
    assert (rates[:, :, 1] >= rates[:, :, 2]).all()


def test_silence_makes_no_spike():
    assert Cochlea().spikes(np.zeros(800), RATE).times.size == 0


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"n_channels": 0}, "n_channels"),
        ({"low": -5.0}, "low"),
        ({"low": 500.0, "high": 400.0}, "high"),
        ({"period": 0.0}, "period"),
        ({"compression": "powr"}, "did you mean 'power'"),
        ({"exponent": 1.5}, "exponent"),
        ({"adaptation": 2.0}, "adaptation"),
        ({"thresholds": ()}, "thresholds"),
        ({"thresholds": (float("nan"),)}, "thresholds"),
        ({"gain": float("inf")}, "gain"),
    ],
)
def test_bad_parameters_are_refused(fields, word):
    with pytest.raises(ParameterError, match=word):
        Cochlea(**fields)


@pytest.mark.parametrize(
    ("audio", "rate", "word"),
    [
        ([0.0, np.nan], RATE, "audio"),
        ([], RATE, "audio"),
        (np.zeros((2, 3)), RATE, "audio"),
        (["a"], RATE, "audio"),
        (np.zeros(10), 7000.0, "rate"),
        (np.zeros(10), "8 kHz", "rate"),
    ],
)
def test_bad_sound_is_refused(audio, rate, word):
    for method in (Cochlea().spikes, Cochlea().energies):
        with pytest.raises(ParameterError, match=word):
            method(audio, rate)


@pytest.mark.parametrize("frame", [0.0, -1.0, 1e-5, float("nan")])
def test_bad_frames_are_refused(frame):
    with pytest.raises(ParameterError, match="frame"):
        Cochlea().energies(np.zeros(100), RATE, frame=frame)
