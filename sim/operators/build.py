"""`Build`, with which all parts of a network declare their signals and operators."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError
from ...kernels.backend import Backend, Exact
from ...kernels.printed.printed import Printed
from .operator import Kernel, Operator, Phase, Shard, bind, parameters, plain
from .signals import ANY, SAVED, Layout, Signal, block_name, definite, whole_dtype

Scope = Mapping[str, Any]
# stands for the region of a signal that holds marks; `Plan.program` makes the arrays
WOKEN: Final = "woken"


def woken(region: str) -> Signal:
    """The marks of a region of memory: one for every 2**MARKED entries.

    See `kernels/cpu/marks.py`.
    """
    return Signal(region, WOKEN, "uint8", ())


PENDING: Final = 1024  # segments that a delivery looks up before it adds their weights


@dataclass
class Build:
    """Collects signals and operators while a network is compiled.

    dt [s]; precision "float32" or "float64"; shards of each population, dealt to `threads` threads;
    naps: whether shards may nap (not where arrivals are counted in whole numbers, since those set
    no marks). Every kernel may also ask for `dt`, `sample` (the number of this copy in a batch; in
    kernels of a store that programs what a batch has learned, -1, -2 and so on), `pause` and
    `upcoming`.
    """

    dt: float
    precision: str
    backend: Backend
    shards: Mapping[str, tuple[Shard, ...]]
    threads: int = 1
    naps: bool = True
    signals: list[Signal] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)
    tallies: dict[str, Signal] = field(default_factory=dict)
    renewals: list[Signal] = field(default_factory=list)

    def __post_init__(self) -> None:
        counts = [len(shards) for shards in self.shards.values()]
        self.first_shard = dict(zip(self.shards, np.cumsum([0, *counts]).tolist(), strict=False))
        self._names: set[str] = set()
        self._meetings: dict[Phase, Signal] = {}
        self._layouts: dict[str, Layout] = {}
        self.pause = self.signal("pause", "scratch", "int64", (1,))
        self.drowsy = self.signal("drowsy", "scratch", "int64", (1,))
        self.asleep = self.signal(
            "asleep", "scratch", "uint8", (sum(len(shards) for shards in self.shards.values()),)
        )
        self.sample = self.signal("sample", "flow", "int64", (1,), most=ANY)

    def signal(
        self,
        name: str,
        region: str,
        dtype: str,
        shape: tuple[int, ...],
        initial: Any = 0,
        unit: str = "",
        most: int | NDArray[np.int64] | None = None,
        *,
        layout: bool = False,
        finite: bool = True,
    ) -> Signal:
        """A new signal.

        Raises NetworkError for a name that is taken and for saved whole numbers without `most`.
        """
        if name in self._names:
            raise NetworkError(f"signal {name!r} is declared twice")
        made = Signal(name, region, dtype, shape, initial, unit, most, layout, finite)
        if region in SAVED and most is None and definite(made, self.precision).kind != "f":
            raise NetworkError(
                f"signal {name!r} holds whole numbers and is saved, so it needs most=, the greatest that a kernel may "
                "find in it, or most=ANY where none uses it as an index or a count"
            )
        self._names.add(name)
        self._layouts.setdefault(region, Layout(self.precision)).add(made)
        self.signals.append(made)
        return made

    def tally(self, name: str, dtype: str = "int64", shape: tuple[int, ...] = (1,)) -> Signal:
        """A running total (the sum over `shape`).

        ``Result.tallies[name]`` is its increase over a run.
        """
        self.tallies[name] = self.signal(
            name, "flow", dtype, shape, most=None if dtype.startswith("float") else ANY
        )
        return self.tallies[name]

    def fixed(
        self, name: str, array: Any, dtype: str | None = None, *, layout: bool = False
    ) -> Signal:
        """A signal that never changes, holding `array`; layout: see `Signal`."""
        values = np.asarray(array)
        return self.signal(
            name, "fixed", dtype or values.dtype.name, values.shape, values, layout=layout
        )

    def whole(self, region: str) -> Signal:
        """All numbers of a region of memory as one array.

        Each signal of the region is a range of it, see `place`.
        """
        return Signal(block_name(region), region, whole_dtype(region, "float"), ())

    def place(self, signal: Signal) -> int:
        """The index of a signal's first entry in the array of its `whole` region."""
        item = np.dtype(whole_dtype(signal.region, self.precision)).itemsize
        return self._layouts[signal.region].starts[signal.name] // item

    def waking(self, receiving: Signal) -> dict[str, Any]:
        """The arguments of a kernel that adds to `receiving` and wakes its shards.

        It marks the shards that it adds to, to wake them.
        """
        place = 0 if receiving.name == block_name(receiving.region) else self.place(receiving)
        return {
            "drowsy": self.drowsy,
            "woken": woken(receiving.region),
            "place": place,
            "receiving": receiving,
        }

    def pending(self, label: str) -> Signal:
        """Room in which a delivery collects segments, see `deliver_step`."""
        return self.signal(f"{label}.pending", "scratch", "uint32", (2, PENDING))

    def renewal(self, name: str) -> Signal:
        """A whole number (1,) that every new program sets to 0.

        So what is remembered by it is computed anew.
        """
        self.renewals.append(self.signal(name, "scratch", "int64", (1,)))
        return self.renewals[-1]

    def meet(self, phase: Phase = Phase.GATHER) -> None:
        """Let all threads be done with the phases before `phase` before any of them goes on.

        They meet behind what was declared in that phase up to now.
        """
        if phase not in self._meetings:
            name = f"meeting{len(self._meetings) or ''}"
            self._meetings[phase] = self.signal(name, "scratch", "float", (1,))
            self.operator(phase, "all", "clear_step", {"values": self._meetings[phase]})

    def constants(
        self, prefix: str, values: Mapping[str, Any], exact: Container[str] = ()
    ) -> dict[str, Any]:
        """A kernel's constants: numbers as they are, arrays as fixed signals ``prefix.name``.

        exact: names of constants that the kernel gets in double precision whatever the precision of
        the simulation.
        """
        scope: dict[str, Any] = {}
        for name, value in values.items():
            array = np.asarray(value)
            if array.dtype.kind not in "biuf":
                raise NetworkError(
                    f"{prefix}: the constant {name!r} must be a number or numbers (got {value!r:.60})"
                )
            floating = np.issubdtype(array.dtype, np.floating)
            if array.ndim:
                precision = "float64" if name in exact else "float"
                scope[name] = self.fixed(f"{prefix}.{name}", array, precision if floating else None)
            elif floating:
                scope[name] = Exact(value) if name in exact else float(value)
            else:
                scope[name] = value if isinstance(value, np.uint64) else int(value)
        return scope

    def kernel(self, kernel: Kernel, owner: str) -> Callable[..., Any]:
        """A kernel of the library by name, or a user's function.

        Raises NetworkError, naming `owner`, for others.
        """
        if not isinstance(kernel, (str, Printed)):
            plain(owner, kernel)
        return self.backend.kernel(kernel)

    def operator(
        self,
        phase: Phase,
        label: str,
        kernel: Kernel,
        scope: Scope,
        returns: Signal | None = None,
        **how: Any,
    ) -> Operator:
        """Bind `kernel` to `scope` and put it at the end of its phase.

        how: further fields of the Operator.
        """
        function = self.kernel(kernel, how.get("owner") or label)
        everything: dict[str, Any] = {
            "dt": self.dt,
            "sample": self.sample,
            "pause": self.pause,
            **scope,
        }
        if "upcoming" in parameters(function):
            everything["upcoming"] = Signal(f"{label}.upcoming", "upcoming", "int64", (1,))
        made = bind(phase, label, function, everything, returns, **how)
        self.operators.append(made)
        return made
