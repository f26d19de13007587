"""Which engine simulates a network, on which backend and on how many threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, final

import numpy as np

from ...errors import CapacityError, DependencyError, ParameterError, UnsupportedError
from ...kernels import backend as backends
from ...kernels.gpu import choice
from .. import validation as check
from ..description.drawn import drawn
from ..description.network import Network
from ..free_memory import memory_told
from ..notice import notify
from ..plan.compile import compile_network
from .clock import ClockEngine
from .engine import Engine

OWNER: Final = "Simulator"
ENGINES: Final = ("clock", "event")
PRECISIONS: Final = ("float32", "float64")
DEFAULT_DT: Final = 1e-4  # [s]
THREADS: Final = "POTENTIA_THREADS"  # environment variable; the cores that a process uses at most
LARGE: Final = 20_000  # neurons from which on a run uses several cores unless told otherwise
MOST_THREADS: Final = 1024
# of them: beyond, runs of synapses get too short (on 16 cores, 4, 8 and 16 threads take the same
# time)
MOST_SHARED: Final = 4


@final
@dataclass(frozen=True, kw_only=True)
class Options:
    """How a network is simulated: the arguments of `Simulator`, checked.

    dt [s], None for the event engine; threads: as given, None for as many as are good.
    """

    dt: float | None = None
    backend: str = "auto"
    engine: str = "clock"
    dtype: str = "float32"
    threads: int | None = None
    chunk: int = 1000
    deterministic: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", _name_of_type(self.dtype))
        for field, choices in (
            ("engine", ENGINES),
            ("dtype", PRECISIONS),
            ("backend", ("auto", *backends.BACKENDS, backends.TENSORS)),
        ):
            self._keep(field, check.one_of(OWNER, field, getattr(self, field), choices))
        self._keep("deterministic", check.flag(OWNER, "deterministic", self.deterministic))
        if self.threads is not None:
            self._keep(
                "threads", check.whole(OWNER, "threads", self.threads, least=1, most=MOST_THREADS)
            )
        self._keep("chunk", check.whole(OWNER, "chunk", self.chunk, least=1, most=2**31 - 1))
        if self.engine == "clock":
            self._keep(
                "dt",
                check.seconds(OWNER, "dt", DEFAULT_DT if self.dt is None else self.dt, above=0.0),
            )
            return
        if self.dt is not None:
            raise check.fail(OWNER, "dt", "must be left out: the event engine has no grid", self.dt)
        if self.backend not in ("auto", "cpu"):
            raise UnsupportedError(
                f"Simulator.backend: the event engine runs on 'cpu' (got {self.backend!r})"
            )

    @property
    def saved(self) -> dict[str, Any]:
        """What a snapshot keeps of them: all that results may depend on, and the chunk."""
        kept = {name: getattr(self, name) for name in ("engine", "dt", "backend", "dtype", "chunk")}
        return kept | ({"deterministic": True} if self.deterministic else {})

    def _keep(self, field: str, value: Any) -> None:
        object.__setattr__(self, field, value)


def choose(network: Network, options: Options) -> tuple[Engine, Options]:
    """The engine for a network, compiled, and the options with the backend that it runs on."""
    threads = cores() if options.threads is None else options.threads
    with memory_told("Simulator.network"):
        network = drawn(network)
    if options.engine == "event":
        from .event import EventEngine
        from .event_compile import compile_events

        with memory_told("Simulator.network"):
            return EventEngine(compile_events(network), threads=threads), options
    dt = options.dt
    assert dt is not None
    shared = _run_threads(network, threads, chosen=options.threads is not None)

    if options.backend == backends.TENSORS:
        with memory_told("Simulator.network"):
            return _on_tensors(network, options, threads), options

    def on(name: str) -> ClockEngine:
        compiled = partial(
            compile_network,
            backend=backends.load(name),
            threads=1 if name == "gpu" else shared,
            dt=dt,
            precision=options.dtype,
            deterministic=options.deterministic,
        )
        return ClockEngine(compiled(network), compiled, chunk=options.chunk, threads=threads)

    with memory_told("Simulator.network"):
        engine = (
            (_on_a_card(network, dt, on) or on("cpu"))
            if options.backend == "auto"
            else on(options.backend)
        )
    return engine, replace(options, backend=engine.plan.backend.name)


def _on_tensors(network: Network, options: Options, threads: int) -> ClockEngine:
    """The engine on tensors."""
    if options.deterministic:
        rule = "must be False for backend 'torch', which adds arrivals in the order of the cpu"
        raise check.fail(OWNER, "deterministic", rule, options.deterministic)
    try:
        from .tensor import TensorEngine, compile_tensors
    except ImportError as error:
        rule = "'torch' needs PyTorch: pip install potentia[torch]"
        raise DependencyError(f"{OWNER}.backend: {rule} (got {error!s:.100})") from None
    compiled = partial(compile_tensors, dt=options.dt, precision=options.dtype)
    return TensorEngine(compiled(network), compiled, chunk=options.chunk, threads=threads)


def cores() -> int:
    """How many processor cores this process may use.

    The environment variable POTENTIA_THREADS sets an upper limit.
    """
    there = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    wanted = os.environ.get(THREADS, "")
    if not wanted:
        return there
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ParameterError(f"{THREADS}: must be a whole number from 1 on (got {wanted!r:.40})")
    return min(int(wanted), there)


def _on_a_card(
    network: Network, dt: float, engine: Callable[[str], ClockEngine]
) -> ClockEngine | None:
    """The engine on a card; None where no card can run all of the network, or the network is small."""
    units = sum(part.n for part in network.populations)
    synapses = sum(
        part.connectivity.expected(part.pre.n, part.post.n) for part in network.projections
    )
    parts = {type(part.model) for part in network.populations} | {
        type(part.stimulus) for part in network.inputs
    }
    # deliver, list, send, and one each
    kernels = 3 + len(parts) + len({probe.what for probe in network.probes})
    if (
        not choice.pays(neurons=units, synapses=round(synapses), kernels=kernels, dt=dt)
        or not choice.available()
    ):
        return None
    try:
        return engine("gpu")
    except (UnsupportedError, CapacityError):
        return None


def _run_threads(network: Network, threads: int, *, chosen: bool) -> int:
    """For how many threads a single run is compiled.

    One where threads would take longer to meet than a step takes.
    """
    if chosen and threads > cores():
        notify(
            f"Simulator.threads: {threads} threads share {cores()} cores and will wait for one another"
        )
    large = sum(part.n for part in network.populations) >= LARGE
    return threads if chosen else min(threads, MOST_SHARED) if large else 1


def _name_of_type(dtype: Any) -> Any:
    """The name of a dtype that is given as such, as NumPy's classes and instances are."""
    named = isinstance(dtype, np.dtype) or (
        isinstance(dtype, type) and issubclass(dtype, np.generic)
    )
    return np.dtype(dtype).name if named else dtype
