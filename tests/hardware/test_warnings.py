"""What is asked of a device that it cannot tell: each thing is said once a call, at the line that
asked.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import PotentiaWarning
from potentia.hardware import Crossbar, PulsedReRAM
from potentia.hardware.devices import presets
from potentia.learning import STDP
from potentia.models import LIF
from potentia.sim import AllToAll

G = np.full(5, 5e-6)
# measured for two days; for 27 s, and without a law of ageing
HFOX, PCM = (
    presets.hfox_neurram(),
    presets.pcm_joshi(),
)


def network(store, n=2, **options):
    net = Network()
    cells = net.population(LIF(), 5)
    for _ in range(n):
        net.connect(cells, cells, AllToAll(), weight=1e-3, delay=1e-3, store=store, **options)
    return Simulator(net, dt=1e-3)


def told(call):
    """The texts of all warnings, every one of which points here."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert all(each.filename == __file__ and each.category is PotentiaWarning for each in caught)
    return [str(each.message) for each in caught]


AGELESS = (
    "Crossbar.age: time changes nothing, as PulsedReRAM has no law of ageing (ageing=()) "
    "and no flicker (got 60 s)"
)
CALLS = {
    "crossbar": (lambda: Crossbar(PulsedReRAM(), age=60.0), AGELESS),
    "crossbar of cells that were measured for less": (
        lambda: Crossbar(PCM, age=60.0),
        "measured from 0 to 27.36 s only",
    ),
    "a time": (
        lambda: HFOX.aged(G, 1e7, 1),
        "MultilevelCell.seconds: measured from 1 to 172800 s only",
    ),
    "a conductance": (
        lambda: HFOX.write(10 * G, 1),
        "MultilevelCell.targets: measured from 0 to 4e-05 S only",
    ),
    "two crossbars": (
        lambda: network(Crossbar(HFOX, age=1e7)),
        "MultilevelCell.seconds: measured from 1 to 172800 s",
    ),
    "learning": (
        lambda: network(Crossbar(presets.pcm_nandakumar(), age=60.0), 1, rule=STDP()),
        "do not age",
    ),
}


@pytest.mark.parametrize("case", CALLS)
def test_once_a_call_at_the_line_of_the_caller(case):
    call, text = CALLS[case]
    texts = told(call)
    assert len(texts) == 1
    assert text in texts[0]
    assert len(told(call)) == 1  # and again at the next call


SILENT = {
    "as written": lambda: PulsedReRAM().aged(G, 0.0, 1),
    "a fresh crossbar": lambda: network(Crossbar(PulsedReRAM())),
    "drift": lambda: Crossbar(presets.pcm_nandakumar(), age=60.0),
    "noise that grows": lambda: Crossbar(
        replace(PulsedReRAM(), flicker=presets.pcm_nandakumar().flicker), age=60.0
    ),
    "as long as was measured": lambda: Crossbar(PCM, age=20.0),
    "a cell alone": lambda: PulsedReRAM().aged(G, 1e4, 1),
}


@pytest.mark.parametrize("case", SILENT)
def test_nothing_to_tell(case):
    assert told(SILENT[case]) == []


def test_a_layer_tells_once_a_call():
    """Two sides of two slices are aged and read."""
    torch = pytest.importorskip("torch")
    from potentia.hardware import AnalogLinear, BitSlicing

    layer = AnalogLinear(5, 4, device=PCM, mapping=BitSlicing(bits=2, slices=2)).eval()
    for call in (lambda: layer.age(3600.0), lambda: layer(torch.zeros(1, 5))):
        (text,) = told(call)
        assert text.startswith("MultilevelCell.seconds: measured from 0 to 27.36 s only")
    assert told(lambda: layer(torch.zeros(1, 5))) == []  # nothing was asked of the devices again
    ageless = AnalogLinear(5, 4, device=PulsedReRAM()).eval()
    (text,) = told(lambda: ageless.age(3600.0))
    assert text.startswith(
        "AnalogLinear.age: time changes nothing, as PulsedReRAM has no law of ageing"
    )
    assert told(lambda: ageless.age(0.0)) == []
    aging = AnalogLinear(5, 4, device=HFOX).eval()
    (text,) = told(lambda: aging.age(1e7))
    assert text.startswith("MultilevelCell.seconds: measured from 1 to 172800 s only")
    assert told(lambda: aging.age(86400.0)) == []
