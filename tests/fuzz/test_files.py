"""Changed files of every kind end in one sentence: no crash, no hang, no foreign error, nothing
else accepted.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from potentia.tests.fuzz import files
from potentia.tests.fuzz.reader import Other, Reader
from potentia.tests.fuzz.readers import KINDS

SIZES = {"short": 1200, "long": 200_000}

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="limits processes as Linux does"
)


@pytest.mark.parametrize("kind", KINDS)
def test_changed_files(kind: str, request: pytest.FixtureRequest) -> None:
    total = SIZES[request.config.getoption("--fuzz-size")]
    count = max(
        round(total * KINDS[kind].share / sum(reader.share for reader in KINDS.values())), 60
    )
    found = list(files.faults(kind, 0, count))
    assert not found, "\n".join(map(str, found[:20]))


class Broken(Reader):
    """Reads by doing what must not happen."""

    def prepare(self) -> None:
        pass

    def changed(self, rng: np.random.Generator) -> bytes:
        return b""

    def read(self, content: bytes, seed: int) -> None:
        match seed:
            case 1:
                os.kill(os.getpid(), signal.SIGSEGV)
            case 2:
                while True:
                    pass
            case 3:
                np.ones(1 << 28)
            case 4:
                raise KeyError("x")
            case 5:
                raise Other("more")


def test_the_driver_sees_what_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "broken", Broken)
    found = [
        str(fault).partition(", seed ")[2].split(":")[:2] for fault in files.faults("broken", 0, 7)
    ]
    kinds = {(int(seed), what.strip()) for seed, what in found}
    assert kinds == {(1, "crash"), (2, "hang"), (3, "memory"), (4, "foreign"), (5, "other")}
