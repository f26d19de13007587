"""Populations that reach each other, or one that nobody leads back to, through a span of time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch

from ..description.tensor_store import Moment
from .convolved import ConvolvedWiring
from .course import LEARNED, PAST, Course, Span, Turned, whole
from .learning import Instant, Learning
from .plastic import WEIGHTS, PlasticWiring
from .ring import Buffer, Rows
from .stored import StoredWiring
from .units import Units
from .wiring import Wiring

Place = tuple[str, str | None]  # a population and one of its receptors, None for its drive
Static = Wiring | StoredWiring | ConvolvedWiring
Synapses = Static | PlasticWiring


class Group:
    """Units that are stepped together, and what reaches them.

    exact: see `TensorNetwork`. matrices: of all wirings, where not exact. learning: what rules do
    in a step. What comes from outside of the group is known for the whole span before its first
    step. At a place that members of the group or projections that learn reach too, it is added step
    by step from the first of these on, as the clock engine adds in the order of projections.
    """

    def __init__(
        self,
        units: Mapping[str, Units],
        wirings: Collection[Synapses],
        matrices: Mapping[str, Any],
        learning: Learning,
        *,
        exact: bool,
    ) -> None:
        self.units, self.matrices, self.exact = units, matrices, exact
        self.learning = learning
        self.early: dict[Place, list[Static]] = {}
        self.late: dict[Place, list[Synapses]] = {}
        for part in wirings:
            if part.post.name not in units:
                continue
            place = (part.post.name, part.receptor)
            waits = place in self.late or part.pre.name in units
            if waits or isinstance(part, PlasticWiring):
                self.late.setdefault(place, []).append(part)
            else:
                self.early.setdefault(place, []).append(part)
        self.numbers = {name: own.numbers() for name, own in units.items()}

    def run(self, span: Span, course: Course, wanted: Collection[tuple[str, str]]) -> None:
        """Carry all members through a span; what comes of it is added to `course`."""
        known = self._known(span, course)
        if not self.late and self._whole(span, course, wanted, known):
            return
        known = {place: whole(value, span.steps) for place, value in known.items()}
        late = {part.pre.name for parts in self.late.values() for part in parts}
        rings = {name: self._ring(name, span, course) for name in {*self.units, *late}}
        seen: dict[tuple[str, str], list[torch.Tensor]] = {
            place: [] for place in wanted if place[0] in self.units
        }
        for t in range(span.steps):
            reached = {
                place: self._now(place, t, known, rings, span, course)
                for place in {**known, **self.late}
            }
            for name, units in self.units.items():
                own = {
                    key: value
                    for (post, key), value in reached.items()
                    if post == name and key and value is not None
                }
                state, drive = course.state[name], reached[name, None]
                what, step = self.numbers[name], span.start + t
                sending, course.state[name] = units.step(
                    what, state, own, drive, step, span.samples
                )
                rings[name].put(sending)
            self.learning.step(Instant(span.start + t, t, span.samples, course, rings, reached))
            for (name, variable), rows in seen.items():
                rows.append(course.state[name][variable])
        course.sent |= {name: rings[name].sent() for name in self.units}
        course.seen |= {place: torch.stack(rows) for place, rows in seen.items()}

    def _whole(
        self,
        span: Span,
        course: Course,
        wanted: Collection[tuple[str, str]],
        known: Mapping[Place, Any],
    ) -> bool:
        """Carry the one member through all steps at once, if it can be; return whether it was."""
        ((name, units),) = self.units.items()
        arrivals = {key: value for (_, key), value in known.items() if key}
        seen = [variable for population, variable in wanted if population == name]
        made = units.layer(
            self.numbers[name], course.state[name], arrivals, known[name, None], span, seen
        )
        if made is None:
            return False
        course.sent[name], rows, course.state[name] = made
        course.seen |= {(name, variable): rows[variable] for variable in seen}
        return True

    def _known(self, span: Span, course: Course) -> dict[Place, Any]:
        """What reaches each place from outside of the group.

        It is (time, batch, n), or less where it never changes.
        """
        known: dict[Place, Any] = {(name, None): span.drive[name] for name in self.units}
        known |= {place: value for place, value in span.arrivals.items() if place[0] in self.units}
        if self.exact:
            for place in {*self.early, *self.late}:
                known[place] = self._room(known.get(place), place[0], span, course)
        for place, parts in self.early.items():
            for part in parts:
                past, sent = course.state[part.pre.name].get(PAST), course.sent[part.pre.name]
                moment = _moment(part, span, course)
                if self.exact:
                    assert past is not None
                    part.add(torch.cat([past, sent]), past.shape[0], known[place], moment)
                else:
                    ready = self.matrices[part.projection.name]
                    arrived = part.product(ready, past, sent, moment)
                    known[place] = _sum(arrived, known.get(place), span.steps)
        return known

    def _room(self, given: Any, name: str, span: Span, course: Course) -> torch.Tensor:
        """An array (time, batch, n) that begins with what is given."""
        like = next(iter(course.state[name].values()), None)
        n, dtype = self.units[name].population.n, self.units[name].dtype
        device = None if like is None else like.device
        room = torch.zeros((span.steps, len(span.samples), n), dtype=dtype, device=device)
        return room if given is None else room.copy_(torch.as_tensor(given, dtype=dtype))

    def _ring(self, name: str, span: Span, course: Course) -> Rows | Buffer:
        """What a population has sent so far."""
        past = course.state[name].get(PAST)
        if self.exact:
            if past is None:
                n, dtype = self.units[name].population.n, self.units[name].dtype
                past = torch.zeros((0, len(span.samples), n), dtype=dtype)
            ring: Rows | Buffer = Buffer(past, span.steps)
        else:
            ring = Rows(past, self._depth(name))
        for row in course.sent.get(name, ()):  # of a population outside of the group
            ring.put(row)
        return ring

    def _depth(self, name: str) -> int:
        return max(
            (
                int(w.lags.max())
                for parts in self.late.values()
                for w in parts
                if w.pre.name == name
            ),
            default=0,
        )

    def _now(
        self,
        place: Place,
        t: int,
        known: Mapping[Place, Any],
        rings: Mapping[str, Any],
        span: Span,
        course: Course,
    ) -> Any:
        """What reaches a place in step t."""
        value: Any = known.get(place)
        changes = isinstance(value, torch.Tensor) and value.ndim == 3
        parts = self.late.get(place, ())
        if self.exact:
            for part in parts:
                ring = rings[part.pre.name]
                part.add(
                    ring.window(t), ring.depth, value[t : t + 1], _moment(part, span, course, t)
                )
        now: Any = value[t] if changes else value
        for part in () if self.exact else parts:
            ready: Any = self.matrices.get(part.projection.name)
            ring = rings[part.pre.name]
            arrived = part.at(ready, ring, t, _moment(part, span, course, t))
            if arrived is not None:
                now = arrived if now is None else now + arrived
        return now


def _sum(arrived: Any, value: Any, steps: int) -> Any:
    """What arrives besides `value`, in a form as short as that of both."""
    lasts = not isinstance(value, Turned) and getattr(value, "ndim", 0) < 3
    if value is None or (lasts and _zero(value)):
        return arrived
    if isinstance(arrived, Turned) and lasts:
        return Turned(arrived.rows + value, arrived.turn)
    return whole(arrived, steps) + whole(value, steps)


def _zero(value: Any) -> bool:
    """Whether a number or a tensor is 0 and nobody wants its gradient."""
    if not isinstance(value, torch.Tensor):
        return bool(value == 0)
    return not value.requires_grad and not bool(value.any())


def _moment(part: Synapses, span: Span, course: Course, t: int = 0) -> Moment:
    """When what a projection brings in step t of a span arrives, and what it has counted."""
    name = part.projection.name
    if isinstance(part, PlasticWiring):
        totals = {WEIGHTS: course.state[LEARNED][f"{name}.{WEIGHTS}"]}
    else:
        totals = course.state.get(name, {})
    return Moment(span.start + t, span.samples, totals)
