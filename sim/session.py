"""What stands behind a simulator: an engine that one caller at a time runs, reads or changes.

Whatever is done counts as a whole or not at all, also where Ctrl-C comes in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import NetworkError, UnsupportedError
from . import validation as check
from .description.history import followed
from .description.inputs import Stimulus
from .description.known_parts import KnownParts
from .description.network import Network, parts_of
from .description.parts import Input, Population, Projection
from .description.plausibility import Doubts
from .engines import batch_inputs, train_request
from .engines.batch_learning import ADDED
from .engines.changes import set_population, set_projection, set_stimulus
from .engines.choose import Options, choose
from .engines.engine import Arrays, Engine, Trainable
from .engines.run_request import RunRequest
from .outline import Outline
from .progress import Progress, meter
from .results.batch_result import BatchResult
from .results.result import Result
from .turns import Turns

if TYPE_CHECKING:
    from .runs.snapshot import Snapshot
    from .tensors.module import NetworkModule

T = TypeVar("T")


class Session:
    """The engine that a simulator has at present, and what was done with it.

    network: the description, in which distributions of parameters stand as such; options: how it is
    simulated; history: a digest of what was changed since the beginning; owed: the time [s] that a
    result loaded from a recorded run covers and the engine has not simulated yet.
    """

    def __init__(self, network: Network, options: Options) -> None:
        self.network = network
        chosen, self.options = choose(network, options)
        self.engine: Engine = chosen
        self.owed, self.history = 0.0, ""
        self._turns, self._doubts = Turns(), Doubts()
        self.parts = KnownParts(network)
        self.parts.add(chosen.network)

    @property
    def time(self) -> float:
        """How far the simulation has come [s]."""
        return self.engine.time + self.owed

    def run(self, asked: Callable[[], RunRequest]) -> Result | BatchResult:
        """Carry out the run or batch that `asked` returns."""
        turn, engine = self._turns.take("run"), self.engine
        try:
            engine.settle()
            request = asked()
            result, owed = self._carried_out(request)
            history = self._followed(request)
        except BaseException:
            try:
                engine.settle()
            finally:
                del turn
            raise
        # From here on the run counts. No call follows, so no interrupt can come in between.
        engine.standing = engine.reached
        self.owed, self.history = owed, history
        del turn  # else it would last as long as somebody keeps this frame
        return result

    def run_until(self, work: Callable[[Engine], tuple[Engine, Result]]) -> Result:
        """Go on with the engine that `work` returns, and return the result of its way there."""
        turn = self._turns.take("run_until")
        try:
            self.engine.settle()
            self._catch_up()
            engine, result = work(self.engine)
            self._doubts.merged(result.tallies, self.network.populations)
        except BaseException:
            del turn
            raise
        # From here on the run counts. No call follows, so no interrupt can come in between.
        self.engine = engine
        del turn
        return result

    def alone(self, doing: str, work: Callable[[], T]) -> T:
        """What `work` returns, done while nobody else does anything with this simulator."""
        turn = self._turns.take(doing)
        try:
            self.engine.settle()
            self._catch_up()
            return work()
        finally:
            del turn

    def reset(self, told: Mapping[str, Any] | None, *, keep_weights: bool) -> None:
        """Go back to the beginning; told: what `history` keeps of it, None to forget all changes."""
        self._become("reset", lambda: (self.engine.reset(keep_weights=keep_weights), told))

    def set(self, part: Population | Projection | str, values: Mapping[str, Any]) -> None:
        """Give a population other states or parameters, or a projection other weights."""

        def change() -> tuple[Engine, dict[str, Any]]:
            network = self.engine.network
            members: list[Population | Projection] = [*network.populations, *network.projections]
            found = self.parts.find("Simulator.set", part, members, "part")
            told = {**values, "part": found.name}
            if isinstance(found, Population):
                return set_population(self.engine, found, values), told
            return set_projection(self.engine, found, values), told

        self._become("set", change)

    def stimulate(self, part: Input | str, stimulus: Stimulus) -> None:
        """Give an input another stimulus of the same kind."""

        def change() -> tuple[Engine, dict[str, Any]]:
            members = self.engine.network.inputs
            found = self.parts.find("Simulator.stimulate", part, members, "input")
            told = {"stimulus": stimulus, "input": found.name}
            return set_stimulus(self.engine, found, stimulus), told

        self._become("stimulate", change)

    def module(self, train: Any, surrogate: Any, checkpoint: Any) -> NetworkModule:
        """The network as a torch module; see `Simulator.module`."""
        engine = self.engine
        if not isinstance(engine, Trainable):
            rule = "needs backend='torch'"
            raise UnsupportedError(f"Simulator.module: {rule} (got {self.options.backend!r})")
        if checkpoint is not None:
            checkpoint = check.whole("Simulator", "module checkpoint", checkpoint, least=1)
        network = engine.network
        if not any(isinstance(probe.target, Population) for probe in network.probes):
            rule = "needs a probe of a population, as it returns what probes see"
            raise NetworkError(f"Simulator.module: {rule}; add Network.probe(population, 'spikes')")
        parts = train_request.trained(network, self.parts, train)
        surrogates = train_request.surrogates(network, self.parts, surrogate)
        return engine.module(parts, surrogates, checkpoint)

    def snapshot(self, state: Arrays | None = None) -> Snapshot:
        """All that a file must hold to go on from `state`.

        state: a snapshot of the engine, by default of its present state.
        """
        from .runs.snapshot import Snapshot

        if state is None:
            state = self.engine.snapshot()
        history = {"history": self.history} if self.history else {}
        return Snapshot(self.network, self.options.saved | history, state)

    def kept(self) -> tuple[Network, dict[str, Any], Arrays, str]:
        """Description, options, state and history: all that a copy needs to go on."""
        return self.network, asdict(self.options), self.engine.snapshot(), self.history

    def state(self, population: Population | str, variable: str) -> NDArray[np.float64]:
        """The present values (n,) of a state variable; see `Simulator.state`."""
        engine = self.engine
        found = self.parts.find(
            "Simulator.state", population, engine.network.populations, "population"
        )
        known = engine.variables(found)
        return engine.state(found, check.one_of("Simulator", "state variable", variable, known))

    def outline(self) -> Outline:
        """The simulator and its network on one screen."""
        told = self.engine.plan.meta()
        grid = f" in steps of {told['dt']:g} s" if "dt" in told else ""
        engine = f"{told['engine']} engine on {told['backend']}{grid}, {told['precision']}"
        title = f"Simulator at {self.time:g} s: {engine}, seed {self.network.seed}"
        return Outline(title, parts_of(self.network))

    def restore(self, state: Arrays, history: str) -> None:
        """Go on from `state`, a snapshot of an engine for the same network."""
        self.engine.restore(state)
        self.history = history

    def _become(
        self, doing: str, change: Callable[[], tuple[Engine, Mapping[str, Any] | None]]
    ) -> None:
        """Go on with the engine that `change` returns, beside what `history` is told of it."""
        turn = self._turns.take(doing)
        try:
            self.engine.settle()
            self._catch_up()
            engine, told = change()
            history = "" if told is None else followed(self.history, self.time, doing, told)
            self.parts.add(engine.network)
        except BaseException:
            del turn
            raise
        # What was drawn from distributions stays; a network in which nothing was replaced is
        # described as before.
        network = self.network if engine.network is self.engine.network else engine.network
        # From here on the change counts. No call follows, so no interrupt can come in between.
        self.engine, self.network, self.history = engine, network, history
        del turn

    def _carried_out(self, request: RunRequest) -> tuple[Result | BatchResult, float]:
        """The result of a run or batch, and the time that the engine then owes.

        The engine does not stand yet where it has come to.
        """
        seconds, samples = request.seconds, request.samples
        stop = self.time + seconds
        self._doubts.missed(self.network.inputs, samples or [{}], self.time, stop)
        result: Result | BatchResult
        n_samples = 1 if samples is None else len(samples)
        with meter(self.engine.steps(seconds) * n_samples, request.progress) as tick:
            if samples is None:
                result, owed = self.single(seconds, tick, request.record_to, request.resume)
            else:
                self._catch_up()
                runs = self.engine.run_batch(seconds, samples, tick, request.learn, request.first)
                result, owed = BatchResult(runs), 0.0
        self._doubts.merged(result.tallies, self.network.populations)
        return result, owed

    def _followed(self, request: RunRequest) -> str:
        """The history once the request is carried out.

        It is told of a batch that changes weights: no time passes by which one could tell that it
        was.
        """
        if request.samples is None or request.learn not in ADDED:
            return self.history
        told = {name: getattr(request, name) for name in ("seconds", "learn", "first")}
        told |= batch_inputs.told(request.samples)
        return followed(self.history, self.time, "batch", told)

    def single(
        self,
        seconds: float,
        tick: Progress,
        record_to: str | PathLike[str] | None = None,
        resume: bool = False,
    ) -> tuple[Result, float]:
        """The result of a single run, recorded into a folder if given, and the time then owed."""
        if record_to is None:
            self._catch_up()
            return self.engine.run(seconds, tick), 0.0
        from .runs.sections import Sections

        span = (self.time, self.time + seconds)
        with Sections(
            record_to, self.snapshot, span, resume=resume, lasts=self._turns.present
        ) as sink:
            if sink.complete is not None:
                return sink.complete, self.owed + seconds
            self._catch_up()
            sink.put(self.engine.run(seconds, tick, sink, sink.state))
            return sink.merge(), 0.0

    def _catch_up(self) -> None:
        """Simulate only now what a loaded result covers."""
        if self.owed:
            engine = self.engine
            engine.run(self.owed, lambda steps: None)
            engine.standing = engine.reached
            self.owed = 0.0
