"""Static projections of one source population, delivered together.

A spike of a population reaches the targets of all its projections. Stored side by side in order of
(source, delay), their synapses are one long run of memory per spike and delay instead of several
short ones. A target is an index into the array of all receptors of a region of memory, so one
operator serves any number of populations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import CapacityError
from ...kernels.cpu import rows as kernels
from ..operators.build import Build
from ..operators.convolved import deliver
from ..operators.projection import ProjectionScope
from ..operators.signals import Signal
from ..operators.synapses import Synapses
from .procedural import Draws

WORD: Final = 32  # bits of a synapse's word, which holds its target and the code of its weight
MOST_BUNDLED: Final = 2**32 - 1  # synapses of one bundle
DRAWN: Final = 512  # words that are drawn before any is delivered


@dataclass
class Bundle:
    """Projections of one source population that are delivered together.

    They deliver in the same phase, to receptors in the same region of memory.
    """

    members: list[ProjectionScope]

    @property
    def synapses(self) -> list[Synapses]:
        """Those of each member."""
        return [member.synapses for member in self.members]

    def takes(self, projection: ProjectionScope) -> bool:
        """Whether a projection of the same `_kind` may join.

        It may if no member has its receptor and there is room.

        Two projections onto one receptor stay apart, so that weights are added in the order of
        projections in any store.
        """
        receiving = projection.names["receiving"]
        return (
            all(member.names["receiving"] is not receiving for member in self.members)
            and sum(synapses.n for synapses in self.synapses) + projection.synapses.n
            <= MOST_BUNDLED
        )

    def declare(self, build: Build) -> None:
        """Add the operators that deliver: one for each thread, and for each convolution."""
        stored = [member for member in self.members if member.synapses.convolution is None]
        if stored:
            Bundle(stored)._declare(build)
        for member in self.members:
            if member.synapses.convolution is not None:
                deliver(member)

    def _declare(self, build: Build) -> None:
        """Add the operators that deliver synapses which are stored, or drawn at every spike."""
        lags = np.unique(np.concatenate([synapses.lags for synapses in self.synapses]))
        places = [build.place(member.names["receiving"]) for member in self.members]
        coding = _Coding.of(self.members, places)
        # no part of a network has a name with a slash
        name = "/".join(member.name for member in self.members)
        name = name if len(name) < 60 else f"{self.members[0].name}/{len(self.members) - 1} more"
        redrawn = self.synapses[0].redrawn
        # once, as they are drawn
        lag_counts = [] if redrawn else [synapses.lag_counts() for synapses in self.synapses]
        for thread in range(len(self.members[0].owned)):
            label = name if thread == 0 else f"{name}/thread {thread}"
            if redrawn:
                self._declare_draws(build, label, thread, lags, places, coding)
            else:
                cut = [member.owned[thread] for member in self.members]
                self._declare_words(build, label, thread, lags, places, coding, cut, lag_counts)
        for synapses in self.synapses:
            synapses.release()

    def _declare_words(
        self,
        build: Build,
        label: str,
        thread: int,
        lags: NDArray[np.int64],
        places: list[int],
        coding: _Coding,
        cut: Sequence[tuple[int, int]],
        lag_counts: list[NDArray[np.uint32]],
    ) -> None:
        """Store the words of one thread and deliver them."""
        first, words, values = self._words(lags, places, coding, cut, lag_counts, build)
        scope = self._arriving(build, label, lags)
        scope["first"] = _fixed(build, f"{label}.first", first)
        phase = self.members[0].phase
        if coding.table is None:
            scope |= {"begin": scope["first"], "end": _fixed(build, f"{label}.last", first[1:])}
            scope |= {"targets": _fixed(build, f"{label}.targets", words)}
            scope |= {"weights": _fixed(build, f"{label}.weights", values, coding.dtype)}
            build.operator(phase, label, "deliver_step", scope, thread=thread)
            return
        scope |= {"words": _fixed(build, f"{label}.words", words), "shift": coding.shift}
        scope |= {"table": _fixed(build, f"{label}.table", coding.table, coding.dtype)}
        build.operator(phase, label, "deliver_coded_step", scope, thread=thread)

    def _declare_draws(
        self,
        build: Build,
        label: str,
        thread: int,
        lags: NDArray[np.int64],
        places: list[int],
        coding: _Coding,
    ) -> None:
        """Deliver words that are drawn at every spike.

        Only for the members whose targets this thread owns.
        """
        if coding.table is None:
            raise CapacityError(
                f"Network: {label} has too many receptors and levels for words of {WORD} bits"
            )
        owned = [k for k, member in enumerate(self.members) if np.ptp(member.owned[thread])]
        if not owned:
            return
        own: dict[str, list[int]] = {key: [] for key in ("sizes", "skips", "masks")}
        seeds, draws = [], Draws(self.synapses[0].n_pre, lags, len(owned))
        for synapses in (self.synapses[k] for k in owned):
            rows, levels = synapses.rows, synapses.levels
            assert rows is not None
            assert levels is not None
            seeds.append(rows.key)
            draws.add(synapses)
            own["sizes"].append(synapses.n_post)
            own["skips"].append(int(rows.skip_self))
            own["masks"].append(levels.size - 1)
        own |= {"places": [places[k] for k in owned], "codes": [coding.codes[k] for k in owned]}
        scope: dict[str, Any] = {}
        for key, values in own.items():
            scope[key] = _fixed(build, f"{label}.{key}", np.array(values, np.uint32))
        for key, array in (
            ("row_sizes", draws.sizes),
            ("shares", draws.shares),
            ("row_draws", draws.offsets),
        ):
            scope[key] = _fixed(build, f"{label}.{key}", array)
        scope |= self._arriving(build, label, lags)
        scope |= {
            "shift": coding.shift,
            "row_seeds": _fixed(build, f"{label}.row_seeds", np.array(seeds, np.uint64)),
            "table": _fixed(build, f"{label}.table", coding.table, coding.dtype),
            "drawn": build.signal(f"{label}.drawn", "scratch", "uint32", (DRAWN + draws.most,)),
        }
        build.operator(self.members[0].phase, label, "deliver_drawn_step", scope, thread=thread)

    def _arriving(self, build: Build, label: str, lags: NDArray[np.int64]) -> dict[str, Any]:
        """What every kernel asks for that delivers what arrives."""
        names = self.members[0].names
        return {
            "history": names["history"],
            "history_count": names["history_count"],
            "lags": _fixed(build, f"{label}.lags", lags),
            "pending": build.pending(label),
            **build.waking(build.whole(names["receiving"].region)),
        }

    def _words(
        self,
        lags: NDArray[np.int64],
        places: list[int],
        coding: _Coding,
        cut: Sequence[tuple[int, int]],
        lag_counts: list[NDArray[np.uint32]],
        build: Build,
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[Any]]:
        """Where segments begin, the words in them and, where words hold no codes, the weights."""
        counts = np.zeros((self.synapses[0].n_pre, lags.size), np.uint32)
        columns = [np.searchsorted(lags, synapses.lags) for synapses in self.synapses]
        for member, column, own, (low, high) in zip(
            self.members, columns, lag_counts, cut, strict=True
        ):
            _count(member.synapses, column, own, low, high, counts)
        first = np.zeros(counts.size + 1, np.uint32)
        np.cumsum(counts, out=first[1:], dtype=np.uint32)
        n = int(counts.sum(dtype=np.int64))
        words = np.empty(n, np.uint32)
        values = np.empty(
            n if coding.table is None else 0,
            build.precision if coding.dtype == "float" else "float64",
        )
        cursor = first[:-1].reshape(counts.shape).copy()
        for k, member in enumerate(self.members):
            _fill(
                member,
                columns[k],
                lag_counts[k],
                cut[k],
                places[k],
                coding,
                k,
                cursor,
                words,
                values,
            )
        return first, words, values


@dataclass(frozen=True, eq=False)
class _Coding:
    """How a word holds a synapse.

    As ``target << shift | code``, with weight ``table[code]``, or as the target alone.
    """

    shift: int
    table: NDArray[np.float64] | None
    # code of each member's first level; members with the same levels share codes
    codes: tuple[int, ...]
    dtype: str  # of the weights that are added up

    @classmethod
    def of(cls, members: list[ProjectionScope], places: list[int]) -> _Coding:
        given = [member.synapses.levels for member in members]
        levels = [
            None if own is None else member.counted(own)
            for own, member in zip(given, members, strict=True)
        ]
        dtype = members[0].sum_dtype
        last = (
            max(
                place + member.synapses.n_post
                for place, member in zip(places, members, strict=True)
            )
            - 1
        )
        if last >= 1 << WORD:
            raise CapacityError(
                f"Network: a bundle reaches {last + 1} receptors, but at most {1 << WORD} can be numbered"
            )
        # of each list of levels: members with the same one share its codes
        starts: dict[bytes, int] = {}
        table: NDArray[np.float64] = np.zeros(0)
        codes = []
        for given_levels in levels:
            own = np.zeros(1) if given_levels is None else given_levels
            codes.append(starts.setdefault(own.tobytes(), table.size))
            table = np.append(table, own) if codes[-1] == table.size else table
        shift = int(table.size - 1).bit_length()
        if any(own is None for own in levels) or last.bit_length() + shift > WORD:
            return cls(0, None, (0,) * len(members), dtype)
        return cls(shift, table, tuple(codes), dtype)


def _fixed(build: Build, name: str, array: Any, dtype: str | None = None) -> Signal:
    return build.fixed(name, array, dtype, layout=True)


def _count(
    synapses: Synapses,
    columns: NDArray[Any],
    lag_counts: NDArray[np.uint32],
    low: int,
    high: int,
    counts: NDArray[np.uint32],
) -> None:
    """Add synapses with targets in [low, high) to counts (n_pre, n_lags)."""
    rows = synapses.rows
    if low == 0 and high >= synapses.n_post:
        counts[:, columns] += lag_counts
    elif rows is None:
        kernels.count_listed(
            synapses.first, synapses.lags.size, synapses.targets, low, high, columns, counts
        )
    else:
        kernels.count_drawn(
            rows.key, rows.n_post, rows.skip_self, lag_counts, low, high, columns, counts
        )


def _fill(
    member: ProjectionScope,
    columns: NDArray[Any],
    lag_counts: NDArray[np.uint32],
    cut: tuple[int, int],
    place: int,
    coding: _Coding,
    k: int,
    cursor: NDArray[np.uint32],
    words: NDArray[np.uint32],
    values: NDArray[Any],
) -> None:
    """Write member `k`'s synapses where `cursor` points; move it on."""
    (low, high), synapses, coded = cut, member.synapses, coding.table is not None
    if synapses.rows is not None and coded:
        rows, levels = synapses.rows, synapses.levels
        assert levels is not None
        kernels.fill_drawn(
            rows.key,
            rows.n_post,
            rows.skip_self,
            lag_counts,
            low,
            high,
            columns,
            place,
            coding.shift,
            coding.codes[k],
            levels.size - 1,
            cursor,
            words,
        )
        return
    listing = synapses.listing
    codes = listing.codes if coded else np.zeros(0, np.uint16)
    weights = (
        np.zeros(0) if coded else member.counted(np.broadcast_to(synapses.weights, (synapses.n,)))
    )
    weights = np.ascontiguousarray(weights)
    kernels.fill_listed(
        listing.first,
        synapses.lags.size,
        listing.targets,
        codes,
        weights,
        low,
        high,
        columns,
        place,
        coding.shift,
        coding.codes[k],
        cursor,
        words,
        values,
    )


def gather(projections: Sequence[ProjectionScope]) -> list[Bundle]:
    """Bundles for all static projections, as few as possible, in order of their first members."""
    bundles: list[Bundle] = []
    alike: dict[Any, list[Bundle]] = {}
    for projection in projections:
        kin = alike.setdefault(_kind(projection), [])
        found = next((bundle for bundle in kin if bundle.takes(projection)), None)
        if found is None:
            found = Bundle([])
            bundles.append(found)
            kin.append(found)
        found.members.append(projection)
    return bundles


def _kind(projection: ProjectionScope) -> tuple[object, ...]:
    """What the members of a bundle share.

    That is the source, the phase, whether they are redrawn, and the region of the receptors.
    """
    names = projection.names
    return (
        names["history"],
        projection.phase,
        projection.synapses.redrawn,
        names["receiving"].region,
    )
