"""The simulator: a network compiled for an engine, and its runs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import validation as check
from .description.history import followed
from .description.inputs import Stimulus
from .description.known_parts import KnownParts
from .description.network import Network, parts_of
from .description.parts import Input, Population, Projection
from .description.plausibility import Doubts
from .engines import batch_inputs, batch_learning
from .engines.batch_inputs import BatchInputs
from .engines.changes import set_population, set_projection, set_stimulus
from .engines.choose import Options, choose
from .engines.engine import Arrays, CompiledNetwork, Engine
from .engines.until import run_until
from .operators.connections import Connections
from .outline import Outline
from .progress import Progress, meter
from .results.batch_result import BatchResult
from .results.conditions import Condition
from .results.result import Result
from .seed import check_key
from .turns import Turns

if TYPE_CHECKING:
    from .runs.snapshot import Snapshot

T = TypeVar("T")


class Simulator:
    """A network made ready to run.

    dt [s]: the step of the clock engine, 0.1 ms if None; the event engine takes none. backend:
    "auto" (the cpu unless there is a gpu and the network is large), "cpu", "gpu" or "reference".
    engine: "clock" (steps of dt) or "event" (no grid; exactly solvable neurons only). dtype:
    "float32" or "float64". threads: of batch runs, all cores if None, and of runs of large
    networks, four at most if None; no result depends on it. chunk: steps per visit of Python.
    deterministic: the clock engine sums arrivals in whole numbers, in which their order does not
    matter, so that cpu and gpu give the same spikes; see `docs/gpu.md`.

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
        self._network = network.copy()
        engine_made, self._options = choose(self._network, options)
        self._engine: Engine = engine_made
        self._owed = 0.0  # [s] that a result loaded by `run` covers and the engine does not yet
        self._history = ""  # what was changed since the beginning
        self._turns, self._doubts = Turns(), Doubts()
        self._parts = KnownParts(self._network)
        self._parts.add(self._engine.network)

    def __reduce__(self) -> tuple[Any, ...]:
        """Description, options and state, for pickles and copies, which go on bit for bit; code is
        compiled anew.
        """

        def kept() -> tuple[Any, ...]:
            return (
                type(self),
                self.network,
                asdict(self._options),
                self._engine.snapshot(),
                self._history,
            )

        return _again, self._alone("pickle", kept)

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
    def load(
        cls, path: str | os.PathLike[str], *, backend: str | None = None, threads: int | None = None
    ) -> Simulator:
        """The simulator saved at `path`, ready to go on bit for bit, on another backend or with
        other threads if given.

        Raises DataError for a file that is missing, damaged, changed, of another schema, or that
        uses models which this program has not imported.
        """
        from .runs import snapshot

        path = check.path("Simulator", "load path", path)
        saved = snapshot.load(path)
        options = {**saved.options, "threads": threads} | (
            {} if backend is None else {"backend": backend}
        )
        history = options.pop("history", "")
        with snapshot.blaming(path, saved.version):
            simulator = cls(saved.network, **options)
            simulator._engine.restore(saved.state)
            simulator._history = history
        return simulator

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything needed to go on later, bit for bit, to one file; all or nothing.

        See `load`.
        """
        from .runs import snapshot

        path = check.path(self, "save path", path)
        snapshot.save(path, self._alone("save", lambda: self._snapshot(self._engine.snapshot())))

    @property
    def network(self) -> Network:
        """The network described."""
        return self._network

    @property
    def plan(self) -> CompiledNetwork:
        """The network compiled, on the clock engine an ordered list of operators;
        ``print(sim.plan)``.
        """
        return self._engine.plan

    @property
    def time(self) -> float:
        """How far the simulation has come [s]."""
        return self._engine.time + self._owed

    @overload
    def run(
        self,
        duration: float,
        *,
        progress: bool | None = None,
        record_to: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> Result: ...

    @overload
    def run(
        self,
        duration: float,
        *,
        inputs: BatchInputs,
        batch: int | None = None,
        learn: str | None = None,
        progress: bool | None = None,
    ) -> BatchResult: ...

    @overload
    def run(
        self, duration: float, *, batch: int, learn: str | None = None, progress: bool | None = None
    ) -> BatchResult: ...

    @overload
    def run(
        self,
        duration: BatchInputs,
        *,
        batch: int | None = None,
        learn: str | None = None,
        progress: bool | None = None,
    ) -> BatchResult: ...

    @overload
    def run(
        self,
        duration: float | BatchInputs,
        *,
        inputs: BatchInputs | None = None,
        batch: int | None = None,
        learn: str | None = None,
        progress: bool | None = None,
    ) -> Result | BatchResult: ...

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
        """Simulate `duration` [s] more and return what the probes saw in that span; run again to go
        on.

        A run that ends in an exception, Ctrl-C too, leaves the simulator as it was before, bit for
        bit.

        With `inputs` (input name -> one stimulus per sample, or one for all) or `batch`, that many
        copies of the present state run independently on all threads, and a BatchResult is returned;
        the simulator itself stays where it is. ``run(inputs, batch=B)`` lasts as long as the
        longest of the inputs. learn: what becomes of the weights of a network with a rule. Every
        sample begins with the present ones and changes a copy of its own as a run would, so what it
        has learned acts in it at once, and no sample sees what another has learned. By "sum" or
        "mean" the changes, weights at the end less those at the beginning, are added up in the
        order of the samples, divided by their number for "mean", and added to the simulator's
        weights, within the rule's bounds; its state and time stay. By "each" the samples' weights
        (fast weights) are dropped, and a probe tells what they were.

        progress: a bar, by default for runs of over two seconds on a terminal. record_to: a folder
        into which the records are written while the simulation runs, so that a broken run leaves
        all but its last seconds; in the end it holds results.h5. resume: take up such a run that
        was broken off, from its last checkpoint, of which there is one a minute. This simulator
        must stand where that one stood before; the result is that of an unbroken run, bit for bit.
        Where that run was done, its result is loaded; the simulator catches up only when it is used
        again.
        """
        turn, engine = self._turns.take("run"), self._engine
        try:
            engine.settle()
            result, owed = self._simulated(
                duration, inputs, batch, learn, progress, record_to, resume
            )
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

    def run_until(
        self,
        condition: Condition | Callable[[Result], bool],
        *,
        most: float,
        every: float | None = None,
        progress: bool | None = None,
    ) -> Result:
        """Simulate until a condition holds, and return what the probes saw in that span.

        condition: `Residual`, `SpikeCount`, or a function of the Result of a piece that returns
        True where the run is to end with this piece. every: the length of a piece [s], 10 ms if
        None. most: how far to run at most [s]. Raises NotReachedError where the condition does not
        hold by then. What the probes see is the same as in one run; one that ends in an exception,
        Ctrl-C too, leaves the simulator as it was.
        """
        turn = self._turns.take("run_until")
        try:
            self._engine.settle()
            self._catch_up()
            engine, result = run_until(
                self._engine, condition, most=most, every=every, progress=progress
            )
            self._doubts.merged(result.tallies, self.network.populations)
        except BaseException:
            del turn
            raise
        # From here on the run counts. No call follows, so no interrupt can come in between.
        self._engine = engine
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
        """What `run` returns, and the time that the engine then owes; it does not stand yet where
        it has reached.
        """
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
                raise check.fail(
                    self,
                    "run learn",
                    "must be None without a batch: a single run always learns",
                    learn,
                )
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
        self,
        seconds: float,
        tick: Progress,
        record_to: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> tuple[Result, float]:
        if record_to is None:
            if resume:
                raise check.fail(
                    self, "run resume", "needs record_to, the folder of the broken run", resume
                )
            self._catch_up()
            return self._engine.run(seconds, tick), 0.0
        from .runs.segments import Segments

        span = (self.time, self.time + seconds)
        with Segments(
            record_to, self._snapshot, span, resume=resume, lasts=self._turns.present
        ) as sink:
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

        history = {"history": self._history} if self._history else {}
        return Snapshot(self.network, self._options.saved | history, state)

    def reset(self, *, keep: str = "nothing") -> None:
        """Go back to time 0: states as at the beginning, nothing on its way, nothing recorded.

        keep: "nothing" leaves the simulator as one made anew from its present `network`, which has
        the parameters, stimuli and weights of static projections that were set; "weights" keeps the
        present content of all stores, so also what rules have learned. Random draws are numbered by
        time, so they come again as they came.
        """
        kept = check.one_of(self, "reset keep", keep, ["nothing", "weights"]) == "weights"
        learns = any(part.rule is not None for part in self.network.projections)
        told = {"keep": keep} if learns and kept else None
        self._become("reset", lambda: self._engine.reset(keep_weights=kept), told)

    def set(self, part: Population | Projection | str, **values: Any) -> None:
        """Change the state or the parameters of a population, or the weights of a projection, from
        now on.

        part: as it was described, or its name. Of a population: state variables such as ``v=0.0``,
        each a number, one per unit or a distribution, and parameters of its model such as
        ``threshold=20e-3``, as the model takes them. Of a projection: ``weights=``, one number or
        one for each synapse, in the order of `weights`.

        What was described otherwise is compiled anew, and all state is kept: from now on it is as
        in a network made with these parameters, or these weights where no rule changes them;
        `network` tells them. Cells of a crossbar are then written anew, with the errors of writing
        of the same cells. Weights that a rule changes are overwritten in place, within its bounds.
        The potential of a unit that is refractory goes back to its reset at the end.

        Raises ParameterError or NetworkError for what is unknown or does not fit, UnsupportedError
        for weights that cannot be set; the simulator is then as it was.
        """

        def change() -> Engine:
            network = self._engine.network
            parts: list[Population | Projection] = [*network.populations, *network.projections]
            found = self._parts.find("Simulator.set", part, parts, "part")
            known["part"] = found.name
            if isinstance(found, Population):
                return set_population(self._engine, found, values)
            return set_projection(self._engine, found, values)

        known: dict[str, Any] = dict(values)
        self._become("set", change, known)

    def stimulate(self, part: Input | str, stimulus: Stimulus) -> None:
        """Give an input, as it was described or by its name, another stimulus of the same kind from
        now on.

        Times of a stimulus are those of the simulation: what lies before the present is past.
        Poisson trains begin anew, with draws of their own. Raises NetworkError for an unknown
        input, ParameterError for a stimulus that does not fit.
        """

        def change() -> Engine:
            found = self._parts.find(
                "Simulator.stimulate", part, self._engine.network.inputs, "input"
            )
            told["input"] = found.name
            return set_stimulus(self._engine, found, stimulus)

        told: dict[str, Any] = {"stimulus": stimulus}
        self._become("stimulate", change, told)

    def state(self, population: Population | str, variable: str) -> NDArray[np.float64]:
        """The present values of a state variable of a population, given as such or by its name
        (n,).
        """

        def look() -> NDArray[np.float64]:
            found = self._parts.find(
                "Simulator.state", population, self._engine.network.populations, "population"
            )
            return self._engine.state(
                found, check.one_of(self, "state variable", variable, self._engine.variables(found))
            )

        return self._alone("state", look)

    def weights(self, projection: Projection | str) -> NDArray[np.float64]:
        """The present weights of a projection, given as such or by its name (n_synapses,), by
        source, then delay.

        Synapses of one source and delay follow their targets or, where FixedTotal or FixedOutDegree
        drew them one by one, the draws. The order is the same for any backend and number of
        threads; the event engine does not round delays to steps, so there a source's synapses may
        stand in another order. Those in a store that is no plain memory are the effective ones.
        Raises NetworkError for a projection that this network does not have.
        """
        return self._alone(
            "weights", lambda: self._engine.weights(self._projection("weights", projection))
        )

    def synapses(self, projection: Projection | str) -> Connections:
        """The synapses of a projection, given as such or by its name: sources, targets, delays [s],
        present weights.

        All are arrays in the order of `weights`; ``synapses(projection).matrix()`` is a sparse
        matrix. Those of which the simulation keeps no list, such as those of a Procedural store,
        are drawn again. Raises NetworkError for a projection that this network does not have.
        """
        return self._alone(
            "synapses", lambda: self._engine.connections(self._projection("synapses", projection))
        )

    def product(
        self, projection: Projection | str, x: ArrayLike, *, transpose: bool = False, key: int = 0
    ) -> NDArray[np.float64]:
        """The present weights of a projection as a matrix, times numbers: what its store reads when
        x drives it.

        Parameters
        ----------
        projection : Projection or str
            As such or by its name; delays do not matter here.
        x : array_like, shape (..., n_pre), or (..., n_post) if `transpose`
        transpose : bool
            Whether to go backwards, from targets to sources.
        key : int
            Of what the store draws for this reading: another one has another noise. Of use for a
            Crossbar.

        Returns
        -------
        ndarray, shape (..., n_post), or (..., n_pre) if `transpose`

        Raises
        ------
        NetworkError
            For a projection that this network does not have.
        ParameterError
            If x does not fit or is not finite.
        """
        found = self._parts.find(
            "Simulator.product", projection, self.network.projections, "projection"
        )
        transpose, key = check.flag(self, "transpose", transpose), check_key(self, key)
        numbers, n = (
            check.finite_array(self, "product x", x),
            (found.post if transpose else found.pre).n,
        )
        if numbers.ndim == 0 or numbers.shape[-1] != n:
            raise check.fail(
                self, "product x", f"must end in {n}, one number per unit", f"shape {numbers.shape}"
            )
        work = partial(
            self._engine.product,
            found.name,
            numbers.reshape(math.prod(numbers.shape[:-1]), n),
            transpose=transpose,
            key=key,
        )
        other = (found.pre if transpose else found.post).n
        return self._alone("product", work).reshape(*numbers.shape[:-1], other)

    def _alone(self, doing: str, work: Callable[[], T]) -> T:
        """What `work` returns, done while nobody else does anything with this simulator."""
        turn = self._turns.take(doing)
        try:
            self._engine.settle()
            self._catch_up()
            return work()
        finally:
            del turn

    def _become(
        self, doing: str, change: Callable[[], Engine], values: Mapping[str, Any] | None
    ) -> None:
        """Go on with the engine that `change` returns; values: what is changed, None to forget all
        changes.
        """
        turn = self._turns.take(doing)
        try:
            self._engine.settle()
            self._catch_up()
            engine = change()
            history = "" if values is None else followed(self._history, self.time, doing, values)
            self._parts.add(engine.network)
        except BaseException:
            del turn
            raise
        # What was drawn from distributions stays; a network in which nothing was replaced is
        # described as before.
        network = self._network if engine.network is self._engine.network else engine.network
        # From here on the change counts. No call follows, so no interrupt can come in between.
        self._engine, self._network, self._history = engine, network, history

    def _projection(self, verb: str, wanted: Projection | str) -> str:
        """The name of a projection of this network."""
        return self._parts.find(
            f"Simulator.{verb}", wanted, self.network.projections, "projection"
        ).name


def _again(
    kind: type[Simulator],
    network: Network,
    options: Mapping[str, Any],
    state: Mapping[str, Any],
    history: str,
) -> Simulator:
    """A simulator from what `Simulator.__reduce__` kept of it."""
    simulator = kind(network, **options)
    simulator._engine.restore(state)
    simulator._history = history
    return simulator
