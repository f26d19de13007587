"""A random network as data: built as a `Network`, cut down where a fault is sought, and printed as
a script.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from typing import Any

import numpy as np

from potentia import Network, Simulator
from potentia.sim import Connectivity, NeuronModel, Rule, Stimulus, Store
from potentia.sim.description.drawn import drawn
from potentia.sim.description.rules import members


@dataclass(frozen=True)
class Units:
    name: str
    model: NeuronModel
    n: int
    initial: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Wiring:
    name: str
    pre: str
    post: str
    connectivity: Connectivity
    weight: Any
    delay: Any
    store: Store | None = None
    rule: Rule | tuple[Rule, ...] | None = None
    receptor: str | None = None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules by which it learns, in order."""
        given = self.rule if isinstance(self.rule, tuple) else (self.rule,)
        return tuple(rule for part in given for rule in members(part))


@dataclass(frozen=True)
class Drive:
    name: str
    population: str
    stimulus: Stimulus
    receptor: str | None = None


@dataclass(frozen=True)
class Look:
    target: str
    what: str
    every: float | None = None
    ids: Any = None


@dataclass(frozen=True)
class Case:
    """Everything that a run depends on.

    first, second: steps of `grid` [s] in two runs one after the other; later: for a batch in place
    of the second run, the stimuli of each sample by the names of the inputs.
    """

    seed: int
    network_seed: int
    populations: tuple[Units, ...]
    projections: tuple[Wiring, ...] = ()
    inputs: tuple[Drive, ...] = ()
    probes: tuple[Look, ...] = ()
    engine: str = "clock"
    grid: float = 1e-4
    dtype: str = "float32"
    chunk: int = 1000
    deterministic: bool = False
    first: int = 100
    second: int = 100
    later: Mapping[str, tuple[Stimulus, ...]] = field(default_factory=dict)

    @property
    def batch(self) -> int:
        return max((len(stimuli) for stimuli in self.later.values()), default=2)

    def seconds(self, steps: int) -> float:
        return steps * self.grid

    def network(self, probes: tuple[Look, ...] | None = None) -> Network:
        """The description; with other probes if given."""
        net = Network(seed=self.network_seed)
        parts: dict[str, Any] = {}
        for units in self.populations:
            parts[units.name] = net.population(
                units.model, units.n, name=units.name, initial=units.initial
            )
        for wiring in self.projections:
            own = {part.name: getattr(wiring, part.name) for part in fields(wiring)[4:]}
            ends = parts[wiring.pre], parts[wiring.post]
            parts[wiring.name] = net.connect(*ends, wiring.connectivity, name=wiring.name, **own)
        for drive in self.inputs:
            net.stimulate(
                parts[drive.population], drive.stimulus, receptor=drive.receptor, name=drive.name
            )
        for look in self.probes if probes is None else probes:
            net.probe(parts[look.target], look.what, every=look.every, ids=look.ids)
        return net

    def options(self, **changes: Any) -> dict[str, Any]:
        """What `Simulator` takes besides the network."""
        if self.engine == "event":
            return {"engine": "event", "threads": 1, **changes}
        own = {
            "dt": self.grid,
            "dtype": self.dtype,
            "chunk": self.chunk,
            "deterministic": self.deterministic,
        }
        return {"backend": "cpu", "threads": 1, **own, **changes}

    def simulator(self, probes: tuple[Look, ...] | None = None, **changes: Any) -> Simulator:
        return Simulator(self.network(probes), **self.options(**changes))

    def settled(self) -> Case:
        """The same with what models and stimuli draw in place of their distributions."""
        net = drawn(self.network())
        models = [part.model for part in net.populations]
        stimuli = [part.stimulus for part in net.inputs]
        populations = [
            replace(part, model=model) for part, model in zip(self.populations, models, strict=True)
        ]
        inputs = [
            replace(part, stimulus=stimulus)
            for part, stimulus in zip(self.inputs, stimuli, strict=True)
        ]
        return replace(self, populations=tuple(populations), inputs=tuple(inputs))

    def without(self, kind: str, index: int) -> Case:
        """The case without one of its parts, and without what hangs on it."""
        parts = getattr(self, kind)
        gone, left = parts[index], parts[:index] + parts[index + 1 :]
        case = replace(self, **{kind: left})
        if kind == "populations":
            case = replace(
                case,
                projections=tuple(w for w in case.projections if gone.name not in (w.pre, w.post)),
            )
            case = replace(case, inputs=tuple(d for d in case.inputs if d.population != gone.name))
        names = {part.name for part in (*case.populations, *case.projections)}
        driven = {drive.name for drive in case.inputs}
        return replace(
            case,
            probes=tuple(look for look in case.probes if look.target in names),
            later={name: stimuli for name, stimuli in case.later.items() if name in driven},
        )

    def script(self) -> str:
        """A program that builds the network and runs it twice."""
        lines = [
            "import numpy as np",
            "from scipy.sparse import coo_array, csr_array",
            "from potentia import *",
        ]
        lines += [
            f"from potentia.{room} import *" for room in ("hardware", "learning", "models", "sim")
        ]
        lines += [
            "from potentia.tests.fuzz.own import *",
            "",
            f"net = Network(seed={self.network_seed})",
        ]
        for units in self.populations:
            initial = f", initial={code(units.initial)}" if units.initial else ""
            lines.append(
                f"{units.name} = net.population({code(units.model)}, {units.n}, name={units.name!r}{initial})"
            )
        for wiring in self.projections:
            own = _given(wiring, 4)
            ends = f"{wiring.pre}, {wiring.post}, {code(wiring.connectivity)}"
            lines.append(f"{wiring.name} = net.connect({ends}, name={wiring.name!r}{own})")
        for drive in self.inputs:
            end = _given(drive, 3)
            lines.append(
                f"net.stimulate({drive.population}, {code(drive.stimulus)}, name={drive.name!r}{end})"
            )
        lines += [
            f"net.probe({look.target}, {look.what!r}{_given(look, 2)})" for look in self.probes
        ]
        own_options = ", ".join(f"{name}={value!r}" for name, value in self.options().items())
        lines += ["", f"sim = Simulator(net, {own_options})"]
        lines.append(f"first = sim.run({self.seconds(self.first)!r})")
        lines.append(
            f"batch = sim.run({self.seconds(self.second)!r}, inputs={code(self.later)}, batch={self.batch})"
        )
        lines.append(f"second = sim.run({self.seconds(self.second)!r})")
        return "\n".join(lines)


