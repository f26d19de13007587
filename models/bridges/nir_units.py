"""NIR's neurons as models of ours.

Each becomes a model, the weight of a spike or a number of 1, and a constant drive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np

from ...errors import UnsupportedError
from ...sim import validation as check
from ...sim.description.neuron import NeuronModel
from ..cuba_li import CubaLI
from ..cuba_lif import CubaLIF
from ..discrete_cuba_li import DiscreteCubaLI
from ..discrete_cuba_lif import DiscreteCubaLIF
from ..discrete_li import DiscreteLI
from ..discrete_lif import DiscreteLIF
from ..integral import Integral
from ..integrator import IF
from ..leaky_rate import LeakyRate
from ..lif import LIF
from .nir_nodes import NirNode
from .nir_report import NirAnswers

Numbers = Any  # float | NDArray[np.float64], one per unit


@final
@dataclass(frozen=True, kw_only=True)
class Unit:
    """A node as a population.

    spike and number: what a spike or a number of 1 becomes; None where there is no such form.
    receptor: for spikes. rest and drive: what is there always, of v_leak and of what reaches the
    node. initial: where variables start; fades: a variable from which that much is taken at the
    beginning, to fade.
    """

    model: NeuronModel
    spike: Numbers | None
    number: Numbers | None
    receptor: str | None = None
    rest: Numbers = 0.0
    drive: Numbers = 0.0
    initial: dict[str, Numbers] = field(default_factory=dict)
    fades: tuple[str, Numbers] | None = None


@final
@dataclass(frozen=True)
class Asked:
    """What a unit is made from: its node, what reaches it, and the answers.

    spikes and numbers: whether any reach it; constant: what is there always, (n,) or 0.
    """

    node: NirNode
    answers: NirAnswers
    spikes: bool
    numbers: bool
    constant: Numbers

    def __getitem__(self, name: str) -> Numbers:
        """A parameter as one number, where all units have the same, or one per unit."""
        return even(self.node[name])

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def dt(self) -> float:
        return self.answers.dt(self.name)

    def dirac(self) -> bool:
        """Whether spikes are impulses; asked only where some arrive."""
        return self.answers.ask("spike", self.name) == "dirac"

    def starts(self, variable: str) -> dict[str, Numbers]:
        """Where v starts."""
        if not np.any(self["v_leak"]) or self.answers.ask("start", self.name) == "zero":
            return {}
        return {variable: self["v_leak"]}


def even(values: Numbers) -> Numbers:
    """One float where all are equal, else one number per unit."""
    flat = np.asarray(values, np.float64).reshape(-1)
    return float(flat[0]) if (flat == flat[0]).all() else flat.copy()


def passing() -> NeuronModel:
    """Units that send in each step what they get in it."""
    return DiscreteLI(decay=0.0, gain=1.0)


def unit_of(asked: Asked) -> Unit:
    """The population that a node becomes.

    Raises ParameterError where an answer is missing, UnsupportedError where the answers and the
    node have no common form.
    """
    if asked.node.type in ALIKE:
        return ALIKE[asked.node.type](asked)
    exact = asked.answers.ask("scheme", asked.name) == "exact"
    return (EXACT if exact else STEPPED)[asked.node.type](asked)


def _threshold(asked: Asked) -> Unit:
    model = DiscreteLIF(
        decay=0.0, gain=1.0, threshold=asked["threshold"], resets="none", inclusive=False
    )
    if asked.spikes and asked.dirac():
        raise _unsupported(asked, "spike", "must be 'one', for an impulse is above every threshold")
    asked.answers.dt(asked.name)
    return Unit(model=model, spike=1.0, number=1.0, drive=asked.constant)


def _above(asked: Asked) -> Numbers:
    """The threshold of a model that fires at it, for a node that fires above it."""
    meaning = (
        "v > v_threshold, as v >= the next number of double precision; in single precision a v "
        "at v_threshold fires"
    )
    asked.answers.note("threshold", "above", meaning, asked.name)
    return even(np.nextafter(asked["v_threshold"], np.inf))


def _only_value(asked: Asked) -> Numbers:
    """The reset of an exact model."""
    if asked.answers.ask("reset", asked.name) != "value":
        raise _unsupported(asked, "reset", "must be 'value' with scheme='exact'")
    if asked.answers.given()["reset_at"] not in (None, "spike"):
        raise _unsupported(asked, "reset_at", "must be 'spike' with scheme='exact'")
    return asked["v_reset"]


def _kept(asked: Asked, tau: Numbers) -> Numbers:
    """What exact decay leaves after a step."""
    return np.exp(-asked.dt / np.asarray(tau))


def _spike(asked: Asked, impulse: Callable[[], Numbers], step: Callable[[], Numbers]) -> Numbers:
    """What a spike of 1 becomes: by its area, or by its height over a step."""
    if not asked.spikes:
        return None
    return even(impulse() if asked.dirac() else step())


def _exact_if(asked: Asked) -> Unit:
    r = asked["r"]
    model = IF(threshold=_above(asked), reset=_only_value(asked), refractory=0.0)
    spike = _spike(asked, lambda: r, lambda: r * asked.dt)
    return Unit(model=model, spike=spike, number=r, drive=r * asked.constant)


def _integral(asked: Asked) -> Unit:
    r = asked["r"]
    spike = _spike(asked, lambda: r, lambda: r * asked.dt)
    return Unit(model=Integral(), spike=spike, number=r, drive=r * asked.constant)


def _exact_lif(asked: Asked) -> Unit:
    r, tau = asked["r"], asked["tau"]
    model = LIF(tau=tau, threshold=_above(asked), reset=_only_value(asked), refractory=0.0)
    spike = _spike(asked, lambda: r / tau, lambda: r * (1 - _kept(asked, tau)))
    return _resting(asked, model, spike, "v")


def _resting(asked: Asked, model: NeuronModel, spike: Numbers, variable: str) -> Unit:
    """A leaky unit whose drive is in volts."""
    r = asked["r"]
    return Unit(
        model=model,
        spike=spike,
        number=r,
        rest=asked["v_leak"],
        drive=r * asked.constant,
        initial=asked.starts(variable),
    )


def _exact_li(asked: Asked) -> Unit:
    r, tau = asked["r"], asked["tau"]
    spike = _spike(asked, lambda: r / tau, lambda: r * (1 - _kept(asked, tau)))
    return _resting(asked, LeakyRate(tau=tau, activation="linear"), spike, "r")


def _exact_cuba_lif(asked: Asked) -> Unit:
    model = CubaLIF(
        tau=asked["tau_mem"],
        tau_excitatory=asked["tau_syn"],
        tau_inhibitory=asked["tau_syn"],
        threshold=_above(asked),
        reset=_only_value(asked),
        refractory=0.0,
    )
    return _exact_cuba(asked, model, "excitatory")


def _exact_cuba_li(asked: Asked) -> Unit:
    model = CubaLI(tau=asked["tau_mem"], tau_current=asked["tau_syn"])
    return _exact_cuba(asked, model, "current")


def _exact_cuba(asked: Asked, model: NeuronModel, receptor: str) -> Unit:
    """A constant that passes through the current is a drive less a current that fades."""
    scale = asked["r"] * asked["w_in"]
    if asked.numbers:
        raise _unsupported(
            asked, "scheme", "must not be 'exact' where numbers pass through a current"
        )
    spike = None
    if asked.spikes:
        if not asked.dirac():
            raise _unsupported(asked, "spike", "must be 'dirac' with scheme='exact' and a current")
        spike = even(scale / asked["tau_syn"])
    constant = even(scale * asked.constant)
    return Unit(
        model=model,
        spike=spike,
        number=None,
        receptor=receptor,
        rest=asked["v_leak"],
        drive=constant,
        initial=asked.starts("v"),
        fades=("g_e", constant) if np.any(constant) else None,
    )


def _share(asked: Asked, name: str) -> Numbers:
    """The share dt / tau by which an Euler step moves."""
    with np.errstate(over="ignore"):  # of a time constant near 0, refused below
        share = asked.dt / np.asarray(asked[name])
    if np.max(share) > 1:
        tau = float(np.min(asked[name]))
        rule = f"must be at most the shortest {name} ({tau:g} s) for an Euler step of {asked.name!r:.60}"
        raise check.fail("from_nir", "dt", rule, asked.dt)
    return even(share)


def _resets(asked: Asked) -> dict[str, Any]:
    """How a model in discrete time fires and is reset."""
    resets = asked.answers.ask("reset", asked.name)
    fields: dict[str, Any] = {"threshold": asked["v_threshold"], "inclusive": False}
    fields["resets"] = resets
    if resets == "value":
        fields["reset_value"] = asked["v_reset"]
    if resets != "none":
        fields["reset_at"] = asked.answers.ask("reset_at", asked.name)
    return fields


def _stepped(asked: Asked, model: NeuronModel, scale: Numbers = 1.0, **more: Any) -> Unit:
    """A model in discrete time: a spike of 1 is 1 or 1 / dt, and all is multiplied by `scale`."""
    spike = _spike(asked, lambda: scale / asked.dt, lambda: scale)
    return Unit(model=model, spike=spike, number=scale, drive=scale * asked.constant, **more)


def _stepped_if(asked: Asked) -> Unit:
    gain = even(asked["r"] * asked.dt)
    return _stepped(asked, DiscreteLIF(decay=1.0, gain=gain, **_resets(asked)))


def _stepped_lif(asked: Asked) -> Unit:
    fields, scale = _leaky(asked)
    return _stepped(asked, DiscreteLIF(**fields, **_resets(asked)), scale, **_rests(asked))


def _stepped_li(asked: Asked) -> Unit:
    fields, scale = _leaky(asked)
    return _stepped(asked, DiscreteLI(**fields), scale, **_rests(asked))


def _leaky(asked: Asked) -> tuple[dict[str, Any], Numbers]:
    """The fields of a leaky model, and by what its input is multiplied.

    Where there is a v_leak the input is in volts, to which v_leak is added.
    """
    share, r = _share(asked, "tau"), asked["r"]
    gain, scale = (share, r) if np.any(asked["v_leak"]) else (even(share * r), 1.0)
    return {"decay": 1.0 - share, "gain": gain}, scale


def _rests(asked: Asked) -> dict[str, Any]:
    return {"rest": asked["v_leak"], "initial": asked.starts("v")}


def _current(asked: Asked) -> dict[str, Any]:
    """What models with a current have in common in discrete time."""
    syn, mem = _share(asked, "tau_syn"), _share(asked, "tau_mem")
    old = asked.answers.ask("scheme", asked.name) == "euler"
    return {
        "decay": 1.0 - mem,
        "decay_current": 1.0 - syn,
        "gain": even(syn * asked["w_in"]),
        "response": even(mem * asked["r"]),
        "offset": even(mem * asked["v_leak"]),
        "moved_by": "old" if old else "new",
    }


def _stepped_cuba_lif(asked: Asked) -> Unit:
    model = DiscreteCubaLIF(**_current(asked), **_resets(asked))
    return _stepped(asked, model, initial=asked.starts("v"))


def _stepped_cuba_li(asked: Asked) -> Unit:
    return _stepped(asked, DiscreteCubaLI(**_current(asked)), initial=asked.starts("v"))


def _unsupported(asked: Asked, question: str, rule: str) -> UnsupportedError:
    got = asked.answers.given()[question]
    return UnsupportedError(f"from_nir.{question}: {rule} ({asked.node.owner}) (got {got!r})")


Make = Callable[[Asked], Unit]
# which all schemes solve alike
ALIKE: Final[dict[str, Make]] = {"I": _integral, "Threshold": _threshold}
EXACT: Final[dict[str, Make]] = {
    "IF": _exact_if,
    "LI": _exact_li,
    "LIF": _exact_lif,
    "CubaLI": _exact_cuba_li,
    "CubaLIF": _exact_cuba_lif,
}
STEPPED: Final[dict[str, Make]] = {
    "IF": _stepped_if,
    "LI": _stepped_li,
    "LIF": _stepped_lif,
    "CubaLI": _stepped_cuba_li,
    "CubaLIF": _stepped_cuba_lif,
}
