"""The description of a network: populations, projections, stimuli and probes.

Nothing here computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from ...errors import CapacityError, NetworkError, one_line
from .. import conversion
from .. import validation as check
from ..conversion import shown
from ..outline import Outline, Section
from ..seed import check_seed
from .connectivity import MOST_UNITS, Connectivity
from .distributions import Distribution
from .inputs import Stimulus
from .neuron import NeuronModel, complete
from .parts import Input, Population, Probe, Projection, modulators_of, spikes_only
from .plausibility import check_model
from .register import Register, stamp_of
from .rule import Rule
from .rules import members, one_of_several
from .store import Ideal, Store

DEFAULT_DELAY: Final = 1e-3  # [s]
MAX_NAME: Final = 100
PARTS: Final = ("populations", "projections", "inputs", "probes")  # the lists of a network


class Network:
    """A network under description; hand it to a `Simulator` to run it.

    seed: of every random draw, ``0 <= seed < 2**64``. The same description and seed make the same
    network and, on any machine, thread count and chunking, the same spikes.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = check_seed(self, seed)
        self.populations: list[Population] = []
        self.projections: list[Projection] = []
        self.inputs: list[Input] = []
        self.probes: list[Probe] = []
        self._register = Register()

    def population(
        self,
        model: NeuronModel,
        n: int,
        *,
        name: str | None = None,
        initial: Mapping[str, float | ArrayLike | Distribution] | None = None,
    ) -> Population:
        """Add `n` units of `model`.

        initial: where state variables start, by name: a number, one per unit, or a distribution;
        those not named start as the model says. Raises ParameterError for n < 1, a bad name or what
        does not fit the model or its units, NetworkError for a name that is taken.
        """
        if not isinstance(model, NeuronModel):
            raise check.fail(self, "population", "model must be a NeuronModel such as LIF()", model)
        n = check.whole(self, "population n", n, least=1)
        if n > MOST_UNITS:
            raise CapacityError(
                f"Network.population n: must be at most {MOST_UNITS} in one population (got {n})"
            )
        complete(model)
        model.fits(n)
        check_model(model)
        starts = _starts(self, model, n, {} if initial is None else initial)
        made = Population(self._name("population", name, "population"), model, n, starts)
        self._add(made, self.populations)
        return made

    def connect(
        self,
        pre: Population,
        post: Population,
        connectivity: Connectivity,
        *,
        weight: float | ArrayLike | Distribution | None = None,
        delay: float | ArrayLike | Distribution = DEFAULT_DELAY,
        store: Store | None = None,
        rule: Rule | Sequence[Rule] | None = None,
        receptor: str | None = None,
        name: str | None = None,
    ) -> Projection:
        """Add synapses from `pre` to `post`.

        weight: in the receptor's unit: a number, one per synapse, or a distribution; None takes the
        weights that the connectivity brings along. delay [s], likewise, at least one step of the
        clock engine. store: where the weights live, `Ideal` if None. rule: by which they change;
        several, given as a tuple, change them one after the other (`Rules`). receptor: None chooses
        by the sign of the weights where the model has two; one of the model's, or a modulator of a
        rule that is already on a projection to `post`. A population that sends numbers
        (`NeuronModel.sends`) adds weight * number in every step: to the drive of `post` if receptor
        is None, else to that receptor.
        """
        store = Ideal() if store is None else store
        for role, population in (("pre", pre), ("post", post)):
            self._mine(f"connect {role}", population, Population)
        for role, value, kind, example in (
            ("connectivity", connectivity, Connectivity, "FixedProbability(0.1)"),
            ("store", store, Store, "Ideal()"),
        ):
            if not isinstance(value, kind):
                raise check.fail(
                    self, f"connect {role}", f"must be a {kind.__name__} such as {example}", value
                )
        rule = one_of_several(self, "connect rule", rule)
        for one in members(rule):
            sent = "spikes" if pre.model.sends is None else "numbers"
            if sent not in one.watches:
                wanted = f"must be None or have {sent!r} in watches, as {pre.name} sends {sent}"
                raise check.fail(self, "connect rule", wanted, one)
        self._receptor("connect receptor", post, receptor, rule)
        weight = connectivity.default_weight if weight is None else weight
        weight = None if weight is None else _values(self, "connect weight", weight)
        delay = _values(self, "connect delay", delay, least=0.0)
        name = self._name("projection", name, f"{pre.name}->{post.name}")
        made = Projection(name, pre, post, connectivity, weight, delay, store, rule, receptor)
        self._add(made, self.projections)
        return made

    def stimulate(
        self,
        population: Population,
        stimulus: Stimulus,
        *,
        receptor: str | None = None,
        name: str | None = None,
    ) -> Input:
        """Drive `population`; spikes go to `receptor` (the first if None).

        A batch run replaces stimuli by `name`.
        """
        self._mine("stimulate", population, Population)
        if not isinstance(stimulus, Stimulus):
            raise check.fail(
                self, "stimulate", "stimulus must be a Stimulus such as Constant(18e-3)", stimulus
            )
        stimulus.fits(population.n)
        self._receptor("stimulate receptor", population, receptor)
        spikes_only(population, stimulus, receptor)
        made = Input(
            self._name("input", name, f"{population.name}.input"), population, stimulus, receptor
        )
        self._add(made, self.inputs)
        return made

    def probe(
        self,
        target: Population | Projection,
        what: str,
        *,
        every: float | None = None,
        ids: ArrayLike | None = None,
    ) -> Probe:
        """Record `what` of `target`.

        Of a population: "spikes"; "counts", spikes per unit and interval; "rate", the population's
        [Hz]; or a state variable. Of a projection: "weights". every [s] between samples: dt for
        state variables, 1 ms for "rate", 10 ms for "counts" and 100 ms for "weights" if None;
        spikes have none. ids: which units to record, by index or as a mask, or of "weights" which
        synapses by index; all if None. A rate is then that of these units.
        """
        if isinstance(target, Projection):
            self._mine("probe", target, Projection)
            check.one_of(self, "probe what", what, ["weights"])
        else:
            self._mine("probe", target, Population)
            check.one_of(
                self, "probe what", what, ["spikes", "counts", "rate", *target.model.state]
            )
        units = (
            None
            if ids is None
            else _chosen(self, ids, target.n if isinstance(target, Population) else None)
        )
        if every is not None:
            if what == "spikes":
                rule = "must be None: spikes are recorded as they happen, 'counts' and 'rate' by intervals"
                raise check.fail(self, "probe every", rule, every)
            every = check.within(self, "probe every", every, above=0.0, unit="s")
        made = Probe(target, what, every, units)
        if not self._known().record(made.name):
            raise NetworkError(f"Network.probe: {made.name} is recorded already")
        self._add(made, self.probes)
        return made

    def copy(self) -> Network:
        """The description as it stands now; its parts, which never change, are shared."""
        copy = Network(seed=self.seed)
        for title in PARTS:
            getattr(copy, title).extend(getattr(self, title))
        return copy

    __copy__ = copy

    def __str__(self) -> str:
        lines = [f"Network, seed {self.seed}"]
        for title in PARTS:
            members = getattr(self, title)
            lines += [f"{title}:"] * bool(members) + [f"  {member}" for member in members]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self._outline())

    def _repr_html_(self) -> str:
        """The description as tables, for notebooks."""
        return self._outline().html()

    def _outline(self) -> Outline:
        return Outline(f"Network, seed {self.seed}", parts_of(self))

    def _name(self, kind: str, name: str | None, default: str) -> str:
        """A valid name that no other part of this kind bears.

        The default gets a number where needed.
        """
        if name is None:
            return self._known().number(default)
        if (
            not isinstance(name, str)
            or not name
            or len(name) > MAX_NAME
            or not name.isprintable()
            or name in (".", "..")
        ):
            raise check.fail(
                self, f"{kind} name", f"must be 1 to {MAX_NAME} printable characters", name
            )
        if "/" in name or "." in name:
            raise check.fail(
                self,
                f"{kind} name",
                "must not contain '/' or '.', which separate names in files",
                name,
            )
        if not self._known().take(str(name)):
            raise NetworkError(f"Network.{kind}: the name {name!r} is taken")
        return str(name)

    def _add(self, part: Any, members: list[Any]) -> None:
        members.append(part)
        self._register.parts.add(part)
        self._register.stamp = stamp_of(self._lists())

    def _lists(self) -> tuple[list[Any], ...]:
        return self.populations, self.projections, self.inputs, self.probes

    def _known(self) -> Register:
        """The register, made anew where the lists were changed by others or are those of a copy."""
        stamp = stamp_of(self._lists())
        if stamp != self._register.stamp:
            parts = (*self.populations, *self.projections, *self.inputs)
            self._register = Register(parts, self.probes, stamp)
        return self._register

    def _mine(self, field: str, part: Any, kind: type) -> None:
        if not isinstance(part, kind) or part not in self._known().parts:
            members = self.populations if kind is Population else self.projections
            known = check.listed([member.name for member in members]) or "none yet"
            raise NetworkError(
                f"Network.{field}: must be a {kind.__name__.lower()} of this network ({known}) (got {_told(part)})"
            )

    def _receptor(
        self, field: str, population: Population, receptor: str | None, rule: Rule | None = None
    ) -> None:
        """Refuse a receptor that the population does not have.

        It is one of the model's, or a modulator of a rule on the way to the population.
        """
        own = population.model.receptors
        for one in members(rule):
            for name in one.modulators:
                if name in own or name in population.model.state:
                    raise check.fail(
                        one,
                        "modulators",
                        f"must be none of {population.name}'s own variables",
                        name,
                    )
        if receptor is not None and not (isinstance(receptor, str) and receptor in own):
            check.one_of(
                self, field, receptor, [*own, *modulators_of(population, self.projections)]
            )


