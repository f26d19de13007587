"""The workshop in which models, stores, rules, stimuli and probes declare their signals and operators."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError
from ...kernels.backend import Backend, Exact
from .operator import Kernel, Operator, Phase, Shard, bind, parameters, plain
from .signals import ANY, SAVED, Layout, Signal, block_name, definite, whole_dtype

Scope = Mapping[str, Any]
WOKEN: Final = "woken"  # the region of memory of marks, which is as long as the region that they are about


def woken(region: str) -> Signal:
    """The marks of a region of memory, one for 2**MARKED places."""
    return Signal(region, WOKEN, "uint8", ())


PENDING: Final = 1024  # segments that a delivery looks up before it works on them


@dataclass
class Build:
    """Collects signals and operators while a network is compiled.

    dt [s]; precision "float32" or "float64"; shards of each population, dealt to `threads` threads. The scope of
    every operator also offers `dt`, `sample` (which copy of a batch this is), `pause` and `upcoming`. naps: whether
    shards may pause; not where arrivals come by way of sums, which do not wake anybody.
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
        self._layouts: dict[str, Layout] = {}
        self.pause = self.signal("pause", "scratch", "int64", (1,))
        self.drowsy = self.signal("drowsy", "scratch", "int64", (1,))
        self.asleep = self.signal("asleep", "scratch", "uint8", (sum(len(shards) for shards in self.shards.values()),))
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
        """A new signal; its name must be new too, and whole numbers that are saved must have a bound."""
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
        """A running total, or several to add up, whose increase over a run is told by ``Result.tallies[name]``."""
        self.tallies[name] = self.signal(name, "flow", dtype, shape, most=None if dtype.startswith("float") else ANY)
        return self.tallies[name]

    def fixed(self, name: str, array: Any, dtype: str | None = None, *, layout: bool = False) -> Signal:
        """A signal that never changes, holding `array`; layout: see `Signal`."""
        values = np.asarray(array)
        return self.signal(name, "fixed", dtype or values.dtype.name, values.shape, values, layout=layout)

    def whole(self, region: str) -> Signal:
        """All numbers of a region of memory as one array, of which every signal in it is a range; see `place`."""
        return Signal(block_name(region), region, whole_dtype(region, "float"), ())

    def place(self, signal: Signal) -> int:
        """Where a signal begins in the array of the `whole` region."""
        item = np.dtype(whole_dtype(signal.region, self.precision)).itemsize
        return self._layouts[signal.region].starts[signal.name] // item

    def waking(self, receiving: Signal) -> dict[str, Any]:
        """What a kernel needs to wake the shards of populations that it adds to through `receiving`."""
        place = 0 if receiving.name == block_name(receiving.region) else self.place(receiving)
        return {"drowsy": self.drowsy, "woken": woken(receiving.region), "place": place, "receiving": receiving}

    def pending(self, label: str) -> Signal:
        """Room in which a delivery collects the segments that it works on."""
        return self.signal(f"{label}.pending", "scratch", "uint32", (2, PENDING))

    def renewal(self, name: str) -> Signal:
        """A whole number (1,) that is 0 whenever a program begins, so that what it stands for is worked out anew."""
        self.renewals.append(self.signal(name, "scratch", "int64", (1,)))
        return self.renewals[-1]

    def constants(self, prefix: str, values: Mapping[str, Any], exact: Container[str] = ()) -> dict[str, Any]:
        """Numbers as they are, arrays as fixed signals ``prefix.name``; those in `exact` in double precision."""
        scope: dict[str, Any] = {}
        for name, value in values.items():
            array = np.asarray(value)
            if array.dtype.kind not in "biuf":
                raise NetworkError(f"{prefix}: the constant {name!r} must be a number or numbers (got {value!r:.60})")
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
        """A kernel by name, or one of a user's own. Raises NetworkError, naming `owner`, for what cannot be one."""
        if not isinstance(kernel, str):
            plain(owner, kernel)
        return self.backend.kernel(kernel)

    def operator(
        self, phase: Phase, label: str, kernel: Kernel, scope: Scope, returns: Signal | None = None, **how: Any
    ) -> Operator:
        """Bind `kernel` to `scope` and put it at the end of its phase; how: further fields of the Operator."""
        function = self.kernel(kernel, how.get("owner") or label)
        everything: dict[str, Any] = {"dt": self.dt, "sample": self.sample, "pause": self.pause, **scope}
        if "upcoming" in parameters(function):
            everything["upcoming"] = Signal(f"{label}.upcoming", "upcoming", "int64", (1,))
        made = bind(phase, label, function, everything, returns, **how)
        self.operators.append(made)
        return made
