"""Make the packaged spoken digits from the whole Free Spoken Digit Dataset.

    python -m potentia.experiments.datasets.make_spoken_digits --data DIR     (DIR holds
    fsdd/fsdd.npz)

Keeps recording numbers 0-9 of each of the 6 speakers and 10 digits (600 of 3,000) and codes every
sample in 8 bits by the continuous mu-law (ITU-T G.711, mu = 255). The same input gives the same
bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from .speech import PACKAGED, Recordings, encode_mu_law, load_speech

N_KEPT = 10  # recording numbers 0 to 9 are kept
N_TEST = 2  # of these, 0 and 1 are the test set

NOTICE = """spoken_digits.npz is a part of the Free Spoken Digit Dataset (FSDD),
https://github.com/Jakobovski/free-spoken-digit-dataset, commit 26eb9aaf76e81b692f806f9140c2d2777410d7a1,
by Zohar Jackson and contributors (speakers: George, Jackson, Lucas, Nicolas, Theo, Yweweler),
licensed under the Creative Commons Attribution-ShareAlike 4.0 International licence,
https://creativecommons.org/licenses/by-sa/4.0/ . This file is under the same licence; it is not
covered by the licence of the program around it.

Changes made: 600 of the 3,000 recordings were kept (recording numbers 0 to 9 of each of the 6 speakers
and 10 digits); the 16-bit samples (8 kHz, mono) were coded in 8 bits by the continuous mu-law of ITU-T
G.711 with mu = 255; all recordings were joined in one array. Recording numbers 0 and 1 are marked as
the test set (the data set's own test set is recording numbers 0 to 4).
"""


def reduce(whole: Recordings) -> dict[str, np.ndarray]:
    """The arrays of the packaged file, from all 3,000 recordings."""
    kept = np.flatnonzero(whole.recording < N_KEPT)
    codes = [encode_mu_law(whole.audio(k)) for k in kept]
    return {
        "audio": np.concatenate(codes),
        "offsets": np.concatenate([[0], np.cumsum([len(code) for code in codes])]).astype(np.int64),
        "label": whole.label[kept].astype(np.uint8),
        "speaker": whole.speaker[kept].astype(np.uint8),
        "recording": whole.recording[kept].astype(np.uint8),
        "is_test": whole.recording[kept] < N_TEST,
        "speaker_names": np.array(whole.speaker_names),
        "rate": np.array(whole.rate, np.int32),
    }


def main() -> None:
    """Read the whole set, write the packaged part and its notice."""
    parser = argparse.ArgumentParser(description="Make the packaged spoken digits.")
    parser.add_argument("--data", required=True, help="folder that holds fsdd/fsdd.npz")
    parser.add_argument("--out", default=PACKAGED, type=Path, help="the file to write")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = reduce(load_speech(options.data))
    np.savez_compressed(options.out, **arrays)
    (options.out.parent / "NOTICE").write_text(NOTICE, encoding="utf-8")
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
