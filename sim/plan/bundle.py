"""Static projections of one source population, delivered together.

A spike that leaves a population reaches the targets of all its projections. Stored side by side, in order of
(source, delay), they are one long run of memory per spike and delay instead of several short ones. Targets are
places in the block of memory that holds all receptors, so one operator serves any number of populations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import CapacityError
from ...kernels.cpu import rows as kernels
from ..description.store import sum_dtype
from ..operators.build import Build
from ..operators.signals import Signal
from ..operators.synapses import Synapses
from .procedural import Draws

WORD: Final = 32  # bits of a synapse's word: target and code of the weight
MOST_BUNDLED: Final = 2**32 - 1  # synapses of one bundle
DRAWN: Final = 512  # words that are drawn before they are delivered


@dataclass
class Bundle:
    """Synapses of one source population that act in one phase on receptors in one part of memory."""

    members: list[Synapses]

    def takes(self, synapses: Synapses) -> bool:
        """Whether these synapses of the same `kind` fit in: their receptors are their own, and not too many.

        Two projections onto one receptor stay apart, so that sums run in the order of projections in any store.
        """
        receiving = synapses.scope["receiving"]
        return (
            all(member.scope["receiving"] is not receiving for member in self.members)
            and sum(member.n for member in self.members) + synapses.n <= MOST_BUNDLED
        )

    def declare(self, build: Build) -> None:
        """Add the operators that deliver: one, or one for each lane of the threads."""
        lags = np.unique(np.concatenate([member.lags for member in self.members]))
        places = [build.place(member.scope["receiving"]) for member in self.members]
        coding = _Coding.of(self.members, places)
        name = "/".join(member.name for member in self.members)  # no part of a network has a name with a slash
        name = name if len(name) < 60 else f"{self.members[0].name}/{len(self.members) - 1} more"
        redrawn = self.members[0].redrawn
        lag_counts = [] if redrawn else [member.lag_counts() for member in self.members]  # once, as they are drawn
        for lane in range(len(self.members[0].lanes)):
            label = name if lane == 0 else f"{name}/lane {lane}"
            if redrawn:
                self._declare_draws(build, label, lane, lags, places, coding)
            else:
                cut = [member.lanes[lane] for member in self.members]
                self._declare_words(build, label, lane, lags, places, coding, cut, lag_counts)
        for member in self.members:
            member.release()

    def _declare_words(
        self, build: Build, label: str, lane: int, lags: NDArray[np.int64], places: list[int], coding: _Coding,
        cut: Sequence[tuple[int, int]], lag_counts: list[NDArray[np.uint32]],
    ) -> None:  # fmt: skip
        """Store the words of one lane and deliver them."""
        first, words, values = self._words(lags, places, coding, cut, lag_counts, build)
        scope = {key: self.members[0].scope[key] for key in ("history", "history_count")}
        scope |= {
            "lags": _fixed(build, f"{label}.lags", lags), "first": _fixed(build, f"{label}.first", first),
            "pending": build.pending(label), **build.waking(build.whole(self.members[0].scope["receiving"].part)),
        }  # fmt: skip
        phase = self.members[0].phase
        if coding.table is None:
            scope |= {"targets": _fixed(build, f"{label}.targets", words)}
            scope |= {"weights": _fixed(build, f"{label}.weights", values, coding.dtype)}
            build.operator(phase, label, "deliver_step", scope, lane=lane)
            return
        scope |= {"words": _fixed(build, f"{label}.words", words), "shift": coding.shift}
        scope |= {"table": _fixed(build, f"{label}.table", coding.table, coding.dtype)}
        build.operator(phase, label, "deliver_coded_step", scope, lane=lane)

    def _declare_draws(
        self, build: Build, label: str, lane: int, lags: NDArray[np.int64], places: list[int], coding: _Coding
    ) -> None:
        """Draw words again at every spike: those of the members whose targets this lane owns, all of them."""
        if coding.table is None:
            raise CapacityError(f"Network: {label} has too many receptors and levels for words of {WORD} bits")
        owned = [k for k, member in enumerate(self.members) if np.ptp(member.lanes[lane])]
        if not owned:
            return
        own: dict[str, list[int]] = {key: [] for key in ("sizes", "skips", "masks")}
        seeds, draws = [], Draws(self.members[0].n_pre, lags, len(owned))
        for k in owned:
            member = self.members[k]
            assert member.rows is not None
            assert member.levels is not None
            seeds.append(member.rows.key)
            draws.add(member)
            own["sizes"].append(member.n_post)
            own["skips"].append(int(member.rows.skip_self))
            own["masks"].append(member.levels.size - 1)
        own |= {"places": [places[k] for k in owned], "codes": [coding.codes[k] for k in owned]}
        scope: dict[str, Any] = {}
        for key, values in own.items():
            scope[key] = _fixed(build, f"{label}.{key}", np.array(values, np.uint32))
        for key, array in (("row_sizes", draws.sizes), ("shares", draws.shares), ("row_draws", draws.offsets)):
            scope[key] = _fixed(build, f"{label}.{key}", array)
        scope |= {key: self.members[0].scope[key] for key in ("history", "history_count")}
        scope |= {
            "lags": _fixed(build, f"{label}.lags", lags), "shift": coding.shift,
            "row_seeds": _fixed(build, f"{label}.row_seeds", np.array(seeds, np.uint64)),
            "table": _fixed(build, f"{label}.table", coding.table, coding.dtype),
            "pending": build.pending(label),
            "drawn": build.signal(f"{label}.drawn", "scratch", "uint32", (DRAWN + draws.most,)),
            **build.waking(build.whole(self.members[0].scope["receiving"].part)),
        }  # fmt: skip
        build.operator(self.members[0].phase, label, "deliver_drawn_step", scope, lane=lane)

    def _words(
        self,
        lags: NDArray[np.int64],
        places: list[int],
        coding: _Coding,
        cut: Sequence[tuple[int, int]],
        lag_counts: list[NDArray[np.uint32]],
        build: Build,
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[Any]]:
        """Starts of the segments, the words in them and, where words hold no weights, the weights."""
        counts = np.zeros((self.members[0].n_pre, lags.size), np.uint32)
        columns = [np.searchsorted(lags, member.lags) for member in self.members]
        for member, column, own, (low, high) in zip(self.members, columns, lag_counts, cut, strict=True):
            _count(member, column, own, low, high, counts)
        first = np.zeros(counts.size + 1, np.uint32)
        np.cumsum(counts, out=first[1:], dtype=np.uint32)
        n = int(counts.sum(dtype=np.int64))
        words = np.empty(n, np.uint32)
        values = np.empty(n if coding.table is None else 0, build.precision if coding.dtype == "float" else "float64")
        cursor = first[:-1].reshape(counts.shape).copy()
        for k, member in enumerate(self.members):
            _fill(member, columns[k], lag_counts[k], cut[k], places[k], coding, k, cursor, words, values)
        return first, words, values


@dataclass(frozen=True, eq=False)
class _Coding:
    """How a word holds a synapse: ``target << shift | code``, the weight being ``table[code]``; or the target alone."""

    shift: int
    table: NDArray[np.float64] | None
    codes: tuple[int, ...]  # code of each member's level 0; members with the same levels share them
    dtype: str  # of what is added up

    @classmethod
    def of(cls, members: list[Synapses], places: list[int]) -> _Coding:
        levels = [None if member.levels is None else member.counted(member.levels) for member in members]
        dtype = sum_dtype(members[0])
        last = max(place + member.n_post for place, member in zip(places, members, strict=True)) - 1
        if last >= 1 << WORD:
            raise CapacityError(
                f"Network: a bundle reaches {last + 1} receptors, but at most {1 << WORD} can be numbered"
            )
        starts: dict[bytes, int] = {}  # of each list of levels: members with the same one share its codes
        table: NDArray[np.float64] = np.zeros(0)
        codes = []
        for part in levels:
            own = np.zeros(1) if part is None else part
            codes.append(starts.setdefault(own.tobytes(), table.size))
            table = np.append(table, own) if codes[-1] == table.size else table
        shift = int(table.size - 1).bit_length()
        if any(part is None for part in levels) or last.bit_length() + shift > WORD:
            return cls(0, None, (0,) * len(members), dtype)
        return cls(shift, table, tuple(codes), dtype)


def _fixed(build: Build, name: str, array: Any, dtype: str | None = None) -> Signal:
    return build.fixed(name, array, dtype, layout=True)


def _count(
    member: Synapses, columns: NDArray[Any], lag_counts: NDArray[np.uint32], low: int, high: int,
    counts: NDArray[np.uint32],
) -> None:  # fmt: skip
    """Add a member's synapses with targets in [low, high) to counts (n_pre, n_lags)."""
    if low == 0 and high >= member.n_post:
        counts[:, columns] += lag_counts
    elif member.rows is None:
        kernels.count_listed(member.first, member.lags.size, member.targets, low, high, columns, counts)
    else:
        rows = member.rows
        kernels.count_drawn(rows.key, rows.n_post, rows.skip_self, lag_counts, low, high, columns, counts)


