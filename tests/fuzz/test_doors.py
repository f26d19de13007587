"""Whatever is handed to anything public comes back as a value or as one sentence, soon, and never
as a crash.

`--fuzz-size long` makes 50,000 calls; else some of them, chosen anew by their number only.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from potentia.errors import ParameterError  # noqa: E402
from potentia.tests.fuzz.doors import Door  # noqa: E402
from potentia.tests.fuzz.walk import Case, all_doors, cases, walk  # noqa: E402

CALLS = {"short": 1_500, "long": 50_000}

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="hostile calls need a process of their own"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    """All doors, gone through once."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("doors"))
    yield all_doors()
    os.chdir(before)


def test_hostile_values_end_in_one_sentence(every, request):
    """No foreign exception, no message of several lines, no crash and no call of more than two
    seconds.
    """
    planned = cases(every, CALLS[request.config.getoption("--fuzz-size")])
    faults = list(walk(every, planned))
    told = "\n".join(f"{fault.kind}: {fault.call}: {fault.told}" for fault in faults[:100])
    assert not faults, f"{len(faults)} of {len(planned)} calls:\n{told}"


def test_no_room_is_forgotten(every):
    """The walk goes through every floor, constructors, methods and functions."""
    names = {door.name for door in every}
    some = {
        "Network.connect",
        "Simulator.run",
        "Result.save",
        "LIF",
        "STDP",
        "Device",
        "BreakdownReRAM.read",
        "Tile.cut",
        "AnalogLinear.forward",
        "EventProp.forward",
        "encode_rate",
        "synchrony",
        "raster",
        "joules",
        "load",
        "settings of balanced-network",
    }
    assert some - names == {"Device"}  # nobody can make an abstract one
    assert len(names) > 200


def _door(function) -> Door:
    return Door("made up", lambda: (function, {}), ("value",))


def _crashes(value):
    os.abort()


def _lasts(value):
    while True:
        pass


def _swallows(value):
    return np.zeros(1 << 36)


def _fails(value):
    raise KeyError(value)


def _tells(value):
    error = ParameterError("one line")
    error.args = ("two\nlines",)
    raise error


def _sentence(value):
    raise ParameterError("Owner.field: must be good")


@pytest.mark.parametrize(
    ("function", "kinds"),
    [
        (_crashes, ["crash (-6)"]),
        (_lasts, ["time-out"]),
        (_swallows, ["foreign exception"]),
        (_fails, ["foreign exception"]),
        (_tells, ["several lines or control characters"]),
        (_sentence, []),
    ],
)
def test_the_walk_sees_what_it_looks_for(function, kinds, monkeypatch):
    """Each way to end badly is found in the middle of other calls, which are carried out all the
    same.
    """
    monkeypatch.setattr("potentia.tests.fuzz.walk.COMPILING", 1.0)
    monkeypatch.setattr("potentia.tests.fuzz.walk.SECONDS", 0.5)
    every = [_door(_sentence), _door(function), _door(_fails)]
    faults = list(walk(every, [Case(k, (("value", "one"),)) for k in range(3)]))
    assert [fault.kind for fault in faults] == [*kinds, "foreign exception"]