def parts_of(network: Network) -> dict[str, Section]:
    """The parts of a network as the sections of an outline."""
    return {title: (getattr(network, title), str) for title in PARTS}


def _starts(owner: object, model: NeuronModel, n: int, initial: Any) -> dict[str, Any]:
    """Initial values as given, once they are known to fit the model and its `n` units."""
    initial = check.mapping(owner, "population initial", initial, "{'v': 0.01}")
    known = [variable for variable, dtype in model.state.items() if dtype == "float"]
    starts: dict[str, Any] = {}
    for variable, value in initial.items():
        check.one_of(owner, "population initial", variable, known)
        starts[variable] = _values(owner, f"population initial {variable}", value)
        if np.ndim(starts[variable]) and np.shape(starts[variable]) != (n,):
            rule = f"must be one number or one per unit ({n})"
            raise check.fail(
                owner, f"population initial {variable}", rule, f"shape {np.shape(starts[variable])}"
            )
    return starts


def _chosen(owner: object, ids: Any, n: int | None) -> tuple[int, ...]:
    """Which of `n` units, or of the synapses yet to be drawn where that is None.

    Indices; of units also a mask.
    """
    mask = conversion.mask(ids)
    if mask is not None and n is None:
        raise check.fail(
            owner, "probe ids", "of weights must be indices, as no synapse is drawn yet", "a mask"
        )
    if mask is not None and mask.size != n:
        raise check.fail(
            owner, "probe ids", f"must be indices or a mask of {n} units", f"a mask of {mask.size}"
        )
    chosen = np.atleast_1d(
        check.index_array(
            owner, "probe ids", ids if mask is None else np.flatnonzero(mask), below=n
        )
    )
    if chosen.ndim > 1:
        raise check.fail(owner, "probe ids", "must have 1 dimension", f"shape {chosen.shape}")
    if not chosen.size:
        raise check.fail(owner, "probe ids", "must name at least one, or be None for all", ids)
    if np.unique(chosen).size < chosen.size:
        raise check.fail(owner, "probe ids", "must name none twice", chosen.tolist())
    return tuple(chosen.tolist())


def _values(owner: object, field: str, value: Any, **limits: Any) -> Any:
    """Weights or delays as given, once they are known to be finite."""
    if isinstance(value, Distribution):
        return value
    return check.per_unit(owner, field, value, **limits)


def _told(part: Any) -> str:
    """A part by its name, anything else as messages show values."""
    return one_line(str(part), 80) if isinstance(part, (Population, Projection)) else shown(part)