def _fill(
    member: Synapses, columns: NDArray[Any], lag_counts: NDArray[np.uint32], cut: tuple[int, int], place: int,
    coding: _Coding, k: int, cursor: NDArray[np.uint32], words: NDArray[np.uint32], values: NDArray[Any],
) -> None:  # fmt: skip
    """Write member `k`'s synapses where `cursor` points; move it on."""
    low, high = cut
    coded = coding.table is not None
    if member.rows is not None and coded:
        rows, levels = member.rows, member.levels
        assert levels is not None
        kernels.fill_drawn(
            rows.key, rows.n_post, rows.skip_self, lag_counts, low, high, columns, place, coding.shift,
            coding.codes[k], levels.size - 1, cursor, words,
        )  # fmt: skip
        return
    listing = member.listing
    codes = listing.codes if coded else np.zeros(0, np.uint16)
    weights = np.zeros(0) if coded else member.counted(np.broadcast_to(member.weights, (member.n,)))
    weights = np.ascontiguousarray(weights)
    kernels.fill_listed(
        listing.first, member.lags.size, listing.targets, codes, weights, low, high, columns, place, coding.shift,
        coding.codes[k], cursor, words, values,
    )  # fmt: skip


def gather(synapses: Sequence[Synapses]) -> list[Bundle]:
    """Static projections as few bundles as can be, in order of their first members."""
    bundles: list[Bundle] = []
    alike: dict[Any, list[Bundle]] = {}
    for part in synapses:
        kin = alike.setdefault(_kind(part), [])
        found = next((bundle for bundle in kin if bundle.takes(part)), None)
        if found is None:
            found = Bundle([])
            bundles.append(found)
            kin.append(found)
        found.members.append(part)
    return bundles


def _kind(synapses: Synapses) -> tuple[object, ...]:
    """What the members of a bundle share: source, phase, whether they are drawn again, and the part of memory."""
    scope = synapses.scope
    return scope["history"], synapses.phase, synapses.redrawn, scope["receiving"].part
