"""The simulator: a network compiled for an engine, and its runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from ..errors import NetworkError
from . import validation as check
from .conversion import shown
from .description.network import Network, parts_of
from .description.parts import Projection
from .description.plausibility import Doubts
from .engines import batch_inputs, batch_learning
from .engines.batch_inputs import BatchInputs
from .engines.choose import Options, choose
from .engines.engine import Arrays, CompiledNetwork, Engine
from .operators.connections import Connections
from .outline import Outline
from .progress import Progress, meter
from .results.batch_result import BatchResult
from .results.result import Result
from .turns import Turns

if TYPE_CHECKING:
    from .runs.snapshot import Snapshot

T = TypeVar("T")


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
        options = Options(
            dt=dt,
            backend=backend,
            engine=engine,
            dtype=dtype,
            threads=threads,
            chunk=chunk,
            deterministic=deterministic,
        )
        engine_made, self._options = choose(network.copy(), options)
        self._engine: Engine = engine_made
        self._owed = 0.0  # [s] that a result loaded by `run` covers and the engine does not yet
        self._turns, self._doubts = Turns(), Doubts()

    def __reduce__(self) -> tuple[Any, ...]:
        """Description, options and state, for pickles and copies, which go on bit for bit; code is compiled anew."""
        state = self._alone("pickle", self._engine.snapshot)
        return _again, (type(self), self.network, asdict(self._options), state)

    def __repr__(self) -> str:
        return str(self._outline())

    def _repr_html_(self) -> str:
        """The simulator and its network as tables, for notebooks."""
        return self._outline().html()

    def _outline(self) -> Outline:
        told = self.plan.meta()
        grid = f" in steps of {told['dt']:g} s" if "dt" in told else ""
        title = f"Simulator at {self.time:g} s: {told['engine']} engine on {told['backend']}{grid}, {told['precision']}"
        return Outline(f"{title}, seed {self.network.seed}", parts_of(self.network))

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
        return self._engine.network

    @property
    def plan(self) -> CompiledNetwork:
        """The network compiled, on the clock engine an ordered list of operators; ``print(sim.plan)``."""
        return self._engine.plan

    @property
    def time(self) -> float:
        """How far the simulation has come [s]."""
        return self._engine.time + self._owed

    @overload
    def run(
        self, duration: float, *, progress: bool | None = None,
        record_to: str | os.PathLike[str] | None = None, resume: bool = False,
    ) -> Result: ...  # fmt: skip

    @overload
    def run(
        self, duration: float, *, inputs: BatchInputs, batch: int | None = None, learn: str | None = None,
        progress: bool | None = None,
    ) -> BatchResult: ...  # fmt: skip

    @overload
    def run(
        self, duration: float, *, batch: int, learn: str | None = None, progress: bool | None = None
    ) -> BatchResult: ...

    @overload
    def run(
        self, duration: BatchInputs, *, batch: int | None = None, learn: str | None = None, progress: bool | None = None
    ) -> BatchResult: ...

    @overload
    def run(
        self, duration: float | BatchInputs, *, inputs: BatchInputs | None = None, batch: int | None = None,
        learn: str | None = None, progress: bool | None = None,
    ) -> Result | BatchResult: ...  # fmt: skip

    def run(
        self,
        duration: float | BatchInputs,
        *,
        inputs: BatchInputs | None = None,
        batch: int | None = None,
        learn: str | None = None,
        progress: bool | None = None,
        record_to: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> Result | BatchResult:
        """Simulate `duration` [s] more and return what the probes saw in that span; run again to go on.

        A run that ends in an exception, Ctrl-C too, leaves the simulator as it was before, bit for bit.

        With `inputs` (input name -> one stimulus per sample, or one for all) or `batch`, that many copies of the
        present state run independently on all threads, and a BatchResult is returned; the simulator itself
        stays where it is. ``run(inputs, batch=B)`` lasts as long as the longest of the inputs. learn: what becomes of
        the weights of a network with a rule. Every sample begins with the present ones and changes a copy of its own as
        a run would, so what it has learned acts in it at once, and no sample sees what another has learned. By "sum" or
        "mean" the changes, weights at the end less those at the beginning, are added up in the order of the samples,
        divided by their number for "mean", and added to the simulator's weights, within the rule's bounds; its state
        and time stay. By "each" the samples' weights (fast weights) are dropped, and a probe tells what they were.

        progress: a bar, by default for runs of over two seconds on a terminal. record_to: a folder into which the
        records are written while the simulation runs, so that a broken run leaves all but its last seconds; in the end
        it holds results.h5. resume: take up such a run that was broken off, from its last checkpoint, of which there
        is one a minute. This simulator must stand where that one stood before; the result is that of an unbroken run,
        bit for bit. Where that run was done, its result is loaded; the simulator catches up only when it is used again.
        """
        turn, engine = self._turns.take("run"), self._engine
        try:
            engine.settle()
            result, owed = self._simulated(duration, inputs, batch, learn, progress, record_to, resume)
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
        learn: str | None,
        progress: bool | None,
        record_to: str | os.PathLike[str] | None,
        resume: bool,
    ) -> tuple[Result | BatchResult, float]:
        """What `run` returns, and the time that the engine then owes; it does not stand yet where it has reached."""
        if isinstance(duration, Mapping):
            inputs = batch_inputs.checked(duration)
            duration = self._engine.covering(batch_inputs.longest(inputs))
        elif inputs is not None:
            inputs = batch_inputs.checked(inputs)
        if progress is not None:
            progress = check.flag(self, "run progress", progress)
        resume = check.flag(self, "run resume", resume)
        record_to = None if record_to is None else check.path(self, "run record_to", record_to)
        seconds = check.seconds(self, "run duration", duration, least=0.0)
        if inputs is None and batch is None:
            if learn is not None:
                raise check.fail(self, "run learn", "must be None without a batch: a single run always learns", learn)
            self._doubts.missed(self.network.inputs, [{}], self.time, self.time + seconds)
            with meter(self._engine.steps(seconds), progress) as tick:
                result, owed = self._run(seconds, tick, record_to, resume)
            self._doubts.merged(result.tallies, self.network.populations)
            return result, owed
        if record_to is not None:
            raise check.fail(self, "run record_to", "must be None for a batch", record_to)
        stimuli = batch_inputs.samples(self.network, inputs or {}, batch)
        learn = batch_learning.wanted(self.network, learn)
        self._doubts.missed(self.network.inputs, stimuli, self.time, self.time + seconds)
        with meter(self._engine.steps(seconds) * len(stimuli), progress) as tick:
            self._catch_up()
            samples = BatchResult(self._engine.run_batch(seconds, stimuli, tick, learn))
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

    def _snapshot(self, state: Arrays) -> Snapshot:
        from .runs.snapshot import Snapshot

        return Snapshot(self.network, self._options.saved, state)

    def weights(self, projection: Projection | str) -> NDArray[np.float64]:
        """The present weights of a projection, given as such or by its name (n_synapses,), by source, then delay.

        Synapses of one source and delay follow their targets or, where FixedTotal or FixedOutDegree drew them one by
        one, the draws. The order is the same for any backend and number of threads; the event engine does not round
        delays to steps, so there a source's synapses may stand in another order. Those in a store that is no plain
        memory are the effective ones. Raises NetworkError for a projection that this network does not have.
        """
        name = self._projection("weights", projection).name
        return self._alone("weights", lambda: self._engine.weights(name))

    def synapses(self, projection: Projection | str) -> Connections:
        """The synapses of a projection, given as such or by its name: sources, targets, delays [s], present weights.

        All are arrays in the order of `weights`; ``synapses(projection).matrix()`` is a sparse matrix. Those of which
        the simulation keeps no list, such as those of a Procedural store, are drawn again. Raises NetworkError for a
        projection that this network does not have.
        """
        name = self._projection("synapses", projection).name
        return self._alone("synapses", lambda: self._engine.connections(name))

    def _alone(self, doing: str, work: Callable[[], T]) -> T:
        """What `work` returns, done while nobody else does anything with this simulator."""
        turn = self._turns.take(doing)
        try:
            self._engine.settle()
            self._catch_up()
            return work()
        finally:
            del turn

    def _projection(self, verb: str, wanted: object) -> Projection:
        """A projection of this network, given as such or by its name."""
        found = {part.name: part for part in self.network.projections}
        for part in found.values():
            if part is wanted:
                return part
        if not isinstance(wanted, str):
            raise NetworkError(f"Simulator.{verb}: {shown(wanted)} is not a projection of this network")
        if wanted not in found:
            hint, known = check.nearest(wanted, found), check.listed(found) or "none"
            raise NetworkError(f"Simulator.{verb}: no projection is called {shown(wanted)}{hint} (known: {known})")
        return found[wanted]


def _again(kind: type[Simulator], network: Network, options: Mapping[str, Any], state: Mapping[str, Any]) -> Simulator:
    """A simulator from what `Simulator.__reduce__` kept of it."""
    simulator = kind(network, **options)
    simulator._engine.restore(state)
    return simulator
