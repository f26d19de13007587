"""Spoken digits: the packaged set is what it says, and a damaged file is named in one sentence."""

import io
import os
from pathlib import Path

import numpy as np
import pytest

from potentia.errors import DataError, ParameterError
from potentia.experiments.datasets import make_spoken_digits, speech


def small(**changes):
    """The arrays of a speech file: 60 digits by 6 speakers, 20 samples each, 20
    recording numbers.
    """
    n = 1200
    arrays = {
        "audio": np.arange(20 * n).astype(np.int16),
        "offsets": np.arange(n + 1) * 20,
        "label": (np.arange(n) // 120).astype(np.uint8),
        "speaker": (np.arange(n) // 20 % 6).astype(np.uint8),
        "recording": (np.arange(n) % 20).astype(np.uint8),
        "is_test": np.arange(n) % 20 < 5,
        "speaker_names": np.array(list("abcdef")),
        "rate": np.int32(8000),
    }
    return {**arrays, **changes}


def write(folder, content):
    """`content` (arrays or bytes) as folder/fsdd/fsdd.npz; return `folder`."""
    (folder / "fsdd").mkdir()
    if isinstance(content, dict):
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **content)
        content = buffer.getvalue()
    (folder / "fsdd" / "fsdd.npz").write_bytes(content)
    return folder


def test_packaged_set_holds_every_speaker_and_digit_ten_times():
    words = speech.load_speech()
    combinations = set(zip(words.label, words.speaker, words.recording, strict=True))
    assert len(words) == len(combinations) == 600
    assert words.recording.max() == 9
    assert np.array_equal(words.is_test, words.recording < 2)
    assert np.abs(words.samples).max() <= 1.0
    assert words.durations.sum() == pytest.approx(261.3, abs=0.1)
    assert (speech.PACKAGED.parent / "NOTICE").read_text().count("by-sa/4.0") == 1


def test_official_split_is_disjoint_and_complete():
    words = speech.load_speech()
    (split,) = speech.splits(words)
    assert (len(split.train), len(split.test)) == (480, 120)
    assert np.array_equal(np.sort(np.concatenate([split.train, split.test])), np.arange(600))


def test_speaker_split_leaves_out_each_speaker_once():
    words = speech.load_speech()
    folds = speech.splits(words, "speaker")
    assert [fold.name for fold in folds] == list(words.speaker_names)
    for k, fold in enumerate(folds):
        assert set(words.speaker[fold.test]) == {k}
        assert k not in words.speaker[fold.train]
    with pytest.raises(ParameterError, match="did you mean 'speaker'"):
        speech.splits(words, "speakers")


def test_mu_law_keeps_codes_and_silence():
    codes = np.arange(-127, 128)
    assert np.array_equal(speech.encode_mu_law(speech.decode_mu_law(codes)), codes)
    assert speech.decode_mu_law(speech.encode_mu_law([0.0, 1.0, -1.0, 2.0])).tolist() == [
        0.0,
        1.0,
        -1.0,
        1.0,
    ]


@pytest.mark.parametrize("amplitude", [1.0, 0.3, 0.1, 0.03])
def test_mu_law_signal_to_noise_ratio(amplitude):
    """Uniform steps d = ln(1 + mu)/127 of ln(1 + mu |x|) give an error variance d^2 E(1/mu + |x|)^2
    / 12.
    """
    x = np.random.default_rng(0).uniform(-amplitude, amplitude, 100_000)
    error = speech.decode_mu_law(speech.encode_mu_law(x)) - x
    expected = (np.log(256) / 127) ** 2 * np.mean((1 / 255 + np.abs(x)) ** 2) / 12
    # the steps are small, not infinitesimal
    assert np.mean(error**2) == pytest.approx(expected, rel=0.03)
    assert 10 * np.log10(np.mean(x**2) / np.mean(error**2)) > 30.0


def test_whole_set_in_16_bits_is_read(tmp_path):
    words = speech.load_speech(write(tmp_path, small()))
    assert len(words) == 1200
    assert words.audio(2) == pytest.approx(np.arange(40, 60) / 32768)


def test_reduction_keeps_the_first_ten_recordings(tmp_path):
    kept = make_spoken_digits.reduce(speech.load_speech(write(tmp_path, small())))
    assert len(kept["label"]) == 600
    assert kept["is_test"].sum() == 120
    assert kept["audio"].dtype == np.int8
    assert kept["offsets"][-1] == kept["audio"].size == 12_000


@pytest.mark.skipif(
    "POTENTIA_DATA" not in os.environ, reason="POTENTIA_DATA does not name the data folder"
)
def test_packaged_set_comes_from_the_whole_set():
    """Made again from all 3,000 recordings, every array is the packaged one."""
    whole = Path(os.environ["POTENTIA_DATA"])
    if not (whole / "fsdd" / "fsdd.npz").is_file():
        pytest.skip("POTENTIA_DATA holds no fsdd/fsdd.npz")
    made = make_spoken_digits.reduce(speech.load_speech(whole))
    with np.load(speech.PACKAGED) as packaged:
        assert all(np.array_equal(packaged[name], array) for name, array in made.items())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive at all",
        {"audio": np.zeros(3, np.int16)},
        small(audio=np.zeros(24_000)),
        small(audio=np.zeros(23_999, np.int16)),
        small(offsets=np.arange(1200) * 20),
        small(offsets=np.roll(np.arange(1201) * 20, 1)),
        small(label=np.full(1200, 10)),
        small(label=np.zeros((1200, 1), np.uint8)),
        small(label=np.zeros(0, np.uint8)),
        small(is_test=np.zeros(1200)),
        small(speaker=np.full(1200, 6)),
        small(speaker=np.full(1200, -1)),
        small(rate=np.array([8000])),
        small(rate=np.int32(0)),
        small(speaker_names=np.array([{}], dtype=object)),
    ],
    ids=str,
)
def test_damaged_files_end_in_one_sentence(tmp_path, content):
    with pytest.raises(DataError, match=r"fsdd\.npz is damaged") as caught:
        speech.load_speech(write(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_truncated_files_are_refused(tmp_path):
    whole = speech.PACKAGED.read_bytes()
    write(tmp_path, b"")
    for part in range(16):
        (tmp_path / "fsdd" / "fsdd.npz").write_bytes(whole[: len(whole) * part // 16])
        with pytest.raises(DataError, match="damaged"):
            speech.load_speech(tmp_path)


def test_missing_folder_names_what_to_give(tmp_path):
    with pytest.raises(DataError, match="give the folder that holds fsdd"):
        speech.load_speech(tmp_path / "nowhere")