def _given(part: Any, skip: int) -> str:
    """The fields from number `skip` on that are not None, as further arguments."""
    given = [(own.name, getattr(part, own.name)) for own in fields(part)[skip:]]
    return "".join(f", {name}={code(value)}" for name, value in given if value is not None)


def code(value: Any) -> str:
    """A value as Python source."""
    if is_dataclass(value):
        shown = [
            own
            for own in fields(value)
            if own.init and not _is_default(own, getattr(value, own.name))
        ]
        return f"{type(value).__name__}({', '.join(f'{own.name}={code(getattr(value, own.name))}' for own in shown)})"
    if hasattr(value, "tocoo"):
        table = value.tocoo()
        entries = f"({code(table.data)}, ({code(table.row)}, {code(table.col)}))"
        return f"{value.format}_array({entries}, shape={table.shape})"
    if isinstance(value, np.ndarray):
        dtype = (
            ""
            if value.dtype in (np.float64, np.int64) and value.size
            else f", {str(value.dtype)!r}"
        )
        return f"np.array({value.tolist()!r}{dtype})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {code(part)}' for key, part in value.items())}}}"
    if isinstance(value, tuple):
        return f"({''.join(f'{code(part)}, ' for part in value)})"
    value = value.item() if isinstance(value, np.generic) else value
    return (
        f"float({str(value)!r})"
        if isinstance(value, float) and not np.isfinite(value)
        else repr(value)
    )


def _is_default(own: Any, value: Any) -> bool:
    default = (
        own.default_factory()
        if own.default is MISSING and own.default_factory is not MISSING
        else own.default
    )
    return (
        type(value) is type(default)
        and np.ndim(value) == 0
        and not is_dataclass(value)
        and value == default
    )
