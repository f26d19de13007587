"""What a recorded network is made of can be saved, or is refused before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import pytest

from potentia import Network, Simulator
from potentia.errors import UnsupportedError
from potentia.models import LIF
from potentia.sim import Constant, Events
from potentia.sim.description.neuron import NeuronModel
from potentia.sim.results import storage
from potentia.sim.runs import sections


@final
@dataclass(frozen=True, kw_only=True)
class Odd(NeuronModel):
    """A neuron that never fires, with a field of any kind."""

    field: object = None

    kernel: ClassVar[str] = "lif_step"
    state: ClassVar = LIF.state
    receptors: ClassVar = LIF.receptors

    def constants(self, dt):
        return LIF(tau=1e-2).constants(dt)


@final
@dataclass(frozen=True, kw_only=True)
class Milliseconds(NeuronModel):
    """Its constructor changes its field, so that it cannot be made again from it."""

    tau: float = 20.0

    kernel: ClassVar[str] = "lif_step"
    state: ClassVar = LIF.state
    receptors: ClassVar = LIF.receptors

    def __post_init__(self):
        object.__setattr__(self, "tau", self.tau * 1e-3)

    def constants(self, dt):
        return LIF(tau=self.tau).constants(dt)


def driven(model, stimulus=None):
    net = Network(seed=1)
    cells = net.population(model, 34 * 34, name="cells")
    net.stimulate(cells, stimulus or Constant(16e-3))
    net.probe(cells, "spikes")
    return Simulator(net, chunk=10)


class Tensor:
    """Something that is no array, but says how it can be made one."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)

    def __len__(self):
        return len(self.values)


@pytest.mark.parametrize(
    ("model", "stimulus"),
    [
        (LIF(), Events(range(30), range(30), np.arange(30) * 1e-3)),
        (LIF(), Events(Tensor(range(30)), Tensor([1] * 30), np.arange(30) * 1e-3, width=34)),
        (LIF(), Events(tuple(range(30)), [2] * 30, np.arange(30) * 1e-3)),
        (Odd(field={"a": 1.0, "b": [1, {"c": (np.arange(3), None)}]}), None),
        (Odd(field=range(3, 20, 4)), None),
        (Odd(field=[np.array([1.0, np.nan])]), None),
    ],
)
def test_descriptions_of_many_kinds_are_recorded_and_resumed(
    model, stimulus, tmp_path, monkeypatch
):
    monkeypatch.setattr(sections, "MOST_BYTES", 1)
    monkeypatch.setattr(sections, "CHECKPOINT_SECONDS", 0.0)
    left = iter(range(5))

    def tick(steps):
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        driven(model, stimulus)._session.single(0.05, tick, tmp_path)
    assert (tmp_path / "checkpoint-1.snapshot").exists()
    seen = []
    done, _ = driven(model, stimulus)._session.single(0.05, seen.append, tmp_path, True)
    assert seen[0] >= 40  # what was sealed is not simulated again
    assert storage.digest(done) == storage.digest(driven(model, stimulus).run(0.05))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Odd(field=object()), "a object cannot be saved"),
        (Odd(field={1: 2}), "a dict cannot be saved"),
        (Odd(field={1, 2}), "a set cannot be saved"),
        (Odd(field=lambda: 3), "a function cannot be saved"),
        (Odd(field=[np.array(["a"])]), "a ndarray cannot be saved"),
        (Milliseconds(), "its constructor makes something else of its own fields"),
    ],
)
def test_what_cannot_be_saved_is_refused_before_the_first_step(model, message, tmp_path):
    seen = []
    with pytest.raises(UnsupportedError, match=f"Population 'cells', model: .*{message}"):
        driven(model)._session.single(0.05, seen.append, tmp_path / "run")
    assert not seen
    assert not (tmp_path / "run").exists()


def pulled(towards):
    """A model of a class of its own, as a factory makes one."""

    def pull_step(v, jump, fired):
        v[:] = towards
        return 0

    @dataclass(frozen=True, kw_only=True)
    class Pulled(NeuronModel):
        kernel: ClassVar = staticmethod(pull_step)
        state: ClassVar = {"v": "float"}
        receptors: ClassVar = ("jump",)

        def constants(self, dt):
            return {}

    return Pulled()


def test_a_class_whose_name_a_later_one_has_is_not_saved(tmp_path):
    """What is saved is found again by its name: it would silently be made of the other class."""
    first, second = (Simulator(one_of(pulled(towards))) for towards in (1.0, 2.0))
    second.save(tmp_path / "second")
    loaded = Simulator.load(tmp_path / "second")
    assert loaded.run(1e-3).trace("cells", "v")[-1] == 2.0
    for refused in (
        lambda: first.save(tmp_path / "first"),
        lambda: first.run(1e-3, record_to=tmp_path / "run"),
    ):
        with pytest.raises(UnsupportedError, match="a Pulled cannot be saved: another class"):
            refused()
    assert not (tmp_path / "first").exists()
    assert first.run(1e-3).trace("cells", "v")[-1] == 1.0


def one_of(model):
    net = Network(seed=1)
    net.probe(net.population(model, 1, name="cells"), "v")
    return net
