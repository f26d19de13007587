"""The simulator: a network compiled for an engine, and its runs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CapacityError, NetworkError, ParameterError, UnsupportedError
from ..kernels import backend as backends
from ..kernels.gpu import choice
from . import validation as check
from .conversion import shown
from .description.inputs import Stimulus
from .description.network import Network
from .description.plausibility import Doubts
from .engines.clock import ClockEngine
from .free_memory import memory_told
from .plan.compile import compile_network
from .plan.plan import Plan
from .plan.population import suits
from .progress import Progress, meter
from .results.result import BatchResult, Result
from .turns import Turns

if TYPE_CHECKING:
    from .runs.snapshot import Snapshot

ENGINES = ("clock", "event")
PRECISIONS = ("float32", "float64")
DEFAULT_DT = 1e-4  # [s]
THREADS = "POTENTIA_THREADS"  # environment variable; the cores that a process uses at most
LARGE = 20_000  # neurons from which on a run uses several cores unless told otherwise
MOST_THREADS = 1024
MOST_SAMPLES = 1_000_000  # of one batch
MOST_SHARED = 4  # of them: beyond, runs of synapses get too short (on 16 cores, 4, 8 and 16 threads take the same time)

BatchInputs = Mapping[str, Stimulus | Sequence[Stimulus]]


class Simulator:
    """A network made ready to run.

    dt [s]: the step of the clock engine, 0.1 ms if None; the event engine takes none. backend: "auto" (the cpu
    unless there is a gpu and the network is large), "cpu", "gpu" or "reference". engine: "clock" (steps of dt) or
    "event" (no grid; exactly solvable neurons only). dtype: "float32" or "float64". threads: of batch runs, all cores
    if None, and of runs of large networks, four at most if None; no result depends on it. chunk: steps per visit of
    Python. deterministic: the clock engine sums arrivals in whole numbers, in which their order does not matter, so
    that cpu and gpu give the same spikes; see `docs/gpu.md`.

    The network is read once, here: later changes to the description do not reach this simulator.
    """

    def __init__(
        self,
        network: Network,
        *,
        dt: float | None = None,
        backend: str = "auto",
        engine: str = "clock",
        dtype: str = "float32",
        threads: int | None = None,
        chunk: int = 1000,
        deterministic: bool = False,
    ) -> None:
        if not isinstance(network, Network):
            raise check.fail(self, "network", "must be a Network", network)
        network = network.copy()
        engine = check.one_of(self, "engine", engine, ENGINES)
        dtype = check.one_of(self, "dtype", _name_of_type(dtype), PRECISIONS)
        deterministic = check.flag(self, "deterministic", deterministic)
        backend = check.one_of(self, "backend", backend, ("auto", *backends.BACKENDS))
        threads_given = threads
        threads = check.whole(self, "threads", threads, least=1, most=MOST_THREADS) if threads is not None else cores()
        chunk = check.whole(self, "chunk", chunk, least=1, most=2**31 - 1)
        if engine == "event":
            from .engines.event import EventEngine

            if dt is not None:
                raise check.fail(self, "dt", "must be left out: the event engine has no grid", dt)
            if backend not in ("auto", "cpu"):
                raise UnsupportedError(f"Simulator.backend: the event engine runs on 'cpu' (got {backend!r})")
            with memory_told("Simulator.network"):
                self._engine: Any = EventEngine(network, threads=threads)
        else:
            dt = check.seconds(self, "dt", DEFAULT_DT if dt is None else dt, above=0.0)
            how: dict[str, Any] = {"dt": dt, "precision": dtype, "deterministic": deterministic}
            shared = _run_threads(network, threads, chosen=threads_given is not None)

            def on(name: str) -> ClockEngine:
                plan = compile_network(
                    network, backend=backends.load(name), threads=1 if name == "gpu" else shared, **how
                )
                return ClockEngine(plan, chunk=chunk, threads=threads)

            with memory_told("Simulator.network"):
                self._engine = (_on_a_card(network, dt, on) or on("cpu")) if backend == "auto" else on(backend)
            backend = self.plan.backend.name
        self._owed = 0.0  # [s] that a result loaded by `run` covers and the engine does not yet
        self._turns = Turns()
        self._described, self._threads, self._doubts = network, threads_given, Doubts()
        self._options = {"engine": engine, "dt": dt, "backend": backend, "dtype": dtype, "chunk": chunk}
        if deterministic:
            self._options["deterministic"] = True

    def __reduce__(self) -> Any:
        """Description, options and state, for pickles and copies, which go on bit for bit; code is compiled anew."""
        state = self._alone("pickle", self._engine.snapshot)
        return _again, (type(self), self._described, {**self._options, "threads": self._threads}, state)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, backend: str | None = None, threads: int | None = None) -> Simulator:
        """The simulator saved at `path`, ready to go on bit for bit, on another backend or with other threads if given.

        Raises DataError for a file that is missing, damaged, changed, of another schema, or that uses models
        which this program has not imported.
        """
        from .runs import snapshot

        path = check.path("Simulator", "load path", path)
        saved = snapshot.load(path)
        options = {**saved.options, "threads": threads} | ({} if backend is None else {"backend": backend})
        with snapshot.blaming(path, saved.version):
            simulator = cls(saved.network, **options)
            simulator._engine.restore(saved.state)
        return simulator

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything needed to go on later, bit for bit, to one file; all or nothing. See `load`."""
        from .runs import snapshot

        path = check.path(self, "save path", path)
        snapshot.save(path, self._alone("save", lambda: self._snapshot(self._engine.snapshot())))

    @property
    def network(self) -> Network:
        """The network described."""
        network: Network = self._engine.network
        return network

    @property
    def plan(self) -> Plan:
        """The ordered list of operators; ``print(sim.plan)``."""
        plan: Plan = self._engine.plan
        return plan

    @property
    def time(self) -> float:
        """How far the simulation has come [s]."""
        return float(self._engine.time) + self._owed

    def run(
        self,
        duration: float | BatchInputs,
        *,
        inputs: BatchInputs | None = None,
        batch: int | None = None,
        progress: bool | None = None,
        record_to: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> Any:
        """Simulate `duration` [s] more and return what the probes saw in that span; run again to go on.

        A run that ends in an exception, Ctrl-C too, leaves the simulator as it was before, bit for bit.

        With `inputs` (input name -> one stimulus per sample, or one for all) or `batch`, that many copies of the
        present state run independently on all threads, and a BatchResult is returned; the simulator itself
        stays where it is. ``run(inputs, batch=B)`` lasts as long as the longest of the inputs. progress: a bar,
        by default for runs of over two seconds on a terminal. record_to: a folder into which the records are written
        while the simulation runs, so that a broken run leaves all but its last seconds; in the end it holds results.h5.
        resume: take up such a run that was broken off, from its last checkpoint, of which there is one a minute. This
        simulator must stand where that one stood before; the result is that of an unbroken run, bit for bit. Where that
        run was done, its result is loaded; the simulator catches up only when it is used again.
        """
        turn, engine = self._turns.take("run"), self._engine
        try:
            engine.settle()
            result, owed = self._simulated(duration, inputs, batch, progress, record_to, resume)
        except BaseException:
            try:
                engine.settle()
            finally:
                del turn
            raise
        # From here on the run counts. No call follows, so no interrupt can come in between.
        engine.standing = engine.reached
        self._owed = owed
        return result

    def _simulated(
        self,
        duration: float | BatchInputs,
        inputs: BatchInputs | None,
        batch: int | None,
        progress: bool | None,
        record_to: str | os.PathLike[str] | None,
        resume: bool,
    ) -> tuple[Result | BatchResult, float]:
        """What `run` returns, and the time that the engine then owes; it does not stand yet where it has reached."""
        if isinstance(duration, Mapping):
            given = _stimuli(self, duration)
            inputs, duration = given, self._engine.covering(_longest(given))
        elif inputs is not None:
            inputs = _stimuli(self, inputs)
        if progress is not None:
            progress = check.flag(self, "run progress", progress)
        resume = check.flag(self, "run resume", resume)
        record_to = None if record_to is None else check.path(self, "run record_to", record_to)
        seconds = check.seconds(self, "run duration", duration, least=0.0)
        if inputs is None and batch is None:
            self._doubts.missed(self.network.inputs, [{}], self.time, self.time + seconds)
            with meter(self._engine.steps(seconds), progress) as tick:
                result, owed = self._run(seconds, tick, record_to, resume)
            self._doubts.merged(result.tallies, self.network.populations)
            return result, owed
        if record_to is not None:
            raise check.fail(self, "run record_to", "must be None for a batch", record_to)
        stimuli = self._samples(inputs or {}, batch)
        self._doubts.missed(self.network.inputs, stimuli, self.time, self.time + seconds)
        with meter(self._engine.steps(seconds) * len(stimuli), progress) as tick:
            self._catch_up()
            samples = BatchResult(self._engine.run_batch(seconds, stimuli, tick))
        self._doubts.merged(samples.tallies, self.network.populations)
        return samples, 0.0

    def _run(
        self, seconds: float, tick: Progress, record_to: str | os.PathLike[str] | None = None, resume: bool = False
    ) -> tuple[Result, float]:
        if record_to is None:
            if resume:
                raise check.fail(self, "run resume", "needs record_to, the folder of the broken run", resume)
            self._catch_up()
            return self._engine.run(seconds, tick), 0.0
        from .runs.segments import Segments

        span = (self.time, self.time + seconds)
        with Segments(record_to, self._snapshot, span, resume=resume, lasts=self._turns.present) as sink:
            if sink.complete is not None:
                return sink.complete, self._owed + seconds
            self._catch_up()
            sink.put(self._engine.run(seconds, tick, sink, sink.state))
            return sink.merge(), 0.0

    def _catch_up(self) -> None:
        """Simulate only now what a loaded result covers."""
        if self._owed:
            engine = self._engine
            engine.run(self._owed, lambda steps: None)
            engine.standing = engine.reached
            self._owed = 0.0

    def _snapshot(self, state: Mapping[str, Any]) -> Snapshot:
        from .runs.snapshot import Snapshot

        return Snapshot(self._described, self._options, state)

    def weights(self, projection: Any) -> Any:
        """The present weights of a projection (n_synapses,), in order of source, then delay.

        Synapses of one source and delay follow their targets or, where FixedTotal or FixedOutDegree drew them one by
        one, the draws. The order is the same for any backend and number of threads; the event engine does not round
        delays to steps, so there a source's synapses may stand in another order.
        """
        name = self.network.projections[self._index(projection)].name
        return self._alone("weights", lambda: self.plan.weights(name, self._engine.memory))

    def _alone(self, doing: str, work: Callable[[], Any]) -> Any:
        """What `work` returns, done while nobody else does anything with this simulator."""
        turn = self._turns.take(doing)
        try:
            self._engine.settle()
            self._catch_up()
            return work()
        finally:
            del turn

    def _index(self, projection: Any) -> int:
        for index, member in enumerate(self.network.projections):
            if member is projection:
                return index
        raise NetworkError(f"Simulator.weights: {shown(projection)} is not a projection of this network")

    def _samples(self, inputs: BatchInputs, batch: int | None) -> list[dict[str, Stimulus]]:
        """The stimuli of every sample of a batch, checked."""
        known = {part.name: part for part in self.network.inputs}
        lengths = {name: len(given) for name, given in inputs.items() if not isinstance(given, Stimulus)}
        if batch is None:
            batch = max(lengths.values(), default=1)
        batch = check.whole(self, "run batch", batch, least=1, most=MOST_SAMPLES)
        if any(part.rule is not None for part in self.network.projections):
            raise NetworkError(
                "Simulator.run: a batch shares its weights, so a network with a learning rule cannot run as one"
            )
        for name, given in inputs.items():
            if name not in known:
                hint = check.nearest(name, known)
                raise ParameterError(
                    f"Simulator.run inputs: no input is called {shown(name)}{hint} "
                    f"(known: {check.listed(known) or 'none'})"
                )
            if lengths.get(name, batch) != batch:
                raise ParameterError(
                    f"Simulator.run inputs: {name!r} must have one stimulus per sample ({batch}) (got {lengths[name]})"
                )
            kind = type(known[name].stimulus)
            for stimulus in [given] if isinstance(given, Stimulus) else given:
                if type(stimulus) is not kind:
                    raise ParameterError(
                        f"Simulator.run inputs: {name!r} takes a {kind.__name__} (got {type(stimulus).__name__})"
                    )
                suits(known[name], stimulus)
        return [
            {name: given if isinstance(given, Stimulus) else given[sample] for name, given in inputs.items()}
            for sample in range(batch)
        ]


def _again(kind: type[Simulator], network: Network, options: Mapping[str, Any], state: Mapping[str, Any]) -> Simulator:
    """A simulator from what `Simulator.__reduce__` kept of it."""
    simulator = kind(network, **options)
    simulator._engine.restore(state)
    return simulator


def cores() -> int:
    """How many processor cores this process may use; at most POTENTIA_THREADS, if the environment has it."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = os.environ.get(THREADS, "")
    if not wanted:
        return there
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ParameterError(f"{THREADS}: must be a whole number from 1 on (got {wanted!r:.40})")
    return min(int(wanted), there)


def _on_a_card(network: Network, dt: float, engine: Callable[[str], ClockEngine]) -> ClockEngine | None:
    """The engine on a card, if the network is large enough for it and one is there that can run all of it."""
    units = sum(part.n for part in network.populations)
    synapses = sum(part.connectivity.expected(part.pre.n, part.post.n) for part in network.projections)
    parts = {type(part.model) for part in network.populations} | {type(part.stimulus) for part in network.inputs}
    kernels = 3 + len(parts) + len({probe.what for probe in network.probes})  # deliver, list, send, and one each
    if not choice.pays(neurons=units, synapses=round(synapses), kernels=kernels, dt=dt) or not choice.available():
        return None
    try:
        return engine("gpu")
    except (UnsupportedError, CapacityError):
        return None


def _run_threads(network: Network, threads: int, *, chosen: bool) -> int:
    """How many threads a single run is cut for; one where the work of a step is shorter than a meeting of threads."""
    if chosen and threads > cores():
        warnings.warn(
            f"Simulator.threads: {threads} threads share {cores()} cores and will wait for one another", stacklevel=3
        )
    large = sum(part.n for part in network.populations) >= LARGE
    return threads if chosen else min(threads, MOST_SHARED) if large else 1


def _name_of_type(dtype: Any) -> Any:
    """The name of a dtype that is given as such, as NumPy's classes and instances are."""
    named = isinstance(dtype, np.dtype) or (isinstance(dtype, type) and issubclass(dtype, np.generic))
    return np.dtype(dtype).name if named else dtype


def _stimuli(owner: object, inputs: Any) -> dict[str, Stimulus | Sequence[Stimulus]]:
    """The inputs of a batch, once all are known to be stimuli or lists of them."""
    found = check.mapping(owner, "run inputs", inputs, "{'pixels': [SpikeTrain(...), ...]}")
    for name, given in found.items():
        listed = isinstance(given, (list, tuple)) and len(given) > 0
        if not all(isinstance(part, Stimulus) for part in (given if listed else [given])):
            rule = f"{shown(name)} must be a stimulus or a list of one for each sample"
            raise check.fail(owner, "run inputs", rule, given)
    return found


def _longest(inputs: BatchInputs) -> float:
    """The time at which the last of the inputs ends [s]."""
    given = [part for value in inputs.values() for part in ([value] if isinstance(value, Stimulus) else value)]
    return max((part.duration for part in given), default=0.0)
