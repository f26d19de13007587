"""Random projections: every connectivity, weights and delays of every form, receptors, stores and
rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array

from potentia.learning import STDP
from potentia.models import CobaLIF
from potentia.sim import (
    AllToAll,
    Connectivity,
    DistanceDependent,
    Distribution,
    Explicit,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    FromSparse,
    Ideal,
    OneToOne,
    Procedural,
    Rules,
    ScaleFree,
    SmallWorld,
    Store,
)
from potentia.sim.seed import stream_key

from .case import Units, Wiring
from .crossbars import crossbar
from .dice import Dice
from .units import MODELS

CONNECTIVITIES: tuple[type[Connectivity], ...] = (
    AllToAll,
    DistanceDependent,
    Explicit,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    FromSparse,
    OneToOne,
    SmallWorld,
)
STORES: tuple[type[Store], ...] = (Ideal, Procedural)  # and Crossbar, see `crossbars`


class Wirer:
    """Draws one projection; low, high: its weights, of which only `magnitude` occurs if that is
    given.
    """

    def __init__(self, dice: Dice, pre: Units, post: Units, name: str, seed: int) -> None:
        self.dice, self.pre, self.post, self.name, self.seed = dice, pre, post, name, seed
        self.recurrent = pre is post
        ranges, model = MODELS[type(post.model)], post.model
        self.receptor = dice.pick(model.receptors) if dice.chance(0.5) else None
        sign = 1.0 if not ranges.signed else dice.pick([1.0, 1.0, 1.0, -1.0])
        ends = sorted(
            [0.0 if dice.chance(0.1) else 0.1 * sign * ranges.weight, sign * ranges.weight]
        )
        if ranges.signed and (self.receptor or len(model.receptors) == 1) and dice.chance(0.25):
            ends = [-ranges.weight, ranges.weight]
        self.low, self.high = ends
        self.magnitude: float | None = None
        self.distinct = False  # no two synapses may join the same units

    def wiring(self, grid: float, *, event: bool, teaches: bool) -> Wiring:
        """A projection; teaches: whether it may have a rule."""
        dice = self.dice
        more = ["learning"] * teaches if event else ["crossbar", "learning", "learning"]
        kind = dice.pick(["ideal", "ideal", "bits", "procedural", *more])
        if kind == "procedural":
            return self.procedural(grid)
        store = rule = None
        learns = kind == "learning"
        if kind == "crossbar" or (kind == "learning" and not event and dice.chance(0.5)):
            coba = isinstance(self.post.model, CobaLIF)
            store = crossbar(
                dice, learns=learns, random_signs=self.receptor is not None and not coba
            )
            self.distinct = store.wires is not None
            if not store.device.graded:
                self.magnitude = dice.number(*sorted([0.2 * self._top, self._top]))
        elif kind == "bits":
            store = Ideal(bits=dice.pick([1, 2, 4, 8, 16]))
        elif dice.chance(0.5):
            store = Ideal()
        connectivity = self._connectivity(dice.pick(CONNECTIVITIES))
        n = len(self._edges(connectivity))
        weight = None if isinstance(connectivity, FromSparse) else self._weight(n)
        if learns and n:
            rule = self._rule(connectivity.matrix if weight is None else weight)
        if learns and rule is None:
            store = None
        delay = self._delay(grid, n, event=event)
        return self._made(connectivity, weight, delay, store, self._several(rule))

    @property
    def _top(self) -> float:
        return max(abs(self.low), abs(self.high))

    def _made(
        self, connectivity: Connectivity, weight: Any, delay: Any, store: Any, rule: Any
    ) -> Wiring:
        return Wiring(
            self.name,
            self.pre.name,
            self.post.name,
            connectivity,
            weight,
            delay,
            store,
            rule,
            self.receptor,
        )

    def procedural(self, grid: float) -> Wiring:
        """Synapses that are drawn again whenever they are needed."""
        dice = self.dice
        k, autapses = dice.whole(0, 6), self._autapses()
        if self.post.n == 1 and self.recurrent and not autapses.get("autapses", True):
            k = 0
        connectivity: Any = (
            FixedOutDegree(k, **autapses) if dice.chance(0.5) else FixedTotal(3 * k, **autapses)
        )
        weight: Any = (
            dice.law(self.low, self.high) if dice.chance(0.6) else dice.number(self.low, self.high)
        )
        delay: Any = (
            dice.whole(1, 30) * grid if dice.chance(0.5) else dice.law(0.5 * grid, 40 * grid)
        )
        store = dice.made(Procedural, bits=lambda: dice.pick([1, 2, 4, 16]))
        return self._made(connectivity, weight, delay, store, None)

    def _edges(self, connectivity: Connectivity) -> Any:
        key = stream_key(self.seed, "connectivity", self.name)
        return connectivity.edges(self.pre.n, self.post.n, key, recurrent=self.recurrent)

    def _autapses(self) -> dict[str, bool]:
        return {"autapses": self.dice.chance(0.5)} if self.dice.chance(0.5) else {}

    def _connectivity(self, kind: type[Connectivity]) -> Connectivity:
        dice, n_pre, n_post = self.dice, self.pre.n, self.post.n
        if kind is OneToOne and n_pre != n_post:
            kind = AllToAll
        if kind is SmallWorld and not self.recurrent:
            kind = FixedProbability
        own = self._autapses()
        makers: dict[type[Connectivity], Callable[[], Connectivity]] = {
            AllToAll: lambda: AllToAll(**own),
            OneToOne: OneToOne,
            DistanceDependent: self._grid,
            FixedProbability: lambda: FixedProbability(dice.pick([0.0, 0.1, 0.3, 0.7, 1.0]), **own),
            SmallWorld: self._graph,
            Explicit: self._explicit,
            FromSparse: lambda: FromSparse(self._matrix()),
        }
        skip = self.recurrent and not own.get("autapses", True)
        return makers[kind]() if kind in makers else self._degrees(kind, own, skip)

    def _graph(self) -> Connectivity:
        dice, n = self.dice, self.pre.n
        ring = SmallWorld(2 * dice.whole(0, min(n - 1, 8) // 2), dice.pick([0.0, 0.3, 1.0]))
        own = Dice(stream_key(self.seed, "scale free", self.name))  # all else stays as it was
        return ScaleFree(own.whole(0, min(n - 1, 4))) if own.chance(0.5) else ring

    def _explicit(self) -> Explicit:
        n_pre, n_post = self.pre.n, self.post.n
        pairs = self.dice.rng.integers(0, n_pre * n_post, self.dice.whole(0, 20))
        pairs = self.dice.rng.permutation(np.unique(pairs)) if self.distinct else pairs
        return Explicit(pairs // n_post, pairs % n_post)

    def _degrees(self, kind: Any, own: dict[str, bool], skip: bool) -> Connectivity:
        """FixedInDegree, FixedOutDegree or FixedTotal with as many as there are to choose from."""
        dice, n_pre, n_post = self.dice, self.pre.n, self.post.n
        if self.distinct or dice.chance(0.5):
            own = own | {"multapses": not self.distinct and dice.chance(0.5)}
        choices = {
            FixedInDegree: n_pre - skip,
            FixedOutDegree: n_post - skip,
            FixedTotal: n_pre * (n_post - skip),
        }
        most = choices[kind]
        count = dice.whole(0, min(most, 30 if kind is FixedTotal else 6))
        if most and own.get("multapses", True):
            count = dice.whole(0, 30 if kind is FixedTotal else 8)
        return kind(count, **own)  # type: ignore[no-any-return]

    def _grid(self) -> DistanceDependent:
        dice = self.dice
        cells = max(self.pre.n, self.post.n) + dice.whole(0, 5)
        shape = (dice.whole(1, 4), dice.whole(1, 2), 0)
        shape = (*shape[:2], -(-cells // (shape[0] * shape[1])))

        def places(n: int) -> Any:
            total = shape[0] * shape[1] * shape[2]
            return dice.rng.integers(0, total, n) if dice.chance(0.5) else dice.whole(0, total - n)

        return dice.made(
            DistanceDependent,
            shape=lambda: shape,
            peak=lambda: dice.pick([0.1, 0.6, 1.0]),
            length=lambda: dice.pick([0.7, 1.0, 5.0]),
            pre_cells=lambda: places(self.pre.n),
            post_cells=lambda: places(self.post.n),
            autapses=lambda: True,
        )

    def _matrix(self) -> Any:
        dice, shape = self.dice, (self.pre.n, self.post.n)
        n = dice.whole(0, min(20, shape[0] * shape[1]))
        rows, columns = (dice.rng.integers(0, size, n) for size in shape)
        if self.magnitude is not None:  # repeated entries would add up
            places = np.unique(rows * shape[1] + columns)
            rows, columns = places // shape[1], places % shape[1]
        table = coo_array((self._numbers(rows.size), (rows, columns)), shape=shape)
        return dice.pick([table, csr_array(table), table.toarray()])

    def _numbers(self, n: int) -> Any:
        if self.magnitude is not None:
            signs = [sign for sign in (-1.0, 1.0) if self.low <= sign * self.magnitude <= self.high]
            return self.magnitude * np.array([self.dice.pick(signs) for _ in range(n)])
        return self.dice.array(self.low, self.high, n)

    def _weight(self, n: int) -> Any:
        """One number, one per synapse or a law."""
        form = self.dice.pick(["number", "array", "law"])
        if form == "array" or (form == "law" and self.magnitude is not None):
            return self._numbers(n)
        if form == "law":
            return self.dice.law(self.low, self.high)
        return float(self._numbers(1)[0])

    def _delay(self, grid: float, n: int, *, event: bool) -> Any:
        """One number, one per synapse or a law; under the event engine on a grid of 1 us, where 0
        is a delay too.
        """
        dice = self.dice
        form = dice.pick(["number", "array", "law", "default"])
        if form == "law":
            return dice.law(0.5 * grid, dice.pick([3, 60]) * grid)
        steps: Any = dice.whole(1, 50)
        if form == "array":
            steps = dice.rng.integers(1, dice.pick([3, 50]), n, endpoint=True)
        elif form == "default":
            steps = round(1e-3 / grid)
        if event and dice.chance(0.5):
            return np.round(steps * dice.number(0.1, 1.0) * grid, 6) + 1e-6 * dice.chance(0.5)
        return steps * grid

    def _several(self, rule: STDP | None) -> STDP | Rules | None:
        """Now and then a second rule, with the same bounds, after the first."""
        dice = Dice(stream_key(self.seed, "several", self.name))  # all else stays as it was
        if rule is None or not dice.chance(0.2):
            return rule
        taus = {name: dice.number(2e-3, 40e-3) for name in ("tau_plus", "tau_minus")}
        return Rules(rules=(rule, replace(rule, **taus)))

    def _rule(self, weight: Any) -> STDP | None:
        """A rule whose bounds hold the initial weights; None where they are all 0."""
        dice = self.dice
        if isinstance(weight, Distribution):
            low, high = self.low, self.high
        else:
            table = np.asarray(weight.toarray() if hasattr(weight, "toarray") else weight)
            low, high = float(table.min(initial=0.0)), float(table.max(initial=0.0))
        if low == high == 0:
            return None
        span = max(abs(low), abs(high))
        signs = MODELS[type(self.post.model)].signed
        needs_low, needs_high = low < 0, high <= 0 or isinstance(weight, Distribution)
        own: dict[str, float] = {}
        if needs_low or (signs and dice.chance(0.3)):
            own["w_min"] = low - dice.pick([0.0, 0.5]) * span * signs
        if needs_high or dice.chance(0.5):
            own["w_max"] = max(high, own.get("w_min", 0.0)) + dice.pick([0.1, 1.0]) * span
        for name, least, most in (
            ("tau_plus", 2e-3, 40e-3),
            ("tau_minus", 2e-3, 40e-3),
            ("a_plus", 0.0, 0.3 * span),
            ("a_minus", -0.1 * span, 0.3 * span),
        ):
            if dice.chance(0.5):
                own[name] = dice.number(least, most)
        return STDP(**own)
