"""Models of ours as NIR's neurons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedError
from ...sim import validation as check
from ...sim.description.distributions import Distribution, numbers
from ...sim.description.neuron import NeuronModel
from ...sim.description.parts import Population
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

Numbers = Any  # float | NDArray[np.float64], one per unit


@final
@dataclass(frozen=True, kw_only=True)
class Written:
    """A population as a node.

    spike and number: by what a weight is multiplied for spikes and for numbers, None where NIR has
    no such edge. bias: what must reach the node always. answers: to the questions of `from_nir`.
    """

    type: str
    parameters: dict[str, Numbers]
    spike: Numbers | None
    number: Numbers | None
    bias: Numbers = 0.0
    answers: dict[str, str] = field(default_factory=dict)


@final
@dataclass(frozen=True, kw_only=True)
class Asking:
    """What a node is written from.

    dirac: whether spikes are impulses; given: the dt [s], if any; constant: the current from
    outside; receptors: those that projections reach; numbers: whether some of them bring numbers.
    """

    population: Population
    dirac: bool
    given: float | None
    constant: Numbers
    receptors: frozenset[str]
    numbers: bool

    def __getitem__(self, name: str) -> Numbers:
        return getattr(self.population.model, name)

    @property
    def dt(self) -> float:
        if self.given is None:
            name = self.population.name
            rule = f"must be a time in s, as the neurons of {name!r:.60} depend on the step"
            raise check.fail("to_nir", "dt", rule, None)
        return self.given

    @property
    def current(self) -> Numbers:
        """Where the current of an exact model starts."""
        start = self.population.initial.get("g_e", 0.0)
        return 0.0 if isinstance(start, Distribution) else np.asarray(start, np.float64)

    def refuse(self, what: str) -> UnsupportedError:
        return UnsupportedError(
            f"to_nir: NIR cannot say {what} (population {self.population.name!r})"
        )


def written(asking: Asking) -> Written:
    """The node of a population. Raises UnsupportedError for what NIR cannot say."""
    model = asking.population.model
    make = MODELS.get(type(model))
    if make is None:
        known = ", ".join(kind.__name__ for kind in MODELS)
        raise asking.refuse(f"what {type(model).__name__} is, only {known}")
    if np.any(getattr(model, "refractory", 0.0)):
        raise asking.refuse("that neurons are refractory")
    return make(asking)


def passes(model: NeuronModel) -> bool:
    """Whether units send in each step what they get in it."""
    if not isinstance(model, DiscreteLI):
        return False
    decay, gain, offset = (numbers(value) for value in (model.decay, model.gain, model.offset))
    return not np.any(decay) and bool(np.all(gain == 1.0)) and not np.any(offset)


def _below(threshold: Numbers) -> Numbers:
    """The threshold of a node that fires above it, for a model that fires at it."""
    return np.nextafter(threshold, -np.inf)


def _fires(asking: Asking) -> dict[str, Numbers]:
    return {"v_threshold": _below(asking["threshold"]), "v_reset": asking["reset"]}


STEPPED: Final = "euler or semi-implicit"  # for a model that both step alike
VALUE: Final = {"scheme": "exact", "reset": "value"}


def _area(asking: Asking, tau: Numbers) -> Numbers:
    """The r with which a spike of 1 adds 1 to v."""
    return np.asarray(tau) if asking.dirac else 1 / -np.expm1(-asking.dt / np.asarray(tau))


def _lif(asking: Asking) -> Written:
    r = _area(asking, asking["tau"])
    fields = {"tau": asking["tau"], "r": r, "v_leak": asking.constant, **_fires(asking)}
    return Written(type="LIF", parameters=fields, spike=1.0, number=1 / r, answers=VALUE)


def _if(asking: Asking) -> Written:
    r = 1.0 if asking.dirac else 1 / asking.dt
    fields = {"r": r, **_fires(asking)}
    bias = asking.constant / r
    return Written(type="IF", parameters=fields, spike=1.0, number=1 / r, bias=bias, answers=VALUE)


def _integral(asking: Asking) -> Written:
    r = 1.0 if asking.dirac else 1 / asking.dt
    return Written(type="I", parameters={"r": r}, spike=1.0, number=1 / r, bias=asking.constant / r)


def _rate(asking: Asking) -> Written:
    if asking["activation"] != "linear":
        raise asking.refuse(f"the activation {asking['activation']!r}, only 'linear'")
    gain, area = asking["gain"], _area(asking, asking["tau"])
    r = gain if asking.numbers and np.all(gain) else area
    fields = {"tau": asking["tau"], "r": r, "v_leak": gain * (asking.constant - asking["offset"])}
    return Written(
        type="LI",
        parameters=fields,
        spike=area / r,
        number=gain / r,
        answers={"scheme": "exact"},
    )


def _cuba(asking: Asking, kind: str, tau: Numbers, tau_syn: Numbers, **more: Any) -> Written:
    if not asking.dirac and asking.receptors:
        raise asking.refuse("what a spike of height one does to a current that is solved exactly")
    fields = {"tau_mem": tau, "tau_syn": tau_syn, "r": 1.0, "w_in": tau_syn}
    # a current that starts at g fades as one that rises from 0 to -g does, above a v_leak less by it
    fields |= {"v_leak": asking.constant + asking.current, **more}
    return Written(
        type=kind,
        parameters=fields,
        spike=1.0,
        number=None,
        bias=-asking.current / np.asarray(tau_syn),
        answers=VALUE if more else {"scheme": "exact"},
    )


def _cuba_lif(asking: Asking) -> Written:
    used = asking.receptors or {"excitatory"}
    used = used | {"excitatory"} if np.any(asking.current) else used
    if len(used) > 1 and np.any(asking["tau_excitatory"] != asking["tau_inhibitory"]):
        raise asking.refuse("that a neuron has two currents with different time constants")
    tau_syn = asking["tau_excitatory" if "excitatory" in used else "tau_inhibitory"]
    return _cuba(asking, "CubaLIF", asking["tau"], tau_syn, **_fires(asking))


def _cuba_li(asking: Asking) -> Written:
    return _cuba(asking, "CubaLI", asking["tau"], asking["tau_current"])


def _discrete_fires(asking: Asking) -> tuple[dict[str, Numbers], dict[str, str]]:
    """Threshold, reset, and the answers to what a reset does and when."""
    threshold, resets = asking["threshold"], asking["resets"]
    above = _below(threshold) if asking["inclusive"] else threshold
    reset = asking["reset_value"] if resets == "value" else np.minimum(0.0, above)
    answers = {"reset": resets}
    if resets != "none":
        answers["reset_at"] = asking["reset_at"]
    return {"v_threshold": above, "v_reset": reset}, answers


def _tau(asking: Asking, decay: Numbers) -> Numbers:
    """The time constant of which an Euler step leaves `decay`."""
    return asking.dt / (1 - np.asarray(decay))


def _height(asking: Asking) -> float:
    """What a weight is multiplied by, where a spike of 1 counts as 1 in a step."""
    return asking.dt if asking.dirac else 1.0


def _discrete_lif(asking: Asking) -> Written:
    if asking["resets"] == "none" and passes(DiscreteLI(**_leaks(asking))):
        return _threshold(asking)
    fires, answers = _discrete_fires(asking)
    return _discrete(asking, "IF", "LIF", fires, answers)


def _leaks(asking: Asking) -> dict[str, Numbers]:
    return {name: asking[name] for name in ("decay", "gain", "offset")}


def _threshold(asking: Asking) -> Written:
    """A neuron that keeps nothing and is not reset."""
    if asking.dirac and asking.receptors:
        raise asking.refuse("which impulses are above a threshold; give spike='one'")
    above = _below(asking["threshold"]) if asking["inclusive"] else asking["threshold"]
    return Written(
        type="Threshold",
        parameters={"threshold": above},
        spike=1.0,
        number=1.0,
        bias=asking.constant,
    )


def _discrete_li(asking: Asking) -> Written:
    return _discrete(asking, "I", "LI", {}, {})


def _discrete(
    asking: Asking, without: str, leaky: str, more: dict[str, Numbers], answers: dict[str, str]
) -> Written:
    """A model without a leak, where a step leaves all of v, or with one."""
    decay, gain, offset = np.asarray(asking["decay"]), asking["gain"], asking["offset"]
    if np.all(decay == 1):
        if np.any(offset):
            raise asking.refuse("that a neuron without a leak rises by itself")
        kind, fields = without, {"r": gain / asking.dt}
    elif np.any(decay == 1):
        raise asking.refuse("that some neurons of a population have a leak and others have none")
    else:
        tau = _tau(asking, decay)
        share = asking.dt / tau
        kind, fields = leaky, {"tau": tau, "r": gain / share, "v_leak": offset / share}
    return Written(
        type=kind,
        parameters=fields | more,
        spike=_height(asking),
        number=1.0,
        bias=asking.constant,
        answers={"scheme": STEPPED} | answers,
    )


def _discrete_cuba_lif(asking: Asking) -> Written:
    fires, answers = _discrete_fires(asking)
    return _discrete_cuba(asking, "CubaLIF", fires, answers)


def _discrete_cuba_li(asking: Asking) -> Written:
    return _discrete_cuba(asking, "CubaLI", {}, {})


def _discrete_cuba(
    asking: Asking, kind: str, more: dict[str, Numbers], answers: dict[str, str]
) -> Written:
    if np.any(asking["decay"] == 1) or np.any(asking["decay_current"] == 1):
        raise asking.refuse("that a neuron with a current has no leak")
    mem, syn = _tau(asking, asking["decay"]), _tau(asking, asking["decay_current"])
    fields = {
        "tau_mem": mem,
        "tau_syn": syn,
        "r": asking["response"] / (asking.dt / mem),
        "w_in": asking["gain"] / (asking.dt / syn),
        "v_leak": asking["offset"] / (asking.dt / mem),
    }
    scheme = "euler" if asking["moved_by"] == "old" else "semi-implicit"
    return Written(
        type=kind,
        parameters=fields | more,
        spike=_height(asking),
        number=1.0,
        bias=asking.constant,
        answers={"scheme": scheme} | answers,
    )


def shaped(values: Numbers, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Parameters as an array of the shape of a node."""
    array = np.asarray(values, np.float64)
    return array.reshape(shape) if array.ndim else np.full(shape, float(array))


MODELS: Final[dict[type[NeuronModel], Callable[[Asking], Written]]] = {
    LIF: _lif,
    IF: _if,
    CubaLIF: _cuba_lif,
    LeakyRate: _rate,
    CubaLI: _cuba_li,
    Integral: _integral,
    DiscreteLIF: _discrete_lif,
    DiscreteLI: _discrete_li,
    DiscreteCubaLIF: _discrete_cuba_lif,
    DiscreteCubaLI: _discrete_cuba_li,
}
